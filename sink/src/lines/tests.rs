//! Every type in every format.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use levada_connector_api::{
    BatchBuilder, FieldValue, Readings,
    model::{Column, DataType, Kind, Path, Tablet},
};

use super::*;

fn column(name: &str, data_type: DataType, values: ArrayRef) -> Column {
    Column { name: name.into(), data_type, values }
}

fn every_type() -> Batch {
    let texts = StringArray::from(vec![Some("a, \"b\"\nc"), Some(""), None]);
    let columns = vec![
        column("b", DataType::Boolean, Arc::new(BooleanArray::from(vec![Some(true), Some(false), None]))),
        column("i", DataType::Int32, Arc::new(Int32Array::from(vec![Some(-7), Some(i32::MAX), None]))),
        column("l", DataType::Int64, Arc::new(Int64Array::from(vec![Some(i64::MIN), Some(0), None]))),
        column(
            "f",
            DataType::Float,
            Arc::new(Float32Array::from(vec![Some(0.1), Some(f32::INFINITY), None])),
        ),
        column("d", DataType::Double, Arc::new(Float64Array::from(vec![Some(21.0), Some(f64::NAN), None]))),
        column("`t x`", DataType::Text, Arc::new(texts)),
        column("ts", DataType::Timestamp, Arc::new(Int64Array::from(vec![Some(5), Some(-5), None]))),
        column(
            "day",
            DataType::Date,
            Arc::new(Int32Array::from(vec![Some(20240501), Some(9_991_231), None])),
        ),
        column(
            "o",
            DataType::Blob,
            Arc::new(BinaryArray::from(vec![Some(&b"\x00\xff"[..]), Some(b""), None])),
        ),
        column("time", DataType::String, Arc::new(StringArray::from(vec![Some("noon"), None, None]))),
    ];
    let device = Path::parse("root.d.`1,2`").expect("legal");
    let tablet =
        Tablet::try_new(device, false, Int64Array::from(vec![1_714_550_400_000, 0, i64::MAX]), columns);
    Batch { readings: vec![Readings::synthetic(tablet.expect("fits"))], ..Batch::default() }
}

fn lines(format: Format, time: TimeFormat) -> String {
    let mut lines = Lines::new(format, time);
    let batch = every_type();
    lines.meet(&batch).expect("it asks nobody");
    let mut out = Vec::new();
    lines.put_header(&mut out);
    assert_eq!(lines.put_rows(&batch, &mut out), []);
    String::from_utf8(out).expect("text")
}

#[test]
fn event_lines_say_types_and_reject_what_they_cannot_say() {
    let mut rows = BatchBuilder::new();
    let number = FieldValue::Written(Kind::Number, "1.50");
    rows.row("root.d1", 1, &[("a", number), ("on", FieldValue::Boolean(true)), ("none", FieldValue::Null)])
        .expect("legal");
    rows.row("root.d1", 2, &[("t", FieldValue::Text("it's, \"so\"")), ("i", FieldValue::Int32(-7))])
        .expect("legal");
    rows.row("root.d1", 3, &[("t", FieldValue::Text("08:15"))]).expect("legal");
    rows.row("root.d1", 4, &[("t", FieldValue::Text("two\nlines"))]).expect("legal");
    rows.row("root.`a,b`", 5, &[("i", FieldValue::Int32(1))]).expect("legal");
    rows.row("root.d2", 6, &[("x:y", FieldValue::Int32(1))]).expect("legal");
    let batch = rows.finish(Vec::new());
    let mut lines = Lines::new(Format::Line, TimeFormat::Milliseconds);
    lines.meet(&batch).expect("it asks nobody");
    let mut out = Vec::new();
    let rejected = lines.put_rows(&batch, &mut out);
    let out = String::from_utf8(out).expect("text");
    assert_eq!(out, "root.d1,1,a:on,DOUBLE:BOOLEAN,1.5:true\nroot.d1,2,t:i,TEXT:INT32,'it's, \"so\"':-7\n");
    let rejected: Vec<_> =
        rejected.iter().map(|each| (each.readings, each.rows.clone(), &*each.error)).collect();
    assert_eq!(
        rejected,
        [
            (0, Some(vec![2, 3]), "an event line cannot say a text with `:` or a line break, as `t` has"),
            (1, Some(vec![0]), "an event line cannot say the device `root.`a,b``"),
            (2, Some(vec![0]), "an event line cannot say the measurement `x:y`"),
        ]
    );
}

#[test]
fn json_holds_every_type() {
    let text = lines(Format::Jsonl, TimeFormat::Milliseconds);
    let expected = r#"{"time":1714550400000,"device":"root.d.`1,2`","b":true,"i":-7,"l":-9223372036854775808,"f":0.1,"d":21.0,"t x":"a, \"b\"\nc","ts":5,"day":"2024-05-01","o":"0x00ff","measurements":{"time":"noon"}}
{"time":0,"device":"root.d.`1,2`","b":false,"i":2147483647,"l":0,"f":"Infinity","d":"NaN","t x":"","ts":-5,"day":"0999-12-31","o":"0x"}
{"time":9223372036854775807,"device":"root.d.`1,2`"}
"#;
    assert_eq!(text, expected);
    for line in text.lines() {
        let _: serde_json::Value = serde_json::from_str(line).expect("JSON");
    }
}

#[test]
fn times_of_the_calendar_are_written_as_such() {
    let text = lines(Format::Jsonl, TimeFormat::Rfc3339);
    let times: Vec<_> = text.lines().map(|line| line.split(",\"device").next().unwrap_or_default()).collect();
    assert_eq!(
        times,
        [
            r#"{"time":"2024-05-01T08:00:00.000Z""#,
            r#"{"time":"1970-01-01T00:00:00.000Z""#,
            r#"{"time":"9223372036854775807""#
        ]
    );
}

#[test]
fn long_csv_reads_back_value_by_value() {
    let text = lines(Format::CsvLong, TimeFormat::Milliseconds);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    assert_eq!(reader.headers().expect("a header"), ["time", "device", "measurement", "value"].as_slice());
    let records: Vec<_> = reader.records().collect::<Result<_, _>>().expect("CSV");
    assert_eq!(records.len(), 19);
    assert_eq!(
        records[5].iter().collect::<Vec<_>>(),
        ["1714550400000", "root.d.`1,2`", "t x", "a, \"b\"\nc"]
    );
    assert_eq!(records[14].iter().collect::<Vec<_>>(), ["0", "root.d.`1,2`", "d", "NaN"]);
    assert!(text.contains("\n0,\"root.d.`1,2`\",t x,\"\"\n"), "{text}");
}

#[test]
fn wide_csv_reads_back_row_by_row() {
    let text = lines(Format::CsvWide { columns: None, typed: false }, TimeFormat::Milliseconds);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let header = ["time", "device", "b", "i", "l", "f", "d", "t x", "ts", "day", "o", "`time`"];
    assert_eq!(reader.headers().expect("a header"), header.as_slice());
    let records: Vec<_> = reader.records().collect::<Result<_, _>>().expect("CSV");
    assert_eq!(records.len(), 3);
    assert_eq!(records[0].get(7), Some("a, \"b\"\nc"));
    assert_eq!(records[1].get(5), Some("Infinity"));
    assert!(records[2].iter().skip(2).all(str::is_empty));
}

#[test]
fn chosen_columns_are_all_there_is() {
    let columns = Some(vec!["d".to_owned(), "none".to_owned(), "i".to_owned()]);
    let text = lines(Format::CsvWide { columns, typed: false }, TimeFormat::Milliseconds);
    assert_eq!(text.lines().nth(1), Some("1714550400000,\"root.d.`1,2`\",21.0,,-7"));
}

#[test]
fn a_header_with_types_keeps_values_of_two_types_apart() {
    let mut batch = every_type();
    let times = Int64Array::from(vec![7]);
    let text = column("d", DataType::Text, Arc::new(StringArray::from(vec!["warm"])));
    let device = Path::parse("root.d").expect("legal");
    batch
        .readings
        .push(Readings::synthetic(Tablet::try_new(device, false, times, vec![text]).expect("fits")));
    let mut lines = Lines::new(Format::CsvWide { columns: None, typed: true }, TimeFormat::Milliseconds);
    lines.meet(&batch).expect("it asks nobody");
    let mut out = Vec::new();
    lines.put_header(&mut out);
    lines.put_rows(&batch, &mut out);
    let out = String::from_utf8(out).expect("text");
    let header = "time,device,b(BOOLEAN),i(INT32),l(INT64),f(FLOAT),d(DOUBLE),t x(TEXT),ts(TIMESTAMP),day(DATE),o(BLOB),\
                  `time`(STRING),d(TEXT)\n";
    assert!(out.starts_with(header), "{out}");
    assert!(out.ends_with("\n7,root.d,,,,,,,,,,,warm\n"), "{out}");
}

#[test]
fn text_is_for_people() {
    let text = lines(Format::Text, TimeFormat::Milliseconds);
    let first = text.lines().next().expect("a line");
    assert!(first.starts_with("2024-05-01T08:00:00.000Z  root.d.`1,2`"), "{first}");
    assert!(first.contains(r#"  d=21.0  t x="a, \"b\"\nc"  ts=5"#), "{first}");
}

/// Rows whose values came as they are written here, in three columns.
fn written_rows(rows: &[[FieldValue<'_>; 3]]) -> Batch {
    let mut builder = BatchBuilder::new();
    for (time, [a, b, c]) in (0..).zip(rows) {
        builder.row("d", time, &[("a", *a), ("b", *b), ("c", *c)]).expect("legal");
    }
    builder.finish(Vec::new())
}

fn put(format: Format, batch: &Batch) -> String {
    let mut lines = Lines::new(format, TimeFormat::Milliseconds);
    lines.meet(batch).expect("it asks nobody");
    let mut out = Vec::new();
    lines.put_header(&mut out);
    lines.put_rows(batch, &mut out);
    String::from_utf8(out).expect("text")
}

#[test]
fn values_come_out_as_they_were_written() {
    let number = |text| FieldValue::Written(Kind::Number, text);
    let truth = |text| FieldValue::Written(Kind::Boolean, text);
    let batch = written_rows(&[
        [number("2882429806056571124"), truth("TRUE"), number("1.50")],
        [FieldValue::Text("21.5"), FieldValue::Null, number("+.5e3")],
        [number(" 1E5"), truth("false"), number("NaN")],
    ]);
    assert_eq!(
        put(Format::Jsonl, &batch),
        "{\"time\":0,\"device\":\"d\",\"a\":2882429806056571124,\"b\":true,\"c\":1.50}\n\
         {\"time\":1,\"device\":\"d\",\"a\":\"21.5\",\"c\":0.5e3}\n\
         {\"time\":2,\"device\":\"d\",\"a\":1E5,\"b\":false,\"c\":\"NaN\"}\n"
    );
    assert_eq!(
        put(Format::CsvWide { columns: None, typed: false }, &batch),
        "time,device,a,b,c\n0,d,2882429806056571124,TRUE,1.50\n1,d,\"21.5\",,+.5e3\n2,d,1E5,false,NaN\n"
    );
}

#[test]
fn a_header_with_types_has_a_column_for_each_type_of_what_was_written() {
    let number = |text| FieldValue::Written(Kind::Number, text);
    let batch = written_rows(&[
        [number("1.50"), number("1"), FieldValue::Null],
        [FieldValue::Text("off"), number("9007199254740993"), FieldValue::Null],
    ]);
    assert_eq!(
        put(Format::CsvWide { columns: None, typed: true }, &batch),
        "time,device,a(DOUBLE),a(TEXT),b(DOUBLE),b(INT64)\n0,d,1.5,,1.0,\n1,d,,off,,9007199254740993\n"
    );
}

#[test]
fn a_name_in_a_head_that_would_be_read_as_something_else_stands_between_backquotes() {
    let head = |names: &[&str], typed| {
        let mut builder = BatchBuilder::new();
        let fields: Vec<_> = names.iter().map(|name| (*name, FieldValue::Int32(1))).collect();
        builder.row("d", 1, &fields).expect("legal");
        let mut lines = Lines::new(Format::CsvWide { columns: None, typed }, TimeFormat::Milliseconds);
        lines.meet(&builder.finish(Vec::new())).expect("it asks nobody");
        let mut out = Vec::new();
        lines.put_header(&mut out);
        String::from_utf8(out).expect("text").trim_end().to_owned()
    };
    for (name, bare, typed) in [
        ("x(INT32)", "`x(INT32)`", "`x(INT32)`(INT32)"),
        ("x (y)", "`x (y)`", "`x (y)`(INT32)"),
        (" lead", "` lead`", "` lead`(INT32)"),
        ("Time", "`Time`", "`Time`(INT32)"),
        ("device", "`device`", "`device`(INT32)"),
        ("a b", "a b", "a b(INT32)"),
        ("a,b", "\"a,b\"", "\"a,b(INT32)\""),
    ] {
        assert_eq!(head(&[name], false), format!("time,device,{bare}"));
        assert_eq!(head(&[name], true), format!("time,device,{typed}"));
    }
    assert_eq!(head(&["measurement", "value"], false), "time,device,`measurement`,`value`");
    assert_eq!(head(&["measurement", "other"], false), "time,device,measurement,other");
}

#[test]
fn json_lines_tell_the_types_that_a_reader_would_not_see() {
    let text = lines(Format::JsonlTyped, TimeFormat::Milliseconds);
    let first = text.lines().next().expect("a line");
    let plain = lines(Format::Jsonl, TimeFormat::Milliseconds);
    let before = plain.lines().next().expect("a line").trim_end_matches('}');
    assert!(first.starts_with(before.trim_end_matches('"')), "{first}");
    let types = r#","types":{"i":"INT32","l":"INT64","f":"FLOAT","ts":"TIMESTAMP","day":"DATE","o":"BLOB","time":"STRING"}}"#;
    assert!(first.ends_with(types), "{first}");
    // A row without such values has no types.
    assert_eq!(text.lines().last(), plain.lines().last());
    let mut rows = BatchBuilder::new();
    rows.row("root.d1", 1, &[("a", FieldValue::Text("NaN")), ("b", FieldValue::Text("so"))]).expect("legal");
    rows.row("root.d1", 2, &[("a", FieldValue::Text("1")), ("c", FieldValue::Written(Kind::Number, "1.50"))])
        .expect("legal");
    let mut out = Vec::new();
    Lines::new(Format::JsonlTyped, TimeFormat::Milliseconds).put_rows(&rows.finish(Vec::new()), &mut out);
    let expected = "{\"time\":1,\"device\":\"root.d1\",\"a\":\"NaN\",\"b\":\"so\",\"types\":{\"a\":\"TEXT\"}}\n\
                    {\"time\":2,\"device\":\"root.d1\",\"a\":\"1\",\"c\":1.50}\n";
    assert_eq!(String::from_utf8(out).expect("text"), expected);
}
