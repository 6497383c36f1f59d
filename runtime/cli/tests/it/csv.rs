//! CSV out of a data folder and into one: every type and value, and what becomes of lines that are wrong.

use std::fs;

use crate::{
    command::{Finished, Workplace},
    files::sql,
};

fn import(workplace: &Workplace, file: &str, more: &[&str]) -> Finished {
    workplace.run(&[&["import", file, "--data", "data", "--quiet"], more].concat())
}

fn types(workplace: &Workplace, data: &str) -> Vec<String> {
    let all = sql(workplace, data, "show timeseries root.**");
    let pick = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        format!("{} {}", fields[0], fields[3])
    };
    let mut all: Vec<String> = all.lines().skip(1).map(pick).collect();
    all.sort();
    all
}

fn read(workplace: &Workplace, name: &str) -> String {
    fs::read_to_string(workplace.path(name)).expect("written")
}

const ALL: &str = "\
    create timeseries root.c.d.b BOOLEAN; create timeseries root.c.d.i INT32; create timeseries root.c.d.l INT64; \
    create timeseries root.c.d.f FLOAT; create timeseries root.c.d.d DOUBLE; create timeseries root.c.d.t TEXT; \
    create timeseries root.c.d.s STRING; create timeseries root.c.d.x BLOB; create timeseries root.c.d.w TIMESTAMP; \
    create timeseries root.c.d.y DATE; \
    insert into root.c.d(time,b,i,l,f,d,t,s,x,w,y) values \
    (1,true,1,9223372036854775807,0.1,0.1,'','a,\"b',X'00ff',253402300799999,'9999-12-31'), \
    (2,false,-2147483648,-9223372036854775808,3.4028235e38,1e300,'null','#',X'',-1,'1969-12-31'), \
    (3,null,null,9007199254740993,null,null,'two\nlines','7',null,null,null), \
    (4,null,null,null,null,null,null,null,null,null,null)";

#[test]
fn every_type_and_value_comes_back() {
    let workplace = Workplace::new();
    sql(&workplace, "data", ALL);
    let select = "select * from root.c.**";
    for (name, by) in [("path", ["--path", "root.c.**"]), ("query", ["--query", select])] {
        let (file, again) = (format!("{name}.csv"), format!("again-{name}"));
        let export = ["export", "--data", "data", by[0], by[1], "-o", &file];
        workplace.run(&export).ok();
        workplace.run(&["import", &file, "--data", &again, "--quiet"]).ok();
        assert_eq!(sql(&workplace, &again, select), sql(&workplace, "data", select), "{name}");
        let nulls = "select t is null, s is null, x is null from root.c.d";
        assert_eq!(sql(&workplace, &again, nulls), sql(&workplace, "data", nulls), "{name}");
        assert_eq!(types(&workplace, &again), types(&workplace, "data"), "{name}");
    }
    let by_path = read(&workplace, "path.csv");
    assert!(by_path.starts_with("Time,Device,b(BOOLEAN),d(DOUBLE),f(FLOAT),i(INT32),"), "{by_path}");
    assert!(by_path.contains("1,root.c.d,true,0.1,0.1,1,9223372036854775807,\"a,\"\"b\",\"\","), "{by_path}");
    assert!(read(&workplace, "query.csv").starts_with("Time,root.c.d.b(BOOLEAN),"));
    workplace.run(&["export", "--data", "data", "--path", "root.c.d.i", "--no-types", "-o", "bare.csv"]).ok();
    assert!(read(&workplace, "bare.csv").starts_with("Time,Device,i\n"));
}

#[test]
fn a_measurement_may_have_another_type_in_another_device() {
    let workplace = Workplace::new();
    sql(
        &workplace,
        "data",
        "create timeseries root.a.p.s INT32; create timeseries root.a.q.s TEXT; \
         insert into root.a.p(time,s) values (1,7); insert into root.a.q(time,s) values (1,'x')",
    );
    for format in ["csv", "jsonl"] {
        let (file, again) = (format!("all.{format}"), format!("again-{format}"));
        workplace
            .run(&["export", "--data", "data", "--path", "root.**", "--format", format, "-o", &file])
            .ok();
        workplace.run(&["import", &file, "--data", &again, "--quiet"]).ok();
        let select = "select s from root.a.*";
        assert_eq!(sql(&workplace, &again, select), sql(&workplace, "data", select), "{format}");
    }
    assert_eq!(types(&workplace, "again-csv"), types(&workplace, "data"));
}

#[test]
fn a_device_is_written_as_it_is() {
    let workplace = Workplace::new();
    sql(&workplace, "data", "create aligned timeseries root.a.d(x INT32, y TEXT)");
    workplace.write("rows.csv", "Time,Device,x,y\n1,root.a.d,5,five\n2,root.a.new,6,six\n");
    import(&workplace, "rows.csv", &["--aligned"]).ok();
    assert_eq!(sql(&workplace, "data", "select x, y from root.a.d").lines().nth(1), Some("1,5,five"));
    let devices = sql(&workplace, "data", "show devices root.a.*");
    assert!(devices.contains("root.a.d,true") && devices.contains("root.a.new,true"), "{devices}");
    workplace.write("more.csv", "Time,Device,x\n1,root.a.plain,6\n2,root.a.new,7\n");
    import(&workplace, "more.csv", &[]).ok();
    let devices = sql(&workplace, "data", "show devices root.a.*");
    assert!(devices.contains("root.a.plain,false") && devices.contains("root.a.new,true"), "{devices}");
}

#[test]
fn bad_lines_are_kept_aside_and_all_others_stored() {
    let workplace = Workplace::new();
    sql(&workplace, "data", "create timeseries root.c.d.n INT32");
    let mut text = String::from("Time,Device,n,v(DOUBLE)\n");
    for row in 1..=20_000 {
        text.push_str(&match row {
            9_000 => "9000,root.c.d,3.7,1\n".to_owned(),
            15_000 => "15000,root.c.d,1,oops\n".to_owned(),
            15_001 => "never,root.c.d,1,1\n".to_owned(),
            15_002 => "15002,root.c.d,1\n".to_owned(),
            15_003 => "15003,\"root.c.d,1,1\n".to_owned(),
            _ => format!("{row},root.c.d,{row},0.5\n"),
        });
    }
    workplace.write("late.csv", &text);
    let imported = import(&workplace, "late.csv", &[]);
    assert_eq!(imported.code, Some(1), "{}", imported.stderr);
    assert!(imported.stdout.starts_with("imported 39990 values in 19995 rows"), "{}", imported.stdout);
    assert!(imported.stdout.contains("5 rows were rejected: see late.csv.failed"), "{}", imported.stdout);
    let failed = read(&workplace, "late.csv.failed");
    let expected = [
        "Time,Device,n,v(DOUBLE)",
        "# line 9001: column 3, `n`: `3.7` is not of type INT32: it is not a whole number",
        "9000,root.c.d,3.7,1",
        "# line 15001: column 4, `v`: `oops` is not of type DOUBLE: it is not a number",
        "15000,root.c.d,1,oops",
        "# line 15002: column 1: `never` is not a time: write a number, or a date and time as in 2026-05-01T12:00:00Z",
        "never,root.c.d,1,1",
        "# line 15003: it has 3 fields, and the head has 4",
        "15002,root.c.d,1",
        "# line 15004: a quote is opened that is not closed",
        "15003,\"root.c.d,1,1",
    ];
    assert_eq!(failed.lines().take(expected.len()).collect::<Vec<_>>(), expected);
    assert_eq!(failed.lines().count(), expected.len() + 1, "{failed}");
    let count = || sql(&workplace, "data", "select count(n), count(v) from root.c.d");
    assert_eq!(count().lines().nth(1), Some("19995,19995"));
    // Mended, what was rejected is imported as it is.
    let mended = failed.replace("3.7", "3").replace("oops", "0").replace("never", "15001");
    let mended = mended.replace("15002,root.c.d,1", "15002,root.c.d,1,1").replace("\"root", "root");
    workplace.write("late.csv.failed", &mended);
    import(&workplace, "late.csv.failed", &[]).ok();
    assert_eq!(count().lines().nth(1), Some("20000,20000"));
}

#[test]
fn what_the_store_rejects_is_kept_aside_too() {
    let workplace = Workplace::new();
    workplace.write("rows.csv", "Time,Device,x(INT32)\n1,root.a.b,1\n2,root.a.b.c,2\n");
    import(&workplace, "rows.csv", &[]).ok();
    // A series is no device.
    workplace.write("under.csv", "Time,Device,x(INT32)\n1,root.a.b.x,1\n2,root.a.b,2\n");
    let imported = import(&workplace, "under.csv", &[]);
    assert_eq!(imported.code, Some(1), "{}", imported.stderr);
    assert!(imported.stdout.contains("imported 1 values in 1 rows"), "{}", imported.stdout);
    let failed = read(&workplace, "under.csv.failed");
    assert!(failed.contains("# line 2: ") && failed.contains("\n1,root.a.b.x,1\n"), "{failed}");
}

#[test]
fn types_are_guessed_from_the_whole_column_and_said() {
    let workplace = Workplace::new();
    let mut text = String::from("Time,root.g.d.n,root.g.d.late,root.g.d.id,root.g.d.slip,root.g.d.q\n");
    for row in 1..=10_000_i64 {
        let late = if row > 9_000 { "0.5" } else { "1" };
        let slip = if row == 5_000 { "abc".to_owned() } else { row.to_string() };
        text.push_str(&format!("{row},{},{late},00{row},{slip},\"{row}\"\n", i64::MAX - row));
    }
    workplace.write("guess.csv", &text);
    let imported = import(&workplace, "guess.csv", &[]);
    assert_eq!(imported.code, Some(1), "{}", imported.stderr);
    let said =
        "guess.csv: column 2, `root.g.d.n`, is INT64 where there is no such series yet (all 10000 values)";
    assert!(imported.stderr.contains(said), "{}", imported.stderr);
    assert!(
        imported.stderr.contains("INT64 where there is no such series yet (9999 of 10000"),
        "{}",
        imported.stderr
    );
    assert_eq!(
        types(&workplace, "data"),
        [
            "root.g.d.id TEXT",
            "root.g.d.late DOUBLE",
            "root.g.d.n INT64",
            "root.g.d.q TEXT",
            "root.g.d.slip INT64"
        ]
    );
    let least = sql(&workplace, "data", "select min_value(n), count(late), count(slip) from root.g.d");
    assert_eq!(least.lines().nth(1), Some("9223372036854765807,9999,9999"));
}

#[test]
fn heads_that_are_wrong_say_so() {
    let workplace = Workplace::new();
    for (text, expected) in [
        (
            "Time,root.c.d.s(INT99)\n1,1\n",
            "column 2: `INT99`, of `root.c.d.s`, is no type; types are BOOLEAN, INT32",
        ),
        ("Time,\"root.c.d.s\n1,1\n", "wrong.csv, line 1: a quote is opened that is not closed"),
        ("", "wrong.csv is empty"),
        ("x,y\n", "the first column must be `Time`"),
    ] {
        workplace.write("wrong.csv", text);
        let failed = import(&workplace, "wrong.csv", &[]);
        assert_eq!(failed.code, Some(1), "{text}");
        assert!(failed.stderr.contains(expected), "{}", failed.stderr);
    }
}

#[test]
fn an_export_asks_before_it_replaces_and_writes_nothing_for_nothing() {
    let workplace = Workplace::new();
    sql(&workplace, "data", "insert into root.a.d(time,s) values (1,1)");
    workplace.write("keep.csv", "mine\n");
    let export = |path: &str, more: &[&str]| {
        workplace.run(&[&["export", "--data", "data", "--path", path, "-o", "keep.csv"], more].concat())
    };
    let rejected = export("root.a.**", &[]);
    assert!(rejected.code == Some(3) && rejected.stderr.contains("--force"), "{}", rejected.stderr);
    let rejected = export("root.nothing.**", &["--force"]);
    assert!(rejected.code == Some(3) && rejected.stderr.contains("no series matches"), "{}", rejected.stderr);
    assert_eq!(read(&workplace, "keep.csv"), "mine\n");
    export("root.a.**", &["--force"]).ok();
    assert_eq!(read(&workplace, "keep.csv"), "Time,Device,s(DOUBLE)\n1,root.a.d,1.0\n");
    let none = "select s from root.a.d where s > 5";
    let said = workplace.run(&["export", "--data", "data", "--query", none, "-o", "none.csv"]).ok();
    assert_eq!(said, "exported 0 rows to none.csv: the query gives none\n");
}

#[test]
fn an_export_executes_nothing_but_queries() {
    let workplace = Workplace::new();
    sql(&workplace, "data", "insert into root.a.d(time,s) values (1,1)");
    for statement in
        ["delete from root.a.**", "delete database root.a", "insert into root.a.d(time,s) values (2,1)"]
    {
        let rejected = workplace.run(&["export", "--data", "data", "--query", statement, "-o", "z.csv"]);
        assert!(rejected.code == Some(3) && rejected.stderr.contains("is no query"), "{}", rejected.stderr);
    }
    assert_eq!(
        sql(&workplace, "data", "select s from root.a.d").lines().skip(1).collect::<Vec<_>>(),
        ["1,1.0"]
    );
    assert!(!workplace.path("z.csv").exists());
}

#[test]
fn a_device_spelled_in_several_ways_keeps_all_its_rows() {
    let workplace = Workplace::new();
    let text = "Time,Device,v\n1,root.p.d,1\n2,root.p.d ,2\n3,`root`.p.`d`,3\n4,root.p.`d`,4\n4,root.p.d,5\n5,root.p.d,6\n5, root.p.d,7\n";
    workplace.write("spelled.csv", text);
    let imported = import(&workplace, "spelled.csv", &[]).ok();
    assert!(imported.starts_with("imported 7 values in"), "{imported}");
    let rows = sql(&workplace, "data", "select v from root.p.d");
    assert_eq!(rows.lines().skip(1).collect::<Vec<_>>(), ["1,1", "2,2", "3,3", "4,5", "5,7"]);
}

#[test]
fn digits_behind_a_zero_are_no_number_in_a_guessed_column() {
    let workplace = Workplace::new();
    let mut text = String::from("Time,Device,n,v\n");
    // The series exists already when the last lines are read.
    for row in 1..=10_000 {
        text.push_str(&format!("{row},root.g.d,{row},{row}.5\n"));
    }
    text.push_str("10001,root.g.d,00123,1\n10002,root.g.d,1,+7\n10003,root.g.d,3,3\n");
    workplace.write("zip.csv", &text);
    let imported = import(&workplace, "zip.csv", &[]);
    assert!(imported.stdout.contains("2 rows were rejected"), "{}", imported.stdout);
    let failed = read(&workplace, "zip.csv.failed");
    for reason in [
        "# line 10002: column 3, `n`: `00123` is not of type INT64: a number would not keep how it is written",
        "# line 10003: column 4, `v`: `+7` is not of type DOUBLE: a number would not keep how it is written",
    ] {
        assert!(failed.contains(reason), "{failed}");
    }
    let rows = sql(&workplace, "data", "select n, v from root.g.d where time >= 10000");
    assert_eq!(rows.lines().skip(1).collect::<Vec<_>>(), ["10000,10000,10000.5", "10003,3,3.0"]);
    // A type that somebody names takes them.
    workplace.write("named.csv", "Time,Device,n(INT64)\n400,root.h.d,00123\n");
    import(&workplace, "named.csv", &[]).ok();
    assert_eq!(sql(&workplace, "data", "select n from root.h.d").lines().nth(1), Some("400,123"));
}

#[test]
fn text_in_other_forms_than_utf8_and_commas_is_named_with_what_to_do() {
    let workplace = Workplace::new();
    let text = "Time,Device,a\n1,root.p.d,1\n";
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (name, bytes, expected) in [
        (
            "marked.csv",
            [&[0xff, 0xfe], &utf16[..]].concat(),
            "marked.csv, line 1: it is text in UTF-16: turn it into UTF-8 first",
        ),
        ("bare.csv", utf16.clone(), "bare.csv, line 1: it is text in UTF-16"),
        ("bare.jsonl", utf16, "it is text in UTF-16"),
        ("semicolons.csv", text.replace(',', ";").into_bytes(), "and `;` separates the fields, it seems"),
        ("tabs.csv", text.replace(',', "\t").into_bytes(), "decode: {csv: {separator: \"\\t\"}}"),
    ] {
        std::fs::write(workplace.path(name), bytes).expect("written");
        let imported = import(&workplace, name, &[]);
        let failed = std::fs::read_to_string(workplace.path(&format!("{name}.failed"))).unwrap_or_default();
        let said = imported.stderr + &failed;
        assert!(imported.code != Some(0) && said.contains(expected), "{name}: {said}");
    }
    std::fs::write(workplace.path("latin.csv"), b"Time,Device,a\n1,root.p.d,gr\xfcn\n2,root.p.d,x\n")
        .expect("written");
    import(&workplace, "latin.csv", &[]);
    // The line stands there as it was.
    let failed = fs::read(workplace.path("latin.csv.failed")).expect("written");
    let failed = String::from_utf8_lossy(&failed);
    assert!(failed.contains("# line 2: it is not UTF-8: the byte at 13 is not text"), "{failed}");
}
