//! `levada import`: where rows go, how many there are, and what becomes of those that cannot be stored.

use std::fs;

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
        "{\"time\":20000,\"device\":\"root.g.d\",\"a\":\"NaN\",\"b\":\"x\",\"d\":null,\"e\":\"\"}\n",
    );
    text.push_str("{\"time\":20001,\"device\":\"root.g.d\",\"a\":-0.5,\"e\":[1,{\"x\":2}]}\n");
    workplace.write("a.jsonl", &text);
    import(&workplace, "a.jsonl", &[]).ok();
    let rows = sql(&workplace, "data", "select a, b, c, e from root.g.d where time >= 9999");
    let expected =
        ["9999,1.0,true,9223372036854775807,", "20000,NaN,x,,\"\"", "20001,-0.5,,,\"[1,{\"\"x\"\":2}]\""];
    assert_eq!(rows.lines().skip(1).collect::<Vec<_>>(), expected);
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
