//! What pipelines and exports write, pipelines and imports read back as it was.

use crate::command::Workplace;

/// Texts that a line of CSV or of JSON holds with an effort.
const TEXTS: [&str; 8] = ["two\nlines", "", "null", " a ", "a,\"b\"\r\n\r\nc", "#", "NaN", "grün"];

/// Readings with such texts, numbers that are none, and measurements whose names are taken by the row.
fn readings(workplace: &Workplace) {
    let mut lines = String::new();
    for (at, text) in TEXTS.iter().enumerate() {
        let text = serde_json::to_string(text).expect("JSON");
        let time = 1_700_000_000_000i64 + at as i64;
        let number = ["1.5", "\"NaN\"", "\"Infinity\"", "\"-Infinity\""][at % 4];
        lines.push_str(&format!(
            "{{\"device\":\"root.p.d\",\"timestamp\":{time},\"s\":{text},\"v\":{number},\"measurements\":{{\"time\":{at},\"device\":{text},\"values\":true}}}}\n"
        ));
    }
    workplace.write("in.jsonl", &format!("\u{feff}{lines}"));
}

const CAST: &str = "{json: {cast: {s: TEXT, device: STRING}}}";

fn run(workplace: &Workplace, name: &str, source: &str, decode: &str, sink: &str) {
    let text = format!(
        "name: {name}\nsources:\n  f: {{file: {{paths: {source}}}, decode: {decode}}}\nsinks:\n  out: {{inputs: [f], {sink}}}\n"
    );
    workplace.write("pipeline.yaml", &text);
    workplace.run(&["run", "--quiet", "pipeline.yaml"]).ok();
}

fn stored(workplace: &Workplace, data: &str) -> String {
    let rows = workplace.sql(data, "select s, v, `time`, `device`, `values` from root.p.d");
    let nulls = workplace.sql(data, "select s is null, `device` is null from root.p.d");
    format!("{rows}{nulls}")
}

#[test]
fn readings_come_back_through_csv_and_json_lines() {
    let workplace = Workplace::new();
    readings(&workplace);
    run(&workplace, "direct", "in.jsonl", CAST, "iotdb: {embedded: direct}");
    let before = stored(&workplace, "direct");
    assert_eq!(
        workplace.sql("direct", "select count(s), count(v), count(`values`) from root.p.d").lines().nth(1),
        Some("8,8,8")
    );
    assert!(
        before.contains("NaN") && before.contains("-Infinity") && before.contains("two\nlines"),
        "{before}"
    );

    let csv = "file: {path: out.csv, form: wide, types: true}";
    run(&workplace, "to-csv", "in.jsonl", CAST, csv);
    run(&workplace, "from-csv", "out.csv", "{csv: {}}", "iotdb: {embedded: from-csv}");
    assert_eq!(stored(&workplace, "from-csv"), before);
    workplace.run(&["import", "out.csv", "--data", "import-csv", "--quiet"]).ok();
    assert_eq!(stored(&workplace, "import-csv"), before);

    run(&workplace, "to-json", "in.jsonl", CAST, "file: {path: out.jsonl}");
    run(&workplace, "from-json", "out.jsonl", CAST, "iotdb: {embedded: from-json}");
    assert_eq!(stored(&workplace, "from-json"), before);
    let series = "create timeseries root.p.d.s TEXT; create timeseries root.p.d.`device` STRING; create timeseries root.p.d.`time` DOUBLE";
    workplace.run(&["sql", "--data", "import-json", "-e", series]).ok();
    workplace.run(&["import", "out.jsonl", "--data", "import-json", "--quiet"]).ok();
    assert_eq!(stored(&workplace, "import-json"), before);
}

#[test]
fn readings_come_back_through_files_of_columns() {
    let workplace = Workplace::new();
    readings(&workplace);
    run(&workplace, "direct", "in.jsonl", CAST, "iotdb: {embedded: direct}");
    for format in ["parquet", "tsfile"] {
        let sink = format!("file: {{path: \"{format}/{{device}}/{{date}}.{format}\"}}");
        run(&workplace, format, "in.jsonl", CAST, &sink);
        let file = format!("{format}/root.p.d/2023-11-14.{format}");
        let data = format!("from-{format}");
        workplace.run(&["import", &file, "--data", &data, "--quiet"]).ok();
        assert_eq!(stored(&workplace, &data), stored(&workplace, "direct"), "{format}");
        let types = |data: &str| workplace.sql(data, "show timeseries root.p.d.*").replace("LZ4", "");
        if format == "parquet" {
            assert_eq!(types(&data), types("direct"));
        }
    }
}

#[test]
fn a_path_that_is_no_template_is_an_error_of_the_file() {
    let workplace = Workplace::new();
    let text = "sources: {f: {sensor: {rows: 3}}}\nsinks:\n  out:\n    inputs: [f]\n    file: {path: \"out/{devcie}.csv\"}\n";
    workplace.write("p.yaml", text);
    let lint = workplace.run(&["lint", "p.yaml"]);
    let said = lint.stdout + &lint.stderr;
    assert!(
        lint.code != Some(0) && said.contains("`{devcie}` is nothing that a path can be made of"),
        "{said}"
    );
}

#[test]
fn a_line_break_between_quotes_ends_no_record_of_a_file() {
    let workplace = Workplace::new();
    // A quote that is never closed costs its own line, and none behind it.
    workplace.write(
        "in.csv",
        "time,device,s(TEXT),v\n1700000000001,root.p.d,\"a\r\nb\n\nc\",1\n1700000000002,root.p.d,\"open,2\n\
         1700000000003,root.p.d,\"\",3\n1700000000004,root.p.d,\"x\ny\",4\n1700000000005,root.p.d,\"never,5\n1700000000006,root.p.d,,6\n",
    );
    run(&workplace, "c", "in.csv", "{csv: {}}", "iotdb: {embedded: data}");
    let rows = workplace.sql("data", "select s, v from root.p.d");
    assert_eq!(
        rows,
        "Time,root.p.d.s,root.p.d.v\n1700000000001,\"a\r\nb\n\nc\",1.0\n1700000000003,\"\",3.0\n\
         1700000000004,\"x\ny\",4.0\n1700000000006,,6.0\n"
    );
    let letters =
        std::fs::read_to_string(workplace.path(".levada/c/dead-letters.jsonl")).expect("dead letters");
    let texts: Vec<String> = letters
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["text"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    assert_eq!(texts, ["1700000000002,root.p.d,\"open,2", "1700000000005,root.p.d,\"never,5"]);
}

#[test]
fn two_columns_of_one_name_are_never_one_key() {
    let workplace = Workplace::new();
    workplace.sql("data", "insert into root.p.d(time, a, b) values (1, 5, 6)");
    for (format, statement) in
        [("json", "select a, b, a from root.p.d"), ("jsonl", "select a, a as x, b, a from root.p.d")]
    {
        let shown = workplace.run(&["sql", "--data", "data", "--format", format, "-e", statement]);
        assert_eq!(shown.code, Some(3), "{}", shown.stdout);
        assert!(shown.stderr.contains("name them with `as`"), "{}", shown.stderr);
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_record() {
    let workplace = Workplace::new();
    for (name, decode, text) in [
        ("json", "{json: {}}", "\u{feff}{\"device\":\"root.p.json\",\"time\":1700000000001,\"v\":1}\n"),
        ("line", "{line: {}}", "\u{feff}root.p.line,1700000000001,v,DOUBLE,1\n"),
        ("csv", "{csv: {}}", "\u{feff}time,device,v\n1700000000001,root.p.csv,1\n"),
        ("bare", "{csv: {columns: [time, device, v]}}", "\u{feff}1700000000001,root.p.bare,1\n"),
    ] {
        workplace.write("in.txt", text);
        run(&workplace, name, "in.txt", decode, &format!("iotdb: {{embedded: data-{name}}}"));
        let rows = workplace.sql(&format!("data-{name}"), "select v from root.p.**");
        assert_eq!(rows, format!("Time,root.p.{name}.v\n1700000000001,1.0\n"));
    }
}

#[test]
fn names_that_a_head_would_take_for_something_else_come_back_in_every_form() {
    let workplace = Workplace::new();
    let values = r#"{"x(INT32)":1.5," lead":2.5,"time":3.5,"Device":4.5,"plain":5.5,"a,b":6.5}"#;
    let line = format!("{{\"device\":\"root.p.d\",\"timestamp\":1700000000001,\"values\":{values}}}\n");
    workplace.write("in.jsonl", &line);
    run(&workplace, "direct", "in.jsonl", "json", "iotdb: {embedded: direct}");
    let stored = |data: &str| workplace.sql(data, "select * from root.p.d");
    let before = stored("direct");
    assert!([" lead", "x(INT32)", "6.5"].iter().all(|part| before.contains(part)), "{before}");
    for (name, form) in [("bare", "form: wide"), ("typed", "form: wide, types: true"), ("long", "form: long")]
    {
        let file = format!("{name}.csv");
        run(
            &workplace,
            &format!("to-{name}"),
            "in.jsonl",
            "json",
            &format!("file: {{path: {file}, {form}}}"),
        );
        run(&workplace, &format!("from-{name}"), &file, "csv", &format!("iotdb: {{embedded: from-{name}}}"));
        assert_eq!(stored(&format!("from-{name}")), before, "{name}");
        let imported = workplace.run(&["import", &file, "--data", &format!("import-{name}"), "--quiet"]);
        if name == "long" {
            assert_ne!(imported.code, Some(0));
            assert!(imported.stderr.contains("write it with `form: wide`"), "{}", imported.stderr);
        } else {
            imported.ok();
            assert_eq!(stored(&format!("import-{name}")), before, "{name}");
        }
    }
}

#[test]
fn measurements_called_as_the_time_or_the_device_come_back_from_every_export() {
    let workplace = Workplace::new();
    let names = "`time`, `Time`, `TIME`, device, `Device`, `timestamp`, x";
    workplace
        .sql("data", &format!("insert into root.p.d(time, {names}) values (1, 11, 12, 13, 14, 15, 16, 17)"));
    let stored = |data: &str| workplace.sql(data, "select * from root.p.d");
    let what: [&[&str]; 3] = [
        &["--path", "root.**"],
        &["--query", "select * from root.p.d align by device"],
        &["--query", "select * from root.p.d"],
    ];
    let formats: [&[&str]; 4] = [&[], &["--no-types"], &["--format", "jsonl"], &["--format", "parquet"]];
    for (at, what) in what.iter().enumerate() {
        for (nth, format) in formats.iter().enumerate() {
            // Of a query, JSON lines and Parquet have no two columns that differ in their case only.
            if at > 0 && nth > 1 {
                continue;
            }
            let (file, data) = (format!("out-{at}-{nth}"), format!("data-{at}-{nth}"));
            let extension = format.last().filter(|_| nth > 1).unwrap_or(&"csv");
            let file = format!("{file}.{extension}");
            let export = ["export", "--data", "data", "-o", &file];
            workplace.run(&[&export, *what, *format].concat()).ok();
            workplace.run(&["import", &file, "--data", &data, "--quiet"]).ok();
            assert_eq!(stored(&data), stored("data"), "{what:?} {format:?}");
        }
    }
}

#[test]
fn texts_that_look_like_something_else_are_texts_when_they_come_back() {
    let workplace = Workplace::new();
    let lines =
        ["5", "21.5", "true", "NaN", "00123", "1E5", "null", ""].iter().enumerate().map(|(at, text)| {
            let time = 1_700_000_000_000i64 + at as i64;
            format!("{{\"device\":\"root.p.d\",\"timestamp\":{time},\"s\":\"{text}\",\"n\":{at}.5}}\n")
        });
    workplace.write("in.jsonl", &lines.collect::<String>());
    run(&workplace, "direct", "in.jsonl", "{json: {cast: {s: TEXT}}}", "iotdb: {embedded: direct}");
    let stored = |data: &str| workplace.sql(data, "select s, n from root.p.d");
    let types = |data: &str| workplace.sql(data, "show timeseries root.p.d.s");
    assert!(types("direct").contains("TEXT"));
    for form in ["wide", "long"] {
        let file = format!("{form}.csv");
        let sink = format!("file: {{path: {file}, form: {form}}}");
        run(&workplace, &format!("to-{form}"), "in.jsonl", "{json: {cast: {s: TEXT}}}", &sink);
        let data = format!("from-{form}");
        run(&workplace, &data, &file, "csv", &format!("iotdb: {{embedded: {data}}}"));
        assert_eq!((stored(&data), types(&data)), (stored("direct"), types("direct")), "{form}");
    }
    workplace.run(&["import", "wide.csv", "--data", "imported", "--quiet"]).ok();
    assert_eq!((stored("imported"), types("imported")), (stored("direct"), types("direct")));
    let export = ["export", "--data", "direct", "--path", "root.**", "--no-types", "-o", "bare.csv"];
    workplace.run(&export).ok();
    workplace.run(&["import", "bare.csv", "--data", "bare", "--quiet"]).ok();
    run(&workplace, "bare", "bare.csv", "csv", "iotdb: {embedded: from-bare}");
    for data in ["bare", "from-bare"] {
        assert_eq!((stored(data), types(data)), (stored("direct"), types("direct")), "{data}");
    }
}
