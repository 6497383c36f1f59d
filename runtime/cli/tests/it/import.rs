//! `levada import`: where rows go, how many there are, and what becomes of those that cannot be stored.

use std::fs;

use arrow_array::Int32Array;
use levada_model::{DataType, SeriesSchema};
use levada_tsfile::{DeviceId, TsFileWriter, Version, WriterOptions};

use crate::{
    command::{Finished, Workplace},
    files::sql,
};

fn import(workplace: &Workplace, file: &str, more: &[&str]) -> Finished {
    workplace.run(&[&["import", file, "--data", "data", "--quiet"], more].concat())
}

fn read(workplace: &Workplace, name: &str) -> String {
    fs::read_to_string(workplace.path(name)).expect("written")
}

#[test]
fn a_prefix_takes_the_place_of_root_and_of_nothing_else() {
    for (name, text) in [
        (
            "a.csv",
            "Time,Device,v(DOUBLE)\n1,d1,1.5\n1,d2.x,2.5\n1,root.x,4.5\n1,rooted.y,5.5\n1,`root`.z,6.5\n",
        ),
        (
            "a.jsonl",
            "{\"Time\":1,\"Device\":\"d1\",\"v\":1.5}\n{\"Time\":1,\"Device\":\"d2.x\",\"v\":2.5}\n\
             {\"Time\":1,\"root.x.v\":4.5}\n{\"Time\":1,\"rooted.y.v\":5.5}\n{\"Time\":1,\"Device\":\"root.z\",\"v\":6.5}\n",
        ),
    ] {
        let workplace = Workplace::new();
        workplace.write(name, text);
        import(&workplace, name, &["--device-prefix", "root.p"]).ok();
        let rows = sql(&workplace, "data", "select v from root.** align by device");
        let mut rows: Vec<&str> = rows.lines().skip(1).collect();
        rows.sort_unstable();
        assert_eq!(
            rows,
            [
                "1,root.p.d1,1.5",
                "1,root.p.d2.x,2.5",
                "1,root.p.rooted.y,5.5",
                "1,root.p.x,4.5",
                "1,root.p.z,6.5"
            ],
            "{name}"
        );
    }
}

#[test]
fn of_devices_that_a_prefix_makes_one_the_later_row_is_stored() {
    for (name, text) in [
        ("a.csv", "Time,Device,v\n1,root.d,4\n1,d,5\n2,d,6\n2,root.d,7\n"),
        (
            "a.jsonl",
            "{\"Time\":1,\"Device\":\"root.d\",\"v\":4}\n{\"Time\":1,\"d.v\":5}\n\
             {\"Time\":2,\"Device\":\"d\",\"v\":6}\n{\"Time\":2,\"root.d.v\":7}\n",
        ),
    ] {
        let workplace = Workplace::new();
        workplace.write(name, text);
        import(&workplace, name, &["--device-prefix", "root.p"]).ok();
        let rows = sql(&workplace, "data", "select v from root.p.d");
        assert_eq!(rows.lines().skip(1).collect::<Vec<_>>(), ["1,5", "2,7"], "{name}");
    }
}

#[test]
fn a_row_of_a_tsfile_is_counted_once() {
    let workplace = Workplace::new();
    let rows: Vec<String> =
        (0..3_000).map(|at| format!("({at}, {at}, {})", if at % 3 == 0 { "null" } else { "2" })).collect();
    let late = "insert into root.a.d(time, x) values (5000, 1), (5001, 1)";
    let statements = [
        format!("insert into root.a.d(time, x, y) values {}", rows.join(", ")),
        format!("insert into root.a.e(time, x, y) aligned values {}", rows.join(", ")),
        "flush".to_owned(),
        late.to_owned(),
    ];
    sql(&workplace, "first", &statements.join("; "));
    workplace
        .run(&["export", "--data", "first", "--path", "root.**", "--format", "tsfile", "-o", "o.tsfile"])
        .ok();
    let said = import(&workplace, "o.tsfile", &[]).ok();
    assert!(said.starts_with("imported 10002 values in 6002 rows from 1 file"), "{said}");
}

#[test]
fn of_a_tsfile_all_is_stored_but_what_cannot_be() {
    let workplace = Workplace::new();
    let file = fs::File::create(workplace.path("mix.tsfile")).expect("a file");
    let mut writer = TsFileWriter::new(file, Version::V4, WriterOptions::default()).expect("begun");
    // As another program writes them: no name is quoted.
    for last in ["", "a b", "after", "größe", "x"] {
        writer.start_chunk_group(DeviceId::from_segments([Some("root.p-q"), Some(last)])).expect("begun");
        let values = Int32Array::from(vec![1, 2]);
        writer
            .write_series("v", SeriesSchema::default_for(DataType::Int32), &[1, 2], &values)
            .expect("written");
    }
    writer.finish().expect("finished");
    sql(&workplace, "data", "create timeseries root.`p-q`.after.v TEXT");
    let imported = import(&workplace, "mix.tsfile", &[]);
    assert_eq!(imported.code, Some(1), "{}", imported.stderr);
    assert!(imported.stderr.contains("6 values in 6 rows are stored"), "{}", imported.stderr);
    assert!(imported.stderr.contains("rows of root.`p-q`.after.v are rejected"), "{}", imported.stderr);
    assert!(
        imported.stderr.contains("`root.p-q.` is no path of a device: a node is empty"),
        "{}",
        imported.stderr
    );
    let rows = sql(&workplace, "data", "select count(v) from root.`p-q`.** align by device");
    let rows: Vec<&str> = rows.lines().skip(1).collect();
    assert_eq!(rows, ["root.`p-q`.`a b`,2", "root.`p-q`.`größe`,2", "root.`p-q`.after,0", "root.`p-q`.x,2"]);
}

#[test]
fn a_device_of_a_tsfile_that_is_not_below_root_is_told_what_to_do() {
    let workplace = Workplace::new();
    let file = fs::File::create(workplace.path("x.tsfile")).expect("a file");
    let mut writer = TsFileWriter::new(file, Version::V4, WriterOptions::default()).expect("begun");
    for segments in [["A", "b"], ["root", "d"]] {
        writer.start_chunk_group(DeviceId::from_segments(segments.map(Some))).expect("begun");
        let values = Int32Array::from(vec![1]);
        let schema = SeriesSchema::default_for(DataType::Int32);
        writer.write_series("v", schema, &[1], &values).expect("written");
    }
    writer.finish().expect("finished");
    let imported = import(&workplace, "x.tsfile", &[]);
    assert_eq!(imported.code, Some(1), "{}", imported.stderr);
    assert!(
        imported.stderr.contains("name it `root.plant.A.b`, or import with `--device-prefix"),
        "{}",
        imported.stderr
    );
    assert!(imported.stderr.contains("1 values in 1 rows are stored"), "{}", imported.stderr);
    import(&workplace, "x.tsfile", &["--device-prefix", "root.plant"]).ok();
    let rows = sql(&workplace, "data", "select v from root.** align by device");
    let rows: Vec<&str> = rows.lines().skip(1).collect();
    assert_eq!(rows, ["1,root.d,1", "1,root.plant.A.b,1", "1,root.plant.d,1"]);
}

#[test]
fn json_lines_that_are_no_rows_are_kept_aside_and_all_others_stored() {
    let workplace = Workplace::new();
    sql(&workplace, "data", "create timeseries root.c.d.n INT32; create timeseries root.c.d.t TEXT");
    let row =
        |at: usize| format!("{{\"Time\":{at},\"Device\":\"root.c.d\",\"n\":{at},\"v\":0.5,\"t\":{at}.50}}");
    let wrong = [
        "{\"Time\":9,\"Device\":\"root.c.d\",\"n\":3.7,\"v\":1}",
        "{\"Time\":9,\"Device\":\"root.c.d\",\"n\":99999999999}",
        "{\"Time\":\"never\",\"Device\":\"root.c.d\",\"n\":1}",
        "{\"Device\":\"root.c.d\",\"n\":1}",
        "{\"Time\":9,\"Device\":7,\"n\":1}",
        "{\"Time\":9,\"Device\":\"root..d\",\"n\":1}",
        "{\"Time\":9,\"Device\":\"root.c.d\",\"n\":1,\"n\":2}",
        "[1]",
        "{\"Time\":9,",
        "{\"Time\":9,\"nothing\":1}",
    ];
    let mut lines = vec!["\u{feff}".to_owned() + &row(1), String::new(), "# a remark".to_owned()];
    lines.extend((2..=12_000).map(row));
    lines.splice(5_000..5_000, wrong.map(str::to_owned));
    workplace.write("late.jsonl", &lines.join("\n"));
    let imported = import(&workplace, "late.jsonl", &[]);
    assert_eq!(imported.code, Some(1), "{}", imported.stderr);
    assert!(imported.stdout.starts_with("imported 36000 values in 12000 rows"), "{}", imported.stdout);
    assert!(imported.stdout.contains("10 rows were rejected: see late.jsonl.failed"), "{}", imported.stdout);
    let failed = read(&workplace, "late.jsonl.failed");
    let kept: Vec<&str> = failed.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(kept, wrong);
    let reasons: Vec<&str> = failed.lines().filter(|line| line.starts_with("# line")).collect();
    for (reason, expected) in reasons.iter().zip([
        "# line 5001: `n`: `3.7` is not of type INT32",
        "# line 5002: `n`: `99999999999` is not of type INT32",
        "# line 5003: `never` is not a time",
        "# line 5004: it has no `Time`",
        "# line 5005: the device is no text",
        "# line 5006: `root..d` is no device",
        "# line 5007: the key `n` stands twice",
        "# line 5008: it is no JSON object",
        "# line 5009: it is no JSON object",
        "# line 5010: `nothing` is no series",
    ]) {
        assert!(reason.starts_with(expected), "{reason}");
    }
    // What was written of a number is what a text series gets.
    assert_eq!(
        sql(&workplace, "data", "select t from root.c.d where time = 7").lines().nth(1),
        Some("7,7.50")
    );
    // Mended, it is imported as it is.
    workplace.write("late.jsonl.failed", "# mended\n{\"Time\":20000,\"Device\":\"root.c.d\",\"n\":3}\n");
    import(&workplace, "late.jsonl.failed", &[]).ok();
    assert_eq!(sql(&workplace, "data", "select count(n) from root.c.d").lines().nth(1), Some("12001"));
    // And it stays where the first file is imported again.
    let again = import(&workplace, "late.jsonl", &[]);
    assert!(again.stdout.contains("late.jsonl.failed-2"), "{}", again.stdout);
    assert!(read(&workplace, "late.jsonl.failed").starts_with("# mended"));
}

#[test]
fn types_of_new_series_come_from_the_whole_file() {
    let workplace = Workplace::new();
    let mut text: String = (0..10_000)
        .map(|at| {
            format!(
                "{{\"time\":{at},\"device\":\"root.g.d\",\"a\":1,\"b\":true,\"c\":9223372036854775807}}\n"
            )
        })
        .collect();
    text.push_str(
        "{\"time\":20000,\"device\":\"root.g.d\",\"a\":\"NaN\",\"b\":false,\"d\":null,\"e\":\"\"}\n",
    );
    text.push_str("{\"time\":20001,\"device\":\"root.g.d\",\"a\":-0.5}\n");
    workplace.write("a.jsonl", &text);
    let imported = import(&workplace, "a.jsonl", &[]);
    assert_eq!(
        (imported.code, imported.stderr.as_str()),
        (Some(0), ""),
        "values of one kind are not told of"
    );
    let rows = sql(&workplace, "data", "select a, b, c, e from root.g.d where time >= 9999");
    let expected = ["9999,1.0,true,9223372036854775807,", "20000,NaN,false,,\"\"", "20001,-0.5,,,"];
    assert_eq!(rows.lines().skip(1).collect::<Vec<_>>(), expected);
}

#[test]
fn series_of_json_lines_with_values_of_several_kinds_are_told_of() {
    let workplace = Workplace::new();
    let line = |at: usize, name: &str, value: &str| {
        format!("{{\"time\":{at},\"device\":\"root.g.d\",\"{name}\":{value}}}\n")
    };
    let mut text: String =
        (0..300).map(|at| line(at, "slip", if at % 2 == 0 { "1" } else { "0.5" })).collect();
    text.push_str(&line(300, "slip", "\"n/a\""));
    for (at, value) in ["1", "\"n/a\"", "2.50"].iter().enumerate() {
        text.push_str(&line(at, "mixed", value));
    }
    for (at, value) in ["9007199254740993", "0.5"].iter().enumerate() {
        text.push_str(&line(at, "wide", value));
    }
    text.push_str(&line(0, "truth", "true"));
    text.push_str(&line(1, "truth", "1"));
    workplace.write("a.jsonl", &text);
    let imported = import(&workplace, "a.jsonl", &[]);
    assert_eq!(imported.code, Some(1), "{}", imported.stderr);
    let told: Vec<&str> = imported.stderr.lines().collect();
    let head = |name: &str| format!("a.jsonl: `root.g.d.{name}` is ");
    let there = "where there is no such series yet: its values are";
    let expected = [
        format!("{}TEXT {there} 1 whole numbers, 1 other numbers, 1 texts", head("mixed")),
        format!(
            "{}DOUBLE {there} 150 whole numbers, 150 other numbers, 1 texts; the lines of the 1 that are none are rejected",
            head("slip")
        ),
        format!("{}TEXT {there} 1 whole numbers, 1 booleans", head("truth")),
        format!("{}TEXT {there} 1 whole numbers, 1 other numbers", head("wide")),
    ];
    assert_eq!(told, expected);
    assert!(imported.stdout.contains("1 row was rejected"), "{}", imported.stdout);
    let failed = read(&workplace, "a.jsonl.failed");
    assert!(failed.contains("# line 301: `slip`: `n/a` is not of type DOUBLE"), "{failed}");
    let rows = sql(&workplace, "data", "select mixed, wide, truth from root.g.d where time < 3");
    let expected = ["0,1,9007199254740993,true", "1,n/a,0.5,1", "2,2.50,,"];
    assert_eq!(rows.lines().skip(1).collect::<Vec<_>>(), expected);
}

#[test]
fn values_of_json_lines_are_converted_as_what_they_are() {
    let workplace = Workplace::new();
    let series = "create timeseries root.c.d.y DATE; create timeseries root.c.d.b BOOLEAN; create timeseries root.c.d.t TEXT";
    sql(&workplace, "data", series);
    let row = |at: usize, values: &str| format!("{{\"Time\":{at},\"Device\":\"root.c.d\",{values}}}\n");
    let mut text = row(1, "\"y\":20240221,\"b\":1,\"t\":1.50")
        + &row(2, "\"y\":\"2024-02-22\",\"b\":\"0\",\"t\":true")
        + &row(3, "\"y\":20240230")
        + &row(4, "\"y\":\"20240221\"")
        + &row(5, "\"b\":0.5");
    // Of a series whose type is guessed, a text of digits is one of the values that are none.
    (100..10_100).for_each(|at| text += &row(at, "\"n\":7"));
    text += &row(20_000, "\"n\":\"00123\"");
    workplace.write("a.jsonl", &text);
    let imported = import(&workplace, "a.jsonl", &[]);
    assert!(imported.stdout.contains("4 rows were rejected"), "{}", imported.stdout);
    let failed = read(&workplace, "a.jsonl.failed");
    for reason in [
        "# line 3: ",
        "# line 4: ",
        "# line 5: ",
        "# line 10006: `n`: `00123` is not of type INT64: a number would not keep how it is written",
    ] {
        assert!(failed.contains(reason), "{failed}");
    }
    let rows = sql(&workplace, "data", "select y, b, t from root.c.d");
    assert_eq!(
        rows.lines().skip(1).collect::<Vec<_>>(),
        ["1,2024-02-21,true,1.50", "2,2024-02-22,false,true"]
    );
    assert_eq!(sql(&workplace, "data", "select count(n) from root.c.d").lines().nth(1), Some("10000"));
}

#[test]
fn nested_json_is_named_as_in_pipelines() {
    let workplace = Workplace::new();
    let lines = r#"{"device":"root.n.d","time":1,"motor":{"speed":1450,"state":{"on":true}},"phases":[1.5,{"x":"y"}],"values":{"time":7}}
{"device":"root.n.d","time":2,"a_b":1,"a":{"b":2}}
{"device":"root.n.d","time":3,"a":1,"`a`":2}
{"device":"root.n.d","time":4,"empty":{},"list":[],"none":[null]}
{"time":5,"root.n.`e e`.`m m`":{"x":5}}
{"device":"root.n.d","time":6,"measurements":["a"],"values":[1]}
"#;
    workplace.write("n.jsonl", lines);
    let imported = import(&workplace, "n.jsonl", &[]);
    assert!(imported.stdout.starts_with("imported 6 values in 2 rows"), "{}", imported.stdout);
    assert!(
        imported.stdout.contains("1 record has no value: nothing is stored of it"),
        "{}",
        imported.stdout
    );
    let failed = read(&workplace, "n.jsonl.failed");
    let reasons: Vec<&str> = failed.lines().filter(|line| line.starts_with("# line")).collect();
    assert_eq!(
        reasons,
        [
            "# line 2: two values are named `a_b`",
            "# line 3: two values are named `a`",
            "# line 6: `measurements` is a list: event maps are read by a pipeline (`decode: json`)"
        ]
    );
    let names = "motor_speed, motor_state_on, phases_0, phases_1_x, `time`";
    let rows = sql(&workplace, "data", &format!("select {names} from root.n.d"));
    assert_eq!(rows.lines().nth(1), Some("1,1450,true,1.5,y,7"));
    assert_eq!(sql(&workplace, "data", "select `m m_x` from root.n.`e e`").lines().nth(1), Some("5,5"));
    // As a pipeline has it.
    workplace.write(
        "p.jsonl",
        &lines.lines().next().map(|line| line.replace("root.n.d", "root.p.d") + "\n").expect("a line"),
    );
    workplace.write(
        "p.yaml",
        "name: p\nsources:\n  f: {file: {paths: p.jsonl}, decode: {json: {integers: int64}}}\nsinks:\n  s: {inputs: [f], iotdb: {embedded: piped}}\n",
    );
    workplace.run(&["run", "--quiet", "p.yaml"]).ok();
    let piped = sql(&workplace, "piped", &format!("select {names} from root.p.d"));
    assert_eq!(piped.lines().nth(1), rows.lines().nth(1));
}

#[test]
fn records_without_a_value_are_counted_and_rows_are_those_that_are_stored() {
    for (name, text, told) in [
        (
            "a.jsonl",
            "{\"time\":1,\"device\":\"root.v.d\",\"a\":1}\n{\"time\":2,\"device\":\"root.v.d\",\"a\":null}\n\
             {\"time\":3,\"device\":\"root.v.d\"}\n{\"time\":4,\"root.v.d.a\":null}\n",
            "imported 1 values in 1 rows",
        ),
        (
            "a.csv",
            "Time,Device,a,b\n1,root.v.d,1,\n2,root.v.d,,\n3,root.v.d,,\n4,root.v.d,null,\n",
            "imported 1 values in 1 rows",
        ),
        (
            "b.csv",
            "Time,root.v.d.a(INT64),root.v.e.a(INT64)\n1,1,\n2,,2\n3,,\n4,,\n5,,\n",
            "imported 2 values in 2 rows",
        ),
        (
            "c.csv",
            "Time,Device,a(INT64),a(TEXT),b(INT64)\n1,root.v.d,1,,1\n2,root.v.e,,x,1\n3,root.v.d,,,\n4,root.v.d,,,\n5,root.v.f,,,\n",
            "imported 4 values in 2 rows",
        ),
    ] {
        let workplace = Workplace::new();
        workplace.write(name, text);
        let imported = import(&workplace, name, &[]).ok();
        assert!(imported.starts_with(told), "{name}: {imported}");
        assert!(
            imported.contains("3 records have no value: nothing is stored of them"),
            "{name}: {imported}"
        );
    }
}

#[test]
fn two_columns_of_one_series_are_rejected() {
    for (head, reason) in [
        (
            "Time,root.p.d.a,root.p.d.`a`",
            "columns 2 and 3, `root.p.d.a` and `root.p.d.`a``, are of one series",
        ),
        ("Time,Device,a,b,`a`", "columns 3 and 5, `a` and ``a``, are of one series"),
        ("Time,Device,a(INT32),a", "columns 3 and 4, `a(INT32)` and `a`, are of one series"),
        ("Time,Device,a(INT32),`a`(INT32)", "are of one series"),
        ("Time,Device,a,a", "columns 3 and 4 are both named `a`"),
    ] {
        let workplace = Workplace::new();
        let width = head.split(',').count();
        workplace.write("a.csv", &format!("{head}\n1,root.p.d{}\n", ",1".repeat(width - 2)));
        let imported = import(&workplace, "a.csv", &[]);
        assert_eq!(imported.code, Some(1), "{head}");
        assert!(imported.stderr.contains(reason), "{head}: {}", imported.stderr);
    }
}

#[test]
fn a_device_that_is_not_below_root_is_rejected_with_what_to_do() {
    let hint = "the device `d1` is not below `root`: name it `root.plant.d1`, or import with `--device-prefix root.plant`";
    for (name, text) in [
        ("a.jsonl", "{\"time\":1,\"device\":\"d1\",\"a\":1}\n{\"time\":1,\"device\":\"root.p.d\",\"a\":1}\n"),
        ("a.csv", "Time,Device,a\n1,d1,1\n1,root.p.d,1\n"),
        ("b.csv", "Time,d1.a,root.p.d.a\n1,1,1\n"),
    ] {
        let workplace = Workplace::new();
        workplace.write(name, text);
        let imported = import(&workplace, name, &[]);
        assert_eq!(imported.code, Some(1), "{}", imported.stderr);
        assert!(imported.stdout.starts_with("imported 1 values in 1 rows"), "{}", imported.stdout);
        let failed = read(&workplace, &format!("{name}.failed"));
        assert!(failed.contains(hint), "{failed}");
        import(&workplace, &format!("{name}.failed"), &["--device-prefix", "root.plant"]).ok();
        assert_eq!(sql(&workplace, "data", "select a from root.plant.d1").lines().count(), 2);
    }
}

#[test]
fn a_prefix_that_is_not_below_root_is_an_error_before_anything_is_read() {
    let workplace = Workplace::new();
    for prefix in ["plant", "roots.x", "`root x`.y"] {
        let imported = import(&workplace, "missing.csv", &["--device-prefix", prefix]);
        assert_eq!(imported.code, Some(3), "{}", imported.stderr);
        assert!(imported.stderr.contains("is not: is `root."), "{}", imported.stderr);
        assert!(!workplace.path("data").exists());
    }
}

#[test]
fn dates_of_all_years_come_back_through_every_form() {
    let workplace = Workplace::new();
    let dates = ["0001-01-01", "0099-12-31", "0999-02-28", "1000-01-01", "9999-12-31"];
    let mut statements = vec!["create timeseries root.y.d.y DATE".to_owned()];
    statements.extend(
        dates
            .iter()
            .enumerate()
            .map(|(at, date)| format!("insert into root.y.d(time, y) values ({at}, '{date}')")),
    );
    sql(&workplace, "first", &statements.join("; "));
    let stored = |data: &str| sql(&workplace, data, "select y from root.y.d");
    let rows = stored("first");
    assert_eq!(
        rows.lines().skip(1).collect::<Vec<_>>(),
        ["0,0001-01-01", "1,0099-12-31", "2,0999-02-28", "3,1000-01-01", "4,9999-12-31"]
    );
    for format in ["tsfile", "parquet", "csv", "jsonl"] {
        let file = format!("out.{format}");
        workplace
            .run(&["export", "--data", "first", "--path", "root.**", "--format", format, "-o", &file])
            .ok();
        let again = format!("again-{format}");
        sql(&workplace, &again, "create timeseries root.y.d.y DATE");
        workplace.run(&["import", &file, "--data", &again, "--quiet"]).ok();
        assert_eq!(stored(&again), rows, "{format}");
    }
    // And what is none is rejected in every form.
    for (name, text) in [
        ("w.csv", "Time,root.y.d.y(DATE)\n9,0000-01-01\n9,999-01-01\n9,10000-01-01\n9,2023-02-29\n"),
        (
            "w.jsonl",
            "{\"time\":9,\"root.y.d.y\":\"0000-01-01\"}\n{\"time\":9,\"root.y.d.y\":101}\n{\"time\":9,\"root.y.d.y\":\"-0001-01-01\"}\n{\"time\":9,\"root.y.d.y\":\"+10000-01-01\"}\n",
        ),
    ] {
        workplace.write(name, text);
        let imported = workplace.run(&["import", name, "--data", "first", "--quiet"]);
        assert!(imported.stdout.contains("4 rows were rejected"), "{name}: {}", imported.stdout);
    }
    assert_eq!(stored("first"), rows);
}

#[test]
fn a_file_of_rejected_rows_that_is_not_ours_stays() {
    let workplace = Workplace::new();
    workplace.write("f.csv", "Time,root.t.d.a(INT32)\n1,x\n");
    workplace.write("f.csv.failed", "my mended lines\n");
    let imported = import(&workplace, "f.csv", &[]);
    assert_eq!(imported.code, Some(1), "{}", imported.stderr);
    assert!(imported.stdout.contains("1 row was rejected: see f.csv.failed-2"), "{}", imported.stdout);
    assert_eq!(read(&workplace, "f.csv.failed"), "my mended lines\n");
    assert!(read(&workplace, "f.csv.failed-2").contains("\n1,x\n"));
    // One that is ours, and that nobody has touched, is written anew.
    import(&workplace, "f.csv", &[]);
    assert!(!workplace.path("f.csv.failed-3").exists());
}

#[test]
fn what_is_packed_or_nothing_that_is_read_says_what_to_do() {
    let workplace = Workplace::new();
    for (name, bytes, advice) in [
        ("a.csv.gz", &b"\x1f\x8b\x08\0\0\0\0\0"[..], "packed with gzip: unpack it first"),
        ("a.csv", b"\x1f\x8b\x08\0\0\0\0\0", "packed with gzip: unpack it first"),
        ("a.jsonl.zst", b"\x28\xb5\x2f\xfd\x04\0", "packed with zstd: unpack it first"),
        ("a.json", b"{\"time\":1}\n", "does not end in .csv, .jsonl, .ndjson or .parquet"),
        ("a.txt", b"", "does not end in .csv, .jsonl, .ndjson or .parquet"),
        ("a.tsfile", b"plain text", "this is not a TsFile"),
    ] {
        fs::write(workplace.path(name), bytes).expect("written");
        let imported = import(&workplace, name, &[]);
        assert!(
            imported.code == Some(1) && imported.stderr.contains(name) && imported.stderr.contains(advice),
            "{name}: {}",
            imported.stderr
        );
    }
    // A pipe cannot be read twice, and it may be that nobody ever writes to it.
    #[cfg(unix)]
    {
        let made = std::process::Command::new("mkfifo").arg(workplace.path("pipe.csv")).status();
        assert!(made.expect("it runs").success());
        let imported = import(&workplace, "pipe.csv", &[]);
        assert!(imported.code == Some(1) && imported.stderr.contains("no plain file"), "{}", imported.stderr);
    }
}

#[test]
fn a_name_that_is_empty_is_rejected_in_every_format_that_can_have_one() {
    let workplace = Workplace::new();
    workplace.write(
        "a.jsonl",
        "{\"Time\":1,\"Device\":\"root.g.d\",\"\":5,\"x\":1}\n{\"Time\":2,\"Device\":\"root.g.d\",\"``\":5}\n\
         {\"Time\":3,\"Device\":\"root.g.d\",\"x\":3}\n",
    );
    let imported = import(&workplace, "a.jsonl", &[]);
    assert_eq!(imported.code, Some(1));
    let aside = read(&workplace, "a.jsonl.failed");
    assert_eq!(aside.matches("a measurement's name is empty").count(), 2, "{aside}");
    workplace.write("b.csv", "Time,Device,,x\n4,root.g.d,5,6\n");
    let imported = import(&workplace, "b.csv", &[]);
    assert!(imported.code == Some(1) && imported.stderr.contains("column 3"), "{imported:?}");
    assert!(imported.stderr.contains("a measurement's name is empty"), "{}", imported.stderr);
    assert_eq!(sql(&workplace, "data", "show timeseries").lines().count(), 2);
    assert_eq!(sql(&workplace, "data", "select x from root.g.d").lines().last(), Some("3,3"));
}
