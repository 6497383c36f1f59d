//! Writers who write and sync the log themselves, rather than waking the thread and being woken by it.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use levada_storage::{Durable, Insert, Inserted, Storage, StorageError, StorageOptions, SyncMode};

use crate::{
    fault_disk::{Call, Fault, FaultDisk, Kind},
    random::Random,
    rows::{options, series, tablet, write},
};

const WAIT: Duration = Duration::from_secs(60);

/// A group that waits for others does so for longer than any test takes.
const GROUP: SyncMode = SyncMode::Group { max_delay: Duration::from_secs(3_600), max_bytes: 4 << 20 };

fn on(disk: &FaultDisk, sync: SyncMode) -> StorageOptions {
    StorageOptions {
        disk: Arc::new(disk.clone()),
        sync,
        wal_segment_bytes: 2048,
        ..options("/data".as_ref())
    }
}

fn polled<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn insert(storage: &Storage, time: i64, may_commit: bool) -> Durable {
    let rows = write(vec![tablet("root.a.d", false, &[time], &[("s", &[Some(time as f64)])])]);
    let insert: Insert = storage.insert_when_ready(rows).committed_by_caller(may_commit);
    let Poll::Ready(Ok(Inserted { durable, .. })) = polled(pin!(insert)) else {
        panic!("there is room, and the log is well");
    };
    durable
}

fn outcome(durable: &mut Durable) -> Poll<Result<(), StorageError>> {
    polled(Pin::new(durable))
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < WAIT, "{what}");
        std::thread::yield_now();
    }
}

fn after_a_cut(disk: &FaultDisk, storage: Storage, sync: SyncMode) -> Vec<(i64, f64)> {
    disk.power_off();
    drop(storage);
    disk.restart(&mut Random(5));
    series(&*Storage::open(on(disk, sync)).expect("opens").view(), "root.a.d", "s")
}

#[test]
fn who_is_alone_commits_at_once_and_is_durable_then() {
    for sync in [SyncMode::Always, GROUP] {
        let disk = FaultDisk::default();
        let storage = Storage::open(on(&disk, sync)).expect("opens");
        let syncs = || disk.count(Call::Sync, Kind::Log);
        // More than a segment holds.
        for time in 0..60 {
            let before = syncs();
            let mut durable = insert(&storage, time, true);
            assert!(durable.is_own() && syncs() == before, "nobody else writes it");
            durable.commit();
            assert!(!durable.is_own() && syncs() > before);
            assert!(matches!(outcome(&mut durable), Poll::Ready(Ok(()))), "{time}: no thread is waited for");
        }
        let found = after_a_cut(&disk, storage, sync);
        assert_eq!(found, (0..60).map(|time| (time, time as f64)).collect::<Vec<_>>());
    }
}

#[test]
fn what_its_writer_does_not_commit_the_thread_does() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, GROUP)).expect("opens");
    let syncs = || disk.count(Call::Sync, Kind::Log);
    let before = syncs();
    drop(insert(&storage, 0, true));
    until("what was dropped is not synced", || syncs() > before);
    let durable = insert(&storage, 1, true);
    durable.wait().expect("durable");
    assert!(!insert(&storage, 2, false).is_own(), "not everybody may block");
}

#[test]
fn in_company_the_thread_commits_for_all() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, GROUP)).expect("opens");
    let mut first = insert(&storage, 0, true);
    let mut second = insert(&storage, 1, true);
    assert!(first.is_own() && !second.is_own());
    // Whoever is first now takes both.
    first.commit();
    for durable in [&mut first, &mut second] {
        until("a write is not durable", || outcome(durable).is_ready());
    }
    let found = after_a_cut(&disk, storage, GROUP);
    assert_eq!(found, [(0, 0.0), (1, 1.0)]);
}

#[test]
fn a_commit_that_fails_is_told_and_tried_again() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, GROUP)).expect("opens");
    insert(&storage, 0, true).commit();
    disk.set_fault(Fault::All(Call::Sync, Kind::Log));
    let mut durable = insert(&storage, 1, true);
    durable.commit();
    assert!(matches!(outcome(&mut durable), Poll::Ready(Err(_))), "it is not durable");
    disk.set_fault(Fault::None);
    let syncs = disk.count(Call::Sync, Kind::Log);
    until("it is not tried again", || disk.count(Call::Sync, Kind::Log) > syncs);
    until("writes do not resume", || {
        let rows = write(vec![tablet("root.a.d", false, &[2], &[("s", &[Some(2.0)])])]);
        storage.insert(rows).is_ok_and(|inserted| inserted.durable.wait().is_ok())
    });
    assert_eq!(after_a_cut(&disk, storage, GROUP), [(0, 0.0), (1, 1.0), (2, 2.0)]);
}

#[test]
fn writers_who_commit_for_themselves_lose_nothing_of_each_other() {
    let sync = SyncMode::Group { max_delay: Duration::from_micros(200), max_bytes: 4 << 20 };
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, sync)).expect("opens");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let storage = &storage;
            scope.spawn(move || {
                for round in 0..100 {
                    let rows = [("s", &[Some(1.0)][..])];
                    let rows = write(vec![tablet("root.a.d", false, &[round * 4 + writer], &rows)]);
                    let insert = storage.insert_when_ready(rows).committed_by_caller(true);
                    let mut insert = pin!(insert);
                    let mut taken = None;
                    until("there is no turn", || {
                        if let Poll::Ready(inserted) = polled(insert.as_mut()) {
                            taken = Some(inserted.expect("the log is well").durable);
                        }
                        taken.is_some()
                    });
                    let mut durable = taken.expect("taken");
                    durable.commit();
                    durable.wait().expect("durable");
                }
            });
        }
    });
    assert_eq!(after_a_cut(&disk, storage, sync).len(), 400);
}
