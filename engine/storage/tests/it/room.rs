//! Writers and memory.

use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Wake},
    time::{Duration, Instant},
};

use levada_model::{DataType, SplitName, SplitRange, Write};
use levada_storage::{SeriesChange, Storage, StorageOptions, SyncMode, TimeRange, TryInsertError};

use crate::{
    fault_disk::{Fault, FaultDisk},
    rows::{options, path, put, read, series, tablet, write},
};

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn writers_wait_for_room_in_the_order_in_which_they_came() {
    let disk = FaultDisk::default();
    let storage = Storage::open(StorageOptions {
        disk: Arc::new(disk.clone()),
        memtable_bytes: 20_000,
        ..options("/data".as_ref())
    })
    .expect("opens");
    let times: Vec<i64> = (0..900).collect();
    let rows = |value: f64| write(vec![tablet("root.a.d", false, &times, &[("s", &vec![Some(value); 900])])]);
    // Flushes stand still as long as this is held.
    let held = disk.hold();
    let mut taken = 0;
    loop {
        match storage.try_insert(rows(1.0)) {
            Ok(_) => taken += 1,
            Err(TryInsertError::Full(_)) => break,
            Err(TryInsertError::Failed(error)) => panic!("{error}"),
        }
        assert!(taken < 100, "memory has no bound");
    }
    let wakes = Arc::new(Wakes::default());
    let waker = Arc::clone(&wakes).into();
    let mut context = Context::from_waker(&waker);
    let mut first = pin!(storage.insert_when_ready(rows(2.0)));
    let mut second = pin!(storage.insert_when_ready(rows(3.0)));
    let mut dropped = Box::pin(storage.insert_when_ready(rows(9.0)));
    assert!(dropped.as_mut().poll(&mut context).is_pending());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop(dropped);
    drop(held);
    // The second asks all the time, and still comes behind the first.
    let mut done = (false, false);
    until("nobody is woken", || {
        if !done.1 && second.as_mut().poll(&mut context).is_ready() {
            assert!(done.0, "the second overtook the first");
            done.1 = true;
        }
        if !done.0 && wakes.0.load(Ordering::SeqCst) > 0 {
            done.0 = first.as_mut().poll(&mut context).is_ready();
        }
        done == (true, true)
    });
    assert!(series(&*storage.view(), "root.a.d", "s").iter().all(|(_, value)| *value == 3.0));
}

#[test]
fn memory_that_cannot_be_flushed_rejects_rather_than_hangs() {
    let disk = FaultDisk::default();
    let options = StorageOptions {
        disk: Arc::new(disk.clone()),
        wal: false,
        memtable_bytes: 20_000,
        ..options("/data".as_ref())
    };
    let storage = Storage::open(options.clone()).expect("opens");
    disk.set_fault(Fault::From(1));
    let times: Vec<i64> = (0..300).collect();
    let rows = || write(vec![tablet("root.a.d", false, &times, &[("s", &[Some(1.0); 300])])]);
    let rejected = (0..100).find_map(|_| storage.insert(rows()).err());
    assert!(rejected.expect("memory is full").to_string().contains("memory is full"));
    disk.set_fault(Fault::None);
    until("writes do not resume", || storage.insert(rows()).is_ok());
    storage.close().expect("closes");
    assert!(storage.insert(rows()).is_err());
    drop(storage);
    let storage = Storage::open(options).expect("opens");
    assert_eq!(series(&*storage.view(), "root.a.d", "s").len(), 300);
}

#[test]
fn the_log_can_be_switched_off_and_on() {
    let disk = FaultDisk::default();
    let open = |wal| {
        let disk = Arc::new(disk.clone());
        Storage::open(StorageOptions { disk, wal, ..options("/data".as_ref()) }).expect("opens")
    };
    put(&open(true), "root.a.d", &[1], &[1.0]);
    put(&open(false), "root.a.d", &[2], &[2.0]);
    assert!(disk.paths("wal").is_empty(), "the log was taken over into files");
    put(&open(true), "root.a.d", &[3], &[3.0]);
    assert_eq!(series(&*open(true).view(), "root.a.d", "s"), [(1, 1.0), (2, 2.0), (3, 3.0)]);
}

#[test]
fn writers_on_several_threads_lose_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = Storage::open(StorageOptions {
        sync: SyncMode::Group { max_delay: Duration::from_millis(1), max_bytes: 1 << 20 },
        memtable_bytes: 200_000,
        compaction: true,
        partition_width: 20_000,
        ..options(dir.path())
    })
    .expect("opens");
    std::thread::scope(|scope| {
        for writer in 0..4_i64 {
            let storage = storage.clone();
            scope.spawn(move || {
                for round in 0..100 {
                    let times: Vec<i64> =
                        (round * 100..round * 100 + 100).map(|time| time * 4 + writer).collect();
                    let values: Vec<Option<f64>> = times.iter().map(|time| Some(*time as f64)).collect();
                    let plain = tablet("root.a.d", false, &times, &[("s", &values)]);
                    let aligned =
                        tablet(&format!("root.b.d{writer}"), true, &times, &[("a", &values), ("b", &values)]);
                    let inserted = storage.insert(write(vec![plain, aligned])).expect("taken");
                    if round % 10 == 9 {
                        inserted.durable.wait().expect("durable");
                    }
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..30 {
                let found = storage.view();
                if !found.series(&crate::rows::pattern("root.a.d.s")).is_empty() {
                    let rows = series(&*found, "root.a.d", "s");
                    assert!(rows.iter().all(|(time, value)| *time as f64 == *value));
                }
            }
        });
    });
    storage.compact(&[]).expect("compacts");
    for _ in 0..2 {
        let view = storage.view();
        assert_eq!(series(&*view, "root.a.d", "s").len(), 40_000);
        for writer in 0..4 {
            let names = [("a", DataType::Double), ("b", DataType::Double)];
            assert_eq!(read(&*view, &format!("root.b.d{writer}"), &names, TimeRange::ALL).len(), 10_000);
        }
        storage.flush(&[]).expect("flushes");
        storage.compact(&[]).expect("compacts");
    }
}

#[test]
fn a_log_without_rows_is_bounded_too() {
    let disk = FaultDisk::default();
    let storage = Storage::open(StorageOptions {
        disk: Arc::new(disk.clone()),
        wal_bytes: 64 << 10,
        wal_segment_bytes: 16 << 10,
        ..options("/data".as_ref())
    })
    .expect("opens");
    put(&storage, "root.a.d", &[1], &[1.0]);
    let mut last = None;
    for round in 0..10_000_u64 {
        let positions = vec![SplitRange { split: "s".into(), range: round..round + 1 }];
        let write = Write { owner: Some("o".into()), positions, ..Write::default() };
        last = Some(storage.insert(write).expect("taken").durable);
        let tags = Some([("round".to_owned(), round.to_string())].into());
        let change = SeriesChange { tags, ..SeriesChange::default() };
        storage.alter_series(&path("root.a.d.s"), change).expect("changed");
    }
    last.expect("was written").wait().expect("durable");
    until("the log is not freed", || storage.stats().wal_bytes < 256 << 10);
    assert_eq!(storage.checkpoint("o"), [(SplitName::from("s"), 10_000)].into());
}
