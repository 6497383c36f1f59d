use arrow_array::{Array, cast::AsArray};
use levada_model::{DataType, Tablet, Value};
use proptest::prelude::*;

use super::*;

fn tablet(batch: &Batch, index: usize) -> &Tablet {
    &batch.readings[index].tablet
}

fn names(tablet: &Tablet) -> Vec<(String, DataType)> {
    tablet.columns().iter().map(|column| (column.name.to_string(), column.data_type)).collect()
}

#[test]
fn rows_are_grouped_by_device_and_keep_their_record() {
    let mut rows = BatchBuilder::new();
    rows.split(&"s/0".into());
    for (index, device) in ["d1", "d2", "d1"].into_iter().enumerate() {
        rows.record(device.as_bytes(), 10 + index as u64);
        rows.row(device, index as i64, &[("a", FieldValue::Double(index as f64))]).expect("held");
    }
    let batch = rows.finish(Vec::new());
    assert_eq!(batch.rows(), 3);
    assert_eq!(tablet(&batch, 0).device().as_str(), "d1");
    assert_eq!(tablet(&batch, 0).times().values(), &[0, 2]);
    let record = batch.readings[0].record(1).expect("from a record");
    assert_eq!((record.bytes(), record.origin()), (b"d1".as_slice(), Some((&"s/0".into(), 12))));
    assert!(rows.is_empty() && rows.finish(Vec::new()).is_empty());
}

#[test]
fn a_record_that_is_taken_back_leaves_nothing_behind() {
    let mut rows = BatchBuilder::new();
    rows.split(&"s/0".into());
    rows.record(b"first", 10);
    rows.envelope(Some(b"k"), None, true);
    rows.row("d", 1, &[("a", FieldValue::Double(1.0))]).expect("held");
    rows.reject_part("half of it".to_owned());
    let before = rows.records.bytes();
    for _ in 0..3 {
        rows.record(b"second, which is longer", 11);
        rows.envelope(Some(b"other"), Some(7), true);
        rows.header("h", Some(b"v"));
        rows.row("d", 2, &[("a", FieldValue::Double(2.0))]).expect("held");
        rows.reject_part("a part".to_owned());
        rows.part(8..13);
        rows.row("d", 2, &[("a", FieldValue::Double(2.0))]).expect("held");
        rows.reject_part("another part".to_owned());
        rows.take_back_record();
        assert_eq!((rows.rows(), rows.records(), rows.records.bytes()), (1, 1, before));
        assert_eq!(rows.rejected_parts().len(), 0);
    }
    rows.take_back_record();
    rows.record(b"third", 11);
    rows.row("d", 3, &[("a", FieldValue::Double(3.0))]).expect("held");
    let batch = rows.finish(Vec::new());
    assert_eq!(tablet(&batch, 0).times().values(), &[1, 3]);
    let record = batch.readings[0].record(1).expect("from a record");
    assert_eq!((record.bytes(), record.origin()), (b"third".as_slice(), Some((&"s/0".into(), 11))));
    assert!(record.envelope().is_none());
    let [rejected] = &batch.rejected[..] else { panic!("{:?}", batch.rejected) };
    assert_eq!((rejected.record.bytes(), rejected.error.as_str()), (b"first".as_slice(), "half of it"));
    assert_eq!(rejected.record.envelope().and_then(|envelope| envelope.key), Some(b"k".as_slice()));
}

#[test]
fn rows_and_rejections_of_a_part_hold_the_part_alone() {
    let mut rows = BatchBuilder::new();
    rows.split(&"s/0".into());
    for (position, whole) in [(4, false), (5, true)] {
        rows.record(b"one\ntwo\nsix", position);
        for (nth, range) in [0..3, 4..7, 8..11].into_iter().enumerate() {
            rows.part(range);
            if nth == 1 {
                rows.reject_part("no number".to_owned());
            } else {
                rows.row("d", nth as i64, &[("a", FieldValue::Double(1.0))]).expect("held");
            }
        }
        assert_eq!(rows.rejected_parts().collect::<Vec<_>>(), ["no number"]);
        if whole {
            rows.reject("all of it".to_owned());
        }
    }
    let batch = rows.finish(Vec::new());
    let rejected: Vec<_> =
        batch.rejected.iter().map(|each| (each.record.bytes(), each.error.as_str())).collect();
    assert_eq!(rejected, [(b"two".as_slice(), "no number"), (b"one\ntwo\nsix", "all of it")]);
    assert_eq!(batch.rows(), 2, "those of the second record were taken back");
    let record = |row| batch.readings[0].record(row).expect("from a record");
    assert_eq!((record(0).bytes(), record(1).bytes()), (b"one".as_slice(), b"six".as_slice()));
    assert_eq!(record(1).origin(), Some((&"s/0".into(), 4)));
}

#[test]
fn late_and_missing_columns_are_filled_with_nulls() {
    let mut rows = BatchBuilder::new();
    let a = FieldValue::Double(1.0);
    let text = FieldValue::Text("x");
    rows.row("d", 1, &[("a", a)]).expect("held");
    rows.row("d", 2, &[("b", text), ("c", FieldValue::Null)]).expect("held");
    rows.row("d", 3, &[("b", text), ("a", a)]).expect("held");
    rows.row("d", 4, &[("a", a)]).expect("held");
    let batch = rows.finish(Vec::new());
    let tablet = tablet(&batch, 0);
    assert_eq!(names(tablet), [("a".to_owned(), DataType::Double), ("b".to_owned(), DataType::Text)]);
    let nulls = |at: usize| (0..4).map(|row| tablet.columns()[at].values.is_null(row)).collect::<Vec<_>>();
    assert_eq!(nulls(0), [false, true, false, false]);
    assert_eq!(nulls(1), [true, false, false, true]);
    assert_eq!(tablet.columns()[1].values.as_string::<i32>().value(2), "x");
}

/// The values of a column, as they are by themselves.
fn values(tablet: &Tablet, column: usize) -> Vec<Option<Value>> {
    (0..tablet.rows()).map(|row| tablet.columns()[column].value(row)).collect()
}

#[test]
fn numbers_of_several_types_stay_the_same_in_one_column() {
    let mut rows = BatchBuilder::new();
    rows.row("d", 1, &[("a", FieldValue::Int32(1))]).expect("held");
    rows.row("d", 2, &[("a", FieldValue::Int64(2))]).expect("held");
    rows.row("d", 3, &[("a", FieldValue::Double(3.5))]).expect("held");
    rows.row("d", 4, &[("a", FieldValue::Int64(i64::MAX))]).expect("held");
    rows.row("d", 5, &[("a", FieldValue::Float(0.1))]).expect("held");
    let batch = rows.finish(Vec::new());
    assert_eq!((batch.readings.len(), names(tablet(&batch, 0))[0].1), (1, DataType::Double));
    assert_eq!(tablet(&batch, 0).times().values(), &[1, 2, 3, 4, 5]);
    assert_eq!(
        values(tablet(&batch, 0), 0),
        [
            Value::Double(1.0),
            Value::Double(2.0),
            Value::Double(3.5),
            Value::Int64(i64::MAX),
            Value::Double(f64::from(0.1f32)),
        ]
        .map(Some)
    );
}

#[test]
fn a_record_with_a_second_type_in_a_column_stays_one_row_in_its_place() {
    let mut rows = BatchBuilder::new();
    let other = ("b", FieldValue::Boolean(true));
    let written = |text| FieldValue::Written(Kind::Number, text);
    for (time, value) in
        [written("1.50"), FieldValue::Text("off"), FieldValue::Null, FieldValue::Boolean(true), written("2")]
            .into_iter()
            .enumerate()
    {
        rows.record(b"r", time as u64);
        rows.row("d", time as i64, &[("a", value), other]).expect("held");
    }
    let batch = rows.finish(Vec::new());
    assert_eq!((batch.readings.len(), batch.rows(), batch.points()), (1, 5, 9));
    let tablet = tablet(&batch, 0);
    assert_eq!(names(tablet), [("a".to_owned(), DataType::Double), ("b".to_owned(), DataType::Boolean)]);
    let off = Value::Text("off".to_owned());
    assert_eq!(
        values(tablet, 0),
        [Some(Value::Double(1.5)), Some(off), None, Some(Value::Boolean(true)), Some(Value::Double(2.0)),]
    );
    assert!(tablet.columns()[0].is_written() && !tablet.columns()[1].is_written());
}

#[test]
fn values_of_every_type_are_themselves_in_a_mixed_column() {
    let all = [
        FieldValue::Blob(b"\0\xff"),
        FieldValue::Boolean(false),
        FieldValue::Int32(-1),
        FieldValue::Timestamp(7),
        FieldValue::Date(20_260_501),
        FieldValue::String("s"),
        FieldValue::Float(f32::NEG_INFINITY),
        FieldValue::Double(f64::MIN_POSITIVE),
    ];
    let mut rows = BatchBuilder::new();
    for (time, value) in (0..).zip(all) {
        rows.row("d", time, &[("a", value)]).expect("held");
    }
    let batch = rows.finish(Vec::new());
    let text = |text: &str| Value::Text(text.to_owned());
    assert_eq!(
        values(tablet(&batch, 0), 0),
        [
            text("0x00ff"),
            Value::Boolean(false),
            Value::Int64(-1),
            Value::Timestamp(7),
            Value::Date(20_260_501),
            text("s"),
            Value::Float(f32::NEG_INFINITY),
            Value::Double(f64::MIN_POSITIVE),
        ]
        .map(Some)
    );
    // The batch after it begins anew.
    rows.row("d", 9, &[("a", FieldValue::Blob(b"x"))]).expect("held");
    let batch = rows.finish(Vec::new());
    assert_eq!(values(tablet(&batch, 0), 0), [Some(Value::Blob(b"x".to_vec()))]);
}

#[test]
fn integers_are_int64_while_all_are_whole() {
    let mut rows = BatchBuilder::new();
    let integer = |text| FieldValue::Written(Kind::Integer, text);
    let fraction = FieldValue::Written(Kind::Number, "2.5");
    rows.row("d", 1, &[("a", integer("9007199254740993")), ("b", integer("1")), ("c", fraction)])
        .expect("held");
    rows.row("d", 2, &[("a", integer("2")), ("b", fraction), ("c", integer("1"))]).expect("held");
    let batch = rows.finish(Vec::new());
    let types = names(tablet(&batch, 0)).into_iter().map(|(_, data_type)| data_type).collect::<Vec<_>>();
    assert_eq!(types, [DataType::Int64, DataType::Double, DataType::Double]);
    assert_eq!(values(tablet(&batch, 0), 0)[0], Some(Value::Int64(9_007_199_254_740_993)));
}

#[test]
fn more_than_a_batch_may_hold_is_an_error_and_no_row() {
    let text = "x".repeat(200 << 20);
    let mut rows = BatchBuilder::new();
    rows.row("d", 1, &[("a", FieldValue::Text(&text))]).expect("held");
    assert!(rows.row("d", 2, &[("a", FieldValue::Text(&text))]).is_err());
    assert_eq!(rows.rows(), 1);
}

#[test]
fn a_rejected_record_leaves_no_row() {
    let mut rows = BatchBuilder::new();
    rows.split(&"s".into());
    rows.record(b"good", 0);
    rows.row("d", 1, &[("a", FieldValue::Double(1.0))]).expect("held");
    rows.record(b"bad", 1);
    rows.row("d", 2, &[("a", FieldValue::Text("?")), ("b", FieldValue::Boolean(true))]).expect("held");
    rows.row("e", 2, &[("a", FieldValue::Double(2.0))]).expect("held");
    rows.reject("later part is broken".to_owned());
    rows.record(b"good too", 2);
    rows.row("d", 3, &[("a", FieldValue::Double(3.0))]).expect("held");
    assert_eq!(rows.rows(), 2);
    let batch = rows.finish(Vec::new());
    assert_eq!((batch.readings.len(), batch.rows(), batch.points()), (1, 2, 2));
    assert_eq!(tablet(&batch, 0).times().values(), &[1, 3]);
    assert_eq!(batch.rejected[0].record.bytes(), b"bad");
    assert_eq!(batch.readings[0].record(1).expect("a record").bytes(), b"good too");
}

#[test]
fn names_get_quotes_where_they_need_them() {
    let mut rows = BatchBuilder::new();
    let value = FieldValue::Double(1.0);
    for device in ["root.plant.d-1", "plant.12.x", "root.`a.b`", "*"] {
        rows.row(device, 1, &[("in.out", value), ("`q r`", value), ("q r", FieldValue::Null)]).expect("held");
    }
    let batch = rows.finish(Vec::new());
    let devices: Vec<_> = batch.readings.iter().map(|each| each.tablet.device().to_string()).collect();
    assert_eq!(devices, ["root.plant.`d-1`", "plant.`12`.x", "root.`a.b`", "`*`"]);
    assert_eq!(
        names(tablet(&batch, 0)).into_iter().map(|(name, _)| name).collect::<Vec<_>>(),
        ["`in.out`", "`q r`"]
    );
    for wrong in ["", "a..b", ".", "root."] {
        assert!(rows.row(wrong, 1, &[("a", value)]).is_err(), "{wrong}");
    }
    assert!(rows.row("d", 1, &[("a", value), ("", value)]).is_err());
    assert_eq!(rows.rows(), 0);
}

#[test]
fn two_values_of_one_name_are_no_row() {
    let number = |value| FieldValue::Double(value);
    let text = FieldValue::Text("x");
    for wrong in [
        &[("a", number(1.0)), ("b", number(2.0)), ("a", number(3.0))][..],
        &[("a", number(1.0)), ("a", text)],
        &[("new", text), ("b", number(1.0)), ("new", number(1.0))],
        &[("q r", number(1.0)), ("`q r`", number(1.0))],
        &[("b", text), ("b", FieldValue::Boolean(true))],
    ] {
        let mut rows = BatchBuilder::new();
        rows.row("d", 1, &[("a", number(0.5)), ("b", number(0.5))]).expect("held");
        let error = rows.row("d", 2, wrong).expect_err("a name twice");
        assert!(error.0.starts_with("two values of one row are named `"), "{error}");
        rows.row("d", 3, &[("a", number(1.5)), ("b", FieldValue::Null), ("b", number(1.5))]).expect("held");
        let batch = rows.finish(Vec::new());
        assert_eq!((batch.readings.len(), batch.rows(), batch.points()), (1, 2, 4), "{wrong:?}");
    }
}

#[test]
fn rows_that_fall_on_one_millisecond_are_told() {
    let moment = |micros| levada_model::TimeUnit::Microsecond.moment(micros).expect("in range");
    let mut rows = BatchBuilder::new();
    let mut place = |device: &str, micros: i64| {
        rows.row_at(device, moment(micros), &[("a", FieldValue::Double(1.0))]).expect("held")
    };
    assert_eq!(place("d", 0), Placed::Held);
    assert_eq!(place("d", 0), Placed::Held, "the same moment again is another matter");
    assert_eq!(place("d", 1), Placed::OnAnother);
    assert_eq!(place("d", 1_001), Placed::Held);
    assert_eq!(place("e", 2), Placed::Held, "another device");
    assert_eq!(place("d", 3), Placed::OnAnother, "late");
    rows.finish(Vec::new());
    let next = rows.row_at("d", moment(4), &[("a", FieldValue::Double(1.0))]);
    assert_eq!(next, Ok(Placed::OnAnother), "the last of the batch before");
    let further = rows.row_at("d", moment(1_002), &[("a", FieldValue::Double(1.0))]);
    assert_eq!(further, Ok(Placed::OnAnother), "any of the batch before");
    assert_eq!(rows.row_at("d", Moment::of_millis(5), &[("a", FieldValue::Null)]), Ok(Placed::Empty));
}

#[test]
fn ten_thousand_measurements_fit_in_a_row() {
    let names: Vec<_> = (0..10_000).map(|n| format!("m{n}")).collect();
    let fields: Vec<_> = names.iter().map(|name| (name.as_str(), FieldValue::Double(1.0))).collect();
    let mut rows = BatchBuilder::new();
    for time in 0..3 {
        rows.row("d", time, &fields).expect("held");
    }
    let batch = rows.finish(Vec::new());
    assert_eq!((batch.readings.len(), batch.points()), (1, 30_000));
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        any::<i32>().prop_map(Value::Int32),
        any::<i64>().prop_map(Value::Int64),
        (-1e6f32..1e6).prop_map(Value::Float),
        (-1e6f64..1e6).prop_map(Value::Double),
        "[a-c]{0,3}".prop_map(Value::Text),
    ]
}

fn field(value: &Value) -> FieldValue<'_> {
    match value {
        Value::Boolean(value) => FieldValue::Boolean(*value),
        Value::Int32(value) => FieldValue::Int32(*value),
        Value::Int64(value) => FieldValue::Int64(*value),
        Value::Float(value) => FieldValue::Float(*value),
        Value::Double(value) => FieldValue::Double(*value),
        Value::Text(value) => FieldValue::Text(value),
        _ => FieldValue::Null,
    }
}

/// What a value says, whatever the type of its column.
fn meaning(value: &Value) -> String {
    match value {
        Value::Int32(value) => f64::from(*value).to_string(),
        // Whatever a DOUBLE holds exactly, also beyond 2^53: its shortest digits are not the integer's.
        Value::Int64(value) if (*value as f64) as i128 == i128::from(*value) => (*value as f64).to_string(),
        Value::Float(value) => f64::from(*value).to_string(),
        Value::Double(value) => value.to_string(),
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn every_value_of_every_kept_record_comes_out_once(
        records in prop::collection::vec(
            (prop::collection::vec((0..3usize, prop::collection::vec((0..4usize, any_value()), 1..4)), 1..3), any::<bool>()),
            1..30,
        ),
        cut in 0..30usize,
    ) {
        let mut rows = BatchBuilder::new();
        let mut expected = Vec::new();
        let mut found = Vec::new();
        let mut collect = |batch: Batch| {
            for each in batch.readings {
                for row in 0..each.tablet.rows() {
                    for column in each.tablet.columns() {
                        if let Some(value) = column.value(row) {
                            found.push((each.tablet.times().value(row), column.name.to_string(), meaning(&value)));
                        }
                    }
                }
            }
        };
        let mut time = 0;
        for (index, (record, kept)) in records.iter().enumerate() {
            rows.record(b"r", index as u64);
            for (device, fields) in record {
                time += 1;
                let names = ["a", "b", "c", "d"];
                let given: Vec<_> = fields.iter().map(|(name, value)| (names[*name], field(value))).collect();
                let twice = (0..4).any(|name| fields.iter().filter(|(each, _)| *each == name).count() > 1);
                let placed = rows.row(["x", "y", "z"][*device], time, &given);
                prop_assert_eq!(placed.is_err(), twice);
                if *kept && !twice {
                    expected.push((time, fields.clone()));
                }
            }
            if !kept {
                rows.reject("no".to_owned());
            }
            if index == cut {
                collect(rows.finish(Vec::new()));
            }
        }
        collect(rows.finish(Vec::new()));
        for (time, fields) in &expected {
            for name in 0..4 {
                let Some((_, last)) = fields.iter().rev().find(|(each, _)| *each == name) else { continue };
                let entry = (*time, ["a", "b", "c", "d"][name].to_owned(), meaning(last));
                prop_assert!(found.contains(&entry), "{entry:?} is missing");
            }
        }
        let points: usize = expected.iter().map(|(_, fields)| fields.len()).sum();
        prop_assert!(found.len() <= points);
        prop_assert!(found.iter().all(|(time, ..)| expected.iter().any(|(each, _)| each == time)));
    }
}

#[test]
fn a_type_that_a_value_says_comes_before_one_that_is_inferred() {
    let number = FieldValue::Written(Kind::Number, "0.1");
    for said in [FieldValue::Int64(i64::MAX), FieldValue::Float(0.1), FieldValue::Int32(7)] {
        for values in [[number, said], [said, number]] {
            let mut rows = BatchBuilder::new();
            for (time, value) in (0..).zip(values) {
                rows.row("d", time, &[("a", value)]).expect("legal");
            }
            let batch = rows.finish(Vec::new());
            let types: Vec<_> =
                batch.readings[0].tablet.columns().iter().map(|column| column.data_type).collect();
            let own = match said {
                FieldValue::Int64(_) => DataType::Int64,
                FieldValue::Float(_) => DataType::Float,
                _ => DataType::Int32,
            };
            assert_eq!(types, [own]);
        }
    }
}

#[test]
fn what_came_beside_a_record_is_in_each_of_its_rows_and_in_no_others() {
    let mut rows = BatchBuilder::new();
    rows.record(b"one", 0);
    rows.beside("topic", FieldValue::Text("a/b"));
    rows.usual_device("root.a.b");
    assert_eq!(rows.device_beside(), Some("root.a.b"));
    rows.row("root.d", 1, &[("v", FieldValue::Int32(1))]).expect("held");
    rows.row("root.d", 2, &[("v", FieldValue::Null)]).expect("empty");
    rows.row("root.d", 3, &[("topic", FieldValue::Int32(1))]).expect_err("two of one name");
    rows.record(b"two", 1);
    assert_eq!(rows.device_beside(), None);
    rows.row("root.d", 4, &[("v", FieldValue::Int32(2))]).expect("held");
    let batch = rows.finish(Vec::new());
    let tablet = &batch.readings[0].tablet;
    let topic = tablet.columns().iter().find(|column| &*column.name == "topic").expect("a column");
    let topics: Vec<_> = (0..tablet.rows()).map(|row| topic.value(row)).collect();
    assert_eq!(topics, [Some(levada_model::Value::Text("a/b".to_owned())), None]);
}
