//! What a store does when nothing goes wrong.

use std::{
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use arrow_array::{BooleanArray, Float64Array, Int32Array, Int64Array, StringArray};
use levada_model::{Column, DataType, SeriesSchema, SplitName, SplitRange, StatusCode, Tablet, Value, Write};
use levada_storage::{Inserted, NewSeries, Piece, Storage, StorageError, TimeRange, Windows};

use crate::{
    fault_disk::FaultDisk,
    rows::{TestClock, options, path, pattern, put, read, series, tablet, write},
};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn rows_are_read_back_from_memory_log_and_files() {
    let dir = folder();
    let expected: Vec<(i64, f64)> = vec![(1, 1.5), (2, 9.0), (3, 3.0), (1500, 4.0)];
    {
        let storage = Storage::open(options(dir.path())).expect("opens");
        put(&storage, "root.a.d", &[1, 2, 1500], &[1.0, 2.0, 4.0]);
        put(&storage, "root.a.d", &[3, 2, 1], &[3.0, 9.0, 1.5]);
        assert_eq!(series(&*storage.view(), "root.a.d", "s"), expected);
        storage.close().expect("closes");
    }
    let storage = Storage::open(options(dir.path())).expect("opens again");
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), expected);
    let before = storage.view();
    storage.flush(&[]).expect("flushes");
    assert_eq!(storage.stats().files, 2);
    put(&storage, "root.a.d", &[2, 4], &[7.0, 8.0]);
    assert_eq!(series(&*before, "root.a.d", "s"), expected);
    let expected = vec![(1, 1.5), (2, 7.0), (3, 3.0), (4, 8.0), (1500, 4.0)];
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), expected);
    storage.flush(&[]).expect("flushes");
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), expected);
    drop(storage);
    let storage = Storage::open(options(dir.path())).expect("opens from files");
    assert_eq!(storage.stats().memtable_bytes, 0);
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), expected);
    assert_eq!(
        storage.view().last(&path("root.a.d"), &"s".into()).expect("read"),
        Some((1500, Value::Double(4.0)))
    );
}

#[test]
fn values_of_one_time_are_merged_value_by_value() {
    for aligned in [false, true] {
        let dir = folder();
        let storage = Storage::open(options(dir.path())).expect("opens");
        let insert = |times: &[i64], columns: &[(&str, &[Option<f64>])]| {
            let write = write(vec![tablet("root.a.d", aligned, times, columns)]);
            assert!(storage.insert(write).expect("taken").report.rejected.is_empty());
        };
        let names = [("a", DataType::Double), ("b", DataType::Double)];
        let d = |value: f64| Some(Value::Double(value));
        insert(&[1, 2, 3], &[("a", &[Some(1.0), Some(2.0), None]), ("b", &[None, Some(20.0), Some(30.0)])]);
        storage.flush(&[]).expect("flushes");
        insert(&[2, 1], &[("b", &[None, Some(10.0)]), ("a", &[Some(2.5), None])]);
        insert(&[4], &[("b", &[Some(40.0)])]);
        let expected = vec![
            (1, vec![d(1.0), d(10.0)]),
            (2, vec![d(2.5), d(20.0)]),
            (3, vec![None, d(30.0)]),
            (4, vec![None, d(40.0)]),
        ];
        let rows = |storage: &Storage| -> Vec<_> {
            read(&*storage.view(), "root.a.d", &names, TimeRange::ALL).into_iter().collect()
        };
        assert_eq!(rows(&storage), expected);
        storage.flush(&[]).expect("flushes");
        assert_eq!(rows(&storage), expected);
        storage.compact(&[]).expect("compacts");
        assert_eq!(rows(&storage), expected);
    }
}

#[test]
fn a_second_owner_is_told_who_the_first_is() {
    let dir = folder();
    let storage = Storage::open(options(dir.path())).expect("opens");
    match Storage::open(options(dir.path())) {
        Err(StorageError::Locked { owner, .. }) => {
            assert!(owner.contains(&std::process::id().to_string()), "{owner}");
        }
        other => panic!("{other:?}"),
    }
    storage.close().expect("closes");
    Storage::open(options(dir.path())).expect("the lock is free");
}

#[test]
fn types_that_do_not_fit_are_rejected_by_measurement() {
    let dir = folder();
    let storage = Storage::open(options(dir.path())).expect("opens");
    put(&storage, "root.a.d", &[1], &[1.0]);
    let column = |name: &str, data_type, values| Column { name: name.into(), data_type, values };
    let mixed = |values: Arc<Int32Array>| {
        let flags = column("flag", DataType::Boolean, Arc::new(BooleanArray::from(vec![true, false])));
        let columns = vec![column("s", DataType::Int32, values), flags];
        Tablet::try_new(path("root.a.d"), false, Int64Array::from(vec![1, 2]), columns).expect("fits")
    };
    let values = Arc::new(Int32Array::from(vec![5, 6]));
    let report = storage.insert(write(vec![mixed(Arc::clone(&values))])).expect("taken").report;
    assert_eq!(report.rejected.len(), 1);
    assert_eq!(report.rejected[0].code, StatusCode::METADATA_ERROR);
    assert_eq!(report.rejected[0].measurement.as_deref(), Some("s"));
    assert_eq!(
        report.rejected[0].message,
        "data type of root.a.d.s is not consistent, registered type DOUBLE, inserting type INT32"
    );
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0)]);
    assert_eq!(storage.view().series(&pattern("root.**")).len(), 2);
    let coerced = Write { coerce: true, ..write(vec![mixed(values)]) };
    assert!(storage.insert(coerced).expect("taken").report.rejected.is_empty());
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 5.0), (2, 6.0)]);
}

#[test]
fn numbers_that_are_no_day_are_rejected_and_the_rest_of_their_rows_stored() {
    let dir = folder();
    let storage = Storage::open(options(dir.path())).expect("opens");
    let dates = vec![Some(20_240_229), Some(20_230_229), None, Some(1_231), Some(10_101), Some(i32::MIN)];
    let times: Vec<i64> = (0..6).collect();
    let columns = vec![
        Column { name: "y".into(), data_type: DataType::Date, values: Arc::new(Int32Array::from(dates)) },
        Column {
            name: "n".into(),
            data_type: DataType::Int64,
            values: Arc::new(Int64Array::from(times.clone())),
        },
    ];
    let tablet = Tablet::try_new(path("root.a.d"), false, times.into(), columns).expect("fits");
    let rejected = storage.insert(write(vec![tablet])).expect("taken").report.rejected;
    let rows: Vec<u32> = rejected.iter().flat_map(|each| each.rows.clone().unwrap_or_default()).collect();
    assert_eq!(rows, [1, 3, 5]);
    assert_eq!(
        rejected[0].message,
        "root.a.d.y: `2023-02-29` is not of type DATE: write a day of the calendar as yyyy-mm-dd"
    );
    let names = [("n", DataType::Int64), ("y", DataType::Date)];
    let rows = read(&*storage.view(), "root.a.d", &names, TimeRange::ALL);
    assert_eq!(rows.len(), 6);
    let stored: Vec<_> = rows.values().filter_map(|row| row[1].clone()).collect();
    assert_eq!(stored, [Value::Date(20_240_229), Value::Date(10_101)]);
}

#[test]
fn positions_outlive_the_log_that_brought_them() {
    let dir = folder();
    let owner: Arc<str> = "pipeline".into();
    let insert = |storage: &Storage, time: i64, range| {
        let value = [Some(time as f64)];
        let write = Write {
            owner: Some(Arc::clone(&owner)),
            positions: vec![SplitRange { split: "p/0".into(), range }],
            ..write(vec![tablet("root.a.d", false, &[time], &[("s", &value)])])
        };
        storage.insert(write).expect("taken").durable.wait().expect("durable");
    };
    let split = SplitName::from("p/0");
    let storage = Storage::open(options(dir.path())).expect("opens");
    insert(&storage, 1, 0..10);
    insert(&storage, 3, 20..30);
    assert_eq!(storage.checkpoint("pipeline").get(&split), Some(&10));
    drop(storage);
    let storage = Storage::open(options(dir.path())).expect("opens");
    assert_eq!(storage.checkpoint("pipeline").get(&split), Some(&10));
    storage.flush(&[]).expect("flushes");
    drop(storage);
    let storage = Storage::open(options(dir.path())).expect("opens");
    assert!(storage.stats().wal_bytes < 200, "{:?}", storage.stats());
    assert_eq!(storage.checkpoint("pipeline").get(&split), Some(&10));
    insert(&storage, 2, 10..20);
    assert_eq!(storage.checkpoint("pipeline").get(&split), Some(&30));
    assert!(storage.checkpoint("another").is_empty());
}

#[test]
fn positions_of_a_write_with_rejected_rows_wait_until_they_are_given_again() {
    let dir = folder();
    let storage = Storage::open(options(dir.path())).expect("opens");
    let insert = |tablets, range| {
        let positions = vec![SplitRange { split: "p/0".into(), range }];
        let write = Write { owner: Some("pipeline".into()), positions, ..write(tablets) };
        let inserted = storage.insert(write).expect("taken");
        inserted.durable.wait().expect("durable");
        inserted.report.rejected.len()
    };
    let number = |time: i64| tablet("root.a.d", false, &[time], &[("s", &[Some(1.0)])]);
    let truth = Column {
        name: "s".into(),
        data_type: DataType::Boolean,
        values: Arc::new(BooleanArray::from(vec![true])),
    };
    let other_type = Tablet::try_new(path("root.a.d"), false, Int64Array::from(vec![9]), vec![truth]);
    let other_type = other_type.expect("columns of one length");
    let low = || storage.checkpoint("pipeline").get(&SplitName::from("p/0")).copied();
    assert_eq!(insert(vec![number(1)], 0..10), 0);
    assert_eq!(insert(vec![number(2), other_type], 10..20), 1);
    assert_eq!(insert(vec![number(3)], 20..30), 0);
    assert_eq!(low(), Some(10));
    assert_eq!(insert(Vec::new(), 10..20), 0);
    assert_eq!(low(), Some(30));
}

#[test]
fn the_catalog_rejects_what_does_not_fit_into_the_tree() {
    let dir = folder();
    let storage = Storage::open(options(dir.path())).expect("opens");
    let new = |device: &str, measurement: &str, data_type| NewSeries {
        device: path(device),
        measurement: measurement.into(),
        schema: SeriesSchema::default_for(data_type),
        aligned: false,
        alias: None,
        tags: [("unit".to_owned(), "C".to_owned())].into(),
        attributes: Default::default(),
        deadband: None,
    };
    storage.create_database(&path("root.a"), Some(1000)).expect("made");
    let code = |result: Result<_, StorageError>| {
        result.map(|_: levada_storage::Applied| ()).map_err(|error| error.code())
    };
    assert_eq!(
        code(storage.create_database(&path("root.a"), None)),
        Err(StatusCode::DATABASE_ALREADY_EXISTS)
    );
    assert_eq!(code(storage.create_database(&path("root.a.b"), None)), Err(StatusCode::DATABASE_CONFLICT));
    assert_eq!(code(storage.create_database(&path("root"), None)), Err(StatusCode::ILLEGAL_PATH));
    storage.create_series(vec![new("root.a.d", "s", DataType::Double)]).expect("made");
    let again = storage
        .create_series(vec![new("root.b.d", "s", DataType::Text), new("root.a.d", "s", DataType::Text)]);
    assert_eq!(code(again), Err(StatusCode::TIMESERIES_ALREADY_EXIST));
    assert_eq!(storage.stats().databases, 1);
    let through = storage.create_series(vec![new("root.a.d.s", "x", DataType::Text)]);
    assert_eq!(code(through), Err(StatusCode::PATH_ALREADY_EXIST));
    let nodes = storage.create_series(vec![new("root.a.d", "x.y", DataType::Text)]);
    assert_eq!(code(nodes), Err(StatusCode::ILLEGAL_PATH));
    let unnamed = tablet("root.a.d", false, &[1], &[("", &[Some(1.0)])]);
    let report = storage.insert(write(vec![unnamed])).expect("taken").report;
    assert_eq!(report.rejected[0].code, StatusCode::ILLEGAL_PATH);
    storage.create_series(vec![new("root.b.d", "t", DataType::Text)]).expect("made with its database");
    drop(storage);
    let storage = Storage::open(options(dir.path())).expect("opens");
    let view = storage.view();
    let infos = view.series(&pattern("root.*.d.*"));
    assert_eq!(infos.iter().map(|info| info.path.as_str()).collect::<Vec<_>>(), ["root.a.d.s", "root.b.d.t"]);
    assert_eq!(infos[0].tags.get("unit").map(String::as_str), Some("C"));
    assert_eq!(view.databases(&pattern("root.a"))[0].ttl, Some(1000));
    assert_eq!(storage.delete_databases(&[pattern("root.b")]).expect("deleted").count, 1);
    assert_eq!(storage.delete_series(&[pattern("root.a.**")]).expect("deleted").count, 1);
    assert_eq!((storage.stats().devices, storage.stats().series, storage.stats().databases), (0, 0, 1));
}

#[test]
fn deletions_hide_what_was_there_and_not_what_comes() {
    let dir = folder();
    let mut storage = Storage::open(options(dir.path())).expect("opens");
    put(&storage, "root.a.d", &[1, 2, 3, 4], &[1.0, 2.0, 3.0, 4.0]);
    storage.flush(&[]).expect("flushes");
    put(&storage, "root.a.d", &[3, 5], &[3.5, 5.0]);
    let range = TimeRange { start: 2, end: 5 };
    assert_eq!(storage.delete(&[pattern("root.a.*.s")], range).expect("deleted").count, 1);
    put(&storage, "root.a.d", &[4], &[4.5]);
    for round in 0..3 {
        assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0), (4, 4.5)], "round {round}");
        if round == 0 {
            drop(storage);
            storage = Storage::open(options(dir.path())).expect("opens");
        } else {
            storage.flush(&[]).expect("flushes");
        }
    }
    storage.delete_series(&[pattern("root.a.d.s")]).expect("deleted");
    let text = Column {
        name: "s".into(),
        data_type: DataType::Text,
        values: Arc::new(StringArray::from(vec!["new"])),
    };
    let tablet =
        Tablet::try_new(path("root.a.d"), false, Int64Array::from(vec![1]), vec![text]).expect("fits");
    assert!(storage.insert(write(vec![tablet])).expect("taken").report.rejected.is_empty());
    for _ in 0..2 {
        let rows = read(&*storage.view(), "root.a.d", &[("s", DataType::Text)], TimeRange::ALL);
        assert_eq!(rows.into_iter().collect::<Vec<_>>(), [(1, vec![Some(Value::Text("new".into()))])]);
        storage.flush(&[]).expect("flushes");
        drop(storage);
        storage = Storage::open(options(dir.path())).expect("opens");
    }
}

#[test]
fn chunks_that_stand_alone_are_summed_up_unread() {
    let dir = folder();
    let storage = Storage::open(options(dir.path())).expect("opens");
    put(&storage, "root.a.d", &[1, 2, 3], &[1.0, 2.0, 3.0]);
    put(&storage, "root.a.d", &[1001, 1002], &[4.0, 5.0]);
    storage.flush(&[]).expect("flushes");
    put(&storage, "root.a.d", &[1003], &[6.0]);
    let count = |windows| {
        let view = storage.view();
        let pieces = view.pieces(&path("root.a.d"), &"s".into(), TimeRange::ALL, windows).expect("planned");
        let (mut rows, mut summed) = (0, 0);
        for piece in pieces {
            match piece.expect("read") {
                Piece::Rows(batch) => rows += batch.num_rows(),
                Piece::Summary(summary) => summed += summary.count,
            }
        }
        (rows, summed)
    };
    assert_eq!(count(None), (1, 5));
    assert_eq!(count(Some(Windows { origin: 0, width: 1000 })), (1, 5));
    assert_eq!(count(Some(Windows { origin: 0, width: 2 })), (6, 0));
    storage.delete(&[pattern("root.**")], TimeRange { start: 2, end: 2 }).expect("deleted");
    assert_eq!(count(None), (3, 2));
}

#[test]
fn rows_live_as_long_as_the_most_specific_pattern_says() {
    let disk = FaultDisk::default();
    let clock = Arc::<TestClock>::default();
    let open = || {
        let (disk, clock) = (Arc::new(disk.clone()), Arc::<TestClock>::clone(&clock));
        Storage::open(levada_storage::StorageOptions { disk, clock, ..options("/data".as_ref()) })
            .expect("opens")
    };
    let mut storage = open();
    for device in ["root.a.d1", "root.a.d2", "root.a.x.d3"] {
        put(&storage, device, &[100, 200, 300], &[1.0, 2.0, 3.0]);
    }
    clock.0.store(350, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(storage.set_ttl(&pattern("root.a"), Some(200)).expect("set").count, 1);
    assert_eq!(storage.set_ttl(&pattern("root.a.**"), Some(100)).expect("set").count, 1);
    assert_eq!(storage.set_ttl(&pattern("root.a.x.d3"), Some(300)).expect("set").count, 1);
    for round in 0..4 {
        let left = |device: &str| series(&*storage.view(), device, "s").len();
        assert_eq!([left("root.a.d1"), left("root.a.d2"), left("root.a.x.d3")], [1, 1, 3], "round {round}");
        storage.flush(&[]).expect("flushes");
        storage.compact(&[]).expect("compacts");
        drop(storage);
        storage = open();
    }
    let late =
        storage.insert(write(vec![tablet("root.a.d1", false, &[100, 301], &[("s", &[Some(1.0); 2])])]));
    let rejected = late.expect("taken").report.rejected;
    assert_eq!((rejected[0].code, rejected[0].rows.as_deref()), (StatusCode::OUT_OF_TTL, Some(&[0][..])));
    assert_eq!(storage.set_ttl(&pattern("root.a.**"), None).expect("unset").count, 1);
    assert_eq!(storage.path_ttls(), [(pattern("root.a"), 200), (pattern("root.a.x.d3"), 300)]);
    assert_eq!(storage.set_ttl(&pattern("root.a.**"), None).expect("unset").count, 0);
}

#[test]
fn a_row_behind_one_that_is_too_old_is_rejected_by_its_own_number() {
    let clock = Arc::<TestClock>::default();
    let disk = Arc::new(FaultDisk::default());
    let clock_of = Arc::<TestClock>::clone(&clock);
    let options = levada_storage::StorageOptions { disk, clock: clock_of, ..options("/data".as_ref()) };
    let storage = Storage::open(options).expect("opens");
    clock.0.store(350, std::sync::atomic::Ordering::Relaxed);
    storage.set_ttl(&pattern("root.a.**"), Some(100)).expect("set");
    let device = |times: &[i64], columns| {
        Tablet::try_new(path("root.a.d"), false, Int64Array::from(times.to_vec()), columns).expect("fits")
    };
    let column = |name: &str, data_type, values| Column { name: name.into(), data_type, values };
    let whole = |values: Vec<i32>| Arc::new(Int32Array::from(values));
    let first = device(&[299], vec![column("n", DataType::Int32, whole(vec![0]))]);
    assert!(storage.insert(write(vec![first])).expect("taken").report.rejected.is_empty());
    // The oldest is neither first nor last.
    let numbers = Arc::new(Float64Array::from(vec![1.0, 2.0, 3.0, 0.5, 5.0]));
    let days = whole(vec![20_230_101, 20_230_101, 20_230_229, 20_230_101, 20_230_229]);
    let columns = vec![column("n", DataType::Double, numbers), column("day", DataType::Date, days)];
    let tablets = vec![device(&[300, 100, 301, 302, 303], columns)];
    let report = storage.insert(Write { tablets, coerce: true, ..Write::default() }).expect("taken").report;
    let rejected: Vec<_> = report
        .rejected
        .iter()
        .map(|each| (each.code, each.measurement.as_deref(), each.rows.as_deref().expect("some rows")))
        .collect();
    let wrong = StatusCode::METADATA_ERROR;
    let expected =
        [(StatusCode::OUT_OF_TTL, None, &[1][..]), (wrong, Some("day"), &[2, 4]), (wrong, Some("n"), &[3])];
    assert_eq!(rejected, expected, "{report:?}");
    let found = read(&*storage.view(), "root.a.d", &[("n", DataType::Int32)], TimeRange::ALL);
    let found: Vec<_> = found.into_iter().map(|(time, values)| (time, values[0].clone())).collect();
    let stored = [(299, 0), (300, 1), (301, 3), (303, 5)];
    assert_eq!(found, stored.map(|(time, value)| (time, Some(Value::Int32(value)))));
}

#[test]
fn where_no_series_are_made_what_is_unknown_is_rejected_and_the_rest_stored() {
    let dir = folder();
    let storage = Storage::open(options(dir.path())).expect("opens");
    put(&storage, "root.a.d", &[1], &[1.0]);
    let write = Write {
        tablets: vec![
            tablet("root.a.d", false, &[2], &[("s", &[Some(2.0)]), ("t", &[Some(3.0)])]),
            tablet("root.a.e", false, &[2], &[("s", &[Some(2.0)])]),
            tablet("root.b.d", false, &[2], &[("s", &[Some(2.0)])]),
            tablet("root.a.d", false, &[3], &[("s", &[Some(3.0)])]),
        ],
        owner: Some("reader".into()),
        positions: vec![SplitRange { split: "p/0".into(), range: 0..3 }],
        ..Write::default()
    };
    let insert = pin!(storage.insert_when_ready(write).known_series_alone(true));
    let Poll::Ready(inserted) = insert.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("there is room, and nobody waits");
    };
    let Inserted { report, durable } = inserted.expect("taken");
    durable.wait().expect("durable");
    let rejected: Vec<_> =
        report.rejected.iter().map(|each| (each.tablet, each.measurement.as_deref(), each.code)).collect();
    assert_eq!(
        rejected,
        [
            (0, Some("t"), StatusCode::PATH_NOT_EXIST),
            (1, Some("s"), StatusCode::PATH_NOT_EXIST),
            (2, None, StatusCode::DATABASE_NOT_EXIST)
        ]
    );
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0), (2, 2.0), (3, 3.0)]);
    assert_eq!(storage.catalog().series(&pattern("root.**")).len(), 1);
    // What was rejected may be read again.
    let settled = storage.checkpoint("reader").get(&SplitName::from("p/0")).copied();
    assert_eq!(settled.unwrap_or(0), 0);
}
