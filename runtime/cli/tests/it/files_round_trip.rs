//! What is exported and imported again is what it was, format by format, and type by type.

use crate::{
    command::Workplace,
    files::{files, sql},
};

const SERIES: [(&str, &str); 10] = [
    ("b", "BOOLEAN encoding=RLE compressor=ZSTD"),
    ("i", "INT32 encoding=TS_2DIFF compressor=GZIP"),
    ("l", "INT64 encoding=GORILLA compressor=SNAPPY"),
    ("f", "FLOAT encoding=GORILLA compressor=LZ4"),
    ("d", "DOUBLE encoding=CHIMP compressor=ZSTD"),
    ("t", "TEXT encoding=PLAIN compressor=LZ4"),
    ("s", "STRING encoding=DICTIONARY compressor=ZSTD"),
    ("x", "BLOB encoding=PLAIN compressor=UNCOMPRESSED"),
    ("w", "TIMESTAMP encoding=TS_2DIFF compressor=ZSTD"),
    ("y", "DATE encoding=RLE compressor=LZ4"),
];

const SELECT: &str = "select b, i, l, f, d, t, s, x, w, y from root.plant.* align by device";
const NULLS: &str = "select t is null, s is null, x is null, f is null, d is null from root.plant.*";

/// A plain and an aligned device, or series without rows where nothing is to be in them.
fn with_types(data: &str, names: &[&str], rows: bool) -> Workplace {
    let workplace = Workplace::new();
    make(&workplace, data, names, rows);
    workplace
}

fn make(workplace: &Workplace, data: &str, names: &[&str], rows: bool) {
    let wanted: Vec<_> = SERIES.iter().filter(|(name, _)| names.contains(name)).collect();
    let mut statements: Vec<String> =
        wanted.iter().map(|(name, kind)| format!("create timeseries root.plant.p.{name} {kind}")).collect();
    let columns: Vec<String> = wanted.iter().map(|(name, kind)| format!("{name} {kind}")).collect();
    statements.push(format!("create aligned timeseries root.plant.a({})", columns.join(", ")));
    // Values, extremes and what is hardest to tell from nothing, nulls, numbers that are none.
    let values = [
        [
            "1",
            "true",
            "-7",
            "9007199254740993",
            "1.5",
            "0.1",
            "'x,y \"z\"'",
            "'grün'",
            "X'00ff'",
            "1777593600000",
            "'2026-05-01'",
        ],
        ["2", "null", "null", "5", "null", "null", "null", "null", "null", "null", "null"],
        [
            "-3",
            "false",
            "2147483647",
            "-9223372036854775807",
            "-0.25",
            "1e300",
            "''",
            "''",
            "X''",
            "-1",
            "'1969-12-31'",
        ],
        [
            "4",
            "null",
            "-2147483648",
            "null",
            "3.4028235e38",
            "-0.0",
            "'line\nbreak'",
            "'null'",
            "X'0a'",
            "0",
            "'9999-12-31'",
        ],
    ];
    for (device, aligned) in [("p", ""), ("a", " aligned")] {
        let at = |name: &str| 1 + SERIES.iter().position(|(known, _)| *known == name).unwrap_or_default();
        let row = |row: &[&str; 11]| {
            let values: Vec<&str> = wanted.iter().map(|(name, _)| row[at(name)]).collect();
            format!("({}, {})", row[0], values.join(", "))
        };
        let all: Vec<String> = values.iter().map(row).collect();
        statements.push(format!(
            "insert into root.plant.{device}(time, {}){aligned} values {}",
            names.join(", "),
            all.join(", ")
        ));
    }
    if !rows {
        statements.retain(|statement| statement.starts_with("create"));
    }
    sql(workplace, data, &statements.join(";\n"));
}

fn series(workplace: &Workplace, data: &str) -> String {
    sql(workplace, data, "show timeseries root.plant.**")
}

const ALL: [&str; 10] = ["b", "i", "l", "f", "d", "t", "s", "x", "w", "y"];
/// What version 3 has.
const OLD: [&str; 6] = ["b", "i", "l", "f", "d", "t"];

fn export(workplace: &Workplace, format: &[&str], to: &str) {
    let arguments = ["export", "--data", "data", "--path", "root.plant.**", "-o", to, "--format"];
    workplace.run(&[&arguments[..], format].concat()).ok();
}

#[test]
fn a_tsfile_keeps_everything() {
    for (format, names) in [(&["tsfile"][..], &ALL[..]), (&["tsfile", "--tsfile-version", "3"], &OLD[..])] {
        let workplace = with_types("data", names, true);
        let select = format!("select {} from root.plant.* align by device", names.join(", "));
        // Numbers that are none come by files only, as no statement can write them.
        export(&workplace, format, "all.tsfile");
        assert_eq!(workplace.run(&["fsck", "all.tsfile"]).ok(), "all.tsfile is sound\n");
        workplace.run(&["import", "all.tsfile", "--data", "again", "--quiet"]).ok();
        assert_eq!(sql(&workplace, "again", &select), sql(&workplace, "data", &select));
        assert_eq!(series(&workplace, "again"), series(&workplace, "data"), "encodings and compression, too");
        assert_eq!(sql(&workplace, "again", "show devices"), sql(&workplace, "data", "show devices"));
    }
    let workplace = with_types("data", &ALL, true);
    let rejected = workplace.run(&[
        "export",
        "--data",
        "data",
        "--path",
        "root.plant.**",
        "-o",
        "no.tsfile",
        "--format",
        "tsfile",
        "--tsfile-version",
        "3",
    ]);
    assert!(rejected.code == Some(1) && rejected.stderr.contains("version 3"), "{}", rejected.stderr);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_keeps_values_and_types() {
    let workplace = with_types("data", &ALL, true);
    export(&workplace, &["parquet"], "all.parquet");
    workplace.run(&["import", "all.parquet", "--data", "again", "--quiet"]).ok();
    assert_eq!(sql(&workplace, "again", SELECT), sql(&workplace, "data", SELECT));
    assert_eq!(sql(&workplace, "again", NULLS), sql(&workplace, "data", NULLS));
    assert_eq!(types(&workplace, "again"), types(&workplace, "data"));
}

/// The type of each series.
fn types(workplace: &Workplace, data: &str) -> Vec<String> {
    let of = |line: &str| line.split(',').step_by(3).take(2).collect::<Vec<_>>().join(" ");
    let mut types: Vec<_> = series(workplace, data).lines().map(of).collect();
    types.sort();
    types
}

#[test]
fn csv_keeps_values_and_types() {
    let workplace = with_types("data", &ALL, true);
    export(&workplace, &["csv"], "all.csv");
    workplace.run(&["import", "all.csv", "--data", "again", "--quiet"]).ok();
    assert_eq!(sql(&workplace, "again", SELECT), sql(&workplace, "data", SELECT));
    assert_eq!(sql(&workplace, "again", NULLS), sql(&workplace, "data", NULLS));
}

#[test]
fn json_lines_keep_values_and_types() {
    let workplace = with_types("data", &ALL, true);
    export(&workplace, &["jsonl"], "all.jsonl");
    workplace.run(&["import", "all.jsonl", "--data", "again", "--quiet"]).ok();
    assert_eq!(sql(&workplace, "again", SELECT), sql(&workplace, "data", SELECT));
    assert_eq!(sql(&workplace, "again", NULLS), sql(&workplace, "data", NULLS));
    assert_eq!(types(&workplace, "again"), types(&workplace, "data"));
    // A pipeline reads the same file to the same.
    move_rows(
        &workplace,
        "file: {paths: [all.jsonl]}\n    decode: {json: {device: $.Device, time: $.Time}}",
        "iotdb: {embedded: read}",
    );
    assert_eq!(sql(&workplace, "read", SELECT), sql(&workplace, "data", SELECT));
    assert_eq!(types(&workplace, "read"), types(&workplace, "data"));
}

/// Runs a pipeline from a source into a sink.
fn move_rows(workplace: &Workplace, source: &str, sink: &str) {
    let pipeline =
        format!("sources:\n  rows:\n    {source}\nsinks:\n  out:\n    inputs: [rows]\n    {sink}\n");
    workplace.write("move.yaml", &pipeline);
    let state: String = sink.chars().filter(char::is_ascii_alphanumeric).collect();
    workplace.run(&["run", "--quiet", "--state", &state, "move.yaml"]).ok();
}

#[test]
fn files_of_a_pipeline_are_read_back_with_the_same_values_and_types() {
    let workplace = with_types("data", &ALL, true);
    let rows = "iotdb: {embedded: data, query: select * from root.plant.** align by device}";
    for (name, options, decode) in
        [("rows.jsonl", "types: true", "json"), ("rows.csv", "form: wide, types: true", "csv")]
    {
        move_rows(&workplace, rows, &format!("file: {{path: {name}, {options}}}"));
        let stored = format!("back-{decode}");
        move_rows(
            &workplace,
            &format!("file: {{paths: [{name}]}}\n    decode: {decode}"),
            &format!("iotdb: {{embedded: {stored}}}"),
        );
        assert_eq!(sql(&workplace, &stored, SELECT), sql(&workplace, "data", SELECT), "{name}");
        assert_eq!(sql(&workplace, &stored, NULLS), sql(&workplace, "data", NULLS), "{name}");
        assert_eq!(types(&workplace, &stored), types(&workplace, "data"), "{name}");
        // `levada import` reads it to the same.
        let imported = format!("imported-{decode}");
        workplace.run(&["import", name, "--data", &imported, "--quiet"]).ok();
        assert_eq!(sql(&workplace, &imported, SELECT), sql(&workplace, "data", SELECT), "{name}");
        assert_eq!(types(&workplace, &imported), types(&workplace, "data"), "{name}");
    }
}

#[test]
fn json_lines_without_types_keep_values_where_series_have_their_types() {
    let workplace = with_types("data", &ALL, true);
    export(&workplace, &["jsonl", "--no-types"], "all.jsonl");
    make(&workplace, "again", &ALL, false);
    workplace.run(&["import", "all.jsonl", "--data", "again", "--quiet"]).ok();
    assert_eq!(sql(&workplace, "again", SELECT), sql(&workplace, "data", SELECT));
    assert_eq!(sql(&workplace, "again", NULLS), sql(&workplace, "data", NULLS));
    // Without them, whole numbers, other numbers, truth and texts are told apart.
    workplace.run(&["import", "all.jsonl", "--data", "guessed", "--quiet"]).ok();
    let guessed = series(&workplace, "guessed");
    let of = |name: &str| {
        let line = guessed.lines().find(|line| line.starts_with(&format!("root.plant.p.{name},")));
        line.and_then(|line| line.split(',').nth(3)).unwrap_or_default().to_owned()
    };
    assert_eq!(["b", "i", "d", "t"].map(of), ["BOOLEAN", "INT64", "DOUBLE", "TEXT"], "{guessed}");
}

#[test]
fn numbers_that_are_none_pass_through_files() {
    let workplace = Workplace::new();
    workplace.write("odd.csv", "Time,Device,f(FLOAT),d(DOUBLE)\n1,root.plant.p,NaN,inf\n2,root.plant.p,-inf,NaN\n3,root.plant.p,1.5,-inf\n");
    workplace.run(&["import", "odd.csv", "--data", "data", "--quiet"]).ok();
    let select = "select f, d from root.plant.p";
    let before = sql(&workplace, "data", select);
    assert!(before.contains("NaN"), "{before}");
    let mut formats = vec!["tsfile", "csv", "jsonl"];
    if cfg!(feature = "parquet") {
        formats.push("parquet");
    }
    for format in formats {
        let (file, data) = (format!("odd2.{format}"), format!("again-{format}"));
        export(&workplace, &[format], &file);
        workplace.run(&["import", &file, "--data", &data, "--quiet"]).ok();
        assert_eq!(sql(&workplace, &data, select), before, "{format}");
    }
    assert_eq!(files(&workplace.path(""), "part").len(), 0);
}

/// Names that are words of SQL, of a format, or look like numbers, dates or nothing: in statements between backquotes.
const ODD: [&str; 12] = [
    "time",
    "timestamp",
    "Time",
    "device",
    "Device",
    "root",
    "true",
    "nan",
    "1d",
    "null",
    "values",
    "a(INT32)",
];

/// A device, plain and aligned, each of whose nodes and series has such a name; values tell the series apart.
fn with_odd_names() -> Workplace {
    let workplace = Workplace::new();
    let mut statements = Vec::new();
    for (device, aligned) in [("root.p.`time`.`root`", ""), ("root.p.`Device`.`1d`", " aligned")] {
        let names: Vec<String> = ODD.iter().map(|name| format!("`{name}`")).collect();
        let typed: Vec<String> = names.iter().map(|name| format!("{name} INT64")).collect();
        if aligned.is_empty() {
            statements.extend(names.iter().map(|name| format!("create timeseries {device}.{name} INT64")));
        } else {
            statements.push(format!("create aligned timeseries {device}({})", typed.join(", ")));
        }
        for row in [1, 2] {
            let values: Vec<String> = (0..ODD.len()).map(|at| (row * 1_000 + at).to_string()).collect();
            statements.push(format!(
                "insert into {device}(time, {}){aligned} values ({row}, {})",
                names.join(", "),
                values.join(", ")
            ));
        }
    }
    sql(&workplace, "data", &statements.join(";\n"));
    workplace
}

fn everything(workplace: &Workplace, data: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    // Names of columns and their values, whatever the order of columns.
    let rows = sql(workplace, data, "select * from root.p.**");
    let table: Vec<Vec<&str>> = rows.lines().map(|line| line.split(',').collect()).collect();
    for at in 0..table[0].len() {
        lines.push(table.iter().map(|row| row[at]).collect::<Vec<_>>().join(" "));
    }
    lines.sort();
    lines.join("\n")
}

#[test]
fn series_keep_whatever_name_they_have() {
    let workplace = with_odd_names();
    let before = everything(&workplace, "data");
    assert_eq!(before.lines().count(), 1 + 2 * ODD.len(), "{before}");
    assert!(before.contains("2000") && before.contains("2011"), "{before}");
    let mut formats = vec!["tsfile", "csv", "jsonl"];
    if cfg!(feature = "parquet") {
        formats.push("parquet");
    }
    for format in formats {
        let (file, data) = (format!("odd.{format}"), format!("again-{format}"));
        workplace
            .run(&["export", "--data", "data", "--path", "root.p.**", "-o", &file, "--format", format])
            .ok();
        workplace.run(&["import", &file, "--data", &data, "--quiet"]).ok();
        assert_eq!(everything(&workplace, &data), before, "{format}");
    }
    // One series alone, named in the pattern as it is.
    for name in ["time", "timestamp", "root", "true"] {
        let path = format!("root.p.*.*.{name}");
        workplace.run(&["export", "--data", "data", "--path", &path, "-o", "one.csv", "--force"]).ok();
        let one = std::fs::read_to_string(workplace.path("one.csv")).expect("written");
        assert!(one.starts_with(&format!("Time,Device,{name}(INT64)\n1,")), "{one}");
        assert_eq!(one.lines().count(), 5, "{one}");
    }
}

#[test]
fn views_are_exported_where_they_are_asked_for_and_told_of_where_not() {
    let workplace = Workplace::new();
    let statements = [
        "insert into root.p.d(time, s) values (1, 1.5), (2, 2.5)",
        "create view root.v.d.same as root.p.d.s",
        "create view root.v.d.more as select s + 1 from root.p.d",
    ];
    sql(&workplace, "data", &statements.join(";\n"));
    let export = |path: &str, more: &[&str]| {
        let args = ["export", "--data", "data", "--path", path, "-o", "views.csv", "--force"];
        workplace.run(&[args.as_slice(), more].concat())
    };
    let written = || std::fs::read_to_string(workplace.path("views.csv")).expect("written");
    let all = export("root.**", &[]);
    assert!(all.stderr.contains("2 views") && all.stderr.contains("--views"), "{}", all.stderr);
    assert_eq!(written(), "Time,Device,s(DOUBLE)\n1,root.p.d,1.5\n2,root.p.d,2.5\n");
    let alone = export("root.v.**", &[]);
    assert_eq!(alone.code, Some(3), "{}", alone.stderr);
    assert!(alone.stderr.contains("no series but 2 views"), "{}", alone.stderr);
    export("root.v.**", &["--views"]).ok();
    let head = "Time,Device,more(DOUBLE),same(DOUBLE)\n";
    assert_eq!(written(), format!("{head}1,root.v.d,2.5,1.5\n2,root.v.d,3.5,2.5\n"));
    // In another folder they are series.
    workplace.run(&["import", "views.csv", "--data", "copy", "--quiet"]).ok();
    assert_eq!(
        sql(&workplace, "copy", "select more from root.v.d where same = 2.5"),
        "Time,root.v.d.more\n2,3.5\n"
    );
}
