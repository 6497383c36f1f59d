//! A value arrives as it was written, or is rejected with the reason.

use crate::command::{Finished, Workplace};

/// Runs a pipeline of lines of JSON, or CSV, into the embedded engine and a file of JSON lines.
fn run(workplace: &Workplace, input: (&str, &str), decode: &str, timeseries: &str) -> Finished {
    let (name, text) = input;
    workplace.write(name, text);
    workplace.write(
        "values.yaml",
        &format!(
            "
name: values
sources:
  in: {{file: {{paths: {name}}}, decode: {decode}}}
sinks:
  store: {{inputs: [in], iotdb: {{embedded: data, database: root.p, timeseries: [{timeseries}]}}}}
  out: {{inputs: [in], file: {{path: out.jsonl}}}}
errors: {{dead_letter: {{file: dead.jsonl}}}}
"
        ),
    );
    workplace.run(&["run", "values.yaml"])
}

/// Some measurements of the device, a line for each row.
fn rows(workplace: &Workplace, measurements: &str) -> String {
    workplace.sql("data", &format!("select {measurements} from root.p.d1 align by device"))
}

fn read(workplace: &Workplace, name: &str) -> String {
    std::fs::read_to_string(workplace.path(name)).unwrap_or_default()
}

#[test]
fn a_declared_series_takes_whole_numbers_exactly_and_texts_as_they_stand() {
    let workplace = Workplace::new();
    let input = r#"{"device":"d1","timestamp":1700000000001,"id":2882429806056571124,"t":1E5,"b":1,"f":21.123456789}
{"device":"d1","timestamp":1700000000002,"id":9223372036854775807,"t":21.50,"b":"FALSE","f":0.1}
{"device":"d1","timestamp":1700000000003,"id":-9223372036854775808,"t":true,"b":false,"f":16777217}
"#;
    let series = "{path: root.p.d1.id, type: INT64}, {path: root.p.d1.t, type: TEXT}, {path: root.p.d1.b, type: BOOLEAN}, \
                  {path: root.p.d1.f, type: FLOAT}";
    run(&workplace, ("in.jsonl", input), "{json: {}}", series).ok();
    let rows = rows(&workplace, "b, f, id, t");
    let lines: Vec<&str> = rows.lines().collect();
    assert_eq!(lines[0], "Time,Device,b,f,id,t");
    for (line, end) in lines[1..].iter().zip([
        "d1,true,21.123457,2882429806056571124,1E5",
        "d1,false,0.1,9223372036854775807,21.50",
        "d1,false,1.6777216E7,-9223372036854775808,true",
    ]) {
        assert!(line.ends_with(end) || line.ends_with(&end.replace("1.6777216E7", "16777216.0")), "{line}");
    }
    assert_eq!(read(&workplace, "dead.jsonl"), "");
    assert!(read(&workplace, "out.jsonl").contains("\"id\":2882429806056571124,\"t\":1E5"));
}

#[test]
fn texts_of_csv_reach_a_text_series_as_they_stand() {
    let workplace = Workplace::new();
    let input = "time,device,serial,zip\n1700000000001,d1,A12,\"00123\"\n1700000000002,d1,1E5,02142\n\
                 1700000000003,d1,9007199254740993,10001\n1700000000004,d1,TRUE,+5\n";
    let series = "{path: root.p.d1.serial, type: TEXT}, {path: root.p.d1.zip, type: STRING}";
    run(&workplace, ("in.csv", input), "{csv: {}}", series).ok();
    let rows = rows(&workplace, "serial, zip");
    for line in ["d1,A12,00123", "d1,1E5,02142", "d1,9007199254740993,10001", "d1,TRUE,+5"] {
        assert!(rows.contains(line), "{line}: {rows}");
    }
}

#[test]
fn a_number_that_its_type_does_not_hold_is_rejected_with_the_reason() {
    let workplace = Workplace::new();
    let input = r#"{"device":"d1","timestamp":1700000000001,"id":5,"n":1.5}
{"device":"d1","timestamp":1700000000002,"id":9007199254740993}
{"device":"d1","timestamp":1700000000003,"f":3.5e38}
{"device":"d1","timestamp":1700000000004,"i":21.5}
{"device":"d1","timestamp":1700000000005,"i":2147483648}
{"device":"d1","timestamp":1700000000006,"f":-1e39,"id":6}
"#;
    let series = "{path: root.p.d1.f, type: FLOAT}, {path: root.p.d1.i, type: INT32}";
    run(&workplace, ("in.jsonl", input), "{json: {}}", series);
    let dead = read(&workplace, "dead.jsonl");
    for reason in [
        "`9007199254740993` is not of type DOUBLE: a DOUBLE does not hold it exactly; declare it INT64",
        "`3.5e38` is not of type FLOAT: it is out of range",
        "`21.5` is not of type INT32: it is not a whole number",
        "`2147483648` is not of type INT32: it is out of range",
        "`-1e39` is not of type FLOAT: it is out of range",
    ] {
        assert!(dead.contains(reason), "{reason}: {dead}");
    }
    assert_eq!(dead.lines().count(), 5, "{dead}");
    let rows = rows(&workplace, "id, f, i");
    assert!(!rows.contains("Infinity") && rows.contains("5.0") && rows.contains("6.0"), "{rows}");
    assert!(read(&workplace, "out.jsonl").contains("\"id\":9007199254740993}"));
}

#[test]
fn a_cast_beyond_its_range_is_a_dead_letter_and_no_infinity() {
    let workplace = Workplace::new();
    let input = "time,device,a(DOUBLE),b(FLOAT)\n1700000000001,d1,1e400,1.5\n1700000000002,d1,1.5,3.5e38\n\
                 1700000000003,d1,-1e400,1\n1700000000004,d1,Infinity,NaN\n1700000000005,d1,2.5,0.1\n";
    run(&workplace, ("in.csv", input), "{csv: {}}", "");
    let dead = read(&workplace, "dead.jsonl");
    assert_eq!(dead.matches("it is out of range").count(), 3, "{dead}");
    assert_eq!(read(&workplace, "out.jsonl").lines().count(), 2);
    let rows = rows(&workplace, "a, b");
    assert!(rows.contains("d1,Infinity,NaN") && rows.contains("d1,2.5,0.1"), "{rows}");
}

#[test]
fn whole_numbers_of_a_new_series_are_int64_where_the_decoder_says_so() {
    let workplace = Workplace::new();
    let input = "{\"device\":\"d1\",\"timestamp\":1700000000001,\"id\":9007199254740993,\"x\":1.5}\n";
    run(&workplace, ("in.jsonl", input), "{json: {integers: int64}}", "").ok();
    let rows = rows(&workplace, "id, x");
    assert!(rows.contains("d1,9007199254740993,1.5"), "{rows}");
}

#[test]
fn one_record_is_one_row_in_its_place() {
    let workplace = Workplace::new();
    let input = r#"{"device":"d1","timestamp":1700000000001,"temp":20.5,"state":"run"}
{"device":"d1","timestamp":1700000000002,"temp":"21.5","state":"run"}
{"device":"d1","timestamp":1700000000003,"temp":22.5,"state":"run"}
{"device":"d1","timestamp":1700000000004,"temp":true,"state":7}
"#;
    let finished = run(&workplace, ("in.jsonl", input), "{json: {}}", "");
    assert!(finished.stderr.contains("rows_read=4 "), "{}", finished.stderr);
    assert_eq!(
        read(&workplace, "out.jsonl"),
        r#"{"time":1700000000001,"device":"d1","temp":20.5,"state":"run"}
{"time":1700000000002,"device":"d1","temp":"21.5","state":"run"}
{"time":1700000000003,"device":"d1","temp":22.5,"state":"run"}
{"time":1700000000004,"device":"d1","temp":true,"state":7}
"#
    );
    let rows = rows(&workplace, "state, temp");
    assert!(rows.contains("d1,run,21.5") && rows.contains("d1,7,"), "{rows}");
    let dead = read(&workplace, "dead.jsonl");
    assert!(dead.lines().count() == 1 && dead.contains("`true` is not of type DOUBLE"), "{dead}");
}

#[test]
fn sql_rejects_what_would_become_an_infinity() {
    let workplace = Workplace::new();
    workplace.write("none", "");
    let sql = |statement: &str| workplace.run(&["sql", "--data", "data", "--format", "csv", "-e", statement]);
    sql("create timeseries root.p.d1.f FLOAT").ok();
    sql("insert into root.p.d1(time, f, t) values (1, 1.5, '1e400')").ok();
    for statement in [
        "insert into root.p.d1(time, f) values (2, 3.5e38)",
        "insert into root.p.d1(time, g) values (2, 1e400)",
        "select cast(t as DOUBLE) from root.p.d1",
        "select cast(t as FLOAT) from root.p.d1",
        "select f from root.p.d1 fill(1e400)",
        "select f from root.p.d1 fill(3.5e38)",
    ] {
        let finished = sql(statement);
        assert!(
            finished.code != Some(0) && !finished.stdout.contains("Infinity"),
            "{statement}: {}",
            finished.stdout
        );
    }
}

#[test]
fn the_table_of_conversions_is_printed() {
    let page = Workplace::new().run(&["docs", "types"]).ok();
    assert!(page.contains(&levada_model::convert::table()), "{page}");
    assert!(page.contains("integers: int64"), "{page}");
}

#[test]
fn what_a_number_would_not_keep_is_no_number_of_a_new_series() {
    let workplace = Workplace::new();
    // Pipelines and import take the same cells for texts.
    let input = "time,device,zip,part,phone,quoted,n\n1700000000001,root.p.d1,00123,1E5,+45123,\"5\",1e5\n\
                 1700000000002,root.p.d1,02142,2E6,+45124,\"6\",-.5\n";
    run(&workplace, ("in.csv", input), "{csv: {}}", "").ok();
    workplace.run(&["import", "in.csv", "--data", "imported"]).ok();
    for data in ["data", "imported"] {
        let select = "select zip, part, phone, quoted, n from root.p.d1";
        let rows = workplace.sql(data, select);
        let rows: Vec<&str> = rows.lines().skip(1).map(|line| &line[14..]).collect();
        assert_eq!(rows, ["00123,1E5,+45123,5,100000.0", "02142,2E6,+45124,6,-0.5"], "{data}");
    }
}

#[test]
fn among_numbers_of_a_new_series_what_a_number_would_not_keep_is_rejected_and_told() {
    let workplace = Workplace::new();
    let input = "time,device,zip\n1700000000001,d1,10001\n1700000000002,d1,02142\n1700000000003,d1,10003\n";
    let finished = run(&workplace, ("in.csv", input), "{csv: {}}", "");
    let dead = read(&workplace, "dead.jsonl");
    assert!(
        dead.lines().count() == 1
            && dead.contains("root.p.d1.zip is new and would be DOUBLE, and `02142` is not of type DOUBLE")
            && dead.contains("a TEXT series keeps it"),
        "{dead}"
    );
    assert!(finished.stderr.contains("the column `zip` has numbers, and `02142`"), "{}", finished.stderr);
    let rows = rows(&workplace, "zip");
    assert!(rows.contains("10001.0") && rows.contains("10003.0") && rows.lines().count() == 3, "{rows}");
    // Whoever declares it is asked no more.
    let other = Workplace::new();
    run(&other, ("in.csv", input), "{csv: {cast: {zip: TEXT}}}", "").ok();
    assert!(self::rows(&other, "zip").contains("d1,02142"));
}

#[test]
fn what_a_number_would_not_keep_is_rejected_by_a_series_that_exists_whichever_way_it_comes() {
    let workplace = Workplace::new();
    let number = "{path: root.p.d1.zip, type: DOUBLE}";
    let text = "time,device,zip\n1700000000001,d1,10001\n1700000000002,d1,02142\n1700000000003,d1,\"5\"\n";
    run(&workplace, ("in.csv", text), "{csv: {}}", number);
    let lines = "{\"device\":\"d1\",\"time\":1700000000004,\"zip\":\"02143\"}\n\
                 {\"device\":\"d1\",\"time\":1700000000005,\"zip\":1E5}\n";
    run(&workplace, ("in.jsonl", lines), "{json: {}}", number);
    let dead = read(&workplace, "dead.jsonl");
    for zip in ["02142", "02143"] {
        let reason = format!("`{zip}` is not of type DOUBLE: a number would not keep how it is written");
        assert!(dead.contains(&reason), "{reason}: {dead}");
    }
    workplace
        .write("more.csv", "Time,Device,zip\n1700000000006,root.p.d1,02144\n1700000000007,root.p.d1,6\n");
    workplace.write("more.jsonl", "{\"Time\":1700000000008,\"Device\":\"root.p.d1\",\"zip\":\"02145\"}\n");
    for name in ["more.csv", "more.jsonl"] {
        let finished = workplace.run(&["import", "--data", "data", name]);
        assert!(finished.code == Some(1), "{name}: {finished:?}");
        let aside = read(&workplace, &format!("{name}.failed"));
        assert!(aside.contains("a number would not keep how it is written"), "{aside}");
    }
    let quoted = workplace.run(&[
        "sql",
        "--data",
        "data",
        "-e",
        "insert into root.p.d1(time, zip) values (1700000000009, '02146')",
    ]);
    assert!(quoted.code != Some(0) && quoted.stderr.contains("02146"), "{quoted:?}");
    // Whoever says that it is a number has it taken as one: a head, `cast`, and SQL without quotes.
    workplace.write("said.csv", "Time,Device,zip(DOUBLE)\n1700000000010,root.p.d1,02147\n");
    workplace.run(&["import", "--data", "data", "said.csv"]).ok();
    let cast = "{csv: {cast: {zip: DOUBLE}}}";
    run(&workplace, ("cast.csv", "time,device,zip\n1700000000011,d1,02148\n"), cast, number).ok();
    workplace.sql("data", "insert into root.p.d1(time, zip) values (1700000000012, 02149)");
    workplace.write(
        "said.jsonl",
        "{\"Time\":1700000000013,\"Device\":\"root.p.d1\",\"zip\":\"02150\",\"types\":{\"zip\":\"DOUBLE\"}}\n\
         {\"types\":{\"root.p.d1.zip\":\"INT64\"},\"Time\":1700000000014,\"root.p.d1.zip\":\"+45\"}\n",
    );
    workplace.run(&["import", "--data", "data", "said.jsonl"]).ok();
    // It says so of its own line alone.
    workplace.write(
        "mixed.jsonl",
        "{\"Time\":1700000000015,\"Device\":\"root.p.d1\",\"zip\":\"7\",\"types\":{\"zip\":\"DOUBLE\"}}\n\
         {\"Time\":1700000000016,\"Device\":\"root.p.d1\",\"zip\":\"02151\"}\n",
    );
    let mixed = workplace.run(&["import", "--data", "data", "mixed.jsonl"]);
    assert!(mixed.code == Some(1) && read(&workplace, "mixed.jsonl.failed").contains("02151"), "{mixed:?}");
    let rows = rows(&workplace, "zip");
    let rows: Vec<&str> = rows.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
    assert_eq!(
        rows,
        ["10001.0", "5.0", "100000.0", "6.0", "2147.0", "2148.0", "2149.0", "2150.0", "45.0", "7.0"]
    );
}
