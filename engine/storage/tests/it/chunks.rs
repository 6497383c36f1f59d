//! What is stored, on its way to another store as chunks of files.

use std::sync::{Arc, atomic::Ordering};

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use bytes::Bytes;
use levada_model::{Column, DataType, SeriesSchema, Tablet};
use levada_storage::{
    Change, ChangeKind, ChangesFrom, ChunkFile, ChunksOf, NewSeries, Storage, StorageOptions, Taken,
    TimeRange,
};
use levada_tsfile::TsFileReader;

use crate::{
    fault_disk::{Fault, FaultDisk},
    random::Random,
    rows::{Rows, TestClock, options, path, pattern, put, read, series, tablet, write},
};

/// All that is stored.
pub(crate) fn everything() -> ChunksOf {
    ChunksOf { series: Arc::new(|_| true), times: TimeRange::ALL }
}

/// Stores a file of chunks: as it is, or where that cannot be, its rows.
pub(crate) fn take(target: &Storage, file: Bytes, points: u64) {
    let chunks = ChunkFile::read(file.clone()).expect("nothing is wrong with it");
    assert_eq!(chunks.points(), points);
    match target.take_chunks(&chunks).expect("taken") {
        Taken::Stored { points: stored } => assert_eq!(stored, points),
        Taken::AsRows(_) => insert(target, file),
    }
}

/// Inserts the rows of a file.
fn insert(target: &Storage, file: Bytes) {
    let reader = TsFileReader::open(file).expect("opens");
    for id in reader.devices().expect("devices") {
        let meta = reader.device(&id).expect("read").expect("is there");
        let device = id.to_path().expect("a path");
        for found in &meta.series {
            let data_type = found.data_type.expect("no time column");
            for page in reader.scan(&id, &found.measurement).expect("read") {
                let page = page.expect("read");
                let column = Column { name: Arc::clone(&found.measurement), data_type, values: page.values };
                let tablet = Tablet::try_new(device.clone(), meta.is_aligned(), page.times, vec![column]);
                let report = target.insert(write(vec![tablet.expect("fits")])).expect("taken").report;
                assert!(report.rejected.is_empty(), "{:?}", report.rejected.first());
            }
        }
    }
}

fn open(disk: &FaultDisk) -> Storage {
    Storage::open(StorageOptions { disk: Arc::new(disk.clone()), ..options("/data".as_ref()) })
        .expect("opens")
}

fn new() -> Storage {
    open(&FaultDisk::default())
}

/// What a store has to give as chunks, and the series that come before them.
fn given(source: &Storage, of: ChunksOf) -> (Vec<NewSeries>, Vec<(Bytes, u64)>) {
    let mut changes = source.changes_in_chunks(None, ChangesFrom::History { after: 0 }, of).expect("begins");
    let (mut made, mut files) = (Vec::new(), Vec::new());
    loop {
        for Change { kind, .. } in changes.read(1).expect("read") {
            match kind {
                ChangeKind::CreateSeries(series) if files.is_empty() => made.extend(series),
                ChangeKind::Chunks { file, points, .. } => files.push((file, points)),
                ChangeKind::CreateDatabase { .. } | ChangeKind::SetTtl { .. } => {}
                ChangeKind::HistoryEnd => return (made, files),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Copies what is stored, all of it as chunks.
fn copy(source: &Storage, target: &Storage, of: ChunksOf) -> u64 {
    let (made, files) = given(source, of);
    let is_new = |new: &NewSeries| {
        target.view().series(&pattern(&new.device.child(&new.measurement).to_string())).is_empty()
    };
    let made: Vec<_> = made.into_iter().filter(is_new).collect();
    if !made.is_empty() {
        target.create_series(made).expect("made");
    }
    let mut copied = 0;
    for (file, points) in files {
        let chunks = ChunkFile::read(file).expect("nothing is wrong with it");
        assert_eq!(target.take_chunks(&chunks).expect("taken"), Taken::Stored { points });
        copied += points;
    }
    copied
}

const TYPES: [DataType; 10] = [
    DataType::Boolean,
    DataType::Int32,
    DataType::Int64,
    DataType::Float,
    DataType::Double,
    DataType::Text,
    DataType::Timestamp,
    DataType::Date,
    DataType::Blob,
    DataType::String,
];

/// Values of a type, with gaps.
fn values(data_type: DataType, times: &[i64], shift: i64) -> ArrayRef {
    let at = || times.iter().map(move |time| (time % 7 != 3).then_some(time + shift));
    let text = |at: Option<i64>| at.map(|at| format!("v{}", at % 50));
    match data_type {
        DataType::Boolean => Arc::new(at().map(|at| at.map(|at| at % 2 == 0)).collect::<BooleanArray>()),
        DataType::Date => {
            Arc::new(at().map(|at| at.map(|at| 20_240_101 + at as i32 % 28)).collect::<Int32Array>())
        }
        DataType::Int32 => Arc::new(at().map(|at| at.map(|at| at as i32)).collect::<Int32Array>()),
        DataType::Int64 | DataType::Timestamp => Arc::new(at().collect::<Int64Array>()),
        DataType::Float => Arc::new(at().map(|at| at.map(|at| at as f32 / 4.0)).collect::<Float32Array>()),
        DataType::Double => Arc::new(at().map(|at| at.map(|at| at as f64 / 8.0)).collect::<Float64Array>()),
        DataType::Text | DataType::String => Arc::new(at().map(text).collect::<StringArray>()),
        DataType::Blob => {
            let texts: Vec<_> = at().map(text).collect();
            Arc::new(texts.iter().map(|text| text.as_ref().map(String::as_bytes)).collect::<BinaryArray>())
        }
    }
}

fn names() -> Vec<(String, DataType)> {
    TYPES.iter().map(|data_type| (format!("s{data_type:?}").to_lowercase(), *data_type)).collect()
}

/// Rows of all types for a device.
fn mixed(storage: &Storage, device: &str, aligned: bool, times: std::ops::Range<i64>, shift: i64) {
    let times: Vec<i64> = times.collect();
    let columns = names()
        .into_iter()
        .map(|(name, data_type)| Column {
            name: name.into(),
            data_type,
            values: values(data_type, &times, shift),
        })
        .collect();
    let tablet = Tablet::try_new(path(device), aligned, Int64Array::from(times), columns).expect("fits");
    let report = storage.insert(write(vec![tablet])).expect("taken").report;
    assert!(report.rejected.is_empty(), "{:?}", report.rejected.first());
}

const DEVICES: [&str; 4] = ["root.a.plain", "root.a.aligned", "root.b.plain", "root.b.aligned"];

fn rows(storage: &Storage, device: &str) -> Rows {
    let names = names();
    let names: Vec<_> = names.iter().map(|(name, data_type)| (&**name, *data_type)).collect();
    read(&*storage.view(), device, &names, TimeRange::ALL)
}

/// A store with rows of all kinds: in and out of order, written over, deleted, in several partitions and databases.
fn source() -> Storage {
    let source = new();
    for device in DEVICES {
        let aligned = device.ends_with("aligned");
        for from in [0, 1_000, 5_000] {
            mixed(&source, device, aligned, from..from + 900, 0);
            source.flush(&[]).expect("flushed");
        }
        mixed(&source, device, aligned, 200..1_300, 5);
        source.flush(&[]).expect("flushed");
        let deleted = pattern(&format!("{device}.sint64"));
        source.delete(&[deleted], TimeRange { start: 5_100, end: 5_200 }).expect("deleted");
    }
    source
}

#[test]
fn what_files_hold_comes_as_it_is_seen_and_stays_so() {
    let source = source();
    let disk = FaultDisk::default();
    let target = open(&disk);
    assert!(copy(&source, &target, everything()) > 50_000);
    for device in DEVICES {
        assert!(rows(&target, device) == rows(&source, device), "{device}");
    }
    let infos = |storage: &Storage| storage.view().series(&pattern("root.**")).len();
    assert_eq!(infos(&target), infos(&source));
    // The same again is no harm, and is merged away.
    copy(&source, &target, everything());
    target.compact(&[]).expect("compacted");
    disk.power_off();
    drop(target);
    disk.restart(&mut Random::seeded("what_files_hold_comes_as_it_is_seen_and_stays_so"));
    let target = open(&disk);
    assert!(target.recovery().is_empty(), "{:?}", target.recovery());
    for device in DEVICES {
        assert!(rows(&target, device) == rows(&source, device), "{device}");
    }
}

#[test]
fn series_and_times_that_are_not_asked_for_do_not_come() {
    let (source, target) = (source(), new());
    let has = |series: &levada_model::Path| !series.as_str().ends_with("sdouble");
    let times = TimeRange { start: 450, end: 5_300 };
    copy(&source, &target, ChunksOf { series: Arc::new(has), times });
    for device in DEVICES {
        let mut expected = rows(&source, device);
        expected.retain(|time, _| times.contains(*time));
        let double = TYPES.iter().position(|data_type| *data_type == DataType::Double).expect("a type");
        expected.values_mut().for_each(|values| values[double] = None);
        expected.retain(|_, values| values.iter().any(Option::is_some));
        assert!(rows(&target, device) == expected, "{device}");
    }
}

#[test]
fn chunks_are_newer_than_what_was_there_and_older_than_what_comes() {
    let source = new();
    put(&source, "root.a.d", &[1, 2, 3, 1_500], &[1.5; 4]);
    let target = new();
    // Of what is there, some is in files and some in memory.
    put(&target, "root.a.d", &[2, 1_500, 1_600], &[0.0; 3]);
    target.flush(&[]).expect("flushed");
    put(&target, "root.a.d", &[3], &[0.0]);
    assert_eq!(target.view().last(&path("root.a.d"), &"s".into()).expect("read").expect("one").0, 1_600);
    let before = target.view();
    copy(&source, &target, everything());
    let expected = [(1, 1.5), (2, 1.5), (3, 1.5), (1_500, 1.5), (1_600, 0.0)];
    assert_eq!(series(&*target.view(), "root.a.d", "s"), expected);
    assert_eq!(series(&*before, "root.a.d", "s"), [(2, 0.0), (3, 0.0), (1_500, 0.0), (1_600, 0.0)]);
    put(&target, "root.a.d", &[1, 3], &[7.0, 7.0]);
    target.delete(&[pattern("root.a.d.s")], TimeRange { start: 2, end: 2 }).expect("deleted");
    let expected = [(1, 7.0), (3, 7.0), (1_500, 1.5), (1_600, 0.0)];
    for step in 0..3 {
        assert_eq!(series(&*target.view(), "root.a.d", "s"), expected, "step {step}");
        if step == 0 { target.flush(&[]) } else { target.compact(&[]) }.expect("done");
    }
}

#[test]
fn the_newest_value_is_known_when_chunks_have_come() {
    let (source, target) = (new(), new());
    put(&target, "root.a.d", &[5], &[5.0]);
    let last = || target.view().last(&path("root.a.d"), &"s".into()).expect("read").expect("one");
    assert_eq!(last().0, 5);
    assert_eq!(last().0, 5);
    put(&source, "root.a.d", &[6, 900], &[6.0, 9.0]);
    copy(&source, &target, everything());
    assert_eq!(last().0, 900);
    put(&target, "root.a.d", &[901], &[1.0]);
    assert_eq!(last().0, 901);
}

#[test]
fn what_does_not_fit_is_left_to_be_inserted() {
    let source = new();
    put(&source, "root.a.d", &[1, 2], &[1.0, 2.0]);
    let (made, files) = given(&source, everything());
    let chunks = ChunkFile::read(files[0].0.clone()).expect("nothing is wrong with it");
    let why = |target: &Storage| match target.take_chunks(&chunks).expect("an answer") {
        Taken::AsRows(why) => why,
        Taken::Stored { .. } => "",
    };
    assert_eq!(why(&new()), "a device is not there");
    let other = new();
    let schema = SeriesSchema::default_for(DataType::Int64);
    other.create_series(vec![NewSeries { schema, ..made[0].clone() }]).expect("made");
    assert_eq!(why(&other), "a series is not there, or of another type");
    let other = new();
    other.create_series(vec![NewSeries { aligned: true, ..made[0].clone() }]).expect("made");
    assert_eq!(why(&other), "a device is aligned here and not there, or the other way round");
    let clock = Arc::<TestClock>::default();
    let clocked = Arc::<TestClock>::clone(&clock);
    let disk = Arc::new(FaultDisk::default());
    let old = StorageOptions { disk, clock: clocked, ..options("/data".as_ref()) };
    let old = Storage::open(old).expect("opens");
    old.create_series(made.clone()).expect("made");
    old.set_ttl(&pattern("root.a.**"), Some(10)).expect("set");
    clock.0.store(12, Ordering::Relaxed);
    assert_eq!(why(&old), "rows have lived their time");
    let narrow = StorageOptions { partition_width: 2, ..options("/data".as_ref()) };
    let narrow =
        Storage::open(StorageOptions { disk: Arc::new(FaultDisk::default()), ..narrow }).expect("opens");
    narrow.create_series(made.clone()).expect("made");
    assert_eq!(why(&narrow), "a chunk lies in more than one time partition");
    let fits = new();
    fits.create_series(made).expect("made");
    assert_eq!(why(&fits), "");
    assert_eq!(series(&*fits.view(), "root.a.d", "s"), [(1, 1.0), (2, 2.0)]);
}

#[test]
fn a_damaged_file_is_not_taken() {
    let source = new();
    put(&source, "root.a.d", &(0..500).collect::<Vec<_>>(), &(0..500).map(f64::from).collect::<Vec<_>>());
    let (_, files) = given(&source, everything());
    // The format has no checksums, but statistics that values contradict.
    let is_found = |at: &usize| {
        let mut damaged = files[0].0.to_vec();
        damaged[*at] ^= 0x40;
        ChunkFile::read(damaged.into()).is_none()
    };
    let length = files[0].0.len();
    assert!((0..length).filter(is_found).count() > length / 2);
    assert!(ChunkFile::read(files[0].0.slice(..files[0].0.len() / 2)).is_none());
    assert!(ChunkFile::read(Bytes::new()).is_none());
}

/// What a reader is given that has nothing but the catalog, on somebody's behalf.
fn followed(source: &Storage, owner: Option<&str>) -> Storage {
    let target = new();
    let mut changes = source.changes(Some("late"), ChangesFrom::After(0)).expect("all is there");
    let last = source.changes(None, ChangesFrom::Now).expect("begins").position();
    let mut position = 0;
    while position < last {
        let found = changes.read(1).expect("read");
        if found.is_empty() {
            position = changes.position();
        }
        for change in found {
            assert!(change.position >= position, "it does not go back");
            position = change.position;
            match change.kind {
                ChangeKind::CreateDatabase { path, ttl } => drop(target.create_database(&path, ttl)),
                ChangeKind::CreateSeries(made) => drop(target.create_series(made).expect("made")),
                ChangeKind::Rows { owner: by, tablets } => {
                    if by.is_some() {
                        assert_eq!(by.as_deref(), owner);
                    }
                    target.insert(write(tablets)).expect("taken");
                }
                ChangeKind::Delete { patterns, range, .. } => {
                    target.delete(&patterns, range).expect("deleted");
                }
                other => panic!("{other:?}"),
            }
        }
    }
    target
}

#[test]
fn who_follows_is_given_rows_that_came_as_chunks_in_their_turn() {
    let (source, disk) = (new(), FaultDisk::default());
    let mut target = open(&disk);
    put(&source, "root.a.d", &[1, 2, 1_500], &[1.0, 2.0, 3.0]);
    put(&source, "root.a.e", &[5], &[5.0]);
    target.keep_changes("late").expect("kept");
    put(&target, "root.a.d", &[2, 7], &[0.5, 7.0]);
    let (made, files) = given(&source, everything());
    target
        .create_series(made.into_iter().filter(|new| new.device == path("root.a.e")).collect())
        .expect("made");
    for (file, points) in files {
        let chunks = ChunkFile::read(file).expect("nothing is wrong with it");
        let taken = target.take_chunks_of(Some("pipe:there"), &chunks).expect("taken");
        assert_eq!(taken, Taken::Stored { points });
    }
    put(&target, "root.a.d", &[1, 8], &[1.5, 8.0]);
    target.delete(&[pattern("root.a.e.s")], TimeRange { start: 5, end: 5 }).expect("deleted");
    let expected = [(1, 1.5), (2, 2.0), (7, 7.0), (8, 8.0), (1_500, 3.0)];
    for round in 0..4 {
        match round {
            0 => {}
            1 => target.flush(&[]).expect("flushed"),
            // What came as chunks is in one file with what came before and after it.
            2 => target.compact(&[]).expect("compacted"),
            _ => {
                drop(target);
                target = open(&disk);
            }
        }
        let follower = followed(&target, Some("pipe:there"));
        assert_eq!(series(&*follower.view(), "root.a.d", "s"), expected, "round {round}");
        assert!(series(&*follower.view(), "root.a.e", "s").is_empty(), "round {round}");
    }
}

#[test]
fn a_series_that_was_made_anew_since_chunks_came_has_none_of_their_rows() {
    let (source, target) = (new(), new());
    target.keep_changes("late").expect("kept");
    put(&source, "root.a.d", &[1, 2], &[1.0, 2.0]);
    copy(&source, &target, everything());
    target.delete_series(&[pattern("root.a.d.s")]).expect("deleted");
    put(&target, "root.a.d", &[9], &[9.0]);
    let mut changes = target.changes(Some("late"), ChangesFrom::After(0)).expect("begins");
    let found = changes.read(usize::MAX).expect("read");
    let rows = found.iter().filter_map(|change| match &change.kind {
        ChangeKind::Rows { tablets, .. } => Some(tablets.iter().map(Tablet::rows).sum::<usize>()),
        _ => None,
    });
    assert_eq!(rows.collect::<Vec<_>>(), [1]);
}

#[test]
fn a_power_cut_at_any_moment_leaves_all_of_the_chunks_or_none_and_nothing_else_is_lost() {
    let mut random =
        Random::seeded("a_power_cut_at_any_moment_leaves_all_of_the_chunks_or_none_and_nothing_else_is_lost");
    let source = new();
    put(&source, "root.a.d", &[1, 2, 1_500], &[1.0, 2.0, 3.0]);
    let (made, files) = given(&source, everything());
    let chunks = ChunkFile::read(files[0].0.clone()).expect("nothing is wrong with it");
    let (before, after) = ([(2, 0.0), (7, 7.0)], [(1, 1.0), (2, 2.0), (7, 7.0), (1_500, 3.0)]);
    for failing in 1.. {
        let disk = FaultDisk::default();
        let target = open(&disk);
        target.create_series(made.clone()).expect("made");
        put(&target, "root.a.d", &[2, 7], &[0.0, 7.0]);
        disk.set_fault(Fault::From(failing));
        let taken = target.take_chunks(&chunks);
        let over = disk.hits().is_empty();
        disk.set_fault(Fault::None);
        let seen = series(&*target.view(), "root.a.d", "s");
        assert!(seen == before || seen == after, "{failing}: {seen:?}");
        disk.power_off();
        drop(target);
        disk.restart(&mut random);
        let target = open(&disk);
        let seen = series(&*target.view(), "root.a.d", "s");
        assert!(seen == after || taken.is_err() && seen == before, "{failing}: {seen:?} after {taken:?}");
        assert_eq!(target.take_chunks(&chunks).expect("taken"), Taken::Stored { points: 3 });
        put(&target, "root.a.d", &[2], &[9.0]);
        drop(target);
        let expected = [(1, 1.0), (2, 9.0), (7, 7.0), (1_500, 3.0)];
        assert_eq!(series(&*open(&disk).view(), "root.a.d", "s"), expected);
        if over {
            assert!(failing > 5, "{failing}");
            break;
        }
    }
}

#[test]
fn pieces_are_no_larger_than_memory_allows() {
    let wide = StorageOptions { partition_width: 1 << 40, ..options("/data".as_ref()) };
    let source =
        Storage::open(StorageOptions { disk: Arc::new(FaultDisk::default()), ..wide }).expect("opens");
    let rows = 400_000;
    for device in ["root.a.d0", "root.a.d1"] {
        for from in (0..rows).step_by(50_000) {
            let times: Vec<i64> = (from..from + 50_000).collect();
            let noise = times.iter().map(|time| Some((*time as f64).sin() * 1e9)).collect::<Vec<_>>();
            let noisy = tablet(device, false, &times, &[("s", &noise), ("t", &noise)]);
            source.insert(write(vec![noisy])).expect("taken");
        }
    }
    let (_, files) = given(&source, everything());
    assert!(files.len() > 1, "{} files", files.len());
    assert!(files.iter().all(|(file, _)| file.len() < 24 << 20));
    assert_eq!(files.iter().map(|(_, points)| points).sum::<u64>(), 4 * rows as u64);
}
