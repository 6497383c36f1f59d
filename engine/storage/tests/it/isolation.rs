//! What fails in one place stays there: a damaged file, a full disk, a panic, a value too large.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use arrow_array::{Int64Array, StringArray};
use levada_model::{Column, DataType, Encoding, SeriesSchema, StatusCode, Tablet, Write};
use levada_storage::{
    Disk, LockOutcome, NewSeries, ReadFile, Storage, StorageError, StorageOptions, WriteFile,
};

use crate::{
    fault_disk::{Call, Fault, FaultDisk, Kind},
    rows::{options, path, pattern, put, series, tablet, write},
};

/// What is asked of a disk, before it is done.
type Hook = dyn Fn(Call, &Path) -> io::Result<()> + Send + Sync;

/// A disk that asks before it makes a file or syncs a folder.
#[derive(Clone)]
struct Hooked {
    inner: FaultDisk,
    hook: Arc<Hook>,
}

impl fmt::Debug for Hooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooked").finish_non_exhaustive()
    }
}

impl Hooked {
    fn new(inner: &FaultDisk, hook: impl Fn(Call, &Path) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self { inner: inner.clone(), hook: Arc::new(hook) }
    }
}

impl Disk for Hooked {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        (self.hook)(Call::Create, path)?;
        self.inner.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        self.inner.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)
    }

    fn files(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        self.inner.files(dir)
    }

    fn folders(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        self.inner.folders(dir)
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        self.inner.create_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        (self.hook)(Call::SyncFolder, dir)?;
        self.inner.sync_dir(dir)
    }

    fn lock(&self, path: &Path, holder: &str) -> io::Result<LockOutcome> {
        self.inner.lock(path, holder)
    }

    fn lock_to_read(&self, path: &Path) -> io::Result<LockOutcome> {
        self.inner.lock_to_read(path)
    }
}

fn on(disk: impl Disk + 'static) -> StorageOptions {
    StorageOptions { disk: Arc::new(disk), ..options("/data".as_ref()) }
}

/// Does something that must not hang.
fn soon<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    wait.recv_timeout(Duration::from_secs(60)).unwrap_or_else(|_| panic!("{what} hangs, or panicked"))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn flush(storage: &Storage, database: &str) -> Result<(), StorageError> {
    let (storage, database) = (storage.clone(), pattern(database));
    soon("a flush", move || storage.flush(&[database]))
}

fn is_of_first_database(path: &Path) -> bool {
    path.starts_with("/data/data/0")
}

fn texts(device: &str, times: &[i64], column: &str, values: &Arc<StringArray>) -> Tablet {
    let values: arrow_array::ArrayRef = values.clone();
    let column = Column { name: column.into(), data_type: DataType::Text, values };
    Tablet::try_new(path(device), false, Int64Array::from(times.to_vec()), vec![column]).expect("fits")
}

#[test]
fn an_encoding_that_nobody_writes_is_rejected_when_the_series_is_made() {
    let storage = Storage::open(on(FaultDisk::default())).expect("opens");
    let schema = SeriesSchema { encoding: Encoding::Regular, ..SeriesSchema::default_for(DataType::Int64) };
    let error = storage
        .create_series(vec![NewSeries {
            device: path("root.a.d"),
            measurement: "s".into(),
            schema,
            aligned: false,
            alias: None,
            tags: Default::default(),
            attributes: Default::default(),
            deadband: None,
        }])
        .expect_err("nobody writes REGULAR");
    assert_eq!(error.code(), StatusCode::METADATA_ERROR, "{error}");
    assert!(error.to_string().contains("REGULAR does not support INT64"), "{error}");
}

#[test]
fn a_value_that_no_file_can_hold_is_rejected_and_its_neighbours_stored() {
    let storage = Storage::open(StorageOptions { wal: false, ..on(FaultDisk::default()) }).expect("opens");
    storage.set_ttl(&pattern("root.a.**"), Some(5)).expect("set");
    let long = "x".repeat((255 << 20) + 1);
    let values = Arc::new(StringArray::from(vec!["too old", "short", &long]));
    drop(long);
    let inserted = storage.insert(write(vec![texts("root.a.d", &[-9, 1, 2], "t", &values)])).expect("taken");
    let [old, rejected] = &inserted.report.rejected[..] else { panic!("{:?}", inserted.report) };
    assert_eq!((&old.rows, old.code), (&Some(vec![0]), StatusCode::OUT_OF_TTL));
    assert_eq!((&rejected.rows, rejected.tablet), (&Some(vec![2]), 0));
    assert!(rejected.message.contains("267386881 bytes"), "{}", rejected.message);
    flush(&storage, "root.**").expect("flushes");
    assert_eq!(storage.stats().file_points, 1);
}

#[test]
fn a_store_that_closes_waits_for_a_compaction_to_end() {
    let disk = FaultDisk::default();
    let (reached, at_gate) = mpsc::channel();
    let (opened, gate) = mpsc::channel::<()>();
    let (armed, gate) = (Arc::new(AtomicBool::new(false)), parking_lot::Mutex::new(gate));
    let is_armed = Arc::clone(&armed);
    let hooked = Hooked::new(&disk, move |call, path| {
        if call == Call::SyncFolder && is_of_first_database(path) && is_armed.swap(false, Ordering::SeqCst) {
            reached.send(()).map_err(io::Error::other)?;
            gate.lock().recv().map_err(io::Error::other)?;
        }
        Ok(())
    });
    let storage = Storage::open(on(hooked)).expect("opens");
    for time in 0..3 {
        put(&storage, "root.a.d", &[time], &[1.0]);
        flush(&storage, "root.**").expect("flushes");
    }
    armed.store(true, Ordering::SeqCst);
    let compaction = std::thread::spawn({
        let storage = storage.clone();
        move || storage.compact(&[])
    });
    at_gate.recv().expect("the compaction syncs its folder");
    let closing = std::thread::spawn({
        let storage = storage.clone();
        move || storage.close()
    });
    std::thread::sleep(Duration::from_millis(200));
    assert!(!closing.is_finished(), "the lock is released while a compaction writes");
    opened.send(()).expect("somebody waits");
    closing.join().expect("no panic").expect("closes");
    drop(compaction.join().expect("no panic"));
    assert!(disk.paths("tmp").is_empty(), "{:?}", disk.paths("tmp"));
    for time in 3..5 {
        let storage = Storage::open(on(disk.clone())).expect("opens");
        put(&storage, "root.a.d", &[time], &[1.0]);
        flush(&storage, "root.**").expect("flushes");
        assert_eq!(series(&*storage.view(), "root.a.d", "s").len() as i64, time + 1);
        assert_eq!(disk.paths("tsfile").len(), storage.stats().files);
    }
}

#[test]
fn a_damaged_or_missing_file_stops_no_flush() {
    for missing in [false, true] {
        let disk = FaultDisk::default();
        let storage = Storage::open(on(disk.clone())).expect("opens");
        put(&storage, "root.a.d", &[100, 200, 300], &[1.0, 2.0, 3.0]);
        flush(&storage, "root.**").expect("flushes");
        drop(storage);
        let (file, len) = disk.paths("tsfile")[0].clone();
        if missing {
            disk.remove(&file).expect("removes");
        } else {
            disk.flip(&file, len * 4);
        }
        let storage =
            Storage::open(StorageOptions { memtable_bytes: 64 << 10, ..on(disk.clone()) }).expect("opens");
        put(&storage, "root.a.d", &[150], &[1.5]);
        flush(&storage, "root.a").expect("rows go where they need not be compared");
        put(&storage, "root.b.d", &[1], &[1.0]);
        flush(&storage, "root.b").expect("another database");
        let times: Vec<i64> = (0..900).collect();
        for round in 0..20 {
            let storage = storage.clone();
            let times = times.clone();
            soon("a writer", move || put(&storage, "root.c.d", &times, &vec![f64::from(round); 900]));
        }
        assert_eq!(series(&*storage.view(), "root.c.d", "s").len(), 900);
    }
}

#[test]
fn a_flush_that_fails_lets_others_go_on_and_is_tried_again() {
    let disk = FaultDisk::default();
    let failing = Arc::new(AtomicBool::new(true));
    let fails = Arc::clone(&failing);
    let hooked = Hooked::new(&disk, move |call, path| {
        let fails = call == Call::Create && is_of_first_database(path) && fails.load(Ordering::SeqCst);
        if fails { Err(io::Error::other("no luck")) } else { Ok(()) }
    });
    let storage = Storage::open(StorageOptions { memtable_bytes: 64 << 10, ..on(hooked) }).expect("opens");
    put(&storage, "root.a.d", &[1], &[1.0]);
    let error = flush(&storage, "root.a").expect_err("cannot be written");
    assert!(error.to_string().contains("no luck"), "{error}");
    let times: Vec<i64> = (0..900).collect();
    for round in 0..20 {
        let (storage, times) = (storage.clone(), times.clone());
        soon("a writer", move || put(&storage, "root.b.d", &times, &vec![f64::from(round); 900]));
    }
    flush(&storage, "root.b").expect("another database");
    assert!(disk.paths("tmp").is_empty());
    failing.store(false, Ordering::SeqCst);
    until("nobody tries again", || storage.stats().memtables == 0);
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0)]);
}

#[test]
fn full_memory_names_the_reason() {
    let disk = FaultDisk::default();
    let storage =
        Storage::open(StorageOptions { memtable_bytes: 20_000, ..on(disk.clone()) }).expect("opens");
    disk.set_fault(Fault::All(Call::Sync, Kind::NewFile));
    let times: Vec<i64> = (0..300).collect();
    let rejected = (0..100).find_map(|round| {
        let rows = write(vec![tablet("root.a.d", false, &times, &[("s", &[Some(f64::from(round)); 300])])]);
        let storage = storage.clone();
        soon("a writer", move || storage.insert(rows).map(drop)).err()
    });
    let rejected = rejected.expect("memory is full").to_string();
    assert!(rejected.contains("memory is full") && rejected.contains("injected"), "{rejected}");
}

/// All that can fail while rows become files.
const FLUSH_CALLS: [(Call, Kind); 9] = [
    (Call::Write, Kind::NewFile),
    (Call::Sync, Kind::NewFile),
    (Call::Create, Kind::Sums),
    (Call::Write, Kind::Sums),
    (Call::Sync, Kind::Sums),
    (Call::Rename, Kind::NewFile),
    (Call::SyncFolder, Kind::Folder),
    (Call::Write, Kind::Manifest),
    (Call::Sync, Kind::Manifest),
];

/// That the folder has the files that count, and of those only what may be needed, once whoever tries again by itself is
/// through with that.
fn assert_tidy(disk: &FaultDisk, files: usize, what: &str) {
    let found = || ["tmp", "tsfile", "sums"].map(|extension| disk.paths(extension).len());
    until(what, || found() == [0, files, files]);
}

#[test]
fn a_failed_flush_leaves_nothing_behind() {
    for (call, kind) in FLUSH_CALLS {
        let what = format!("{call:?} {kind:?}");
        let disk = FaultDisk::default();
        let storage = Storage::open(on(disk.clone())).expect("opens");
        put(&storage, "root.a.d", &[1], &[1.0]);
        disk.set_fault(Fault::All(call, kind));
        flush(&storage, "root.a").expect_err(&what);
        // What the manifest may name by now must stay, and is not written again.
        let left = usize::from(kind == Kind::Manifest);
        assert_tidy(&disk, left, &what);
        for _ in 0..3 {
            // A manifest that cannot be appended to is written anew.
            assert!(flush(&storage, "root.a").is_err() || left == 1, "{what}");
            assert_tidy(&disk, left, &what);
        }
        disk.set_fault(Fault::None);
        flush(&storage, "root.a").expect(&what);
        assert_tidy(&disk, 1, &what);
        assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0)]);
        drop(storage);
        let storage = Storage::open(on(disk.clone())).expect("opens");
        assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0)]);
    }
}

#[test]
fn a_failed_compaction_leaves_nothing_behind() {
    for (call, kind) in FLUSH_CALLS {
        let what = format!("{call:?} {kind:?}");
        let disk = FaultDisk::default();
        let storage = Storage::open(on(disk.clone())).expect("opens");
        for time in 0..3 {
            put(&storage, "root.a.d", &[time], &[1.0]);
            flush(&storage, "root.a").expect("flushes");
        }
        disk.set_fault(Fault::All(call, kind));
        storage.compact(&[]).expect_err(&what);
        if kind != Kind::Manifest {
            assert_tidy(&disk, 3, &what);
        }
        disk.set_fault(Fault::None);
        storage.compact(&[]).expect(&what);
        assert_tidy(&disk, 1, &what);
        assert_eq!(series(&*storage.view(), "root.a.d", "s").len(), 3);
    }
}

#[test]
fn a_compaction_that_meets_damage_leaves_other_places_to_be_compacted() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(disk.clone())).expect("opens");
    for time in 0..4 {
        for database in ["root.a.d", "root.b.d"] {
            put(&storage, database, &[time], &[1.0]);
        }
        flush(&storage, "root.**").expect("flushes");
    }
    drop(storage);
    let (file, len) = disk.paths("tsfile")[0].clone();
    assert!(is_of_first_database(&file));
    disk.flip(&file, len * 4);
    let storage = Storage::open(on(disk.clone())).expect("opens");
    for _ in 0..2 {
        let error = storage.compact(&[]).expect_err("a file is damaged");
        assert!(error.to_string().contains("0000000000.tsfile"), "{error}");
        let second: Vec<_> =
            disk.paths("tsfile").into_iter().filter(|(path, _)| !is_of_first_database(path)).collect();
        assert_eq!(second.len(), 1, "{second:?}");
        assert!(disk.paths("tmp").is_empty());
    }
    assert_eq!(series(&*storage.view(), "root.b.d", "s").len(), 4);
}

#[test]
fn a_panic_in_a_flush_or_compaction_is_a_failure_like_others() {
    let disk = FaultDisk::default();
    let panics = Arc::new(AtomicBool::new(true));
    let armed = Arc::clone(&panics);
    let hooked = Hooked::new(&disk, move |call, path| {
        let panics = call == Call::Create && is_of_first_database(path) && armed.load(Ordering::SeqCst);
        assert!(!panics, "on purpose");
        Ok(())
    });
    let storage = Storage::open(on(hooked)).expect("opens");
    put(&storage, "root.a.d", &[1], &[1.0]);
    let error = flush(&storage, "root.a").expect_err("panics");
    assert!(error.to_string().contains("on purpose"), "{error}");
    put(&storage, "root.b.d", &[1], &[1.0]);
    flush(&storage, "root.b").expect("another database");
    panics.store(false, Ordering::SeqCst);
    until("nobody tries again", || storage.stats().memtables == 0);
    put(&storage, "root.a.d", &[2], &[2.0]);
    flush(&storage, "root.a").expect("flushes");
    panics.store(true, Ordering::SeqCst);
    let error = soon("a compaction", {
        let storage = storage.clone();
        move || storage.compact(&[])
    });
    let error = error.expect_err("panics");
    assert!(error.to_string().contains("on purpose"), "{error}");
    panics.store(false, Ordering::SeqCst);
    storage.compact(&[]).expect("compacts");
    assert_eq!(series(&*storage.view(), "root.a.d", "s").len(), 2);
}

#[test]
fn a_tablet_without_rows_is_harmless() {
    let storage = Storage::open(on(FaultDisk::default())).expect("opens");
    let text = |times: &[i64], values: Vec<&str>| {
        write(vec![texts("root.a.d", times, "t", &Arc::new(StringArray::from(values)))])
    };
    storage.insert(text(&[1], vec!["x"])).expect("taken");
    storage.view().last(&path("root.a.d"), &"t".into()).expect("read");
    let inserted = storage.insert(text(&[], vec![])).expect("taken");
    assert!(inserted.report.rejected.is_empty());
    inserted.durable.wait().expect("nothing to wait for");
    let inserted = storage
        .insert(write(vec![texts("root.b.d", &[], "t", &Arc::new(StringArray::from(Vec::<&str>::new())))]))
        .expect("taken");
    assert!(inserted.report.rejected.is_empty());
    assert_eq!((storage.stats().databases, storage.stats().series), (1, 1));
    flush(&storage, "root.**").expect("flushes");
    assert_eq!(storage.stats().file_points, 1);
}

#[test]
fn of_a_series_written_by_name_and_by_alias_the_name_counts() {
    let storage = Storage::open(on(FaultDisk::default())).expect("opens");
    // The alias sorts far before the name, with others between.
    storage
        .create_series(vec![NewSeries {
            device: path("root.a.d"),
            measurement: "z".into(),
            schema: SeriesSchema::default_for(DataType::Double),
            aligned: false,
            alias: Some("a".into()),
            tags: Default::default(),
            attributes: Default::default(),
            deadband: None,
        }])
        .expect("made");
    let columns: [(&str, &[Option<f64>]); 5] = [
        ("a", &[Some(1.0)]),
        ("b", &[Some(2.0)]),
        ("c", &[Some(3.0)]),
        ("d", &[Some(4.0)]),
        ("z", &[Some(5.0)]),
    ];
    let inserted = storage.insert(write(vec![tablet("root.a.d", false, &[1], &columns)])).expect("taken");
    let [rejected] = &inserted.report.rejected[..] else { panic!("{:?}", inserted.report) };
    assert_eq!((rejected.measurement.as_deref(), rejected.code), (Some("a"), StatusCode::SEMANTIC_ERROR));
    assert_eq!(series(&*storage.view(), "root.a.d", "z"), [(1, 5.0)]);
    assert_eq!(series(&*storage.view(), "root.a.d", "b"), [(1, 2.0)]);
}

#[test]
fn many_small_memtables_share_commits() {
    let flush = |databases: usize| {
        let disk = FaultDisk::default();
        let storage = Storage::open(on(disk.clone())).expect("opens");
        let tablets: Vec<_> = (0..databases)
            .map(|number| tablet(&format!("root.db{number}.d"), false, &[1], &[("s", &[Some(1.0)])]))
            .collect();
        storage.insert(Write { tablets, ..Write::default() }).expect("taken");
        let before = disk.count(Call::Sync, Kind::Manifest);
        soon("a flush", {
            let storage = storage.clone();
            move || storage.flush(&[])
        })
        .expect("flushes");
        assert_eq!(storage.stats().files, databases);
        let bytes: usize = disk.manifest().iter().map(|(_, len)| len).sum();
        drop(storage);
        let commits = disk.count(Call::Sync, Kind::Manifest) - before;
        let storage = Storage::open(on(disk)).expect("opens");
        assert_eq!((storage.stats().files, storage.stats().memtables), (databases, 0));
        assert_eq!(series(&*storage.view(), &format!("root.db{}.d", databases - 1), "s"), [(1, 1.0)]);
        (commits, bytes)
    };
    let (few, many) = (flush(250), flush(1000));
    assert!(many.0 <= 20, "{} commits", many.0);
    assert!(many.1 < few.1 * 5, "{few:?} {many:?}");
}

#[test]
fn thousands_of_partitions_are_flushed_together() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(disk.clone())).expect("opens");
    let times: Vec<i64> = (0..3000).map(|partition| partition * 1000).collect();
    put(&storage, "root.a.d", &times, &vec![1.0; times.len()]);
    flush(&storage, "root.**").expect("flushes");
    assert_eq!(storage.stats().files, 3000);
    assert!(disk.count(Call::Sync, Kind::Manifest) < 60);
    let data_folder = disk.count(Call::SyncFolder, Kind::Folder);
    assert!(data_folder < 3100, "each folder once: {data_folder}");
    assert_eq!(series(&*storage.view(), "root.a.d", "s").len(), 3000);
}

#[test]
fn late_flushes_read_a_files_index_once() {
    const DEVICES: usize = 1500;
    let disk = FaultDisk::default();
    let storage = Storage::open(on(disk.clone())).expect("opens");
    let insert = |time: i64| {
        let tablets: Vec<_> = (0..DEVICES)
            .map(|number| tablet(&format!("root.a.d{number}"), false, &[time], &[("s", &[Some(1.0)])]))
            .collect();
        storage.insert(Write { tablets, ..Write::default() }).expect("taken");
        flush(&storage, "root.**").expect("flushes");
    };
    insert(500);
    drop(storage);
    let storage = Storage::open(on(disk.clone())).expect("opens");
    let insert = |time: i64| {
        let tablets: Vec<_> = (0..DEVICES)
            .map(|number| tablet(&format!("root.a.d{number}"), false, &[time], &[("s", &[Some(1.0)])]))
            .collect();
        storage.insert(Write { tablets, ..Write::default() }).expect("taken");
        flush(&storage, "root.**").expect("flushes");
    };
    for time in [100, 200, 300] {
        insert(time);
    }
    let reads = disk.count(Call::Read, Kind::File);
    assert!(reads < 100, "{reads} reads");
    for number in [0, 7, DEVICES - 1] {
        let found = series(&*storage.view(), &format!("root.a.d{number}"), "s");
        assert_eq!(found, [(100, 1.0), (200, 1.0), (300, 1.0), (500, 1.0)]);
    }
}
