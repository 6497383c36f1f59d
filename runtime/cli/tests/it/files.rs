//! Data folders and files: checked, repaired, imported, exported.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::command::Workplace;

pub(crate) const COUNT: &str = "select count(*) from root.plant.** align by device";

/// A folder with readings in several sealed files and in the log.
pub(crate) fn with_readings() -> Workplace {
    let workplace = Workplace::new();
    for (name, rows) in [("one", 2_000), ("two", 3_000)] {
        workplace.write(
            &format!("{name}.yaml"),
            &format!(
                "name: {name}\nsources:\n  plant:\n    sensor: {{devices: 3, rows: {rows}, device: \"{name}.d{{n}}\", start: 2026-05-01T00:00:00Z}}\nsinks:\n  store:\n    inputs: [plant]\n    iotdb: {{embedded: data, database: root.plant}}\n"
            ),
        );
        workplace.run(&["run", &format!("{name}.yaml"), "--quiet"]).ok();
        workplace.run(&["sql", "--data", "data", "-e", "flush"]).ok();
    }
    sql(&workplace, "data", "insert into root.plant.late(time, s) values (1, 1.5), (2, 2.5)");
    workplace
}

pub(crate) fn sql(workplace: &Workplace, data: &str, statement: &str) -> String {
    workplace.run(&["sql", "--data", data, "--zone", "UTC", "--format", "csv", "-e", statement]).ok()
}

/// All files below a folder with an extension, by path.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub(crate) fn flip(path: &Path, at: impl FnOnce(usize) -> usize) {
    let mut bytes = fs::read(path).expect("readable");
    let at = at(bytes.len());
    bytes[at] ^= 0x10;
    fs::write(path, bytes).expect("writable");
}

#[test]
fn a_sound_folder_has_no_findings() {
    let workplace = with_readings();
    let checked = workplace.run(&["fsck", "data"]).ok();
    assert_eq!(checked, "data is sound\n");
    let json = workplace.run(&["fsck", "data", "--format", "json"]).ok();
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json["clean"], json["findings"].as_array().map(Vec::len)), (&true.into(), Some(0)));
    // What is no data folder is not made one.
    fs::create_dir(workplace.path("other")).expect("made");
    assert_eq!(workplace.run(&["fsck", "other"]).code, Some(3));
    assert_eq!(fs::read_dir(workplace.path("other")).expect("there").count(), 0);
}

#[test]
fn a_damaged_file_is_found_and_all_else_kept() {
    let workplace = with_readings();
    let counted = sql(&workplace, "data", COUNT);
    assert_eq!(counted.lines().count(), 8, "{counted}");
    let sealed = files(&workplace.path("data/data"), "tsfile");
    assert!(sealed.len() > 1, "{sealed:?}");
    flip(&sealed[0], |length| length / 3);
    let name = sealed[0].file_name().expect("a name").to_string_lossy().into_owned();
    let found = workplace.run(&["fsck", "data"]);
    assert_eq!(found.code, Some(1), "{}", found.stdout);
    assert!(found.stdout.contains(&name) && found.stdout.contains("byte"), "{}", found.stdout);
    let repaired = workplace.run(&["fsck", "data", "--repair"]).ok();
    assert!(repaired.contains("kept") && repaired.contains("data/lost"), "{repaired}");
    assert_eq!(workplace.run(&["fsck", "data"]).ok(), "data is sound\n");
    let kept = sql(&workplace, "data", COUNT);
    assert!(kept.contains("root.plant.late,2"), "{kept}");
    // Devices of the other files are as they were.
    let of_two = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains("two")).map(str::to_owned).collect()
    };
    assert_eq!(of_two(&kept), of_two(&counted));
}

#[test]
fn a_damaged_log_is_found_and_what_is_readable_kept() {
    let workplace = with_readings();
    let logs = files(&workplace.path("data/wal"), "wal");
    let log = logs.iter().max_by_key(|path| fs::metadata(path).map_or(0, |meta| meta.len())).expect("a log");
    // The last record but a few bytes: rows of `late`.
    flip(log, |length| length - 8);
    let found = workplace.run(&["fsck", "data"]);
    assert_eq!(found.code, Some(1), "{}", found.stdout);
    assert!(found.stdout.contains(".wal, byte "), "{}", found.stdout);
    let repaired = workplace.run(&["fsck", "data", "--repair"]).ok();
    assert!(repaired.contains("data is repaired"), "{repaired}");
    assert_eq!(workplace.run(&["fsck", "data"]).ok(), "data is sound\n");
    let kept = sql(&workplace, "data", COUNT);
    assert!(kept.contains("two"), "{kept}");
}

#[test]
fn a_file_that_was_cut_off_is_repaired_by_itself() {
    let workplace = with_readings();
    let sealed = files(&workplace.path("data/data"), "tsfile");
    let bytes = fs::read(&sealed[0]).expect("readable");
    let path = workplace.path("cut.tsfile");
    fs::write(&path, &bytes).expect("written");
    assert_eq!(workplace.run(&["fsck", "cut.tsfile"]).ok(), "cut.tsfile is sound\n");
    fs::write(&path, &bytes[..bytes.len() - 20]).expect("written");
    let found = workplace.run(&["fsck", "cut.tsfile"]);
    assert!(found.code == Some(1) && found.stdout.contains("byte"), "{}", found.stdout);
    let repaired = workplace.run(&["fsck", "cut.tsfile", "--repair"]).ok();
    assert!(repaired.contains("lost/cut.tsfile"), "{repaired}");
    assert_eq!(workplace.run(&["fsck", "cut.tsfile"]).ok(), "cut.tsfile is sound\n");
    assert_eq!(fs::read(workplace.path("lost/cut.tsfile")).expect("kept").len(), bytes.len() - 20);
    workplace.run(&["import", "cut.tsfile", "--data", "again"]).ok();
    assert!(sql(&workplace, "again", COUNT).lines().count() > 1);
}

#[test]
fn csv_of_both_forms_is_imported() {
    let workplace = Workplace::new();
    workplace.write(
        "by-device.csv",
        "Time,Device,temperature,count(INT32),name\n1,root.a.d1,21.5,3,x\n2,root.a.d2,,4,\n1970-01-01T00:00:00.003Z,root.a.d1,22,,\"y,z\"\n",
    );
    workplace.write("series.csv", "Time,root.a.d1.temperature,root.a.d3.on\n9,1.5,true\n");
    let said = workplace
        .run(&["import", "by-device.csv", "series.csv", "--data", "data", "--device-prefix", "root.copy"])
        .ok();
    assert!(said.starts_with("imported 8 values in 5 rows from 2 files"), "{said}");
    assert_eq!(
        sql(&workplace, "data", "select temperature, count, name from root.copy.a.d1"),
        "Time,root.copy.a.d1.temperature,root.copy.a.d1.count,root.copy.a.d1.name\n1,21.5,3,x\n3,22.0,,\"y,z\"\n9,1.5,,\n"
    );
    workplace.write("wrong.csv", "Time,Device,count\n1,root.copy.a.d1,many\n");
    let failed = workplace.run(&["import", "wrong.csv", "--data", "data"]);
    assert!(failed.code == Some(1) && failed.stdout.contains("wrong.csv.failed"), "{}", failed.stdout);
}

#[test]
fn what_is_exported_comes_back_the_same() {
    let workplace = with_readings();
    sql(
        &workplace,
        "data",
        "insert into root.plant.together(time, a, b, note) aligned values (1, 1.5, true, 'x,y'), (2, null, false, 'z\"'), (4, 2.5, null, null)",
    );
    let select = "select * from root.plant.** align by device";
    let before = sql(&workplace, "data", select);
    assert!(before.lines().count() > 5_000);
    for (format, more) in [("tsfile", &[][..]), ("tsfile", &["--tsfile-version", "3"]), ("csv", &[])] {
        let name = format!("all{}.{format}", more.len());
        let export = ["export", "--data", "data", "--path", "root.plant.**", "--format", format, "-o", &name];
        let said = workplace.run(&[&export[..], more].concat()).ok();
        assert!(said.starts_with("exported ") && said.ends_with(&format!("{name}\n")), "{said}");
        assert!(!workplace.path(&format!("{name}.part")).exists());
        let data = format!("again-{name}");
        workplace.run(&["import", &name, "--data", &data, "--quiet"]).ok();
        assert_eq!(sql(&workplace, &data, select), before, "{name}");
        if format == "tsfile" {
            assert_eq!(workplace.run(&["fsck", &name]).ok(), format!("{name} is sound\n"));
            let devices = "show devices root.plant.*";
            assert_eq!(sql(&workplace, &data, devices), sql(&workplace, "data", devices));
        }
    }
}

#[test]
fn a_querys_rows_are_exported_in_every_format() {
    let workplace = with_readings();
    let export = |query: &str, format: &str, to: &str| {
        workplace
            .run(&["export", "--data", "data", "--query", query, "--format", format, "-o", to, "--force"])
    };
    let select = "select temperature from root.plant.two.d1 where temperature > 15";
    export(select, "csv", "rows.csv").ok();
    let rows = sql(&workplace, "data", select);
    let written = fs::read_to_string(workplace.path("rows.csv")).expect("written");
    assert_eq!(written.replacen("(DOUBLE)\n", "\n", 1), rows);
    export(select, "jsonl", "rows.jsonl").ok();
    let lines = fs::read_to_string(workplace.path("rows.jsonl")).expect("written");
    assert_eq!(lines.lines().count(), rows.lines().count() - 1);
    for select in [select, "select temperature from root.plant.two.d1 where temperature > 15 align by device"]
    {
        export(select, "tsfile", "rows.tsfile").ok();
        fs::remove_dir_all(workplace.path("again")).ok();
        workplace.run(&["import", "rows.tsfile", "--data", "again"]).ok();
        assert_eq!(sql(&workplace, "again", "select temperature from root.plant.two.d1"), rows);
    }
    // What names no series has no place in a TsFile, and leaves nothing behind.
    let rejected = export("select avg(temperature) from root.plant.two.d1", "tsfile", "no.tsfile");
    assert!(rejected.code == Some(3) && rejected.stderr.contains("TsFile"), "{}", rejected.stderr);
    let rejected = export("selec", "csv", "no.csv");
    assert_eq!(rejected.code, Some(3), "{}", rejected.stderr);
    for name in ["no.tsfile", "no.tsfile.part", "no.csv", "no.csv.part"] {
        assert!(!workplace.path(name).exists(), "{name}");
    }
}

#[test]
fn a_tsfile_is_about_as_small_as_the_folder() {
    let workplace = Workplace::new();
    let mut text = String::from("Time,Device,wave(DOUBLE),chosen(DOUBLE)\n");
    for row in 0..20_000 {
        let value = f64::from(row * 7919 % 10_007) / 100.0;
        text.push_str(&format!(
            "{},root.z.d,{value},{value}\n",
            1_700_000_000_000_i64 + i64::from(row) * 1_000
        ));
    }
    workplace.write("rows.csv", &text);
    sql(&workplace, "data", "create timeseries root.z.d.chosen DOUBLE encoding=CHIMP");
    workplace.run(&["import", "rows.csv", "--data", "data", "--quiet"]).ok();
    sql(&workplace, "data", "flush");
    let size = |path: &Path| fs::metadata(path).expect("there").len();
    let sealed: u64 = files(&workplace.path("data/data"), "tsfile").iter().map(|path| size(path)).sum();
    for path in ["root.z.**", "root.z.d.chosen"] {
        let export =
            ["export", "--data", "data", "--path", path, "--format", "tsfile", "-o", "z.tsfile", "--force"];
        workplace.run(&export).ok();
        let exported = size(&workplace.path("z.tsfile"));
        assert!(exported < sealed * 11 / 10, "{path}: {exported} bytes, {sealed} in the folder");
    }
    // What somebody chose stays.
    workplace.run(&["import", "z.tsfile", "--data", "again", "--quiet"]).ok();
    assert!(sql(&workplace, "again", "show timeseries root.z.d.chosen").contains("CHIMP"));
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_says_so() {
    let workplace = with_readings();
    let args = ["export", "--data", "data", "--path", "root.**", "--format", "parquet", "-o", "no.parquet"];
    let rejected = workplace.run(&args);
    assert!(rejected.code == Some(3) && rejected.stderr.contains("no Parquet"), "{}", rejected.stderr);
    assert!(!workplace.path("no.parquet").exists());
}

#[cfg(feature = "parquet")]
mod parquet_files {
    use std::{fs::File, sync::Arc};

    use arrow_array::{
        Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Float32Array, Float64Array, Int32Array,
        Int64Array, RecordBatch, StringArray, TimestampMillisecondArray,
    };
    use arrow_select::concat::concat_batches;
    use parquet::{
        arrow::arrow_reader::ParquetRecordBatchReaderBuilder,
        basic::{Compression, LogicalType, TimeUnit, Type},
    };

    use super::{COUNT, Workplace, sql, with_readings};

    const TYPES: [&str; 10] =
        ["BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE", "TEXT", "STRING", "BLOB", "TIMESTAMP", "DATE"];

    fn export(workplace: &Workplace, what: [&str; 2], to: &str) -> RecordBatch {
        let args = ["export", "--data", "data", "--format", "parquet", "-o", to];
        let said = workplace.run(&[&args[..], &what].concat()).ok();
        let read = read(workplace, to);
        assert!(said.starts_with(&format!("exported {} rows to {to}", read.num_rows())), "{said}");
        assert!(!workplace.path(&format!("{to}.part")).exists());
        read
    }

    fn read(workplace: &Workplace, name: &str) -> RecordBatch {
        let file = File::open(workplace.path(name)).expect("written");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        let schema = Arc::clone(reader.schema());
        let batches: Result<Vec<_>, _> = reader.build().expect("readable").collect();
        concat_batches(&schema, &batches.expect("readable")).expect("one schema")
    }

    fn names(batch: &RecordBatch) -> Vec<&str> {
        batch.schema_ref().fields().iter().map(|field| field.name().as_str()).collect()
    }

    /// A folder with every type: a row of values, one of nulls but for a number, one of extremes.
    fn with_types() -> Workplace {
        let workplace = Workplace::new();
        std::fs::create_dir(workplace.path("data")).expect("made");
        sql(&workplace, "data", "create database root.plant");
        let series: Vec<String> =
            TYPES.iter().map(|name| format!("{}_ {name}", name.to_lowercase())).collect();
        let create = format!("create aligned timeseries root.plant.kinds({})", series.join(", "));
        sql(&workplace, "data", &create);
        let names: Vec<String> = TYPES.iter().map(|name| format!("{}_", name.to_lowercase())).collect();
        let insert = format!(
            "insert into root.plant.kinds(time, {}) aligned values \
             (1, true, -7, 9007199254740993, 1.5, 0.1, 'x,y', 'grün', X'00ff', 1777593600000, '2026-05-01'), \
             (2, null, null, 5, null, null, null, null, null, null, null), \
             (-3, false, 2147483647, -1, -0.25, 1e300, '', 'z', X'', -1, '1969-12-31')",
            names.join(", ")
        );
        sql(&workplace, "data", &insert);
        workplace
    }

    /// The values of `with_types`, in the order of time and of `TYPES`.
    fn expected() -> Vec<ArrayRef> {
        let blobs: Vec<Option<&[u8]>> = vec![Some(b""), Some(b"\x00\xff"), None];
        let times = vec![Some(-1), Some(1_777_593_600_000), None];
        vec![
            Arc::new(BooleanArray::from(vec![Some(false), Some(true), None])),
            Arc::new(Int32Array::from(vec![Some(i32::MAX), Some(-7), None])),
            Arc::new(Int64Array::from(vec![-1, 9_007_199_254_740_993, 5])),
            Arc::new(Float32Array::from(vec![Some(-0.25), Some(1.5), None])),
            Arc::new(Float64Array::from(vec![Some(1e300), Some(0.1), None])),
            Arc::new(StringArray::from(vec![Some(""), Some("x,y"), None])),
            Arc::new(StringArray::from(vec![Some("z"), Some("grün"), None])),
            Arc::new(BinaryArray::from(blobs)),
            Arc::new(TimestampMillisecondArray::from(times).with_timezone("UTC")),
            Arc::new(Date32Array::from(vec![Some(-1), Some(20_574), None])),
        ]
    }

    #[test]
    fn every_type_keeps_its_values_and_nulls() {
        let workplace = with_types();
        let select: Vec<String> = TYPES.iter().map(|name| format!("{}_", name.to_lowercase())).collect();
        let select = format!("select {} from root.plant.kinds", select.join(", "));
        let of_query = export(&workplace, ["--query", &select], "query.parquet");
        let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![-3, 1, 2]).with_timezone("UTC"));
        assert_eq!(names(&of_query)[..3], ["Time", "root.plant.kinds.boolean_", "root.plant.kinds.int32_"]);
        assert!(!of_query.schema_ref().field(0).is_nullable());
        assert_eq!(of_query.column(0), &times);
        for ((column, expected), name) in of_query.columns()[1..].iter().zip(expected()).zip(TYPES) {
            assert_eq!(column, &expected, "{name}");
        }
        // By path: the device, then its series by name.
        let of_path = export(&workplace, ["--path", "root.plant.**"], "path.parquet");
        assert_eq!(names(&of_path)[..3], ["Time", "Device", "blob_"]);
        assert_eq!(of_path.column(0), &times);
        let devices: ArrayRef = Arc::new(StringArray::from(vec!["root.plant.kinds"; 3]));
        assert_eq!(of_path.column(1), &devices);
        for (expected, name) in expected().iter().zip(TYPES) {
            let column = of_path.column_by_name(&format!("{}_", name.to_lowercase()));
            assert_eq!(column, Some(expected), "{name}");
        }
    }

    #[test]
    fn other_readers_see_the_types_too() {
        let workplace = with_types();
        export(&workplace, ["--path", "root.plant.**"], "path.parquet");
        let file = File::open(workplace.path("path.parquet")).expect("written");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        let instant = LogicalType::timestamp(true, TimeUnit::MILLIS);
        let expected = [
            ("Time", Type::INT64, Some(instant.clone())),
            ("Device", Type::BYTE_ARRAY, Some(LogicalType::String)),
            ("blob_", Type::BYTE_ARRAY, None),
            ("boolean_", Type::BOOLEAN, None),
            ("date_", Type::INT32, Some(LogicalType::Date)),
            ("double_", Type::DOUBLE, None),
            ("float_", Type::FLOAT, None),
            ("int32_", Type::INT32, None),
            ("int64_", Type::INT64, None),
            ("string_", Type::BYTE_ARRAY, Some(LogicalType::String)),
            ("text_", Type::BYTE_ARRAY, Some(LogicalType::String)),
            ("timestamp_", Type::INT64, Some(instant)),
        ];
        let columns = reader.parquet_schema().columns();
        assert_eq!(columns.len(), expected.len());
        for (column, (name, physical, logical)) in columns.iter().zip(expected) {
            assert_eq!((column.name(), column.physical_type()), (name, physical));
            assert_eq!(column.logical_type_ref(), logical.as_ref(), "{name}");
        }
        // To compress a few values costs more than it saves.
        let group = reader.metadata().row_group(0);
        assert!(group.columns().iter().all(|chunk| chunk.compression() == Compression::UNCOMPRESSED));
    }

    #[test]
    fn rows_of_many_devices_and_rows_without_a_time_are_kept() {
        let workplace = with_readings();
        let all = export(&workplace, ["--path", "root.plant.**"], "all.parquet");
        let counts = sql(&workplace, "data", "select count(temperature) from root.plant.** align by device");
        let counted: usize = counts.lines().skip(1).map(count).sum();
        let temperature = all.column_by_name("temperature").expect("a column");
        assert!(counted > 4_000);
        assert_eq!(temperature.len() - temperature.null_count(), counted);
        let file = File::open(workplace.path("all.parquet")).expect("written");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        let mut columns = reader.metadata().row_group(0).columns().iter();
        let is_compressed = columns.find(|chunk| chunk.column_path().string() == "temperature");
        assert!(is_compressed.is_some_and(|chunk| matches!(chunk.compression(), Compression::ZSTD(_))));
        let counts = export(&workplace, ["--query", COUNT], "counts.parquet");
        assert_eq!(names(&counts)[0], "Device");
        // Nothing to write is a file with columns only.
        let none =
            export(&workplace, ["--query", "select s from root.plant.late where s > 9"], "none.parquet");
        assert_eq!((names(&none), none.num_rows()), (vec!["Time", "root.plant.late.s"], 0));
        let twice = "select s as a, s as a from root.plant.late";
        let args = ["export", "--data", "data", "--query", twice, "--format", "parquet", "-o", "no.parquet"];
        let rejected = workplace.run(&args);
        assert_eq!(rejected.code, Some(3), "{}", rejected.stderr);
        assert!(!workplace.path("no.parquet.part").exists());
    }

    fn count(line: &str) -> usize {
        line.rsplit(',').next().and_then(|count| count.parse().ok()).unwrap_or_default()
    }
}

#[test]
fn a_query_of_a_folder_that_does_not_exist_makes_none() {
    let workplace = Workplace::new();
    for args in [
        &["sql", "--data", "typo", "-e", "select * from root.**"][..],
        &["sql", "--data", "typo", "-e", "show databases"],
        &["sql", "--data", "typo", "--read-only", "-e", "show databases"],
        &["export", "--data", "typo", "--path", "root.**", "-o", "out.csv"],
    ] {
        let output = workplace.run(args);
        assert_eq!(output.code, Some(3), "{args:?}");
        assert!(output.stderr.contains("there is no data folder typo"), "{args:?}: {}", output.stderr);
        assert!(!workplace.path("typo").exists(), "{args:?}");
    }
    sql(&workplace, "typo", "insert into root.a.d(time, s) values (1, 1)");
    assert_eq!(sql(&workplace, "typo", "select s from root.a.d"), "Time,root.a.d.s\n1,1.0\n");
}

#[test]
fn a_folder_of_other_files_does_not_become_a_store() {
    let workplace = Workplace::new();
    workplace.write("notes/todo.txt", "mine");
    let before = fs::read_dir(workplace.path("notes")).expect("there").count();
    for args in [
        &["sql", "--data", "notes", "-e", "insert into root.a.d(time, s) values (1, 1)"][..],
        &["sql", "--data", "notes", "-e", "select * from root.**"],
        &["export", "--data", "notes", "--path", "root.**", "-o", "out.csv"],
        &["import", "notes/todo.txt", "--data", "notes"],
    ] {
        let output = workplace.run(args);
        assert_ne!(output.code, Some(0), "{args:?}");
        assert_eq!(fs::read_dir(workplace.path("notes")).expect("there").count(), before, "{args:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_export_to_a_full_disk_names_the_file() {
    let workplace = with_readings();
    for format in ["csv", "jsonl", "tsfile"] {
        let full = ["export", "--data", "data", "--path", "root.**", "--format", format, "-o", "/dev/full"];
        let ran = workplace.run(&full);
        assert_eq!(ran.code, Some(1), "{format}: {}", ran.stderr);
        let told = ran.stderr.contains("cannot write to /dev/full: No space left on device");
        assert!(told, "{format}: {}", ran.stderr);
    }
}

#[test]
fn a_read_only_look_leaves_the_folder_as_it_is() {
    let workplace = with_readings();
    let before: Vec<_> = files(&workplace.path("data"), "wal");
    let read = [
        "sql",
        "--data",
        "data",
        "--read-only",
        "--format",
        "csv",
        "-e",
        "select count(s) from root.plant.late",
    ];
    assert_eq!(workplace.run(&read).ok(), "count(root.plant.late.s)\n2\n");
    let written =
        workplace.run(&["sql", "--data", "data", "--read-only", "-e", "delete from root.plant.late.s"]);
    assert_eq!(written.code, Some(1));
    assert!(written.stderr.contains("open to read only"), "{}", written.stderr);
    assert_eq!(files(&workplace.path("data"), "wal"), before);
}

#[test]
fn a_csv_that_could_not_be_read_back_is_not_written() {
    let workplace = Workplace::new();
    sql(&workplace, "data", "create timeseries root.p.d.v INT32; create timeseries root.p.e.v TEXT");
    sql(
        &workplace,
        "data",
        "insert into root.p.d(time, v) values (1, 1); insert into root.p.e(time, v) values (1, 'x')",
    );
    for (args, told) in [
        (&["--path", "root.**", "--no-types"][..], "`v` has several types"),
        (&["--query", "select v, v from root.p.d"], "two columns are named `root.p.d.v`"),
    ] {
        let all = [&["export", "--data", "data", "-o", "x.csv"], args].concat();
        let exported = workplace.run(&all);
        assert!(exported.code == Some(3) && exported.stderr.contains(told), "{}", exported.stderr);
        assert!(!workplace.path("x.csv").exists() && !workplace.path("x.csv.part").exists());
    }
    workplace.run(&["export", "--data", "data", "-o", "x.csv", "--path", "root.**"]).ok();
    workplace.run(&["import", "x.csv", "--data", "again"]).ok();
    for path in ["root.p.d", "root.p.e"] {
        let select = format!("select v from {path}");
        assert_eq!(sql(&workplace, "again", &select), sql(&workplace, "data", &select));
    }
}

#[test]
fn an_export_is_what_its_name_ends_in_unless_a_format_is_given() {
    let workplace = Workplace::new();
    sql(&workplace, "data", "insert into root.p.d(time, v) values (1, 1.5)");
    let export = |name: &str, more: &[&str]| {
        let args = ["export", "--data", "data", "--path", "root.**", "-o", name];
        workplace.run(&[&args[..], more].concat()).ok();
        fs::read(workplace.path(name)).expect("written")
    };
    assert!(export("a.parquet", &[]).starts_with(b"PAR1"));
    assert!(export("a.tsfile", &[]).starts_with(b"TsFile"));
    assert!(export("a.JSONL", &[]).starts_with(b"{"));
    for name in ["a.csv", "a.txt", "a"] {
        assert!(export(name, &[]).starts_with(b"Time"), "{name}");
    }
    assert!(export("b.csv", &["--format", "jsonl"]).starts_with(b"{"));
}

#[test]
fn an_export_to_a_dash_is_on_the_standard_output() {
    let workplace = Workplace::new();
    sql(&workplace, "data", "insert into root.p.d(time, v) values (1, 1.5)");
    let exported = workplace.run(&["export", "--data", "data", "--path", "root.**", "-o", "-"]);
    assert!(exported.stderr.contains("exported 1 rows to -"), "{}", exported.stderr);
    assert_eq!(exported.ok(), "Time,Device,v(DOUBLE)\n1,root.p.d,1.5\n");
    assert!(!workplace.path("-").exists());
}
