//! Changes of a store, as readers get them.

use std::{collections::BTreeSet, sync::Arc};

use levada_model::{DataType, Path, PathPattern, SeriesSchema, SplitRange, StatusCode, Tablet, Write};
use levada_storage::{
    Change, ChangeKind, Changes, ChangesFrom, DeviceSeries, NewSeries, SeriesChange, Storage, StorageError,
    StorageOptions, TimeRange, View,
};

use crate::{
    chunks::{everything, take},
    fault_disk::FaultDisk,
    folder::of_version_2,
    model::Run,
    random::Random,
    rows::{TestClock, options, path, pattern, put, read, series, tablet, write},
};

fn on(disk: &FaultDisk) -> StorageOptions {
    StorageOptions { disk: Arc::new(disk.clone()), wal_segment_bytes: 512, ..options("/data".as_ref()) }
}

/// All that is there to be read now.
fn all(changes: &mut Changes) -> Result<Vec<Change>, StorageError> {
    let mut found = Vec::new();
    loop {
        let more = changes.read(1)?;
        if more.is_empty() {
            return Ok(found);
        }
        found.extend(more);
    }
}

/// The times of the rows that came, in order.
fn times(changes: &[Change]) -> Vec<i64> {
    let tablets = changes.iter().flat_map(|change| match &change.kind {
        ChangeKind::Rows { tablets, .. } => tablets.as_slice(),
        _ => &[],
    });
    tablets.flat_map(|tablet| tablet.times().values().to_vec()).collect()
}

/// Makes a change in another store.
fn apply(target: &Storage, kind: ChangeKind) {
    match kind {
        ChangeKind::Rows { tablets, .. } => {
            let report = target.insert(Write { tablets, ..Write::default() }).expect("taken").report;
            assert!(report.rejected.is_empty(), "{report:?}");
        }
        ChangeKind::CreateDatabase { path, ttl } => {
            if target.view().databases(&PathPattern::from(&path)).is_empty() {
                target.create_database(&path, ttl).expect("made");
            }
        }
        ChangeKind::DeleteDatabase { path, .. } => {
            assert_eq!(target.delete_databases(&[PathPattern::from(&path)]).expect("deleted").count, 1);
        }
        ChangeKind::SetTtl { pattern, ttl } => drop(target.set_ttl(&pattern, ttl).expect("set")),
        ChangeKind::CreateSeries(series) => {
            let is_new = |series: &NewSeries| {
                let path = series.device.child(&series.measurement);
                target.view().series(&PathPattern::from(&path)).is_empty()
            };
            let series: Vec<_> = series.into_iter().filter(is_new).collect();
            if !series.is_empty() {
                target.create_series(series).expect("made");
            }
        }
        ChangeKind::AlterSeries { path, change, .. } => {
            drop(target.alter_series(&path, change).expect("altered"))
        }
        ChangeKind::AlterStored { device, measurements, encoding, compressor, .. } => {
            let usual = SeriesSchema::default_for(DataType::Double);
            let series = measurements.into_iter().map(|name| (name, usual)).collect();
            let series = [DeviceSeries { device, series }];
            drop(target.alter_stored_of(None, &series, encoding, compressor).expect("altered"));
        }
        ChangeKind::DeleteSeries { patterns, .. } => drop(target.delete_series(&patterns).expect("deleted")),
        ChangeKind::Delete { patterns, range, .. } => drop(target.delete(&patterns, range).expect("deleted")),
        ChangeKind::Chunks { file, points, .. } => take(target, file, points),
        ChangeKind::HistoryMark(_) | ChangeKind::HistoryEnd => {}
    }
}

/// A second store that has what the first one's changes say.
struct Follower {
    target: Storage,
    clock: Arc<TestClock>,
    changes: Option<Changes>,
    /// What it settled.
    position: u64,
    /// Whether what was stored has come.
    live: bool,
    /// How often it fell behind.
    lost: u32,
    /// Whether what is stored comes as chunks.
    chunks: bool,
    /// The last life of rows that it was told of that concerns nothing, and how many there were.
    mark: (Option<i64>, i64),
}

/// What no device is below.
const NOWHERE: &str = "root.nowhere.**";

impl Follower {
    fn new() -> Self {
        let (target, clock) = Self::target();
        let (position, live, lost, mark) = (0, false, 0, (None, 0));
        Self { target, clock, changes: None, position, live, lost, chunks: false, mark }
    }

    /// One that is given chunks.
    fn of_chunks() -> Self {
        Self { chunks: true, ..Self::new() }
    }

    /// An empty store, that takes rows however old they are.
    fn target() -> (Storage, Arc<TestClock>) {
        let clock = Arc::<TestClock>::default();
        let disk = Arc::new(FaultDisk::default());
        let clock_of = Arc::<TestClock>::clone(&clock);
        let options =
            StorageOptions { disk, clock: clock_of, partition_width: 500, ..options("/data".as_ref()) };
        (Storage::open(options).expect("opens"), clock)
    }

    fn begin_anew(&mut self) {
        self.lost += 1;
        (self.target, self.clock) = Self::target();
        (self.position, self.live, self.changes) = (0, false, None);
    }

    /// Follows for about so many bytes, or as far as it goes; says whether there was anything.
    fn follow(&mut self, source: &Storage, bytes: usize) -> bool {
        if self.changes.is_none() {
            let from = if self.live {
                ChangesFrom::After(self.position)
            } else {
                // What came of a history that was left may have gone since.
                (self.target, self.clock) = Self::target();
                ChangesFrom::History { after: 0 }
            };
            let begun = match self.chunks && !self.live {
                true => source.changes_in_chunks(Some("follower"), from, everything()),
                false => source.changes(Some("follower"), from),
            };
            match begun {
                Ok(changes) => self.changes = Some(changes),
                Err(StorageError::Behind { .. }) => {
                    self.begin_anew();
                    return true;
                }
                Err(error) => panic!("{error}"),
            }
        }
        let Some(changes) = &mut self.changes else { return true };
        let found = match changes.read(bytes) {
            Ok(found) => found,
            Err(StorageError::Behind { .. }) => {
                self.begin_anew();
                return true;
            }
            Err(error) => panic!("{error}"),
        };
        let any = !found.is_empty();
        for Change { first, position, kind } in found {
            assert_eq!(first, self.position + 1, "each write once: {kind:?}");
            assert!(position >= first || !self.live);
            self.live |= kind == ChangeKind::HistoryEnd;
            self.position = position;
            if let ChangeKind::SetTtl { pattern: of, ttl } = &kind
                && *of == pattern(NOWHERE)
            {
                self.mark.0 = *ttl;
            }
            apply(&self.target, kind);
        }
        changes.settle(self.position);
        any
    }

    fn catch_up(&mut self, source: &Storage) {
        self.mark.1 += 1;
        let mark = Some(self.mark.1);
        source.set_ttl(&pattern(NOWHERE), mark).expect("set");
        while self.mark.0 != mark || !self.live {
            if !self.follow(source, 1 << 20) {
                self.changes.as_ref().expect("it reads").more().wait();
            }
        }
    }
}

/// The types of all series, and their rows.
type Rows = Vec<(Path, bool, Vec<(Arc<str>, DataType)>, crate::rows::Rows)>;

fn rows_of(view: &dyn View) -> Rows {
    let devices = view.devices(&pattern("root.**"));
    devices
        .into_iter()
        .map(|device| {
            let infos = view.series(&pattern(&format!("{}.*", device.path)));
            let named: Vec<_> =
                infos.into_iter().map(|info| (info.measurement, info.schema.data_type)).collect();
            let names: Vec<_> = named.iter().map(|(name, data_type)| (&**name, *data_type)).collect();
            let rows = read(view, device.path.as_str(), &names, TimeRange::ALL);
            (device.path, device.aligned, named, rows)
        })
        .collect()
}

#[test]
fn a_second_store_that_follows_gives_the_same_answers() {
    let mut random = Random::seeded("a_second_store_that_follows_gives_the_same_answers");
    for round in 0..8 {
        let kept = if round % 4 == 3 { 24 << 10 } else { 1 << 30 };
        let mut run = Run::keeping(random.next(), kept);
        let mut follower = if round % 2 == 0 { Follower::new() } else { Follower::of_chunks() };
        let slow = random.one_in(2);
        for _ in 0..300 {
            let opened = run.opened;
            run.step();
            if run.opened != opened || random.one_in(60) {
                follower.changes = None;
            }
            if random.one_in(if slow { 12 } else { 2 }) {
                follower.follow(&run.storage, random.below(4000) as usize);
            }
            if random.one_in(40) {
                follower.catch_up(&run.storage);
                check(&run, &follower);
            }
        }
        follower.catch_up(&run.storage);
        check(&run, &follower);
        let lost = follower.lost;
        assert!(kept < 1 << 30 || lost == 0, "nothing goes that is kept");
        // Nobody reads for so long that what comes is far beyond what is kept.
        for step in 0..200 {
            run.step();
            if step % 20 == 19 {
                run.storage.flush(&[]).expect("flushed");
            }
        }
        follower.changes = None;
        follower.catch_up(&run.storage);
        check(&run, &follower);
        assert_eq!(follower.lost > lost, kept < 1 << 30, "who falls behind is told");
    }
}

fn check(run: &Run, follower: &Follower) {
    use std::sync::atomic::Ordering::Relaxed;
    follower.clock.0.store(run.clock.0.load(Relaxed), Relaxed);
    let (source, target) = (run.storage.view(), follower.target.view());
    follower.clock.0.store(0, Relaxed);
    for (followed, known) in rows_of(&*target).into_iter().zip(rows_of(&*source)) {
        let (what, rows) = ((followed.0, followed.1, followed.2), followed.3);
        assert_eq!(what, (known.0, known.1, known.2));
        let differs = rows.iter().zip(&known.3).find(|(a, b)| a != b);
        assert!(rows == known.3, "{what:?}: {differs:?}");
    }
    assert_eq!(target.devices(&pattern("root.**")), source.devices(&pattern("root.**")));
    assert_eq!(target.path_ttls(), source.path_ttls());
    let names = |view: &dyn View| -> BTreeSet<Path> {
        view.databases(&pattern("root.**")).into_iter().map(|info| info.path).collect()
    };
    assert_eq!(names(&*target), names(&*source));
}

#[test]
fn a_change_comes_when_it_is_durable_and_not_before() {
    let storage = Storage::open(on(&FaultDisk::default())).expect("opens");
    let mut changes = storage.changes(None, ChangesFrom::Now).expect("begins");
    assert_eq!(all(&mut changes).expect("read"), []);
    let waiting = {
        let more = changes.more();
        std::thread::spawn(move || more.wait())
    };
    put(&storage, "root.a.d", &[1, 2], &[1.0, 2.0]);
    waiting.join().expect("ends");
    let found = all(&mut changes).expect("read");
    assert_eq!(times(&found), [1, 2]);
    let waiting = {
        let more = changes.more();
        std::thread::spawn(move || more.wait())
    };
    storage.close().expect("closes");
    waiting.join().expect("whoever waits learns that the store is closed");
    assert!(matches!(changes.read(1), Err(StorageError::Closed)));
}

#[test]
fn changes_of_the_catalog_say_what_callers_said() {
    let storage = Storage::open(on(&FaultDisk::default())).expect("opens");
    let mut changes = storage.changes(None, ChangesFrom::Now).expect("begins");
    let new = NewSeries {
        device: path("root.a.d"),
        measurement: "s".into(),
        schema: SeriesSchema::default_for(DataType::Int64),
        aligned: true,
        alias: Some("nick".to_owned()),
        tags: [("by".to_owned(), "me".to_owned())].into(),
        attributes: Default::default(),
        deadband: None,
    };
    storage.create_database(&path("root.a"), None).expect("made");
    storage.create_series(vec![new.clone()]).expect("made");
    let alias = SeriesChange { alias: Some(None), ..SeriesChange::default() };
    let owner: Option<std::sync::Arc<str>> = Some("somebody".into());
    storage.alter_series_of(owner.clone(), &path("root.a.d.nick"), alias).expect("altered");
    storage.set_ttl(&pattern("root.a"), Some(7)).expect("set");
    storage.set_ttl(&pattern("root.a.d.*"), Some(8)).expect("set");
    let range = TimeRange { start: 3, end: 5 };
    storage.delete(&[pattern("root.a.d.s")], range).expect("deleted");
    storage.delete_series_of(owner.clone(), &[pattern("root.a.d.*")]).expect("deleted");
    let last = storage.delete_databases_of(owner.clone(), &[pattern("root.a")]).expect("deleted");
    last.durable.wait().expect("durable");
    let found = all(&mut changes).expect("read");
    let numbers: Vec<u64> = found.iter().map(|change| change.position).collect();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    let kinds: Vec<_> = found.into_iter().map(|change| change.kind).collect();
    let changed = SeriesChange {
        alias: Some(None),
        tags: Some(new.tags.clone()),
        attributes: Some(new.attributes.clone()),
    };
    let expected = [
        ChangeKind::CreateDatabase { path: path("root.a"), ttl: None },
        ChangeKind::CreateSeries(vec![new]),
        ChangeKind::AlterSeries { path: path("root.a.d.s"), change: changed, owner: owner.clone() },
        ChangeKind::SetTtl { pattern: pattern("root.a"), ttl: Some(7) },
        ChangeKind::SetTtl { pattern: pattern("root.a.d.*"), ttl: Some(8) },
        ChangeKind::Delete { patterns: vec![pattern("root.a.d.s")], range, owner: None },
        ChangeKind::DeleteSeries { patterns: vec![pattern("root.a.d.*")], owner: owner.clone() },
        ChangeKind::DeleteDatabase { path: path("root.a"), owner },
    ];
    assert_eq!(kinds, expected);
}

#[test]
fn a_reader_with_a_name_reads_on_where_it_was_however_the_store_ended() {
    for crash in [false, true] {
        let disk = FaultDisk::default();
        let storage = Storage::open(on(&disk)).expect("opens");
        let mut changes = storage.changes(Some("pipe"), ChangesFrom::Now).expect("begins");
        assert!(storage.changes(Some("pipe"), ChangesFrom::Now).is_err(), "one at a time");
        for time in 0..20 {
            put(&storage, "root.a.d", &[time], &[1.0]);
            if time % 7 == 0 {
                storage.flush(&[]).expect("flushes");
                storage.compact(&[]).expect("compacts");
            }
        }
        let first = changes.read(1).expect("read");
        assert_eq!(times(&first), [0]);
        changes.settle(changes.position());
        let position = changes.position();
        drop(changes);
        if crash {
            disk.power_off();
            drop(storage.close());
            disk.restart(&mut Random(7));
        } else {
            storage.close().expect("closes");
        }
        let storage = Storage::open(on(&disk)).expect("opens again");
        let known = storage.readers();
        assert_eq!(known.iter().map(|reader| reader.name.as_deref()).collect::<Vec<_>>(), [Some("pipe")]);
        let mut changes = storage.changes(Some("pipe"), ChangesFrom::After(position)).expect("begins");
        put(&storage, "root.a.d", &[20], &[1.0]);
        let found = all(&mut changes).expect("read");
        assert_eq!(times(&found), (1..=20).collect::<Vec<_>>());
        changes.settle(changes.position());
        drop(changes);
        let before = storage.stats().wal_bytes;
        assert!(storage.forget_reader("pipe").expect("forgotten"));
        storage.flush(&[]).expect("flushes");
        assert!(storage.stats().wal_bytes < before, "nothing is kept any more");
        assert_eq!(storage.readers(), []);
    }
}

#[test]
fn what_is_kept_for_a_reader_stays_while_it_reads_what_is_stored_and_after_a_power_cut() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk)).expect("opens");
    put(&storage, "root.a.d", &[0], &[1.0]);
    let last = storage.keep_changes("pipe").expect("kept");
    let write = |storage: &Storage, times: std::ops::Range<i64>| {
        for time in times {
            put(storage, "root.a.d", &[time], &[1.0]);
            storage.flush(&[]).expect("flushes");
        }
    };
    write(&storage, 1..10);
    disk.power_off();
    drop(storage.close());
    disk.restart(&mut Random(7));
    let storage = Storage::open(on(&disk)).expect("opens again");
    write(&storage, 10..20);
    let mut stored = storage.changes(Some("pipe"), ChangesFrom::History { after: 0 }).expect("begins");
    assert_eq!(times(&all(&mut stored).expect("read")), (0..20).collect::<Vec<_>>());
    write(&storage, 20..30);
    // All of it was read, and nothing settled.
    drop(stored);
    let mut changes = storage.changes(Some("pipe"), ChangesFrom::After(last)).expect("begins");
    assert_eq!(times(&all(&mut changes).expect("read")), (1..30).collect::<Vec<_>>());
}

#[test]
fn what_was_stored_up_to_a_write_comes_first_and_then_each_write_behind_it() {
    let storage = Storage::open(on(&FaultDisk::default())).expect("opens");
    let write = |times: std::ops::Range<i64>| {
        for time in times {
            put(&storage, "root.a.d", &[time], &[1.0]);
            if time % 3 == 0 {
                storage.flush(&[]).expect("flushes");
            }
        }
    };
    write(0..5);
    let last = storage.keep_changes("pipe").expect("kept");
    write(5..11);
    let mut changes = storage.changes(Some("pipe"), ChangesFrom::Since(last)).expect("begins");
    let found = all(&mut changes).expect("read");
    let end = found.iter().position(|change| change.kind == ChangeKind::HistoryEnd).expect("an end");
    assert_eq!((times(&found[..end]), found[end].position), ((0..5).collect(), last));
    assert_eq!(times(&found[end..]), (5..11).collect::<Vec<_>>());
}

#[test]
fn a_reader_that_falls_behind_the_bound_is_told_and_writers_go_on() {
    let storage = Storage::open(StorageOptions { changes_bytes: 4096, ..on(&FaultDisk::default()) });
    let storage = storage.expect("opens");
    let mut slow = storage.changes(Some("slow"), ChangesFrom::Now).expect("begins");
    let mut fast = storage.changes(None, ChangesFrom::Now).expect("begins");
    put(&storage, "root.a.d", &[0], &[0.0]);
    for reader in [&mut slow, &mut fast] {
        assert_eq!(times(&all(reader).expect("read")), [0]);
    }
    for time in 1..200 {
        put(&storage, "root.a.d", &[time], &[1.0]);
        if time % 10 == 0 {
            storage.flush(&[]).expect("flushes");
        }
        assert_eq!(times(&all(&mut fast).expect("read")), [time]);
        assert!(storage.stats().wal_bytes < 4096 + 4096, "{} bytes", storage.stats().wal_bytes);
    }
    let lost: Vec<bool> = storage.readers().iter().map(|reader| reader.lost).collect();
    assert_eq!(lost, [true, false]);
    let Err(StorageError::Behind { after, kept }) = slow.read(1) else { panic!("not told") };
    assert_eq!(after, 1);
    assert!(kept > after);
    drop(slow);
    let again = storage.changes(Some("slow"), ChangesFrom::After(1));
    assert!(matches!(again, Err(StorageError::Behind { after: 1, .. })));
    // No deletion came since, so what it lacks is known.
    let mut again = storage.changes(Some("slow"), ChangesFrom::History { after: 1 }).expect("begins");
    let found: BTreeSet<i64> = times(&all(&mut again).expect("read")).into_iter().collect();
    assert!((1..200).all(|time| found.contains(&time)), "{found:?}");
}

#[test]
fn a_history_that_keeps_too_many_files_lets_go_of_them() {
    let disk = FaultDisk::default();
    let storage = Storage::open(StorageOptions { changes_bytes: 2048, ..on(&disk) }).expect("opens");
    let mut random = Random(5);
    let mut noise = || (0..300).map(|_| f64::from_bits(random.next() >> 2)).collect::<Vec<_>>();
    let times: Vec<i64> = (0..300).collect();
    put(&storage, "root.a.d", &times, &noise());
    put(&storage, "root.a.e", &times, &noise());
    let mut changes = storage.changes(None, ChangesFrom::History { after: 0 }).expect("begins");
    // The database and a device's series: its files are being read.
    assert_eq!(changes.read(300).expect("read").len(), 2);
    for _ in 0..4 {
        put(&storage, "root.a.d", &times, &noise());
        storage.flush(&[]).expect("flushes");
        storage.compact(&[]).expect("compacts");
    }
    assert!(matches!(all(&mut changes), Err(StorageError::Behind { .. })));
    assert_eq!(disk.paths("tsfile").len(), storage.stats().files, "files that were replaced are gone");
}

#[test]
fn what_went_since_cannot_be_told_by_what_is_stored() {
    let storage = Storage::open(on(&FaultDisk::default())).expect("opens");
    put(&storage, "root.a.d", &[1, 2, 3], &[1.0, 2.0, 3.0]);
    storage.flush(&[]).expect("flushes");
    let position = storage.changes(None, ChangesFrom::Now).expect("begins").position();
    put(&storage, "root.a.e", &[1], &[1.0]);
    let range = TimeRange { start: 2, end: 2 };
    storage.delete(&[pattern("root.a.d.s")], range).expect("deleted").durable.wait().expect("durable");
    let mut changes = storage.changes(None, ChangesFrom::History { after: position }).expect("begins");
    let found = all(&mut changes).expect("read");
    assert!(
        found
            .iter()
            .any(|change| matches!(&change.kind, ChangeKind::Delete { range: told, .. } if *told == range)),
        "a deletion that is still known comes"
    );
    assert_eq!(times(&found), [1], "what the reader has does not");
    drop(changes);
    storage.compact(&[]).expect("compacts");
    storage.flush(&[]).expect("flushes");
    let last = storage.delete_series(&[pattern("root.a.d.s")]).expect("deleted");
    last.durable.wait().expect("durable");
    let rejected = storage.changes(None, ChangesFrom::History { after: position });
    assert!(matches!(rejected, Err(StorageError::Behind { .. })));
    let mut changes = storage.changes(None, ChangesFrom::History { after: 0 }).expect("begins");
    assert_eq!(times(&all(&mut changes).expect("read")), [1]);
}

#[test]
fn a_damaged_record_of_the_log_is_told_and_not_passed_over() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk)).expect("opens");
    let mut changes = storage.changes(None, ChangesFrom::Now).expect("begins");
    for time in 0..20 {
        put(&storage, "root.a.d", &[time], &[1.0]);
    }
    let (path, len) = disk.paths("wal").remove(1);
    disk.flip(&path, len / 2 * 8);
    let mut given = Vec::new();
    let error = loop {
        match changes.read(1) {
            Ok(found) => given.extend(times(&found)),
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, StorageError::Damaged { path: told, .. } if *told == path), "{error}");
    assert_eq!(given, (0..given.len() as i64).collect::<Vec<_>>());
    assert!(changes.read(1).is_err(), "nor is it when asked again");
}

#[test]
fn positions_alone_are_no_change_and_a_store_without_a_log_has_none() {
    let storage = Storage::open(on(&FaultDisk::default())).expect("opens");
    let mut changes = storage.changes(None, ChangesFrom::Now).expect("begins");
    let positions = vec![SplitRange { split: "p".into(), range: 0..3 }];
    let write_of = |tablets: Vec<Tablet>| Write {
        owner: Some("owner".into()),
        positions: positions.clone(),
        ..write(tablets)
    };
    storage.insert(write_of(Vec::new())).expect("taken").durable.wait().expect("durable");
    assert_eq!(all(&mut changes).expect("read"), []);
    assert_eq!(changes.position(), 1);
    let row = tablet("root.a.d", false, &[1], &[("s", &[Some(1.0)])]);
    storage.insert(write_of(vec![row.clone()])).expect("taken").durable.wait().expect("durable");
    let kind = ChangeKind::Rows { owner: Some("owner".into()), tablets: vec![row] };
    assert_eq!(all(&mut changes).expect("read"), [Change { first: 2, position: 2, kind }]);

    let beyond = storage.changes(None, ChangesFrom::After(9)).expect_err("there is no such write");
    assert_eq!(beyond.to_string(), "changes behind write 9 are asked for, and the last write is 2");
    let options = StorageOptions { wal: false, ..on(&FaultDisk::default()) };
    let without = Storage::open(options).expect("opens").changes(None, ChangesFrom::Now).expect_err("no log");
    assert_eq!(without.code(), StatusCode::ILLEGAL_PARAMETER);
    assert_eq!(series(&*storage.view(), "root.a.d", "s"), [(1, 1.0)]);
}

#[test]
fn a_folder_of_version_2_opens_and_can_be_followed() {
    let folder = of_version_2();
    let options = StorageOptions { clock: Arc::<TestClock>::default(), ..StorageOptions::new(folder.path()) };
    for opened in 0..2 {
        let storage = Storage::open(options.clone()).expect("opens");
        assert_eq!(storage.recovery(), []);
        if opened == 0 {
            // Records of that version do not name the database that went.
            let mut changes = storage.changes(None, ChangesFrom::After(4)).expect("begins");
            assert!(matches!(all(&mut changes), Err(StorageError::Behind { .. })));
            assert!(matches!(changes.read(1), Err(StorageError::Behind { .. })), "nor is it passed over");
        }
        let view = storage.view();
        assert_eq!(series(&*view, "root.a.d", "s"), [(1, 1.5), (2, 9.5)]);
        let types = [("t", DataType::Text)];
        assert_eq!(read(&*view, "root.a.e", &types, TimeRange::ALL).len(), 1);
        assert_eq!(view.databases(&pattern("root.*")).len(), 1);
        let mut follower = Follower::new();
        follower.catch_up(&storage);
        let view = storage.view();
        assert_eq!(rows_of(&*follower.target.view()), rows_of(&*view));
        assert_eq!(follower.target.view().path_ttls(), view.path_ttls());
        drop(follower);
        storage.flush(&[]).expect("flushes");
        storage.compact(&[]).expect("compacts");
        storage.close().expect("closes");
    }
}
