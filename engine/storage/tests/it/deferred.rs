//! Failures that pass: a clear error meanwhile, and all is well once their cause is gone, without anybody's help.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use levada_model::StatusCode;
use levada_storage::{Storage, StorageError, StorageOptions, SyncMode};

use crate::{
    fault_disk::{Call, Fault, FaultDisk, Kind},
    random::Random,
    rows::{options, put, series, tablet, write},
};

const WAIT: Duration = Duration::from_secs(60);

fn on(disk: &FaultDisk) -> StorageOptions {
    StorageOptions {
        disk: Arc::new(disk.clone()),
        wal_segment_bytes: 2048,
        memtable_bytes: 64 << 10,
        ..options("/data".as_ref())
    }
}

fn insert(storage: &Storage, time: i64) -> Result<(), StorageError> {
    let rows = write(vec![tablet("root.a.d", false, &[time], &[("s", &[Some(time as f64)])])]);
    storage.insert(rows).and_then(|inserted| inserted.durable.wait())
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < WAIT, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What is there after a power cut.
fn after_a_cut(disk: &FaultDisk, storage: Storage) -> Vec<(i64, f64)> {
    disk.power_off();
    drop(storage);
    disk.restart(&mut Random(5));
    let storage = Storage::open(on(disk)).expect("opens");
    series(&*storage.view(), "root.a.d", "s")
}

#[test]
fn a_log_that_cannot_be_written_rejects_until_it_can() {
    for (call, kind) in [(Call::Write, Kind::Log), (Call::Sync, Kind::Log), (Call::Create, Kind::Log)] {
        let disk = FaultDisk::default();
        let storage = Storage::open(on(&disk)).expect("opens");
        let mut acknowledged: Vec<i64> = (0..5).collect();
        acknowledged.iter().for_each(|time| insert(&storage, *time).expect("durable"));
        disk.set_fault(Fault::All(call, kind));
        // The creation of a segment is only asked for when the one before is full.
        let failed = (5..200).find_map(|time| match insert(&storage, time) {
            Ok(()) => {
                acknowledged.push(time);
                None
            }
            Err(error) => Some(error),
        });
        let failed = failed.expect("the log cannot be written");
        assert_eq!(failed.code(), StatusCode::STORAGE_ENGINE_ERROR);
        assert!(failed.to_string().contains("cannot write to the log"), "{failed}");
        let before = series(&*storage.view(), "root.a.d", "s").len();
        assert!(insert(&storage, 1000).is_err(), "{call:?}: still not");
        assert_eq!(
            series(&*storage.view(), "root.a.d", "s").len(),
            before,
            "{call:?}: what is rejected is not seen"
        );
        assert!(storage.flush(&[]).is_ok(), "{call:?}: files can be written, and rows go there");
        disk.set_fault(Fault::None);
        until("writes do not resume", || insert(&storage, 2000).is_ok());
        insert(&storage, 2001).expect("well again");
        acknowledged.extend([2000, 2001]);
        let found = after_a_cut(&disk, storage);
        assert!(
            acknowledged.iter().all(|time| found.contains(&(*time, *time as f64))),
            "{call:?}: {found:?}"
        );
        assert!(!found.contains(&(1000, 1000.0)), "{call:?}: what was rejected is there");
    }
}

#[test]
fn a_full_disk_is_told_and_forgotten_when_there_is_room() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk)).expect("opens");
    insert(&storage, 0).expect("durable");
    let mut acknowledged = vec![0];
    for round in 0..5 {
        disk.set_room(Some(disk.used() + 500));
        let failed = (1..100).map(|at| round * 1000 + at).find_map(|time| match insert(&storage, time) {
            Ok(()) => {
                acknowledged.push(time);
                None
            }
            Err(error) => Some(error),
        });
        assert_eq!(failed.expect("the disk is full").code(), StatusCode::DISK_SPACE_INSUFFICIENT);
        // Neither flushes nor compactions help, and both say so.
        assert!(storage.flush(&[]).is_err());
        disk.set_room(None);
        until("writes do not resume", || insert(&storage, round * 1000 + 500).is_ok());
        acknowledged.push(round * 1000 + 500);
        until("flushes do not resume", || storage.flush(&[]).is_ok());
        storage.compact(&[]).expect("compacts");
    }
    let found = after_a_cut(&disk, storage);
    assert!(acknowledged.iter().all(|time| found.contains(&(*time, *time as f64))));
}

#[test]
fn files_that_cannot_be_written_are_by_themselves_once_they_can() {
    for (call, kind) in [
        (Call::Create, Kind::NewFile),
        (Call::Write, Kind::NewFile),
        (Call::Sync, Kind::NewFile),
        (Call::Sync, Kind::Sums),
        (Call::Rename, Kind::NewFile),
        (Call::Sync, Kind::Manifest),
    ] {
        let disk = FaultDisk::default();
        let storage = Storage::open(on(&disk)).expect("opens");
        put(&storage, "root.a.d", &[1, 2, 3], &[1.0, 2.0, 3.0]);
        disk.set_fault(Fault::All(call, kind));
        let flushed = storage.flush(&[]);
        // A manifest that cannot be added to is written anew at the next try.
        if kind != Kind::Manifest {
            let error = flushed.expect_err("files cannot be written").to_string();
            assert!(error.contains("nothing is lost, and it will be tried again"), "{error}");
        }
        insert(&storage, 4).expect("the log takes rows all the while");
        assert_eq!(series(&*storage.view(), "root.a.d", "s").len(), 4, "{call:?} {kind:?}");
        disk.set_fault(Fault::None);
        until("what was frozen is not flushed", || storage.stats().flushes > 0);
        let found = after_a_cut(&disk, storage);
        assert_eq!(found, [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)], "{call:?} {kind:?}");
    }
}

#[test]
fn writers_that_wait_for_room_are_rejected_when_the_log_fails() {
    let disk = FaultDisk::default();
    let sync = SyncMode::Group { max_delay: Duration::from_millis(1), max_bytes: 1 << 20 };
    let storage =
        Storage::open(StorageOptions { sync, memtable_bytes: 1 << 30, ..on(&disk) }).expect("opens");
    insert(&storage, 0).expect("durable");
    disk.set_fault(Fault::All(Call::Sync, Kind::Log));
    let times: Vec<i64> = (0..20_000).collect();
    let values = vec![Some(1.0); times.len()];
    let start = Instant::now();
    let rejected = (0..1000).find_map(|_| {
        storage.insert(write(vec![tablet("root.a.d", false, &times, &[("s", &values)])])).err()
    });
    assert!(rejected.is_some() && start.elapsed() < WAIT, "{rejected:?}");
    disk.set_fault(Fault::None);
    until("writes do not resume", || insert(&storage, 30_000).is_ok());
    assert!(after_a_cut(&disk, storage).contains(&(30_000, 30_000.0)));
}

#[test]
fn what_is_to_be_kept_for_a_reader_is_an_error_while_the_log_fails() {
    let group = SyncMode::Group { max_delay: Duration::from_millis(1), max_bytes: 1 << 20 };
    for sync in [SyncMode::Always, group, SyncMode::Interval(Duration::from_secs(3_600))] {
        let disk = FaultDisk::default();
        let storage = Storage::open(StorageOptions { sync, ..on(&disk) }).expect("opens");
        disk.set_fault(Fault::All(Call::Sync, Kind::Log));
        // It is appended, whatever its writer is told.
        drop(insert(&storage, 0));
        let (say, said) = std::sync::mpsc::channel();
        let keeper = storage.clone();
        std::thread::spawn(move || say.send(keeper.keep_changes("pipe")));
        let kept = said.recv_timeout(WAIT).expect("it does not wait for the log to be well");
        let error = kept.expect_err("the write that it would name is not synced").to_string();
        assert!(error.contains("cannot write to the log"), "{error}");
        disk.set_fault(Fault::None);
        let mut last = None;
        until("nothing can be kept", || {
            last = storage.keep_changes("pipe").ok();
            last.is_some()
        });
        assert_eq!((last, after_a_cut(&disk, storage)), (Some(1), vec![(0, 0.0)]), "{sync:?}");
    }
}

#[test]
fn rows_of_an_interval_whose_sync_failed_are_synced_with_the_next() {
    for _ in 0..20 {
        let disk = FaultDisk::default();
        let sync = SyncMode::Interval(Duration::from_millis(2));
        let storage = Storage::open(StorageOptions { sync, ..on(&disk) }).expect("opens");
        let syncs = disk.count(Call::Sync, Kind::Log);
        insert(&storage, 0).expect("taken");
        until("nothing is synced", || disk.count(Call::Sync, Kind::Log) > syncs);
        disk.set_fault(Fault::OnceOf(Call::Sync, Kind::Log, 1));
        let mut acknowledged = vec![0];
        // Some are taken before the sync fails, and some after the log has recovered.
        let mut time = 0;
        until("no sync fails", || {
            time += 1;
            if insert(&storage, time).is_ok() {
                acknowledged.push(time);
            }
            !disk.hits().is_empty()
        });
        until("writes do not resume", || {
            time += 1;
            insert(&storage, time).is_ok()
        });
        acknowledged.push(time);
        let syncs = disk.count(Call::Sync, Kind::Log);
        until("nothing is synced", || {
            time += 1;
            // Where the store has not noticed the failure until now, it rejects rows for a while.
            drop(insert(&storage, time));
            disk.count(Call::Sync, Kind::Log) > syncs + 1
        });
        let found = after_a_cut(&disk, storage);
        let lost: Vec<_> =
            acknowledged.iter().filter(|time| !found.contains(&(**time, **time as f64))).collect();
        assert!(lost.is_empty(), "{lost:?} of {acknowledged:?}");
    }
}

#[test]
fn a_lone_writer_is_not_kept_waiting_for_company() {
    let disk = FaultDisk::default();
    let sync = SyncMode::Group { max_delay: Duration::from_secs(60), max_bytes: 4 << 20 };
    let storage = Storage::open(StorageOptions { sync, ..on(&disk) }).expect("opens");
    let start = Instant::now();
    for time in 0..50 {
        insert(&storage, time).expect("durable");
    }
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    assert!(disk.count(Call::Sync, Kind::Log) >= 50);
}

#[test]
fn writers_that_wait_for_each_other_share_syncs() {
    const WRITERS: i64 = 8;
    let disk = FaultDisk::default();
    let sync = SyncMode::Group { max_delay: Duration::from_millis(50), max_bytes: 4 << 20 };
    let storage = Storage::open(StorageOptions { sync, ..on(&disk) }).expect("opens");
    disk.set_sync_time(Duration::from_millis(2));
    let before = disk.count(Call::Sync, Kind::Log);
    let turn = std::sync::Barrier::new(WRITERS as usize);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (storage, turn) = (&storage, &turn);
            scope.spawn(move || {
                for round in 0..50 {
                    turn.wait();
                    insert(storage, round * WRITERS + writer).expect("durable");
                }
            });
        }
    });
    let syncs = disk.count(Call::Sync, Kind::Log) - before;
    assert!(syncs < 50 * 3, "{syncs} syncs for 50 rounds");
}
