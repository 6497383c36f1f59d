//! Every record arrives or is told of: its own reason in its dead letter, counts at the end, an exit code where nothing arrived.

use serde_json::Value;

use crate::command::{Finished, Workplace};

/// Runs a pipeline from lines of a file into a store, and gives its dead letters.
fn run(workplace: &Workplace, decode: &str, lines: &str) -> (Finished, Vec<Value>) {
    run_named("p", workplace, decode, lines)
}

fn run_named(name: &str, workplace: &Workplace, decode: &str, lines: &str) -> (Finished, Vec<Value>) {
    workplace.write(&format!("{name}.txt"), lines);
    workplace.write(
        "p.yaml",
        &format!(
            "name: {name}\nsources:\n  f: {{file: {{paths: {name}.txt}}, decode: {decode}}}\n\
             sinks:\n  store: {{inputs: [f], iotdb: {{embedded: data, database: root.p}}}}\n"
        ),
    );
    let finished = workplace.run(&["run", "--quiet", "p.yaml"]);
    let letters = std::fs::read_to_string(workplace.path(&format!(".levada/{name}/dead-letters.jsonl")))
        .unwrap_or_default();
    (finished, letters.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

fn errors(letters: &[Value]) -> Vec<&str> {
    letters.iter().map(|letter| letter["error"].as_str().expect("a reason")).collect()
}

#[test]
fn every_dead_letter_says_its_own_value_and_the_end_counts_the_reasons() {
    let workplace = Workplace::new();
    workplace.run(&["sql", "--data", "data", "-e", "create timeseries root.p.d1.a INT32"]).ok();
    let lines = r#"{"device":"d1","timestamp":1700000000001,"a":1}
{"device":"d1","timestamp":1700000000002,"a":"n/a"}
{"device":"d1","timestamp":1700000000003,"a":""}
{"device":"d1","timestamp":1700000000004,"a":"broken"}
{"device":"d1","timestamp":1700000000005,"a":2.5}
not JSON
"#;
    let (finished, letters) = run(&workplace, "json", lines);
    assert_eq!(finished.code, Some(0), "one row arrived\n{}", finished.stderr);
    for (position, value) in [(48, "n/a"), (100, ""), (149, "broken"), (204, "2.5")] {
        let letter = letters.iter().find(|letter| letter["position"] == position).expect("a letter");
        let error = letter["error"].as_str().expect("a reason");
        assert!(error.contains(&format!("`{value}`")), "{position}: {error}");
    }
    assert_eq!(letters.len(), 5);
    assert!(finished.stderr.contains("count=1"), "{}", finished.stderr);
    assert!(finished.stderr.contains("dead=5"), "{}", finished.stderr);
}

#[test]
fn a_run_of_which_nothing_arrives_has_an_exit_code_of_its_own() {
    for (lines, told) in [
        ("oops\n{}\n", "dead=2"),
        (r#"{"device":"d","time":1700000000001,"a":null}"#, "empty=1"),
        (r#"{"device":"d","device":"e","time":1700000000001,"a":1}"#, "dead=1"),
    ] {
        let (finished, _) = run(&Workplace::new(), "json", lines);
        assert_eq!(finished.code, Some(5), "{lines}\n{}", finished.stderr);
        assert!(finished.stderr.contains(told), "{lines}\n{}", finished.stderr);
    }
    let (nothing, _) = run(&Workplace::new(), "json", "");
    assert_eq!(nothing.code, Some(0), "there was nothing to read\n{}", nothing.stderr);
    let one = "oops\n{\"device\":\"d\",\"time\":1700000000001,\"a\":1}\n";
    assert_eq!(run(&Workplace::new(), "json", one).0.code, Some(0));
}

#[test]
fn a_field_with_a_wrong_path_is_named() {
    let lines = "{\"device\":\"a\",\"timestamp\":1700000000001,\"reading\":{\"temp\":21.5}}\n".repeat(2);
    let fields = "{json: {fields: {temp: {path: $.readings.temp, type: DOUBLE}}}}";
    let (finished, letters) = run(&Workplace::new(), fields, &lines);
    assert_eq!((finished.code, letters.len()), (Some(5), 0), "{}", finished.stderr);
    let told = "the field `temp` was found at $.readings.temp in none of 2 records";
    assert_eq!(finished.stderr.matches(told).count(), 1, "{}", finished.stderr);
    assert!(finished.stderr.contains("empty=2"), "{}", finished.stderr);
    // Beside one that is there it is told all the same.
    let both = "{json: {fields: {temp: $.readings.temp, t: $.reading.temp}}}";
    let (finished, _) = run(&Workplace::new(), both, &lines);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(finished.stderr.contains(told) && !finished.stderr.contains("`t`"), "{}", finished.stderr);
}

#[test]
fn a_name_twice_is_rejected_wherever_it_stands() {
    let workplace = Workplace::new();
    let lines = r#"{"device":"a","device":"b","timestamp":1700000000001,"timestamp":1700000000009,"v":1}
{"device":"a","timestamp":1700000000002,"v":1,"v":2}
{"device":"a","timestamp":1700000000003,"s":{"on":1},"s_on":2}
{"device":"a","timestamp":1700000000004,"v":4}
"#;
    let (finished, letters) = run(&workplace, "json", lines);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        errors(&letters),
        [
            "the key `device` stands twice",
            "two values of one row are named `v`",
            "two values of one row are named `s_on`"
        ]
    );
    assert_eq!(workplace.sql("data", "select * from root.**").lines().count(), 2);
    let (head, _) = run(&Workplace::new(), "csv", "time,device,v,w,v\n1700000000001,a,1,2,3\n");
    assert_eq!(head.code, Some(6), "{}", head.stderr);
    assert!(head.stderr.contains("two columns are named `v`"), "{}", head.stderr);
}

#[test]
fn a_device_of_several_fields_is_a_node_for_each() {
    let workplace = Workplace::new();
    let decode = "{json: {device: \"{$.site}.line_{$.line}\"}}";
    let lines = r#"{"site":"hall 1","line":7,"time":1700000000001,"v":1}
{"site":"a.b","line":"x","time":1700000000001,"v":2}
{"site":"a","time":1700000000001,"v":3}
"#;
    let (finished, letters) = run(&workplace, decode, lines);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(errors(&letters), ["there is no $.line, which is a part of the device"]);
    let devices = workplace.sql("data", "show devices root.p.**");
    assert!(devices.contains("root.p.`hall 1`.line_7,"), "{devices}");
    assert!(devices.contains("root.p.`a.b`.line_x,"), "{devices}");
}

#[test]
fn lint_asks_whether_a_key_is_meant_and_checks_templates() {
    let workplace = Workplace::new();
    let lint = |device: &str| {
        let decode = format!("{{json: {{device: {device}}}}}");
        run(&workplace, &decode, "");
        workplace.run(&["lint", "p.yaml"])
    };
    let asked = lint("id");
    assert_eq!(asked.code, Some(0), "{}", asked.stderr);
    assert!(asked.stderr.contains("warning") && asked.stderr.contains("write `$.id`"), "{}", asked.stderr);
    let wrong = lint("\"{site}.{$.line}\"");
    assert_eq!(wrong.code, Some(3), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("write `{$.site}` for `{site}`"), "{}", wrong.stderr);
    for right in ["$.id", "'`id`'", "root.p.id", "\"{$.site}.{$.line}\""] {
        let right = lint(right);
        assert_eq!((right.code, right.stderr.as_str()), (Some(0), ""), "{}", right.stderr);
    }
}

/// One time in each of its forms, and what it is in milliseconds.
const TIMES: [(&str, i64); 9] = [
    ("2024-02-21T09:34:33[Europe/Paris]", 1_708_504_473_000),
    ("2024-02-21T09:34:33+01:00", 1_708_504_473_000),
    ("2024-02-21 09:34:33", 1_708_508_073_000),
    ("2024/02/21 09:34:33", 1_708_508_073_000),
    ("2024-02-21", 1_708_473_600_000),
    ("9999-12-31", 253_402_214_400_000),
    ("0999-12-31T23:59:59.999", -30_610_224_000_001),
    ("1969-12-31T23:59:59.9999", -1),
    ("1969-12-31T23:59:58.0005", -2_000),
];

#[test]
fn times_are_the_same_on_every_way_in() {
    let workplace = Workplace::new();
    let (mut json, mut objects) = (String::new(), String::new());
    let (mut csv, mut typed) = ("time,device,v\n".to_owned(), "Time,root.i.d.v(DOUBLE)\n".to_owned());
    for (nth, (text, _)) in TIMES.iter().enumerate() {
        json.push_str(&format!("{{\"device\":\"d{nth}\",\"time\":\"{text}\",\"v\":1}}\n"));
        csv.push_str(&format!("{text},c{nth},1\n"));
        typed.push_str(&format!("{text},1\n"));
        objects.push_str(&format!("{{\"Time\":\"{text}\",\"Device\":\"root.j.d{nth}\",\"v\":1}}\n"));
        let insert = format!("insert into root.s.d{nth}(time, v) values({text}, 1)");
        workplace.run(&["sql", "--data", "data", "--zone", "UTC", "-e", &insert]).ok();
    }
    assert_eq!(run(&workplace, "json", &json).0.code, Some(0));
    assert_eq!(run_named("c", &workplace, "csv", &csv).0.code, Some(0));
    workplace.write("i.csv", &typed);
    workplace.run(&["import", "i.csv", "--data", "data", "--quiet"]).ok();
    workplace.write("j.jsonl", &objects);
    workplace.run(&["import", "j.jsonl", "--data", "data", "--quiet"]).ok();
    let times = |path: &str| -> Vec<i64> {
        let rows = workplace.sql("data", &format!("select v from {path}"));
        rows.lines()
            .skip(1)
            .map(|row| row.split(',').next().and_then(|time| time.parse().ok()).expect("a time"))
            .collect()
    };
    for (nth, &(text, millis)) in TIMES.iter().enumerate() {
        for path in [
            format!("root.p.d{nth}"),
            format!("root.p.c{nth}"),
            format!("root.s.d{nth}"),
            format!("root.j.d{nth}"),
        ] {
            assert_eq!(times(&path), [millis], "{text} in {path}");
        }
    }
    let mut imported: Vec<_> = TIMES.iter().map(|&(_, millis)| millis).collect();
    imported.sort_unstable();
    imported.dedup();
    assert_eq!(times("root.i.d"), imported);
}

#[test]
fn rows_that_fall_on_one_millisecond_and_times_of_another_unit_are_told_once() {
    let workplace = Workplace::new();
    let lines: String = (1..=9)
        .map(|n| format!("{{\"device\":\"d\",\"time\":\"2024-01-01T00:00:00.00000{n}Z\",\"v\":{n}}}\n"))
        .collect();
    let (finished, _) = run(&workplace, "json", &lines);
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert_eq!(
        finished.stderr.matches("finer than milliseconds, and 8 rows").count(),
        1,
        "{}",
        finished.stderr
    );
    for (set, time, meant) in
        [("ms", 1_700_000_000_000_000i64, "us"), ("ms", 1_700_000_000, "s"), ("us", 1_700_000_000_000, "ms")]
    {
        let lines = format!("{{\"device\":\"d\",\"time\":{time},\"v\":1}}\n").repeat(3);
        let (finished, _) = run(&Workplace::new(), &format!("{{json: {{time_unit: {set}}}}}"), &lines);
        let told = format!("set `time_unit: {meant}`");
        assert_eq!(finished.stderr.matches(&told).count(), 1, "{set} {time}\n{}", finished.stderr);
    }
}

#[test]
fn import_reads_times_in_a_zone_and_a_unit_and_tells_what_is_odd_about_them() {
    let workplace = Workplace::new();
    let import = |file: &str, more: &[&str]| {
        workplace.run(&[&["import", file, "--data", "data", "--quiet"], more].concat())
    };
    workplace.write("a.csv", "Time,Device,v(DOUBLE)\n2021-05-08 10:11:12.345,root.a.b,1\n2021-05-08T10:11:12,root.a.b,2\n2021-05-08T10:11:12.348+08:00,root.a.b,3\n");
    import("a.csv", &["--zone", "Europe/Paris"]).ok();
    assert_eq!(
        workplace.sql("data", "select v from root.a.b").lines().collect::<Vec<_>>(),
        ["Time,root.a.b.v", "1620439872348,3.0", "1620461472000,2.0", "1620461472345,1.0"]
    );
    workplace.write("s.jsonl", "{\"Time\":1620461472,\"Device\":\"root.s.d\",\"v\":1}\n");
    let odd = import("s.jsonl", &[]);
    assert!(odd.stderr.contains("give `--time-unit s` if it is"), "{}", odd.stderr);
    let right = import("s.jsonl", &["--time-unit", "s"]);
    assert_eq!((right.code, right.stderr.as_str()), (Some(0), ""));
    assert!(workplace.sql("data", "select v from root.s.d").contains("1620461472000,1"));
    let rows = "Time,root.p.h.a(INT64)\n2024-01-01T00:00:00.000001Z,1\n2024-01-01T00:00:00.000002Z,2\n";
    workplace.write("fine.csv", rows);
    let fine = import("fine.csv", &[]);
    assert_eq!(
        fine.stderr.matches("1 of the rows fall on the millisecond of another").count(),
        1,
        "{}",
        fine.stderr
    );
    for wrong in [["--zone", "Europe/Atlantis"], ["--time-unit", "min"]] {
        assert_eq!(import("a.csv", &wrong).code, Some(2));
    }
    workplace.write("twice.csv", "Time,Device,a,a\n1,root.t.d,1,2\n");
    let twice = import("twice.csv", &[]);
    assert!(
        twice.code == Some(1) && twice.stderr.contains("columns 3 and 4 are both named `a`"),
        "{}",
        twice.stderr
    );
}

#[test]
fn rows_that_a_transform_leaves_out_are_counted_and_told_of() {
    let line = "{\"device\":\"d\",\"time\":1700000000001,\"a\":1}\n";
    for transform in ["pick: {measurements: [typo]}", "sql: select typo", "drop: {measurements: ['*']}"] {
        let workplace = Workplace::new();
        workplace.write("p.jsonl", line);
        workplace.write(
            "p.yaml",
            &format!(
                "name: p\nsources:\n  f: {{file: {{paths: p.jsonl}}, decode: json}}\ntransforms:\n  t: {{inputs: [f], {transform}}}\n\
                 sinks:\n  store: {{inputs: [t], iotdb: {{embedded: data, database: root.p}}}}\n"
            ),
        );
        let finished = workplace.run(&["run", "--quiet", "p.yaml"]);
        assert_eq!(finished.code, Some(5), "{transform}\n{}", finished.stderr);
        assert_eq!(finished.stderr.matches("no row goes on").count(), 1, "{transform}\n{}", finished.stderr);
        assert!(finished.stderr.contains("left_out=1"), "{transform}\n{}", finished.stderr);
    }
}

#[test]
fn a_measurement_of_cast_that_no_record_has_is_named() {
    for (decode, lines) in [
        ("{json: {cast: {typo: INT32, a: INT32}}}", "{\"device\":\"d\",\"time\":1700000000001,\"a\":1}\n"),
        ("{csv: {cast: {typo: INT32, a: INT32}}}", "time,device,a\n1700000000001,d,1\n"),
    ] {
        let (finished, _) = run(&Workplace::new(), decode, lines);
        assert_eq!(finished.code, Some(0), "{}", finished.stderr);
        let told = "the measurement `typo`, which `cast` names, was found in none of 1 records";
        assert_eq!(finished.stderr.matches(told).count(), 1, "{}", finished.stderr);
        assert!(!finished.stderr.contains("`a`, which"), "{}", finished.stderr);
    }
}

#[test]
fn a_run_of_which_only_some_values_arrive_is_no_run_of_nothing() {
    let workplace = Workplace::new();
    workplace.run(&["sql", "--data", "data", "-e", "create timeseries root.p.d.a INT32"]).ok();
    let line = "{\"device\":\"d\",\"time\":1700000000001,\"a\":\"n/a\",\"b\":2.5}\n";
    let (finished, letters) = run(&workplace, "json", line);
    assert_eq!((finished.code, letters.len()), (Some(0), 1), "{}", finished.stderr);
    let stored = workplace.run(&["sql", "--data", "data", "-e", "select * from root.p.d"]).ok();
    assert!(stored.contains("2.5"), "{stored}");
}
