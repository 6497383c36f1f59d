//! Writes that are acknowledged before they are synced: with the system they are then, whoever writes them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use levada_storage::{Inserted, Storage, StorageOptions, SyncMode};

use crate::{
    fault_disk::{Call, Fault, FaultDisk, Kind},
    random::Random,
    rows::{options, series, tablet, write},
};

/// So long that nothing is synced but what is asked for.
const NEVER: Duration = Duration::from_secs(3_600);

const WAIT: Duration = Duration::from_secs(20);

fn on(disk: &FaultDisk, interval: Duration) -> StorageOptions {
    StorageOptions {
        disk: Arc::new(disk.clone()),
        sync: SyncMode::Interval(interval),
        ..options("/data".as_ref())
    }
}

fn insert(storage: &Storage, database: &str, time: i64) -> Inserted {
    let device = format!("root.{database}.d");
    let rows = write(vec![tablet(&device, false, &[time], &[("s", &[Some(time as f64)])])]);
    storage.insert(rows).expect("taken")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < WAIT, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn what_is_acknowledged_outlives_the_process() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, NEVER)).expect("opens");
    let written = || disk.count(Call::Write, Kind::Log);
    for time in 0..50 {
        let before = written();
        insert(&storage, "a", time).durable.wait().expect("taken");
        assert!(written() > before, "an acknowledged row is with the system");
    }
    // The process is gone: nothing of it is called any more.
    disk.power_off();
    drop(storage);
    disk.resume();
    let storage = Storage::open(on(&disk, NEVER)).expect("opens");
    assert_eq!(series(&*storage.view(), "root.a.d", "s").len(), 50);
}

#[test]
fn writers_who_write_for_themselves_lose_nothing_of_each_other() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, Duration::from_millis(1))).expect("opens");
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let storage = &storage;
            scope.spawn(move || {
                for time in 0..300 {
                    insert(storage, &format!("w{writer}"), time).durable.wait().expect("taken");
                }
            });
        }
    });
    disk.power_off();
    drop(storage);
    disk.resume();
    let storage = Storage::open(on(&disk, NEVER)).expect("opens");
    for writer in 0..8 {
        assert_eq!(series(&*storage.view(), &format!("root.w{writer}.d"), "s").len(), 300);
    }
}

#[test]
fn a_write_that_nobody_waits_for_is_written_all_the_same() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, NEVER)).expect("opens");
    let written = || disk.count(Call::Write, Kind::Log);
    // The first wakes who writes, whatever becomes of it.
    insert(&storage, "a", 0).durable.wait().expect("taken");
    for time in 1..20 {
        let before = written();
        drop(insert(&storage, "a", time).durable);
        until("it is not written", || written() > before);
    }
}

#[test]
fn a_write_that_is_held_is_synced_with_its_interval() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, Duration::from_millis(20))).expect("opens");
    for time in 0..5 {
        let syncs = disk.count(Call::Sync, Kind::Log);
        let held = insert(&storage, "a", time);
        until("it is not synced", || disk.count(Call::Sync, Kind::Log) > syncs);
        held.durable.wait().expect("taken");
    }
}

#[test]
fn a_write_that_failed_is_tried_again_long_before_its_interval_ends() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, NEVER)).expect("opens");
    // From here on the thread waits for the end of the interval.
    insert(&storage, "a", 0).durable.wait().expect("taken");
    disk.set_fault(Fault::All(Call::Write, Kind::Log));
    insert(&storage, "a", 1).durable.wait().expect_err("it cannot be written");
    let syncs = disk.count(Call::Sync, Kind::Log);
    disk.set_fault(Fault::None);
    until("it is not tried again", || disk.count(Call::Sync, Kind::Log) > syncs);
}

/// Otherwise a power cut would keep a later row and take an earlier one.
#[test]
fn a_flush_has_the_log_synced_before_its_files_count() {
    let disk = FaultDisk::default();
    let storage = Storage::open(on(&disk, NEVER)).expect("opens");
    for time in 0..20 {
        insert(&storage, "earlier", time).durable.wait().expect("taken");
    }
    insert(&storage, "later", 1).durable.wait().expect("taken");
    let later = levada_model::PathPattern::parse("root.later").expect("a pattern");
    storage.flush(&[later]).expect("flushed");
    disk.power_off();
    drop(storage);
    for seed in 0..20 {
        let disk = disk.fork();
        disk.restart(&mut Random(seed));
        let storage = Storage::open(on(&disk, NEVER)).expect("opens");
        let rows = |device: &str| series(&*storage.view(), device, "s").len();
        assert_eq!((rows("root.later.d"), rows("root.earlier.d")), (1, 20), "seed {seed}");
    }
}
