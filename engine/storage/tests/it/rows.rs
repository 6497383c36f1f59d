//! Making rows and reading them back.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use arrow_array::{Float64Array, Int64Array, cast::AsArray, types::Int64Type};
use levada_model::{Column, DataType, Path, PathPattern, Tablet, Value, Write};
use levada_storage::{Clock, Direction, Storage, StorageOptions, SyncMode, TimeRange, View};

/// A clock that stands where it is put.
#[derive(Debug, Default)]
pub(crate) struct TestClock(pub(crate) AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(crate) fn path(text: &str) -> Path {
    Path::parse(text).expect("legal")
}

pub(crate) fn pattern(text: &str) -> PathPattern {
    PathPattern::parse(text).expect("legal")
}

pub(crate) fn options(dir: &std::path::Path) -> StorageOptions {
    StorageOptions {
        sync: SyncMode::Always,
        partition_width: 1000,
        compaction: false,
        clock: Arc::new(TestClock::default()),
        ..StorageOptions::new(dir)
    }
}

/// A tablet of DOUBLE columns.
pub(crate) fn tablet(
    device: &str,
    aligned: bool,
    times: &[i64],
    columns: &[(&str, &[Option<f64>])],
) -> Tablet {
    let columns = columns
        .iter()
        .map(|(name, values)| Column {
            name: (*name).into(),
            data_type: DataType::Double,
            values: Arc::new(Float64Array::from(values.to_vec())),
        })
        .collect();
    Tablet::try_new(path(device), aligned, Int64Array::from(times.to_vec()), columns).expect("fits")
}

pub(crate) fn write(tablets: Vec<Tablet>) -> Write {
    Write { tablets, ..Write::default() }
}

pub(crate) fn put(storage: &Storage, device: &str, times: &[i64], values: &[f64]) {
    let values: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
    let inserted =
        storage.insert(write(vec![tablet(device, false, times, &[("s", &values)])])).expect("taken");
    assert!(inserted.report.rejected.is_empty(), "{:?}", inserted.report);
    inserted.durable.wait().expect("durable");
}

pub(crate) type Rows = BTreeMap<i64, Vec<Option<Value>>>;

/// Reads some series, checks what every view promises, and gives the rows.
pub(crate) fn read(view: &dyn View, device: &str, names: &[(&str, DataType)], range: TimeRange) -> Rows {
    let measurements: Vec<Arc<str>> = names.iter().map(|(name, _)| (*name).into()).collect();
    let mut found = Vec::new();
    for direction in [Direction::Ascending, Direction::Descending] {
        let mut rows = Rows::new();
        let mut before = None;
        for batch in view.scan(&path(device), &measurements, range, direction).expect("planned") {
            let batch = batch.expect("read");
            assert!((1..=8192).contains(&batch.num_rows()));
            let times = batch.column(0).as_primitive::<Int64Type>();
            for row in 0..batch.num_rows() {
                let time = times.value(row);
                let in_order = before.replace(time).is_none_or(|before| match direction {
                    Direction::Ascending => before < time,
                    Direction::Descending => before > time,
                });
                assert!(in_order, "time {time} is out of order");
                let values: Vec<_> = names
                    .iter()
                    .enumerate()
                    .map(|(at, (_, data_type))| Value::at(batch.column(at + 1), *data_type, row))
                    .collect();
                assert!(values.iter().any(Option::is_some), "an empty row at {time}");
                rows.insert(time, values);
            }
        }
        found.push(rows);
    }
    let descending = found.pop().unwrap_or_default();
    let ascending = found.pop().unwrap_or_default();
    assert_eq!(ascending, descending);
    ascending
}

/// The values of one DOUBLE series.
pub(crate) fn series(view: &dyn View, device: &str, name: &str) -> Vec<(i64, f64)> {
    read(view, device, &[(name, DataType::Double)], TimeRange::ALL)
        .into_iter()
        .map(|(time, values)| match values[..] {
            [Some(Value::Double(value))] => (time, value),
            ref other => panic!("{other:?} at {time}"),
        })
        .collect()
}
