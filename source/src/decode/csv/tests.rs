//! Records as rows, and what is none.

use levada_connector_api::{Batch, model::Value};
use proptest::prelude::*;

use super::*;

fn decode(options: CsvOptions, records: &[&[u8]]) -> Result<Batch, DecodeError> {
    let factory = CsvDecoder::build(options, &BuildContext::new("p", "n")).expect("options that work");
    let mut decoder = factory.make();
    let mut rows = BatchBuilder::new();
    for (at, record) in records.iter().enumerate() {
        rows.record(record, at as u64);
        decoder.decode(record, &mut rows)?;
    }
    Ok(rows.finish(Vec::new()))
}

#[test]
fn a_head_of_the_long_form_says_that_lines_name_their_measurements() {
    let head = b"time,device,measurement,value\n";
    let lines: &[u8] = b"1,d,a,1.5\n1,d,b c,true\n2,d,a,\n2,d,\"x,y\",\"t,u\"\n";
    let batch = decode(CsvOptions::default(), &[head, lines]).expect("well formed");
    let names: Vec<_> =
        batch.readings[0].tablet.columns().iter().map(|column| column.name.to_string()).collect();
    assert_eq!((names, batch.rows()), (["a", "`b c`", "`x,y`"].map(str::to_owned).to_vec(), 3));
    let cast = BTreeMap::from([("a".to_owned(), DataType::Int32)]);
    let batch =
        decode(CsvOptions { cast, ..CsvOptions::default() }, &[head, b"1,d,a,7\n"]).expect("well formed");
    assert_eq!(batch.readings[0].tablet.columns()[0].data_type, DataType::Int32);
    let missing = decode(CsvOptions::default(), &[head, b"1,d,,7\n"]).expect_err("no name");
    assert_eq!(missing.message, "there is no measurement");
    for wide in [
        "time,device,\"measurement\",\"value\"",
        "time,device,`measurement`,value",
        "time,device,measurement,value,x",
        "Time,device,measurement,value",
        "device,time,measurement,value",
    ] {
        let fields = vec!["7"; wide.split(',').count()].join(",");
        let batch =
            decode(CsvOptions::default(), &[wide.as_bytes(), fields.as_bytes()]).expect("well formed");
        let names: Vec<_> = batch.readings[0].tablet.columns().iter().map(|column| &*column.name).collect();
        assert_eq!(names[..2], ["measurement", "value"], "{wide}");
    }
}

#[test]
fn rows_without_a_time_do_not_fall_on_each_other() {
    let options = CsvOptions { missing_time: MissingTime::Now, ..CsvOptions::default() };
    let lines: String = (0..1_000).map(|value| format!("{},{value}\n", ["a", "b"][value % 2])).collect();
    let batch = decode(options, &[b"device,x\n", lines.as_bytes()]).expect("well formed");
    assert_eq!(batch.rows(), 1_000);
    for readings in &batch.readings {
        assert!(readings.tablet.times().values().windows(2).all(|pair| pair[0] < pair[1]));
    }
}

#[test]
fn a_header_names_columns_and_types() {
    let batch = decode(
        CsvOptions::default(),
        &[
            b"\xef\xbb\xbfTime, Device ,temperature(FLOAT),note,on",
            b"2026-05-01T12:00:00Z,d1,21.5,\"a, \"\"b\"\"\",true\r\n",
            b"1777636800001,d1,,,",
            b"1777636800002,d1,22,x,false",
        ],
    )
    .expect("well formed");
    let tablet = &batch.readings[0].tablet;
    assert_eq!(tablet.times().values(), &[1_777_636_800_000, 1_777_636_800_002]);
    let first: Vec<_> = tablet.columns().iter().filter_map(|column| column.value(0)).collect();
    assert_eq!(first, [Value::Float(21.5), Value::Text("a, \"b\"".to_owned()), Value::Boolean(true)]);
}

#[test]
fn columns_and_a_device_may_be_given() {
    let options = CsvOptions {
        columns: Some(vec!["at".to_owned(), "n".to_owned()]),
        separator: Some(';'),
        device_name: Some("root.x".to_owned()),
        time: Some("at".to_owned()),
        cast: BTreeMap::from([("n".to_owned(), DataType::Int64)]),
        ..CsvOptions::default()
    };
    let batch = decode(options, &[b"1777636800000;7"]).expect("well formed");
    let column = &batch.readings[0].tablet.columns()[0];
    assert_eq!(Value::at(&column.values, column.data_type, 0), Some(Value::Int64(7)));
}

#[test]
fn a_head_between_other_separators_says_which_option_reads_it() {
    for (head, advice) in [
        (&b"time;device;a"[..], "`;` separates the columns, it seems; say `separator: \";\"`"),
        (b"time\tdevice\ta", "`\\t` separates the columns, it seems; say `separator: \"\\t\"`"),
        (b"time|device|a", "`|` separates"),
    ] {
        let error = decode(CsvOptions::default(), &[head]).expect_err("no column is named so").message;
        assert!(error.contains("no column is named `device`") && error.contains(advice), "{error}");
    }
    let error = decode(CsvOptions::default(), &[b"name"]).expect_err("no column is named so").message;
    assert!(!error.contains("separat"), "{error}");
}

#[test]
fn values_without_a_type_keep_their_characters() {
    let batch = decode(
        CsvOptions::default(),
        &[
            b"time,device,serial,zip,on,n",
            b"1777636800000,d,A12,\"00123\",TRUE,1",
            b"1777636800001,d,1E5,02142,false,2.50",
            b"1777636800002,d,9007199254740993,10001,yes,1e400",
        ],
    )
    .expect("well formed");
    let tablet = &batch.readings[0].tablet;
    assert_eq!((batch.readings.len(), tablet.rows()), (1, 3));
    let texts: Vec<Vec<String>> = tablet
        .columns()
        .iter()
        .map(|column| {
            let texts = column.to(DataType::Text).values;
            let value = |row| Value::at(&texts, DataType::Text, row).expect("a value").to_string();
            (0..3).map(value).collect()
        })
        .collect();
    assert_eq!(
        texts,
        [
            ["A12", "1E5", "9007199254740993"],
            ["00123", "02142", "10001"],
            ["TRUE", "false", "yes"],
            ["1", "2.50", "1e400"],
        ]
    );
    let types: Vec<DataType> = tablet.columns().iter().map(|column| column.data_type).collect();
    assert_eq!(types, [DataType::Text, DataType::Text, DataType::Boolean, DataType::Double]);
    assert_eq!(tablet.columns()[3].to(DataType::Double).rejected.len(), 1);
}

#[test]
fn what_does_not_fit_is_rejected() {
    let header: &[u8] = b"time,device,a(INT32)";
    for wrong in ["1777636800000,d", "1777636800000,d,x", "x,d,1", "1777636800000,,1", "1777636800000,\"d,1"]
    {
        assert!(decode(CsvOptions::default(), &[header, wrong.as_bytes()]).is_err(), "{wrong}");
    }
    for header in ["time,a", "device,a", "time,device,a(WORD)"] {
        assert!(decode(CsvOptions::default(), &[header.as_bytes()]).is_err(), "{header}");
    }
}

#[test]
fn a_line_of_a_message_that_does_not_fit_is_rejected_alone() {
    let columns = ["time", "device", "a(INT32)", "t"].map(str::to_owned).to_vec();
    let options = || CsvOptions { columns: Some(columns.clone()), ..CsvOptions::default() };
    let message = "\u{feff}1,d,1,\"x\ny\"\r\n2,d,oops,\"u\nv\"\r\n\n3,d,3,z\n4,d\n";
    let batch = decode(options(), &[message.as_bytes()]).expect("two are good");
    let rejected: Vec<_> =
        batch.rejected.iter().map(|each| (each.record.bytes(), each.error.as_str())).collect();
    assert_eq!(
        rejected.iter().map(|each| each.0).collect::<Vec<_>>(),
        [b"2,d,oops,\"u\nv\"".as_slice(), b"4,d"]
    );
    assert!(rejected[0].1.starts_with("record 2: column `a`"), "{rejected:?}");
    let of = |row| batch.readings[0].record(row).expect("from a record").bytes().to_vec();
    assert_eq!([of(0), of(1)], [b"1,d,1,\"x\ny\"".to_vec(), b"3,d,3,z".to_vec()]);
    // Each can be read again by itself.
    assert_eq!(decode(options(), &[&of(0)]).expect("a row").rows(), 1);
    assert!(decode(options(), &[rejected[0].0]).is_err());
}

#[test]
fn a_name_twice_in_the_head_is_an_error_that_names_it() {
    for (header, reason) in [
        ("time,device,a,a", "two columns are named `a`"),
        ("time,device,a(INT32),b,a(INT32)", "two columns are named `a`"),
        ("time,device,a,time", "two columns are named `time`"),
        ("device,time,Device,a", "`device` and `Device` are columns of one name"),
    ] {
        let error = decode(CsvOptions::default(), &[header.as_bytes()]).expect_err(header);
        assert_eq!(error.message, reason, "{header}");
    }
    let columns = ["time", "device", "a", "a"].map(str::to_owned).to_vec();
    let problems = CsvDecoder::check(&CsvOptions { columns: Some(columns), ..CsvOptions::default() });
    assert_eq!(problems, [Problem::new("columns", "two columns are named `a`")]);
}

#[test]
fn time_counts_before_timestamp_wherever_they_stand() {
    for header in ["timestamp,device,time", "device,TIME,timestamp"] {
        let row = header.replace("timestamp", "5").replace("device", "d").to_lowercase();
        let row = row.replace("time", "1777636800000");
        let batch = decode(CsvOptions::default(), &[header.as_bytes(), row.as_bytes()]).expect("well formed");
        let tablet = &batch.readings[0].tablet;
        assert_eq!((tablet.times().value(0), &*tablet.columns()[0].name), (1_777_636_800_000, "timestamp"));
    }
}

/// What a row holds, column by column.
fn row(batch: &Batch, row: usize) -> Vec<(String, Value)> {
    let values = |column: &levada_connector_api::model::Column| {
        Value::at(&column.values, column.data_type, row).map(|value| (column.name.to_string(), value))
    };
    batch.readings[0].tablet.columns().iter().filter_map(values).collect()
}

#[test]
fn an_empty_text_is_no_null_and_line_breaks_stay_in_their_value() {
    let text = |name: &str, text: &str| (name.to_owned(), Value::Text(text.to_owned()));
    let message = b"time,device,s(TEXT),u,\" v \"\n1777636800000,d,\"one\r\n\ntwo\",\"\",\" \"\n1777636800001,d,,null,x\n1777636800002,d,\"null\",,y";
    let batch = decode(CsvOptions::default(), &[message]).expect("well formed");
    assert_eq!(row(&batch, 0), [text("s", "one\r\n\ntwo"), text("u", ""), text("` v `", " ")]);
    assert_eq!(row(&batch, 1), [text("` v `", "x")]);
    assert_eq!(row(&batch, 2), [text("s", "null"), text("` v `", "y")]);
    let message = b"time,device,a,b,c,d\n1777636800000,d,NULL,Null,\"null\", null";
    let batch = decode(CsvOptions::default(), &[message]).expect("well formed");
    assert_eq!(row(&batch, 0), [text("a", "NULL"), text("b", "Null"), text("c", "null")]);
    let message = b"time,device,measurement,value\n1777636800000,d,a,\"null\"\n1777636800001,d,a,null";
    let batch = decode(CsvOptions::default(), &[message]).expect("well formed");
    assert_eq!((batch.rows(), row(&batch, 0)), (1, vec![text("a", "null")]));
    // Quotes around everything say nothing.
    let message = b"time,device,n\n\"1777636800000\",\"d\",\"\"\n\"1777636800001\",\"d\",\"5\"";
    let batch = decode(CsvOptions::default(), &[message]).expect("well formed");
    assert_eq!(batch.rows(), 1);
}

proptest! {
    #[test]
    fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[a1\",\n]{0,30}") {
        let header: &[u8] = b"time,device,a,b";
        let outcomes = [
            decode(CsvOptions::default(), &[&bytes]),
            decode(CsvOptions::default(), &[header, text.as_bytes()]),
        ];
        prop_assert_eq!(outcomes.len(), 2);
    }
}
