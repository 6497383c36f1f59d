//! What is left when the disk fails, is full, forgets, or lies.

use std::{collections::BTreeSet, time::Duration};

use levada_model::StatusCode;
use levada_storage::{Direction, Storage, StorageError, StorageOptions, SyncMode, TimeRange};

use crate::{
    fault_disk::{Call, Fault, FaultDisk, Hit, Kind},
    random::Random,
    rows::{path, put, series, tablet, write},
    work::{Work, on},
};

/// How the work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The store is closed.
    Closed,
    /// The process is killed.
    Killed,
    /// The power is cut.
    Cut,
}

impl End {
    fn come(self, disk: &FaultDisk, work: &mut Work, random: &mut Random) {
        if self != Self::Closed {
            disk.power_off();
        }
        disk.phase("close");
        drop(work.storage.take());
        disk.set_fault(Fault::None);
        match self {
            Self::Closed => {}
            Self::Killed => disk.resume(),
            Self::Cut => disk.restart(random),
        }
    }
}

/// Opens the store as often as it takes to say that all is well for good.
fn check(disk: &FaultDisk, work: &Work, what: &str) {
    for round in 0..2 {
        let storage = Storage::open(on(disk)).unwrap_or_else(|error| panic!("{what}: {error}"));
        work.check(&storage, &format!("{what}, round {round}"));
        storage.flush(&[]).unwrap_or_else(|error| panic!("{what}: {error}"));
        storage.compact(&[]).unwrap_or_else(|error| panic!("{what}: {error}"));
        work.check(&storage, &format!("{what}, compacted in round {round}"));
    }
}

/// Runs the work with each call failing in turn, lets the system come up again, and checks. Gives all that was hit.
fn sweep(test: &str, fault: fn(Call, Kind, u64) -> Fault, ends: &[End]) -> BTreeSet<Hit> {
    let mut random = Random::seeded(test);
    let (mut all, mut runs) = (BTreeSet::new(), 0);
    let kinds = {
        let disk = FaultDisk::default();
        let mut work = Work::begin(&disk, on(&disk));
        work.run();
        End::Closed.come(&disk, &mut work, &mut random);
        disk.calls()
    };
    for (call, kind) in kinds {
        for at in 1.. {
            let end = *random.pick(ends);
            let what = format!("{:?}, {end:?}", fault(call, kind, at));
            let disk = FaultDisk::default();
            if random.one_in(4) {
                disk.set_short_reads();
            }
            disk.set_fault(fault(call, kind, at));
            let mut work = Work::begin(&disk, on(&disk));
            work.run();
            let mut hits = disk.hits();
            end.come(&disk, &mut work, &mut random);
            check(&disk, &work, &what);
            if hits.is_empty() {
                break;
            }
            all.append(&mut hits);
            runs += 1;
        }
    }
    println!("{test}: {runs} faults");
    assert!(runs > 400, "only {runs} faults");
    all
}

/// What a sweep must have hit, whatever else.
const MUST: [Hit; 44] = [
    ("open", Call::Lock, Kind::LockFile),
    ("open", Call::MakeFolder, Kind::Folder),
    ("open", Call::SyncFolder, Kind::Folder),
    ("open", Call::List, Kind::Folder),
    ("open", Call::Create, Kind::NewManifest),
    ("open", Call::Write, Kind::NewManifest),
    ("open", Call::Sync, Kind::NewManifest),
    ("open", Call::Rename, Kind::NewManifest),
    ("open", Call::Open, Kind::Manifest),
    ("open", Call::Length, Kind::Manifest),
    ("open", Call::Read, Kind::Manifest),
    ("open", Call::Open, Kind::Log),
    ("open", Call::Read, Kind::Log),
    ("open", Call::Create, Kind::NewFile),
    ("open", Call::Sync, Kind::NewFile),
    ("open", Call::Rename, Kind::NewFile),
    ("open", Call::Remove, Kind::Manifest),
    ("open", Call::Create, Kind::Log),
    ("open", Call::Write, Kind::Log),
    ("insert", Call::Create, Kind::Log),
    ("insert", Call::Write, Kind::Log),
    ("insert", Call::Sync, Kind::Log),
    ("insert", Call::SyncFolder, Kind::Folder),
    ("catalog", Call::Write, Kind::Log),
    ("catalog", Call::Sync, Kind::Log),
    ("delete", Call::Write, Kind::Log),
    ("delete", Call::Sync, Kind::Log),
    ("flush", Call::MakeFolder, Kind::Folder),
    ("flush", Call::Create, Kind::NewFile),
    ("flush", Call::Write, Kind::NewFile),
    ("flush", Call::Sync, Kind::NewFile),
    ("flush", Call::Create, Kind::Sums),
    ("flush", Call::Write, Kind::Sums),
    ("flush", Call::Sync, Kind::Sums),
    ("flush", Call::Rename, Kind::NewFile),
    ("flush", Call::SyncFolder, Kind::Folder),
    ("flush", Call::Write, Kind::Manifest),
    ("flush", Call::Sync, Kind::Manifest),
    ("read", Call::Read, Kind::File),
    ("read", Call::Read, Kind::Sums),
    ("compact", Call::Read, Kind::File),
    ("compact", Call::Write, Kind::NewFile),
    ("compact", Call::Rename, Kind::NewFile),
    ("compact", Call::Sync, Kind::Manifest),
];

/// What must be removed at some time, which a thread may do after the call that was the reason for it.
const REMOVED: [Kind; 3] = [Kind::Log, Kind::File, Kind::Sums];

fn assert_all_hit(hits: &BTreeSet<Hit>) {
    let missed: Vec<_> = MUST.iter().filter(|hit| !hits.contains(hit)).collect();
    assert!(missed.is_empty(), "never failed: {missed:?}, of {hits:?}");
    let removed = |of| hits.iter().any(|(_, call, kind)| (*call, *kind) == (Call::Remove, of));
    assert!(REMOVED.into_iter().all(removed), "not all of {REMOVED:?} of {hits:?}");
}

#[test]
fn any_call_may_fail_once() {
    assert_all_hit(&sweep("any_call_may_fail_once", Fault::OnceOf, &[End::Closed, End::Killed, End::Cut]));
}

#[test]
fn the_power_may_be_cut_at_any_call() {
    assert_all_hit(&sweep("the_power_may_be_cut_at_any_call", Fault::FromOf, &[End::Cut]));
}

#[test]
fn any_call_may_be_the_last_that_succeeds() {
    let ends = [End::Closed, End::Killed];
    assert_all_hit(&sweep("any_call_may_be_the_last_that_succeeds", Fault::FromOf, &ends));
}

#[test]
fn a_full_disk_rejects_writes_until_there_is_room() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk)).expect("opens");
    disk.set_room(Some(disk.used() + 3000));
    let insert = |time: i64| {
        let rows = write(vec![tablet("root.a.d", false, &[time], &[("s", &[Some(1.0)])])]);
        storage.insert(rows).and_then(|inserted| inserted.durable.wait())
    };
    let mut stored = Vec::new();
    let error = (0..1000).find_map(|time| match insert(time) {
        Ok(()) => {
            stored.push((time, 1.0));
            None
        }
        Err(error) => Some(error),
    });
    let error = error.expect("the disk is full");
    assert_eq!(error.code(), StatusCode::DISK_SPACE_INSUFFICIENT, "{error}");
    let before = series(&*storage.view(), "root.a.d", "s").len();
    let rejected = insert(5000).expect_err("still full");
    assert_eq!(rejected.code(), StatusCode::DISK_SPACE_INSUFFICIENT);
    // The first that failed may be there, what was rejected after it is not.
    assert_eq!(series(&*storage.view(), "root.a.d", "s").len(), before);
    disk.set_room(None);
    let mut tries = 0;
    while insert(6000).is_err() {
        tries += 1;
        assert!(tries < 100, "writes do not resume");
        std::thread::sleep(Duration::from_millis(20));
    }
    disk.power_off();
    drop(storage);
    disk.restart(&mut Random(7));
    let storage = Storage::open(on(&disk)).expect("opens");
    let found = series(&*storage.view(), "root.a.d", "s");
    assert!(stored.iter().all(|row| found.contains(row)));
    assert!(found.contains(&(6000, 1.0)) && !found.contains(&(5000, 1.0)));
}

#[test]
fn opening_may_fail_at_any_call() {
    let mut random = Random::seeded("opening_may_fail_at_any_call");
    let mut hits = BTreeSet::new();
    for wal in [true, false] {
        // What a crash leaves at some moment: rows in the log, a torn end, files that no manifest names.
        for crash in [120, 260, 420] {
            let disk = FaultDisk::default();
            disk.set_fault(Fault::From(crash));
            let mut work = Work::begin(&disk, on(&disk));
            work.run();
            End::Killed.come(&disk, &mut work, &mut random);
            let options = |disk: &FaultDisk| StorageOptions { wal, ..on(disk) };
            for at in 1.. {
                let disk = disk.fork();
                disk.set_fault(Fault::From(at));
                drop(Storage::open(options(&disk)));
                let hit = disk.hits();
                disk.power_off();
                disk.set_fault(Fault::None);
                disk.restart(&mut random);
                let what = format!("wal: {wal}, crash at {crash}, opening fails from {at}");
                let storage = Storage::open(options(&disk)).unwrap_or_else(|error| panic!("{what}: {error}"));
                work.check(&storage, &what);
                if hit.is_empty() {
                    break;
                }
                hits.extend(hit.into_iter().map(|(_, call, kind)| (call, kind)));
            }
        }
    }
    // Recovery reads, copies the log's end, writes the manifest and, without a log, files.
    for must in [
        (Call::Read, Kind::Log),
        (Call::Rename, Kind::NewFile),
        (Call::Sync, Kind::NewManifest),
        (Call::Sync, Kind::Sums),
        (Call::Remove, Kind::Log),
        (Call::Remove, Kind::Manifest),
    ] {
        assert!(hits.contains(&must), "{must:?} is not among {hits:?}");
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_the_log_is_found_and_costs_one_record() {
    let mut random = Random::seeded("a_flipped_bit_in_any_byte_of_the_log_is_found_and_costs_one_record");
    let whole = FaultDisk::default();
    let storage = Storage::open(on(&whole)).expect("opens");
    for time in 0..20 {
        put(&storage, "root.a.d", &[time], &[time as f64]);
    }
    drop(storage);
    for (file, len) in whole.paths("wal") {
        for byte in 0..len {
            let disk = whole.fork();
            disk.flip(&file, byte * 8 + random.below(8) as usize);
            // A length that is too large looks as if the last record had been cut off, which has to be accepted.
            let options = StorageOptions { accept_log_loss: true, ..on(&disk) };
            let storage = Storage::open(options).expect("opens");
            let findings = storage.recovery();
            let of_file = findings.iter().all(|finding| finding.path == file);
            assert!(of_file && !findings.is_empty(), "byte {byte} of {file:?}: {findings:?}");
            let found = series(&*storage.view(), "root.a.d", "s");
            let right = found.iter().all(|(time, value)| *time as f64 == *value);
            assert!(found.len() >= 19 && right, "byte {byte} of {file:?}: {found:?}");
        }
    }
}

#[test]
fn a_flipped_bit_in_any_byte_of_a_file_is_found_and_never_data() {
    let mut random = Random::seeded("a_flipped_bit_in_any_byte_of_a_file_is_found_and_never_data");
    let whole = FaultDisk::default();
    let storage = Storage::open(on(&whole)).expect("opens");
    let times: Vec<i64> = (0..300).collect();
    let values: Vec<f64> = times.iter().map(|time| *time as f64).collect();
    put(&storage, "root.a.d", &times, &values);
    storage.flush(&[]).expect("flushes");
    let mut files = whole.paths("tsfile");
    files.extend(whole.paths("sums"));
    put(&storage, "root.b.d", &times, &values);
    storage.flush(&[]).expect("flushes");
    let expected = series(&*storage.view(), "root.b.d", "s");
    drop(storage);
    for (file, len) in files {
        for byte in 0..len {
            let disk = whole.fork();
            disk.flip(&file, byte * 8 + random.below(8) as usize);
            let storage = Storage::open(on(&disk)).expect("opens");
            let view = storage.view();
            let rows = view
                .scan(&path("root.a.d"), &["s".into()], TimeRange::ALL, Direction::Ascending)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let named = file.with_extension("tsfile");
            match rows {
                Err(StorageError::Damaged { path, .. } | StorageError::Io { path, .. }) if path == named => {}
                other => panic!("byte {byte} of {file:?}: {other:?}"),
            }
            assert_eq!(series(&*view, "root.b.d", "s"), expected, "what is whole is read");
        }
    }
}

#[test]
fn a_power_cut_under_load_keeps_what_was_acknowledged() {
    let mut random = Random::seeded("a_power_cut_under_load_keeps_what_was_acknowledged");
    for round in 0..60 {
        let disk = FaultDisk::default();
        let sync = match random.below(2) {
            0 => SyncMode::Always,
            _ => SyncMode::Group { max_delay: Duration::from_micros(300), max_bytes: 1024 },
        };
        let options = || StorageOptions { sync, memtable_bytes: 40 << 10, compaction: true, ..on(&disk) };
        let mut work = Work::begin(&disk, options());
        let until = random.below(400);
        let cutter = std::thread::spawn({
            let disk = disk.clone();
            move || {
                std::thread::sleep(Duration::from_micros(until * 50));
                disk.power_off();
            }
        });
        for number in 0..200 {
            work.insert(number);
        }
        cutter.join().expect("no panic");
        drop(work.storage.take());
        disk.restart(&mut random);
        let storage = Storage::open(options()).expect("opens");
        work.check(&storage, &format!("round {round}"));
    }
}
