//! What holds for every transform, and helps for their tests.

use std::collections::{BTreeMap, BTreeSet};

use levada_connector_api::{
    Batch, BatchBuilder, BuildContext, Emitter, FieldValue, Options, Result, Transform, TransformType,
    model::{Kind, SplitRange},
};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{Drop, Pick, Rename, Sql};

/// A transform with these options.
pub(super) fn built<T: TransformType>(options: Json) -> Box<dyn Transform> {
    let options = T::Options::read(options).expect("options that fit");
    let problems = T::check(&options);
    assert!(problems.is_empty(), "{problems:?}");
    T::build(options, &BuildContext::new("p", "n")).expect("options that work")
}

/// What a transform makes of a batch.
pub(super) fn applied(transform: &mut Box<dyn Transform>, batch: Batch) -> Result<Batch> {
    let mut out = Emitter::new(std::time::Instant::now());
    transform.apply(batch, &mut out)?;
    Ok(out.take().batch)
}

/// The paths of what is wrong with options.
pub(super) fn problems<T: TransformType>(options: Json) -> Vec<String> {
    let options = T::Options::read(options).expect("options that fit");
    T::check(&options).into_iter().map(|problem| problem.path).collect()
}

/// A device, a time and fields.
pub(super) type RowOf<'a> = (&'a str, i64, &'a [(&'a str, FieldValue<'a>)]);

/// A batch of rows of one record each.
pub(super) fn batch(rows: &[RowOf<'_>]) -> Batch {
    let mut builder = BatchBuilder::new();
    builder.split(&"s".into());
    for (position, (device, time, fields)) in (0..).zip(rows) {
        builder.record(format!("{device} {time}").as_bytes(), position);
        builder.row(device, *time, fields).expect("a legal row");
    }
    builder.finish(vec![SplitRange { split: "s".into(), range: 0..rows.len() as u64 }])
}

/// A row as text: `d1 5: a=1.0 b=true`, each checked to stand with its record.
pub(super) fn lines(batch: &Batch) -> Vec<String> {
    let mut lines = Vec::new();
    for readings in &batch.readings {
        let tablet = &readings.tablet;
        assert!(tablet.rows() > 0 && !tablet.columns().is_empty(), "an empty tablet went on");
        for row in 0..tablet.rows() {
            let cells: Vec<_> = (tablet.columns().iter())
                .filter_map(|column| {
                    let value = column.value(row)?;
                    Some(format!("{}={value}", column.name))
                })
                .collect();
            assert!(!cells.is_empty(), "a row without values went on");
            let time = tablet.times().value(row);
            let record = readings.record(row).expect("a record for every row");
            let bytes = String::from_utf8_lossy(record.bytes()).into_owned();
            assert_eq!(
                bytes.rsplit(' ').next(),
                Some(time.to_string().as_str()),
                "the row of another record"
            );
            lines.push(format!("{} {time}: {}", tablet.device(), cells.join(" ")));
        }
    }
    lines
}

/// The records that were rejected.
pub(super) fn rejected(batch: &Batch) -> Vec<String> {
    batch.rejected.iter().map(|each| String::from_utf8_lossy(each.record.bytes()).into_owned()).collect()
}

#[test]
fn rename_gives_devices_and_measurements_other_names() {
    let mut rename = built::<Rename>(json!({
        "measurements": {"t": "temperature", "old name": "new name"},
        "devices": {"d1": "root.plant.first"},
        "device": {"strip": "gateway", "prefix": "root.plant"},
    }));
    let one = [("t", FieldValue::Int32(1)), ("old name", FieldValue::Boolean(true))];
    let renamed =
        applied(&mut rename, batch(&[("d1", 1, &one), ("gateway.d2", 2, &one), ("gateway", 3, &one)]));
    assert_eq!(
        lines(&renamed.expect("it works")),
        [
            "root.plant.first 1: temperature=1 `new name`=true",
            "root.plant.d2 2: temperature=1 `new name`=true",
            "root.plant.gateway 3: temperature=1 `new name`=true",
        ]
    );
}

#[test]
fn measurements_that_get_one_name_become_one_series() {
    let mut rename = built::<Rename>(json!({"measurements": {"temp": "t"}}));
    let renamed = applied(
        &mut rename,
        batch(&[
            ("d", 1, &[("temp", FieldValue::Double(1.0))]),
            ("d", 2, &[("t", FieldValue::Double(2.0)), ("on", FieldValue::Boolean(true))]),
            ("d", 3, &[("temp", FieldValue::Double(3.0)), ("t", FieldValue::Double(4.0))]),
        ]),
    );
    let renamed = renamed.expect("it works");
    assert_eq!(lines(&renamed), ["d 1: t=1.0", "d 2: t=2.0 on=true"]);
    assert_eq!(rejected(&renamed), ["d 3"]);
    assert_eq!(renamed.rejected[0].error, "d: two values of one row are named `t`");
    let renamed = applied(
        &mut rename,
        batch(&[
            ("d", 1, &[("t", FieldValue::Text("2"))]),
            ("d", 2, &[("temp", FieldValue::Double(1.0)), ("t", FieldValue::Null)]),
            ("d", 3, &[("t", FieldValue::Text("x")), ("temp", FieldValue::Double(3.0))]),
        ]),
    );
    let renamed = renamed.expect("it works");
    assert_eq!(
        (lines(&renamed).join(", ").as_str(), rejected(&renamed).join(", ").as_str()),
        ("d 1: t=2, d 2: t=1.0", "d 3")
    );
    // Whatever the order in which measurements come, and whether they have a type.
    let mut both = built::<Rename>(json!({"measurements": {"a": "x", "b": "x"}}));
    for (first, second) in [("a", "b"), ("b", "a")] {
        let number = |text| FieldValue::Written(Kind::Number, text);
        let renamed = applied(
            &mut both,
            batch(&[
                (
                    "d",
                    1,
                    &[(first, number("1")), (second, FieldValue::Int32(2)), ("c", FieldValue::Int32(3))],
                ),
                ("d", 2, &[(second, FieldValue::Int32(4))]),
                ("d", 3, &[(first, number("5"))]),
            ]),
        );
        let renamed = renamed.expect("it works");
        assert_eq!((lines(&renamed).len(), rejected(&renamed)), (2, vec!["d 1".to_owned()]), "{first}");
    }
}

#[test]
fn pick_and_drop_are_each_others_rest() {
    let fields = [("a1", FieldValue::Int32(1)), ("b", FieldValue::Int32(2))];
    let rows = || batch(&[("root.x.d", 1, &fields), ("root.y.d", 2, &fields), ("root.x.e", 3, &fields[1..])]);
    let set = json!({"measurements": ["a*"], "devices": ["root.x.**"]});
    let picked = applied(&mut built::<Pick>(set.clone()), rows()).expect("it works");
    assert_eq!(lines(&picked), ["root.x.d 1: a1=1"]);
    let left = applied(&mut built::<Drop>(set), rows()).expect("it works");
    assert_eq!(lines(&left), ["root.x.d 1: b=2", "root.y.d 2: a1=1 b=2", "root.x.e 3: b=2"]);
    let devices = applied(&mut built::<Drop>(json!({"devices": ["root.*.d"]})), rows()).expect("it works");
    assert_eq!(lines(&devices), ["root.x.e 3: b=2"]);
}

#[test]
fn wrong_options_are_named() {
    assert_eq!(problems::<Pick>(json!({})), [""]);
    assert_eq!(
        problems::<Pick>(json!({"measurements": ["a", "b.c"], "devices": ["root..x"]})),
        ["measurements[1]", "devices[0]"]
    );
    assert_eq!(problems::<Rename>(json!({})), [""]);
    assert_eq!(
        problems::<Rename>(json!({"devices": {"d": "a..b"}, "device": {"prefix": "1"}})),
        ["devices.d", "device.prefix"]
    );
    assert_eq!(problems::<Sql>(json!("select a b")), [""]);
    assert_eq!(problems::<Sql>(json!({"select": "a", "where": "b >"})), ["where"]);
    assert_eq!(problems::<Sql>(json!({"select": "avg(a)"})), ["select"]);
}

fn transforms() -> Vec<Box<dyn Transform>> {
    vec![
        built::<Sql>(json!("select a * 2 as a2, b, upper(c) as c where a > 0 or b is not null")),
        built::<Sql>(json!("select *, cast(c as INT32) as d where not b = true")),
        built::<Rename>(json!({"measurements": {"a": "b", "c": "b"}, "device": {"prefix": "root"}})),
        built::<Pick>(json!({"measurements": ["a", "c"], "devices": ["d0", "d1"]})),
        built::<Drop>(json!({"measurements": ["b"]})),
    ]
}

type RandomRow = (u8, Vec<(usize, u8, i8)>);

fn field(kind: u8, number: i8) -> FieldValue<'static> {
    match kind % 8 {
        0 => FieldValue::Double(f64::from(number)),
        1 => FieldValue::Int64(i64::from(number)),
        2 => FieldValue::Boolean(number > 0),
        3 => FieldValue::Text("7"),
        4 => FieldValue::Text("seven"),
        5 => FieldValue::Written(Kind::Number, "7.0"),
        6 => FieldValue::Written(Kind::Number, "9007199254740993"),
        _ => FieldValue::Null,
    }
}

proptest! {
    #[test]
    fn rows_stay_with_their_records_and_each_is_kept_dropped_or_rejected_once(
        rows in prop::collection::vec((0..3u8, prop::collection::vec((0..3usize, any::<u8>(), any::<i8>()), 0..4)), 0..40)
    ) {
        let rows: Vec<RandomRow> = rows;
        let devices = ["d0", "d1", "d2"];
        let fields: Vec<Vec<_>> = rows
            .iter()
            .map(|(_, fields)| {
                let named: BTreeMap<&str, FieldValue<'_>> =
                    fields.iter().map(|&(name, kind, n)| (["a", "b", "c"][name], field(kind, n))).collect();
                named.into_iter().collect()
            })
            .collect();
        let rows: Vec<RowOf<'_>> = (0..)
            .zip(&rows)
            .zip(&fields)
            .map(|((time, (device, _)), fields)| (devices[usize::from(*device)], time, fields.as_slice()))
            .collect();
        for mut transform in transforms() {
            let input = batch(&rows);
            let output: Result<Batch> = applied(&mut transform, input);
            let output = output.expect("rows of records never stop a pipeline");
            let rejected = rejected(&output);
            let mut once = rejected.clone();
            once.sort();
            once.dedup();
            prop_assert_eq!(once.len(), rejected.len());
            // Each row is checked against its record; two measurements of one name may have parted a row.
            let times = |batch: &Batch| -> BTreeSet<String> {
                lines(batch).iter().filter_map(|line| line.split(':').next()?.rsplit(' ').next().map(str::to_owned)).collect()
            };
            prop_assert!(times(&output).is_subset(&times(&batch(&rows))));
        }
    }
}
