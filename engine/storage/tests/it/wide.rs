//! Devices of thousands of series: what they cost is in proportion to what they hold.

use std::sync::{Arc, atomic::Ordering};

use arrow_array::{Array, Float64Array, Int64Array};
use levada_model::{Column, Compressor, DataType, Encoding, SeriesSchema, Tablet};
use levada_storage::{Direction, NewSeries, Storage, StorageOptions, TimeRange, View};

use crate::{
    many::ALLOCATED,
    rows::{options, path, write},
};

/// Rows of the columns `names`, of which every other one lacks the first.
fn insert(storage: &Storage, aligned: bool, names: &[Arc<str>], times: &[i64]) {
    let device = path(if aligned { "root.w.aligned" } else { "root.w.plain" });
    for (odd, from) in [(0, 0), (1, usize::from(times.len() > 1))] {
        let columns: Vec<Column> = names
            .iter()
            .enumerate()
            .filter(|(at, _)| at % 2 == odd)
            .map(|(at, name)| Column {
                name: Arc::clone(name),
                data_type: DataType::Double,
                values: Arc::new(
                    times[from..].iter().map(|time| (at as i64 + time) as f64).collect::<Float64Array>(),
                ),
            })
            .collect();
        let times = Int64Array::from(times[from..].to_vec());
        let tablet = Tablet::try_new(device.clone(), aligned, times, columns).expect("fits");
        let inserted = storage.insert(write(vec![tablet])).expect("taken");
        assert!(inserted.report.rejected.is_empty());
    }
}

/// Makes the series as they are written fastest: no encoding is tried, and nothing compressed.
fn create(storage: &Storage, aligned: bool, names: &[Arc<str>]) {
    let schema = SeriesSchema {
        data_type: DataType::Double,
        encoding: Encoding::Plain,
        compressor: Compressor::Uncompressed,
    };
    let new = names.iter().map(|name| NewSeries {
        device: path(if aligned { "root.w.aligned" } else { "root.w.plain" }),
        measurement: Arc::clone(name),
        schema,
        aligned,
        alias: None,
        tags: Default::default(),
        attributes: Default::default(),
        deadband: None,
    });
    storage.create_series(new.collect()).expect("made");
}

fn names(columns: usize) -> Vec<Arc<str>> {
    (0..columns).map(|at| format!("s{at}").into()).collect()
}

/// Reads all, checks each value; gives how many there are, and the bytes that were held while the first batch was.
fn values(view: &dyn View, aligned: bool, names: &[Arc<str>], direction: Direction) -> (usize, usize) {
    let device = path(if aligned { "root.w.aligned" } else { "root.w.plain" });
    let before = ALLOCATED.load(Ordering::Relaxed);
    let mut held = None;
    let mut found = 0;
    for batch in view.scan(&device, names, TimeRange::ALL, direction).expect("planned") {
        let batch = batch.expect("read");
        held.get_or_insert_with(|| ALLOCATED.load(Ordering::Relaxed).saturating_sub(before));
        assert!(batch.num_rows() <= (1 << 20) / names.len() + 64, "{} rows", batch.num_rows());
        let times = batch.column(0).as_any().downcast_ref::<Int64Array>().expect("times");
        for (at, column) in batch.columns()[1..].iter().enumerate() {
            let values = column.as_any().downcast_ref::<Float64Array>().expect("doubles");
            for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
                assert_eq!(values.value(row), (at as i64 + times.value(row)) as f64);
                found += 1;
            }
        }
    }
    (found, held.unwrap_or(0))
}

#[test]
fn a_row_of_twenty_thousand_flushed_series_takes_little_memory() {
    for aligned in [false, true] {
        let dir = tempfile::tempdir().expect("a folder");
        let storage = Storage::open(StorageOptions { wal: false, ..options(dir.path()) }).expect("opens");
        let names = names(20_000);
        insert(&storage, aligned, &names, &[1]);
        storage.flush(&[]).expect("flushes");
        let (found, held) = values(&*storage.view(), aligned, &names, Direction::Ascending);
        assert_eq!(found, 20_000);
        // Other tests allocate at the same time; the square of the columns alone would be 6,400 MB.
        assert!(held < 400 << 20, "{held} bytes");
    }
}

#[test]
fn many_rows_of_many_series_are_read_in_pieces_both_ways() {
    for aligned in [false, true] {
        let dir = tempfile::tempdir().expect("a folder");
        let options = StorageOptions { wal: false, partition_width: 1 << 40, ..options(dir.path()) };
        let storage = Storage::open(options).expect("opens");
        let names = names(9000);
        create(&storage, aligned, &names);
        // Pages of more rows than are decoded at once, in several files and in memory.
        let mut rows = 0;
        for part in 0..2 {
            let times: Vec<i64> = (part * 500..part * 500 + 500).collect();
            insert(&storage, aligned, &names, &times);
            rows += times.len();
            storage.flush(&[]).expect("flushes");
        }
        insert(&storage, aligned, &names, &[2000]);
        let view = storage.view();
        for direction in [Direction::Ascending, Direction::Descending] {
            let (found, _) = values(&*view, aligned, &names, direction);
            assert_eq!(found, 4500 * (rows + 1) + 4500 * (rows - 2 + 1), "{direction:?}");
        }
    }
}
