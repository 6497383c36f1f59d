//! Parquet as pandas, Spark, DuckDB and Polars write it.

use std::{fs::File, sync::Arc};

use arrow_array::{
    ArrayRef, BinaryViewArray, Date32Array, Decimal128Array, FixedSizeBinaryArray, Float64Array, Int8Array,
    Int16Array, Int64Array, LargeBinaryArray, LargeStringArray, ListArray, NullArray, RecordBatch,
    StringArray, StringViewArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt8Array,
    UInt32Array, UInt64Array,
    types::{Int32Type, Int64Type},
};
use arrow_schema::{DataType as ArrowType, Field, Schema, TimeUnit};
use base64::{Engine, engine::general_purpose::STANDARD};
use parquet::{
    arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions, encode_arrow_schema},
    basic::{BrotliLevel, Compression, GzipLevel, ZstdLevel},
    file::{metadata::KeyValue, properties::WriterProperties},
};

use crate::{
    command::{Finished, Workplace},
    files::sql,
};

fn write(workplace: &Workplace, name: &str, compression: Compression, columns: Vec<(&str, ArrayRef)>) {
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("fitting arrays");
    let properties = WriterProperties::builder().set_compression(compression).build();
    let file = File::create(workplace.path(name)).expect("a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("written");
}

fn import(workplace: &Workplace, file: &str) -> Finished {
    workplace.run(&["import", file, "--data", "data", "--quiet"])
}

fn times() -> ArrayRef {
    Arc::new(TimestampNanosecondArray::from(vec![1_000_000, 2_000_000]).with_timezone("Europe/Lisbon"))
}

#[test]
fn every_usual_compression_is_read() {
    let workplace = Workplace::new();
    let gzip = Compression::GZIP(GzipLevel::default());
    let brotli = Compression::BROTLI(BrotliLevel::default());
    let zstd = Compression::ZSTD(ZstdLevel::default());
    for (name, compression) in [
        ("snappy", Compression::SNAPPY),
        ("gzip", gzip),
        ("brotli", brotli),
        ("lz4", Compression::LZ4),
        ("lz4_raw", Compression::LZ4_RAW),
        ("zstd", zstd),
        ("none", Compression::UNCOMPRESSED),
    ] {
        let file = format!("{name}.parquet");
        let values: ArrayRef = Arc::new(Float64Array::from(vec![1.5, f64::NAN]));
        write(&workplace, &file, compression, vec![("time", times()), (&format!("root.p.{name}.v"), values)]);
        import(&workplace, &file).ok();
        let rows = sql(&workplace, "data", &format!("select v from root.p.{name}"));
        assert_eq!(rows.lines().skip(1).collect::<Vec<_>>(), ["1,1.5", "2,NaN"], "{name}");
    }
}

#[test]
fn every_type_that_has_a_place_is_read() {
    let dictionary: arrow_array::DictionaryArray<Int32Type> = vec!["x", "y"].into_iter().collect();
    let decimal = |values: Vec<i128>, digits, scale| -> ArrayRef {
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(digits, scale).expect("fits"))
    };
    let columns: Vec<(&str, ArrayRef, &str, [&str; 2])> = vec![
        ("large", Arc::new(LargeStringArray::from(vec!["", "ü"])), "TEXT", ["\"\"", "ü"]),
        (
            "view",
            Arc::new(StringViewArray::from(vec!["short", "longer than twelve bytes"])),
            "TEXT",
            ["short", "longer than twelve bytes"],
        ),
        ("dictionary", Arc::new(dictionary), "TEXT", ["x", "y"]),
        ("int8", Arc::new(Int8Array::from(vec![-128, 127])), "INT32", ["-128", "127"]),
        ("int16", Arc::new(Int16Array::from(vec![-32_768, 7])), "INT32", ["-32768", "7"]),
        ("uint8", Arc::new(UInt8Array::from(vec![0, 255])), "INT32", ["0", "255"]),
        ("uint32", Arc::new(UInt32Array::from(vec![0, u32::MAX])), "INT64", ["0", "4294967295"]),
        (
            "uint64",
            Arc::new(UInt64Array::from(vec![0, i64::MAX as u64])),
            "INT64",
            ["0", "9223372036854775807"],
        ),
        ("price", decimal(vec![1_999, -5], 10, 2), "DOUBLE", ["19.99", "-0.05"]),
        ("whole", decimal(vec![7, 123_456_789_012_345_678], 18, 0), "INT64", ["7", "123456789012345678"]),
        ("day", Arc::new(Date32Array::from(vec![-1, 19_782])), "DATE", ["1969-12-31", "2024-02-29"]),
        (
            "at",
            Arc::new(TimestampMicrosecondArray::from(vec![-1_000, 5_000_000])),
            "TIMESTAMP",
            ["-1", "5000"],
        ),
        ("bytes", Arc::new(LargeBinaryArray::from_vec(vec![b"\x00\xff", b""])), "BLOB", ["0x00ff", "0x"]),
        ("seen", Arc::new(BinaryViewArray::from_iter_values([b"a", b"b"])), "BLOB", ["0x61", "0x62"]),
        ("half (C)", Arc::new(Float64Array::from(vec![0.5, 1.0])), "DOUBLE", ["0.5", "1.0"]),
    ];
    let workplace = Workplace::new();
    let device: ArrayRef = Arc::new(LargeStringArray::from(vec!["root.p.d", "root.p.d"]));
    let mut all: Vec<(&str, ArrayRef)> = vec![("Time", times()), ("device", device)];
    all.extend(columns.iter().map(|(name, array, ..)| (*name, Arc::clone(array))));
    all.push(("nothing", Arc::new(NullArray::new(2))));
    write(&workplace, "all.parquet", Compression::SNAPPY, all);
    import(&workplace, "all.parquet").ok();
    for (name, _, data_type, expected) in &columns {
        let rows = sql(&workplace, "data", &format!("select `{name}` from root.p.d"));
        let expected = format!("1,{}\n2,{}\n", expected[0], expected[1]);
        assert_eq!(rows.split_once('\n').map(|(_, rows)| rows), Some(expected.as_str()), "{name}");
        let series = sql(&workplace, "data", &format!("show timeseries root.p.d.`{name}`"));
        assert!(series.contains(&format!(",{data_type},")), "{series}");
    }
}

#[test]
fn a_value_that_does_not_fit_costs_its_row_and_no_other() {
    let workplace = Workplace::new();
    sql(&workplace, "data", "create timeseries root.p.d.small INT32");
    let times: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), Some(2), None, Some(4), Some(5)]));
    let devices: ArrayRef = Arc::new(StringArray::from(vec![
        Some("root.p.d"),
        Some("root.p.d"),
        Some("root.p.d"),
        Some("root..d"),
        None,
    ]));
    let large: ArrayRef = Arc::new(UInt64Array::from(vec![1, u64::MAX, 3, 4, 5]));
    write(
        &workplace,
        "a.parquet",
        Compression::SNAPPY,
        vec![("Time", times), ("Device", devices), ("n", large)],
    );
    let imported = import(&workplace, "a.parquet");
    assert_eq!(imported.code, Some(1), "{}", imported.stderr);
    assert!(imported.stdout.starts_with("imported 1 values in 1 rows"), "{}", imported.stdout);
    assert!(imported.stdout.contains("4 rows were rejected: see a.parquet.failed"), "{}", imported.stdout);
    let failed = std::fs::read_to_string(workplace.path("a.parquet.failed")).expect("written");
    let expected = [
        "# row 2: `n`: `18446744073709551615` is not of type INT64: it is out of range: declare the series TEXT, or turn the column into text before",
        r#"{"Time":2,"Device":"root.p.d","measurements":{"n":18446744073709551615}}"#,
        "# row 3: it has no time",
        r#"{"Time":null,"Device":"root.p.d","measurements":{"n":3}}"#,
        "# row 4: `root..d` is no device: `root..d` is not a legal path: a node is empty",
        r#"{"Time":4,"Device":"root..d","measurements":{"n":4}}"#,
        "# row 5: it has no device",
        r#"{"Time":5,"measurements":{"n":5}}"#,
    ];
    assert_eq!(failed.lines().take(8).collect::<Vec<_>>(), expected);
    // What the store rejects is kept aside too, and mended it is imported as JSON.
    let times: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let values: ArrayRef = Arc::new(Int64Array::from(vec![5, 5_000_000_000]));
    write(&workplace, "b.parquet", Compression::SNAPPY, vec![("Time", times), ("root.p.d.small", values)]);
    let imported = import(&workplace, "b.parquet");
    assert!(
        imported.stdout.starts_with("imported 1 values in 1 rows"),
        "{} {}",
        imported.stdout,
        imported.stderr
    );
    let failed = std::fs::read_to_string(workplace.path("b.parquet.failed")).expect("written");
    assert!(failed.contains("{\"Time\":2,\"root.p.d.small\":5000000000}\n"), "{failed}");
    workplace.write("b.parquet.failed", &failed.replace("5000000000", "6"));
    import(&workplace, "b.parquet.failed").ok();
    assert_eq!(sql(&workplace, "data", "select small from root.p.d"), "Time,root.p.d.small\n1,5\n2,6\n");
}

#[test]
fn what_cannot_be_read_says_what_to_do() {
    let workplace = Workplace::new();
    let list: ArrayRef =
        Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), None]));
    let number = || -> ArrayRef { Arc::new(Int64Array::from(vec![1, 2])) };
    for (columns, expected) in [
        (vec![("Time", times()), ("root.p.d.list", list)], "column `root.p.d.list`: no series can hold List"),
        (
            vec![("at", times()), ("root.p.d.n", number())],
            "no column is called `Time`: there are `at`, `root.p.d.n`",
        ),
        (
            vec![("Time", times()), ("n", number())],
            "write it as in root.plant.d1.n, or have a column `Device`",
        ),
    ] {
        write(&workplace, "wrong.parquet", Compression::SNAPPY, columns);
        let failed = import(&workplace, "wrong.parquet");
        assert!(failed.code == Some(1) && failed.stderr.contains(expected), "{}", failed.stderr);
    }
}

/// Writes a file with an Arrow schema beside Parquet's own that says other things of the columns, of whole numbers of 128 bits
/// where `noted` has 64.
fn write_with_128_bits(workplace: &Workplace, name: &str, columns: Vec<(&str, ArrayRef)>, noted: &Schema) {
    let message = STANDARD.decode(encode_arrow_schema(noted)).expect("base64");
    let is_width = |at: &usize| message[*at..].starts_with(&64u32.to_le_bytes());
    let mut wider = message.clone();
    for at in (0..message.len()).step_by(4).filter(is_width) {
        wider[at] = 128;
    }
    assert_ne!(wider, message);
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("fitting arrays");
    let note = KeyValue::new("ARROW:schema".to_owned(), STANDARD.encode(wider));
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![note])).build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let file = File::create(workplace.path(name)).expect("a file");
    let mut writer = ArrowWriter::try_new_with_options(file, batch.schema(), options).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("written");
}

#[test]
fn types_that_only_their_writer_knows_are_named_or_not_needed() {
    let workplace = Workplace::new();
    let bytes = [1u8, 2].map(|last| [[0; 15].as_slice(), &[last]].concat());
    let wide: ArrayRef =
        Arc::new(FixedSizeBinaryArray::try_from_iter(bytes.into_iter()).expect("of one length"));
    let noted = |name: &str| {
        let time = ArrowType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()));
        Schema::new(vec![Field::new("time", time, true), Field::new(name, ArrowType::Int64, true)])
    };
    let columns = vec![("time", times()), ("root.p.d.wide", wide)];
    write_with_128_bits(&workplace, "wide.parquet", columns, &noted("root.p.d.wide"));
    let failed = import(&workplace, "wide.parquet");
    for expected in
        ["wide.parquet: column `root.p.d.wide`: its values are of 16 bytes", "decimal or text before"]
    {
        assert!(failed.code == Some(1) && failed.stderr.contains(expected), "{}", failed.stderr);
    }
    // A decimal says by itself what it is.
    let decimal: ArrayRef = Arc::new(
        Decimal128Array::from(vec![5, 6]).with_precision_and_scale(38, 0).expect("that many digits"),
    );
    let columns = vec![("time", times()), ("root.p.d.n", decimal)];
    write_with_128_bits(&workplace, "decimal.parquet", columns, &noted("root.p.d.n"));
    import(&workplace, "decimal.parquet").ok();
    assert_eq!(sql(&workplace, "data", "select n from root.p.d"), "Time,root.p.d.n\n1,5\n2,6\n");
}

#[test]
fn a_measurement_of_several_types_has_a_column_of_each() {
    let workplace = Workplace::new();
    sql(
        &workplace,
        "data",
        "create timeseries root.p.d1.x DOUBLE; create timeseries root.p.d2.x TEXT; create timeseries root.p.d3.x INT64; \
         create timeseries root.p.d3.`x(TEXT)` INT64; insert into root.p.d1(time, x) values (1, 1.5); \
         insert into root.p.d2(time, x) values (1, '1.5'); insert into root.p.d3(time, x, `x(TEXT)`) values (2, 7, 8)",
    );
    let args = ["export", "--data", "data", "--path", "root.p.**", "--format", "parquet", "-o", "x.parquet"];
    let said = workplace.run(&args);
    assert!(
        said.code == Some(0) && said.stderr.contains("`x` has several types: the column `x(TEXT)`"),
        "{}",
        said.stderr
    );
    workplace.run(&["import", "x.parquet", "--data", "again", "--quiet"]).ok();
    let rows = |data: &str| {
        let rows = sql(&workplace, data, "select * from root.p.**");
        let series = sql(&workplace, data, "show timeseries root.p.**");
        let types: Vec<String> = series
            .lines()
            .map(|line| line.split(',').step_by(3).take(2).collect::<Vec<_>>().join(" "))
            .collect();
        (rows, types)
    };
    assert_eq!(rows("again"), rows("data"));
}

#[test]
fn decimals_and_unsigned_numbers_become_what_their_series_is() {
    let workplace = Workplace::new();
    let series =
        [("i", "INT64"), ("t", "TEXT"), ("s", "STRING"), ("n", "INT32"), ("u", "TEXT"), ("at", "TIMESTAMP")];
    let created: Vec<String> = series
        .iter()
        .map(|(name, data_type)| format!("create timeseries root.p.d.{name} {data_type}"))
        .collect();
    sql(&workplace, "data", &created.join("; "));
    let decimal = |value: i128, scale| -> ArrayRef {
        Arc::new(Decimal128Array::from(vec![value, 7]).with_precision_and_scale(20, scale).expect("fits"))
    };
    let unsigned: ArrayRef = Arc::new(UInt64Array::from(vec![u64::MAX, 7]));
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["2024-02-21 09:34:33", "1970-01-01"]));
    let columns = vec![
        ("Time", times()),
        ("root.p.d.i", decimal(9_007_199_254_740_993, 0)),
        ("root.p.d.t", decimal(150, 2)),
        ("root.p.d.s", decimal(-5, 2)),
        ("root.p.d.n", decimal(2_100, 2)),
        ("root.p.d.u", unsigned),
        ("root.p.d.at", texts),
    ];
    write(&workplace, "d.parquet", Compression::SNAPPY, columns);
    let imported = workplace.run(&["import", "d.parquet", "--data", "data", "--quiet", "--zone", "+01:00"]);
    // 0.07 is no INT32: the second row is rejected.
    assert_eq!(imported.code, Some(1), "{}", imported.stderr);
    let rows = sql(&workplace, "data", "select i, t, s, n, u, at from root.p.d");
    assert_eq!(
        rows.lines().skip(1).collect::<Vec<_>>(),
        ["1,9007199254740993,1.50,-0.05,21,18446744073709551615,1708504473000"]
    );
    let failed = std::fs::read_to_string(workplace.path("d.parquet.failed")).expect("written");
    assert!(
        failed.contains("# row 2: `n`: `0.07` is not of type INT32: it is not a whole number"),
        "{failed}"
    );
}

#[test]
fn two_columns_of_one_series_are_rejected_and_empty_rows_counted() {
    let workplace = Workplace::new();
    let number = || -> ArrayRef { Arc::new(Int64Array::from(vec![Some(1), None])) };
    for (one, two, reason) in [
        ("root.p.d.a", "root.p.d.a", "columns 2 and 3 are both named `root.p.d.a`"),
        ("root.p.d.a", "root.p.d.`a`", "columns 2 and 3, `root.p.d.a` and `root.p.d.`a``, are of one series"),
        ("root.p.d.a(INT32)", "root.p.d.a", "are of one series"),
        ("Time", "root.p.d.a", "columns 1 and 2 are both named `Time`"),
    ] {
        write(
            &workplace,
            "two.parquet",
            Compression::SNAPPY,
            vec![("Time", times()), (one, number()), (two, number())],
        );
        let failed = import(&workplace, "two.parquet");
        assert!(failed.code == Some(1) && failed.stderr.contains(reason), "{}", failed.stderr);
    }
    let columns = vec![("Time", times()), ("root.p.d.a", number()), ("root.p.e.a", number())];
    write(&workplace, "one.parquet", Compression::SNAPPY, columns);
    let imported = import(&workplace, "one.parquet").ok();
    assert!(imported.starts_with("imported 2 values in 2 rows"), "{imported}");
    assert!(imported.contains("1 record has no value"), "{imported}");
}

#[test]
fn times_that_are_texts_are_read_as_in_other_files() {
    let workplace = Workplace::new();
    let texts: ArrayRef =
        Arc::new(StringArray::from(vec!["1970-01-01 00:00:01", "1970-01-01T00:00:01Z", "5", "never"]));
    let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4]));
    write(&workplace, "t.parquet", Compression::SNAPPY, vec![("Time", texts), ("root.p.d.a", values)]);
    let args = ["import", "t.parquet", "--data", "data", "--quiet", "--zone", "+01:00", "--time-unit", "s"];
    let imported = workplace.run(&args);
    assert!(imported.stdout.starts_with("imported 3 values in 3 rows"), "{}", imported.stdout);
    let rows = sql(&workplace, "data", "select a from root.p.d");
    assert_eq!(rows.lines().skip(1).collect::<Vec<_>>(), ["-3599000,1", "1000,2", "5000,3"]);
    let failed = std::fs::read_to_string(workplace.path("t.parquet.failed")).expect("written");
    assert!(failed.contains("# row 4: column `Time`: `never` is not a time"), "{failed}");
}

#[test]
fn of_rows_of_one_device_and_time_the_later_is_stored_however_the_device_is_spelled() {
    let workplace = Workplace::new();
    let times: ArrayRef = Arc::new(Int64Array::from(vec![1, 1, 2, 2, 3]));
    let devices = vec!["root.p.d", "root.p.`d`", "root.p.`d`", "root.p.d", "`root`.p.d"];
    let devices: ArrayRef = Arc::new(StringArray::from(devices));
    let values: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5]));
    let columns = vec![("Time", times), ("Device", devices), ("v", values)];
    write(&workplace, "d.parquet", Compression::SNAPPY, columns);
    import(&workplace, "d.parquet").ok();
    let rows = sql(&workplace, "data", "select v from root.p.d");
    assert_eq!(rows.lines().skip(1).collect::<Vec<_>>(), ["1,2", "2,4", "3,5"]);
}
