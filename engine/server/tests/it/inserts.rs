//! All the ways in which rows come.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use levada_model::{Column, DataType, Path, Tablet, Value};
use levada_rpc::{
    columns::{
        record,
        tablet::{TabletBytes, encode},
    },
    messages::*,
};

use crate::peer::{Peer, serve};

/// A tablet of all types, one value of each null.
fn all_types(device: &str, aligned: bool) -> Tablet {
    let text = || -> ArrayRef { Arc::new(StringArray::from(vec![Some("é"), None, Some("")])) };
    let columns: Vec<(&str, DataType, ArrayRef)> = vec![
        ("b", DataType::Boolean, Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
        ("i", DataType::Int32, Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(7)]))),
        ("l", DataType::Int64, Arc::new(Int64Array::from(vec![Some(i64::MAX), None, Some(-1)]))),
        ("f", DataType::Float, Arc::new(Float32Array::from(vec![Some(1.5), None, Some(-0.25)]))),
        ("d", DataType::Double, Arc::new(Float64Array::from(vec![Some(1e300), None, Some(0.1)]))),
        ("t", DataType::Text, text()),
        ("ts", DataType::Timestamp, Arc::new(Int64Array::from(vec![Some(0), None, Some(99)]))),
        ("da", DataType::Date, Arc::new(Int32Array::from(vec![Some(20_240_229), None, Some(19_700_101)]))),
        (
            "bl",
            DataType::Blob,
            Arc::new(BinaryArray::from_opt_vec(vec![Some(&[0, 255][..]), None, Some(b"")])),
        ),
        ("st", DataType::String, text()),
    ];
    let columns =
        columns.into_iter().map(|(name, data_type, values)| Column { name: name.into(), data_type, values });
    let device = Path::parse(device).expect("legal");
    Tablet::try_new(device, aligned, Int64Array::from(vec![1, 2, 3]), columns.collect()).expect("fits")
}

const ALL: &str = "b, i, l, f, d, t, ts, da, bl, st";
const ROWS: [&str; 2] = [
    "1 true -2147483648 9223372036854775807 1.5 1e300 é 0 2024-02-29 0x00ff é",
    "3 false 7 -1 -0.25 0.1  99 1970-01-01 0x ",
];

fn insert_tablet(tablet: &Tablet) -> InsertTablet {
    let TabletBytes { rows, measurements, types, timestamps, values } = encode(tablet);
    let req = InsertTabletReq {
        prefix_path: tablet.device().to_string(),
        measurements,
        types,
        timestamps,
        values,
        size: i32::try_from(rows).expect("few"),
        is_aligned: Some(tablet.aligned()),
        ..InsertTabletReq::default()
    };
    InsertTablet { req }
}

#[tokio::test(flavor = "multi_thread")]
async fn tablets_of_all_types_come_back_in_both_forms() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    for (device, aligned) in [("root.t.plain", false), ("root.t.aligned", true)] {
        let status = peer.call(&insert_tablet(&all_types(device, aligned))).await.expect("a reply");
        assert_eq!(status.code, 200, "{status:?}");
        let sql = format!("select {ALL} from {device}");
        assert_eq!(peer.rows(&sql).await, ROWS);
        assert_eq!(peer.rows_as_before(&sql).await, ROWS);
    }
}

/// The rows of the tablet as records.
fn records(tablet: &Tablet) -> Vec<(i64, Vec<Option<Value>>)> {
    let row = |row: usize| {
        let values = tablet.columns().iter().map(|column| Value::at(&column.values, column.data_type, row));
        (tablet.times().value(row), values.collect())
    };
    (0..tablet.rows()).map(row).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_all_types_come_back_whatever_call_brings_them() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let tablet = all_types("root.r.d1", false);
    let names: Vec<_> = tablet.columns().iter().map(|column| column.name.to_string()).collect();
    let rows = records(&tablet);
    for (time, values) in &rows {
        let req = InsertRecordReq {
            prefix_path: "root.r.d1".to_owned(),
            measurements: names.clone(),
            values: record::encode(values),
            timestamp: *time,
            ..InsertRecordReq::default()
        };
        assert_eq!(peer.call(&InsertRecord { req }).await.expect("a reply").code, 200);
    }
    let req = InsertRecordsReq {
        prefix_paths: vec!["root.r.d2".to_owned(); rows.len()],
        measurements_list: vec![names.clone(); rows.len()],
        values_list: rows.iter().map(|(_, values)| record::encode(values)).collect(),
        timestamps: rows.iter().map(|(time, _)| *time).collect(),
        is_aligned: Some(true),
        ..InsertRecordsReq::default()
    };
    assert_eq!(peer.call(&InsertRecords { req: req.clone() }).await.expect("a reply").code, 200);
    let of_one = InsertRecordsOfOneDeviceReq {
        prefix_path: "root.r.d3".to_owned(),
        measurements_list: req.measurements_list,
        values_list: req.values_list,
        timestamps: req.timestamps,
        ..InsertRecordsOfOneDeviceReq::default()
    };
    assert_eq!(peer.call(&InsertRecordsOfOneDevice { req: of_one }).await.expect("a reply").code, 200);
    for device in ["root.r.d1", "root.r.d2", "root.r.d3"] {
        assert_eq!(peer.rows(&format!("select {ALL} from {device}")).await, ROWS, "{device}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_become_what_their_series_are() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    for (name, data_type) in [("i", "INT32"), ("t", "TEXT"), ("da", "DATE"), ("bl", "BLOB"), ("b", "BOOLEAN")]
    {
        assert_eq!(peer.code(&format!("create timeseries root.s.d.{name} {data_type}")).await, 200);
    }
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let names = texts(&["i", "t", "da", "bl", "b", "new"]);
    let req = InsertStringRecordReq {
        prefix_path: "root.s.d".to_owned(),
        measurements: names.clone(),
        values: texts(&["12", "12", "2024-01-02", "X'0a'", "true", "1.5"]),
        timestamp: 1,
        ..InsertStringRecordReq::default()
    };
    assert_eq!(peer.call(&InsertStringRecord { req }).await.expect("a reply").code, 200);
    let req = InsertStringRecordsReq {
        prefix_paths: texts(&["root.s.d", "root.s.d"]),
        measurements_list: vec![names.clone(), texts(&["i"])],
        values_list: vec![texts(&["13", "it's", "null", "null", "false", "2"]), texts(&["no number"])],
        timestamps: vec![2, 3],
        ..InsertStringRecordsReq::default()
    };
    let status = peer.call(&InsertStringRecords { req }).await.expect("a reply");
    let parts: Vec<_> = status.sub_status.expect("parts").iter().map(|part| part.code).collect();
    assert_eq!((status.code, parts), (507, vec![200, 507]));
    let rows = peer.rows("select i, t, da, bl, b, new from root.s.d").await;
    assert_eq!(rows, ["1 12 12 2024-01-02 0x0a true 1.5", "2 13 it's null null false 2.0"]);
}

fn texts(rows: &[(&str, i64, &str)]) -> InsertStringRecords {
    let req = InsertStringRecordsReq {
        prefix_paths: rows.iter().map(|(device, ..)| (*device).to_owned()).collect(),
        measurements_list: vec![vec!["s".to_owned()]; rows.len()],
        values_list: rows.iter().map(|(.., text)| vec![(*text).to_owned()]).collect(),
        timestamps: rows.iter().map(|(_, time, _)| *time).collect(),
        ..InsertStringRecordsReq::default()
    };
    InsertStringRecords { req }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_one_call_are_one_write() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    assert_eq!(peer.call(&texts(&[("root.o.d", 0, "0.5")])).await.expect("a reply").code, 200);
    let numbers: Vec<String> = (0..100).map(|at| at.to_string()).collect();
    let rows: Vec<_> = (1..).zip(&numbers).map(|(time, text)| ("root.o.d", time, text.as_str())).collect();
    let before = served.engine.stats().wal_bytes;
    assert_eq!(peer.call(&texts(&rows)).await.expect("a reply").code, 200);
    let written = served.engine.stats().wal_bytes - before;
    // A time and a value for each row; a record of its own would have twice as much for the names alone.
    assert!((1_600..3_000).contains(&written), "{written} bytes");
    assert_eq!(peer.rows("select count(s), max_value(s) from root.o.d").await, ["0 101 99.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_texts_of_one_call_the_later_counts_and_one_that_does_not_fit_costs_itself_alone() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let rows = [
        ("root.m.d", 1, "1.5"),
        ("root.m.e", 1, "true"),
        ("root.m.d", 1, "2.5"),
        ("root.m.d", 2, "no number"),
        ("root.m.d", 1, "3.5"),
        ("root..d", 1, "1"),
        ("root.m.e", 2, "null"),
    ];
    let status = peer.call(&texts(&rows)).await.expect("a reply");
    let parts: Vec<_> = status.sub_status.expect("parts").iter().map(|part| part.code).collect();
    assert_eq!((status.code, parts), (507, vec![200, 200, 200, 507, 200, 509, 200]));
    assert_eq!(peer.rows("select s from root.m.d").await, ["1 3.5"]);
    assert_eq!(peer.rows("select s from root.m.e").await, ["1 true"]);
}

fn one_column(device: &str, name: &str, data_type: DataType, values: ArrayRef) -> Tablet {
    let times = Int64Array::from_iter_values(1..=i64::try_from(values.len()).expect("few"));
    let column = Column { name: name.into(), data_type, values };
    Tablet::try_new(Path::parse(device).expect("legal"), false, times, vec![column]).expect("fits")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_a_tablet_has_its_series_made_also_where_it_has_no_value() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let tablet = |device: &str, aligned, values: &[Option<i32>]| {
        let columns: [(&str, DataType, ArrayRef); 2] = [
            ("i", DataType::Int32, Arc::new(Int32Array::from(values.to_vec()))),
            ("t", DataType::Text, Arc::new(StringArray::new_null(values.len()))),
        ];
        let columns =
            columns.map(|(name, data_type, values)| Column { name: name.into(), data_type, values });
        let times = Int64Array::from_iter_values(1..=i64::try_from(values.len()).expect("few"));
        let device = Path::parse(device).expect("legal");
        insert_tablet(&Tablet::try_new(device, aligned, times, columns.into()).expect("fits"))
    };
    for (at, aligned) in [(0, false), (1, true)] {
        let (some, none) = (format!("root.e{at}.some"), format!("root.e{at}.none"));
        for (device, values) in [(&some, &[Some(1), Some(2)][..]), (&none, &[None])] {
            // The second time the series are there.
            for _ in 0..2 {
                let status = peer.call(&tablet(device, aligned, values)).await.expect("a reply");
                assert_eq!(status.code, 200, "{status:?}");
            }
        }
        assert_eq!(peer.rows(&format!("select i, t from {some}")).await, ["1 1 null", "2 2 null"]);
        assert_eq!(peer.rows(&format!("select count(i), count(t) from {none}")).await, ["0 0 0"]);
        assert_eq!(peer.rows(&format!("count timeseries root.e{at}.**")).await, ["0 4"]);
    }
    let other = tablet("root.e1.some", false, &[None]);
    assert_eq!(peer.call(&other).await.expect("a reply").code, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_narrower_type_is_widened_and_another_is_rejected() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    assert_eq!(peer.code("create timeseries root.w.d.l INT64").await, 200);
    let narrow = one_column("root.w.d", "l", DataType::Int32, Arc::new(Int32Array::from(vec![5, 6])));
    assert_eq!(peer.call(&insert_tablet(&narrow)).await.expect("a reply").code, 200);
    assert_eq!(peer.rows("select l from root.w.d").await, ["1 5", "2 6"]);
    let text = one_column("root.w.d", "l", DataType::Text, Arc::new(StringArray::from(vec!["7"])));
    let status = peer.call(&insert_tablet(&text)).await.expect("a reply");
    assert_eq!(status.code, 507, "{status:?}");
    let words = status.message.expect("words");
    assert!(
        words.contains("Fail to insert measurements [l]") && words.contains("inserting type TEXT"),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_rejected_keeps_no_other_from_being_stored() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    assert_eq!(peer.code("create timeseries root.p.d1.s BOOLEAN").await, 200);
    let devices = ["root.p.d1", "root.p.d2", "root.p.d1"].map(str::to_owned).to_vec();
    let req = InsertRecordsReq {
        measurements_list: vec![vec!["s".to_owned()]; devices.len()],
        prefix_paths: devices,
        values_list: vec![
            record::encode(&[Some(Value::Double(1.0))]),
            record::encode(&[Some(Value::Double(2.0))]),
            record::encode(&[Some(Value::Boolean(true))]),
        ],
        timestamps: vec![1, 2, 3],
        ..InsertRecordsReq::default()
    };
    let status = peer.call(&InsertRecords { req }).await.expect("a reply");
    let parts: Vec<_> = status.sub_status.clone().expect("parts").iter().map(|part| part.code).collect();
    assert_eq!((status.code, parts), (507, vec![507, 200, 200]), "{status:?}");
    assert_eq!(peer.rows("select s from root.p.d2").await, ["2 2.0"]);
    assert_eq!(peer.rows("select s from root.p.d1").await, ["3 true"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_lie_as_those_of_their_device_whatever_they_say_of_themselves() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    assert_eq!(peer.code("insert into root.al.p(time, a) values (1, 1.5)").await, 200);
    assert_eq!(peer.code("insert into root.al.q(time, a) aligned values (1, 1.5)").await, 200);
    let column = |device: &str, name: &str, aligned: bool| {
        let values: ArrayRef = Arc::new(arrow_array::Float64Array::from(vec![2.5]));
        insert_tablet(&one_column(device, name, DataType::Double, values).with_aligned(aligned))
    };
    for (device, aligned) in [("root.al.p", true), ("root.al.q", false)] {
        assert_eq!(peer.call(&column(device, "a", aligned)).await.expect("a reply").code, 200);
        assert_eq!(peer.rows(&format!("select a from {device}")).await, ["1 2.5"]);
        // A series that would have to be made the other way is none.
        assert_eq!(peer.call(&column(device, "new", aligned)).await.expect("a reply").code, 609);
        let sql = if aligned { "aligned" } else { "" };
        assert_eq!(peer.code(&format!("insert into {device}(time, new) {sql} values (2, 1)")).await, 609);
        assert_eq!(peer.rows(&format!("count timeseries {device}.*")).await, ["0 1"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_measurement_that_is_there_twice_is_rejected() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let values = record::encode(&[Some(Value::Double(1.0)), Some(Value::Double(2.0))]);
    let req = InsertRecordsReq {
        prefix_paths: vec!["root.tw.d".to_owned()],
        measurements_list: vec![vec!["s".to_owned(); 2]],
        values_list: vec![values],
        timestamps: vec![1],
        ..InsertRecordsReq::default()
    };
    assert_eq!(peer.call(&InsertRecords { req }).await.expect("a reply").code, 701);
    let one = one_column("root.tw.d", "s", DataType::Int32, Arc::new(Int32Array::from(vec![5])));
    let InsertTablet { mut req } = insert_tablet(&one);
    req.measurements.push("s".to_owned());
    req.types.push(req.types[0]);
    req.values = [req.values.clone(), req.values].concat().into();
    assert_eq!(peer.call(&InsertTablet { req }).await.expect("a reply").code, 701);
    assert_eq!(peer.rows("count timeseries root.tw.**").await, ["0 0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_well_formed_is_rejected_with_its_reason() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    let good = insert_tablet(&all_types("root.x.d", false)).req;
    let bad = [
        (509, InsertTabletReq { prefix_path: "root..d".to_owned(), ..good.clone() }),
        (303, InsertTabletReq { size: 4, ..good.clone() }),
        (303, InsertTabletReq { size: -1, ..good.clone() }),
        (303, InsertTabletReq { types: vec![99; good.types.len()], ..good.clone() }),
        (303, InsertTabletReq { types: vec![], ..good.clone() }),
        (
            509,
            InsertTabletReq { measurements: vec!["a.b".to_owned(); good.measurements.len()], ..good.clone() },
        ),
        (300, InsertTabletReq { write_to_table: Some(true), ..good.clone() }),
        (300, InsertTabletReq { is_compressed: Some(true), ..good.clone() }),
    ];
    for (code, req) in bad {
        let status = peer.call(&InsertTablet { req }).await.expect("a reply");
        assert_eq!(status.code, code, "{status:?}");
    }
    let lists = InsertRecordsReq { prefix_paths: vec!["root.x.d".to_owned()], ..InsertRecordsReq::default() };
    assert_eq!(peer.call(&InsertRecords { req: lists }).await.expect("a reply").code, 303);
    assert_eq!(peer.rows("show timeseries root.x.**").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_keep_their_spelling_and_numbers_are_what_java_reads() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    for data_type in ["TEXT", "STRING", "INT32", "FLOAT", "DOUBLE"] {
        assert_eq!(peer.code(&format!("create timeseries root.v.d.{data_type} {data_type}")).await, 200);
    }
    let code = async |peer: &mut Peer, device: &str, name: &str, time: i64, text: &str| {
        let req = InsertStringRecordReq {
            prefix_path: device.to_owned(),
            measurements: vec![name.to_owned()],
            values: vec![text.to_owned()],
            timestamp: time,
            ..InsertStringRecordReq::default()
        };
        peer.call(&InsertStringRecord { req }).await.expect("a reply").code
    };
    for (time, text) in (1..).zip(["TRUE", "+5", "X'00ff'", "1.50", "NaN", "1f", "Infinity", "it's"]) {
        assert_eq!(code(&mut peer, "root.v.d", "TEXT", time, text).await, 200, "{text}");
        assert_eq!(code(&mut peer, "root.v.d", "STRING", time, text).await, 200, "{text}");
        let rows = peer.rows(&format!("select TEXT, STRING from root.v.d where time = {time}")).await;
        assert_eq!(rows, [format!("{time} {text} {text}")]);
    }
    for (name, text, expected) in [
        ("INT32", "+5", 200),
        ("INT32", "1f", 507),
        ("FLOAT", "1.5f", 200),
        ("DOUBLE", "NaN", 200),
        ("DOUBLE", "Infinity", 507),
    ] {
        assert_eq!(code(&mut peer, "root.v.d", name, 20, text).await, expected, "{name} {text}");
    }
    assert_eq!(
        peer.rows("select INT32, FLOAT, DOUBLE from root.v.d where time = 20").await,
        ["20 5 1.5 NaN"]
    );
    for (at, (text, expected, data_type)) in (0..).zip([
        ("NaN", 200, "DOUBLE"),
        ("+5", 200, "DOUBLE"),
        ("1d", 200, "TEXT"),
        ("True", 200, "BOOLEAN"),
        ("inf", 200, "TEXT"),
        ("X'0F'", 200, "BLOB"),
    ]) {
        assert_eq!(code(&mut peer, &format!("root.n.d{at}"), "s", 1, text).await, expected, "{text}");
        let shown = peer.rows(&format!("show timeseries root.n.d{at}.s")).await;
        assert!(shown[0].contains(data_type), "{text}: {shown:?}");
    }
    // A name is not read as a word of a statement.
    assert_eq!(code(&mut peer, "root.w.d", "TIMESTAMP", 1, "1").await, 200);
    assert_eq!(peer.rows("select `TIMESTAMP` from root.w.d").await, ["1 1.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_becomes_bytes_and_a_time_a_number() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    assert_eq!(peer.code("create timeseries root.x.d.b BLOB").await, 200);
    assert_eq!(peer.code("create timeseries root.x.d.d DOUBLE").await, 200);
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![Some(text), None])) };
    for (data_type, given) in [(DataType::Text, "tx"), (DataType::String, "0x00")] {
        let tablet = insert_tablet(&one_column("root.x.d", "b", data_type, text(given)));
        assert_eq!(peer.call(&tablet).await.expect("a reply").code, 200, "{data_type}");
        let bytes: String = given.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(peer.rows("select b from root.x.d").await, [format!("1 0x{bytes}")]);
    }
    let req = InsertRecordReq {
        prefix_path: "root.x.d".to_owned(),
        measurements: vec!["d".to_owned()],
        values: record::encode(&[Some(Value::Timestamp(77))]),
        timestamp: 5,
        ..InsertRecordReq::default()
    };
    assert_eq!(peer.call(&InsertRecord { req }).await.expect("a reply").code, 200);
    assert_eq!(peer.rows("select d from root.x.d").await, ["5 77.0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_without_values_makes_its_series() {
    let served = serve().await;
    let mut peer = Peer::new(&served).await;
    for (device, aligned) in [("root.nl.p", false), ("root.nl.a", true)] {
        let columns = |a: Option<i32>| {
            let values: [(&str, DataType, ArrayRef); 2] = [
                ("a", DataType::Int32, Arc::new(Int32Array::from(vec![a, None]))),
                ("b", DataType::Text, Arc::new(StringArray::from(vec![None::<&str>, None]))),
            ];
            let columns =
                values.map(|(name, data_type, values)| Column { name: name.into(), data_type, values });
            let device = Path::parse(device).expect("legal");
            let times = Int64Array::from(vec![1, 2]);
            insert_tablet(&Tablet::try_new(device, aligned, times, columns.into()).expect("fits"))
        };
        assert_eq!(peer.call(&columns(None)).await.expect("a reply").code, 200);
        assert_eq!(peer.rows(&format!("count timeseries {device}.*")).await, ["0 2"], "{device}");
        assert_eq!(peer.call(&columns(Some(7))).await.expect("a reply").code, 200);
        assert_eq!(
            peer.rows(&format!("select * from {device} where time = 1")).await,
            ["1 7 null"],
            "{device}"
        );
        let aligned = peer.rows(&format!("show devices {device}")).await;
        assert!(aligned[0].contains(&(device == "root.nl.a").to_string()), "{aligned:?}");
    }
}
