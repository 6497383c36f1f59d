//! Deletions by pattern, while others write.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use levada_storage::{Storage, StorageOptions, TimeRange};

use crate::rows::{options, pattern, series, tablet, write};

fn names(storage: &Storage) -> Vec<String> {
    storage.catalog().series(&pattern("root.**")).iter().map(|series| series.path.to_string()).collect()
}

/// A writer makes series all the time; each deletion finds those that came before it, and no other, now and in the log.
#[test]
fn what_comes_while_series_are_deleted_is_what_the_log_has() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = Storage::open(options(dir.path())).expect("opens");
    let (ended, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            for at in 0.. {
                if ended.load(Ordering::Acquire) {
                    break;
                }
                let device = format!("root.{}.d{}", ["a", "b"][at % 2], at * 7 % 1000);
                let name = format!("s{}", at % 5);
                let inserted = storage.insert(write(vec![tablet(
                    &device,
                    false,
                    &[at as i64],
                    &[(&name, &[Some(1.0)])],
                )]));
                assert!(inserted.expect("taken").report.rejected.is_empty());
                written.store(at, Ordering::Release);
            }
        });
        for round in 1..=20 {
            while written.load(Ordering::Acquire) < round * 150 {
                thread::yield_now();
            }
            let patterns = match round % 4 {
                0 => vec![pattern("root.**")],
                1 => vec![pattern("root.a.**.s1"), pattern("root.b.d7.s3")],
                2 => vec![pattern("root.*.d1*.*")],
                _ => vec![pattern("root.b.**")],
            };
            storage.delete_series(&patterns).expect("deleted");
            storage.delete(&[pattern("root.**.s2")], TimeRange { start: 0, end: 100 }).expect("deleted");
        }
        // The last deletion left nothing.
        let deleted = written.load(Ordering::Acquire);
        while written.load(Ordering::Acquire) < deleted + 2 {
            thread::yield_now();
        }
        ended.store(true, Ordering::Release);
    });
    let (before, stats) = (names(&storage), storage.stats());
    assert!(!before.is_empty());
    assert_eq!(stats.series, before.len());
    storage.close().expect("closes");
    drop(storage);
    let storage = Storage::open(options(dir.path())).expect("opens again");
    assert_eq!(names(&storage), before);
    let again = storage.stats();
    assert_eq!((again.series, again.devices), (stats.series, stats.devices));
}

#[test]
fn a_database_goes_with_all_its_devices_and_no_other() {
    let dir = tempfile::tempdir().expect("a folder");
    let storage = Storage::open(StorageOptions { wal: false, ..options(dir.path()) }).expect("opens");
    let others = ["root.`a-b`.d", "root.`a.b`.d", "root.ab.d", "root.b.d"];
    let devices = (0..1500).map(|device| format!("root.a.d{device}"));
    let devices = devices.chain(["root.a".to_owned()]).chain(others.map(str::to_owned));
    let tablets = devices.map(|device| tablet(&device, false, &[1], &[("s", &[Some(1.0)])]));
    let report = storage.insert(write(tablets.collect())).expect("taken").report;
    assert!(report.rejected.is_empty(), "{report:?}");
    let before = storage.catalog();
    assert_eq!(storage.delete_databases(&[pattern("root.a")]).expect("deleted").count, 1);
    assert_eq!(names(&storage), others.map(|device| format!("{device}.s")));
    assert_eq!((storage.stats().series, storage.stats().devices), (4, 4));
    assert_eq!(before.series(&pattern("root.a.**")).len(), 1501, "a catalog is a snapshot");
    assert_eq!(series(&*storage.view(), "root.b.d", "s"), [(1, 1.0)]);
}
