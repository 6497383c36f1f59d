//! What is left when the disk fails, is full, forgets, or lies.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use levada_model::{SplitRange, StatusCode, Value, Write};
use levada_storage::{Direction, Storage, StorageError, StorageOptions, SyncMode, TimeRange, View};

use crate::{
    fault_disk::{Fault, FaultDisk},
    random::Random,
    rows::{options, path, pattern, put, series, tablet, write},
};

const DEVICES: [(&str, bool); 2] = [("root.a.d", false), ("root.b.d", true)];

fn on(disk: &FaultDisk) -> StorageOptions {
    StorageOptions { disk: Arc::new(disk.clone()), wal_segment_bytes: 2048, ..options("/data".as_ref()) }
}

/// What was tried with one (device, time), in order, and the last of it that was acknowledged.
#[derive(Debug, Default)]
struct Fate {
    tried: Vec<Option<f64>>,
    acknowledged: Option<usize>,
}

/// All that was tried.
#[derive(Debug, Default)]
struct Oracle {
    fates: BTreeMap<(usize, i64), Fate>,
    /// For each write its device, its times and value.
    writes: Vec<(usize, Vec<i64>)>,
}

impl Oracle {
    fn try_one(&mut self, key: (usize, i64), value: Option<f64>) -> usize {
        let fate = self.fates.entry(key).or_default();
        fate.tried.push(value);
        fate.tried.len() - 1
    }

    fn acknowledge(&mut self, tried: &[((usize, i64), usize)]) {
        for (key, at) in tried {
            let fate = self.fates.entry(*key).or_default();
            fate.acknowledged = fate.acknowledged.max(Some(*at));
        }
    }

    /// Whether a view shows what it may; what cannot be read is no data, and fine where `errors` are.
    fn check(&self, view: &dyn View, errors: bool, what: &str) {
        for (device, (name, _)) in DEVICES.iter().enumerate() {
            let mut found: BTreeMap<i64, f64> = BTreeMap::new();
            let batches = match view.scan(&path(name), &["s".into()], TimeRange::ALL, Direction::Ascending) {
                Ok(batches) => batches.collect::<Result<Vec<_>, _>>(),
                Err(StorageError::Refused { .. }) => Ok(Vec::new()),
                Err(error) => Err(error),
            };
            let batches = match batches {
                Ok(batches) => batches,
                Err(_) if errors => continue,
                Err(error) => panic!("{what}: {error}"),
            };
            for batch in batches {
                for row in 0..batch.num_rows() {
                    let time = Value::at(batch.column(0), levada_model::DataType::Int64, row);
                    let value = Value::at(batch.column(1), levada_model::DataType::Double, row);
                    match (time, value) {
                        (Some(Value::Int64(time)), Some(Value::Double(value))) => {
                            assert!(found.insert(time, value).is_none(), "{time} twice")
                        }
                        other => panic!("{what}: {other:?}"),
                    }
                }
            }
            for ((_, time), fate) in self.fates.iter().filter(|((other, _), _)| *other == device) {
                let value = found.remove(time);
                let allowed = &fate.tried[fate.acknowledged.unwrap_or(0)..];
                let fits = allowed.contains(&value) || value.is_none() && fate.acknowledged.is_none();
                assert!(fits, "{what}: {name} at {time} is {value:?}: {fate:?}");
            }
            assert!(found.is_empty(), "{what}: {name} has {found:?}, which nobody wrote");
        }
    }

    /// Whether positions say no more than is stored, and no less than was acknowledged.
    fn check_positions(&self, storage: &Storage, acknowledged: &[bool], what: &str) {
        let low = storage.checkpoint("owner").get(&"p".into()).copied();
        let first_open =
            acknowledged.iter().position(|acknowledged| !acknowledged).unwrap_or(acknowledged.len());
        let low = low.unwrap_or(0) as usize;
        assert!(low >= first_open, "{what}: position {low}, but all before {first_open} is acknowledged");
        let view = storage.view();
        for (number, (device, times)) in self.writes.iter().enumerate().take(low) {
            for time in times {
                let fate = &self.fates[&(*device, *time)];
                let range = TimeRange { start: *time, end: *time };
                let mut rows = view
                    .scan(&path(DEVICES[*device].0), &["s".into()], range, Direction::Ascending)
                    .unwrap_or_else(|error| panic!("{what}: write {number} settled, but {error}"));
                let deleted = fate.tried.contains(&None);
                assert!(
                    rows.next().is_some() || deleted,
                    "{what}: write {number} is settled, its row at {time} is not there"
                );
            }
        }
    }
}

struct Work {
    disk: FaultDisk,
    storage: Option<Storage>,
    oracle: Oracle,
    acknowledged: Vec<bool>,
}

impl Work {
    fn insert(&mut self, number: usize) {
        let device = number % 2;
        let (name, aligned) = DEVICES[device];
        let base = (number as i64) * 10;
        // The last time overwrites or comes late.
        let times = vec![base, base + 1, (number as i64 * 7) % 40];
        let value = number as f64;
        let tried: Vec<_> = times
            .iter()
            .map(|time| ((device, *time), self.oracle.try_one((device, *time), Some(value))))
            .collect();
        self.oracle.writes.push((device, times.clone()));
        self.acknowledged.push(false);
        let Some(storage) = &self.storage else { return };
        let rows = write(vec![tablet(name, aligned, &times, &[("s", &[Some(value); 3])])]);
        let positions = vec![SplitRange { split: "p".into(), range: number as u64..number as u64 + 1 }];
        let rows = Write { owner: Some("owner".into()), positions, ..rows };
        if storage.insert(rows).and_then(|inserted| inserted.durable.wait()).is_ok() {
            self.oracle.acknowledge(&tried);
            if let Some(acknowledged) = self.acknowledged.last_mut() {
                *acknowledged = true;
            }
        }
    }

    fn delete(&mut self, range: TimeRange) {
        let keys: Vec<_> =
            self.oracle.fates.keys().copied().filter(|(_, time)| range.contains(*time)).collect();
        let tried: Vec<_> = keys.into_iter().map(|key| (key, self.oracle.try_one(key, None))).collect();
        let Some(storage) = &self.storage else { return };
        if storage.delete(&[pattern("root.**")], range).and_then(|applied| applied.durable.wait()).is_ok() {
            self.oracle.acknowledge(&tried);
        }
    }

    /// Runs a little of everything; calls may fail.
    fn run(&mut self) {
        for number in 0..36 {
            self.insert(number);
            let Some(storage) = &self.storage else { return };
            match number {
                7 | 14 | 27 => drop(storage.flush(&[])),
                17 => self.delete(TimeRange { start: 15, end: 33 }),
                22 => {
                    drop(storage.close());
                    self.storage = None;
                    self.storage =
                        Storage::open(on(&self.disk)).ok().or_else(|| Storage::open(on(&self.disk)).ok());
                }
                31 => drop(storage.compact(&[])),
                _ => {}
            }
            if number % 9 == 4
                && let Some(storage) = &self.storage
            {
                self.oracle.check(&*storage.view(), true, "while it runs");
            }
        }
    }
}

/// Runs the work with a fault, lets the system come up again, and checks; says whether the fault was met.
fn survive(fault: Fault, power_cut: bool, random: &mut Random) -> bool {
    let what = format!("{fault:?}, power cut: {power_cut}");
    let disk = FaultDisk::default();
    disk.set_fault(fault);
    let storage = Storage::open(on(&disk)).ok();
    let mut work = Work { disk: disk.clone(), storage, oracle: Oracle::default(), acknowledged: Vec::new() };
    work.run();
    let hit = disk.was_hit();
    if power_cut {
        disk.power_off();
    }
    drop(work.storage.take());
    disk.set_fault(Fault::None);
    if power_cut {
        disk.restart(random);
    }
    for round in 0..2 {
        let storage = Storage::open(on(&disk)).unwrap_or_else(|error| panic!("{what}: {error}"));
        work.oracle.check(&*storage.view(), false, &format!("{what}, round {round}"));
        work.oracle.check_positions(&storage, &work.acknowledged, &what);
        storage.flush(&[]).unwrap_or_else(|error| panic!("{what}: {error}"));
        storage.compact(&[]).unwrap_or_else(|error| panic!("{what}: {error}"));
        work.oracle.check(&*storage.view(), false, &format!("{what}, compacted in round {round}"));
    }
    hit
}

#[test]
fn any_call_may_fail_once() {
    let mut random = Random::seeded("any_call_may_fail_once");
    let mut at = 1;
    while survive(Fault::Once(at), random.one_in(2), &mut random) {
        at += 1;
    }
    assert!(at > 200, "only {at} calls were made");
}

#[test]
fn any_call_may_be_the_last() {
    let mut random = Random::seeded("any_call_may_be_the_last");
    let mut at = 1;
    while survive(Fault::From(at), random.one_in(2), &mut random) {
        at += 1;
    }
    assert!(at > 200, "only {at} calls were made");
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
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
    let refused = insert(5000).expect_err("still full");
    assert_eq!(refused.code(), StatusCode::DISK_SPACE_INSUFFICIENT);
    // The first that failed may be there, what was refused after it is not.
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
fn a_flipped_bit_in_the_log_is_found_and_costs_one_record() {
    let mut random = Random::seeded("a_flipped_bit_in_the_log_is_found_and_costs_one_record");
    for _ in 0..200 {
        let disk = FaultDisk::default();
        let storage = Storage::open(on(&disk)).expect("opens");
        for time in 0..20 {
            put(&storage, "root.a.d", &[time], &[time as f64]);
        }
        drop(storage);
        let logs = disk.paths("wal");
        let (file, len) = random.pick(&logs).clone();
        disk.flip(&file, random.below(len as u64 * 8) as usize);
        let storage = Storage::open(on(&disk)).expect("opens");
        let findings = storage.recovery();
        assert!(findings.iter().all(|finding| finding.path == file) && !findings.is_empty(), "{findings:?}");
        let found = series(&*storage.view(), "root.a.d", "s");
        assert!(found.len() >= 19 && found.iter().all(|(time, value)| *time as f64 == *value), "{found:?}");
    }
}

#[test]
fn a_flipped_bit_in_a_file_is_found_and_never_data() {
    let mut random = Random::seeded("a_flipped_bit_in_a_file_is_found_and_never_data");
    let mut damaged = 0;
    for _ in 0..200 {
        let disk = FaultDisk::default();
        let storage = Storage::open(on(&disk)).expect("opens");
        let times: Vec<i64> = (0..900).collect();
        let values: Vec<f64> = times.iter().map(|time| *time as f64).collect();
        put(&storage, "root.a.d", &times, &values);
        storage.flush(&[]).expect("flushes");
        drop(storage);
        let mut files = disk.paths("tsfile");
        files.extend(disk.paths("sums"));
        let (file, len) = random.pick(&files).clone();
        disk.flip(&file, random.below(len as u64 * 8) as usize);
        let storage = Storage::open(on(&disk)).expect("opens");
        let view = storage.view();
        let rows = view
            .scan(&path("root.a.d"), &["s".into()], TimeRange::ALL, Direction::Ascending)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match rows {
            Err(StorageError::Damaged { path, .. }) if path == file.with_extension("tsfile") => damaged += 1,
            Err(StorageError::Io { path, .. }) if path == file.with_extension("tsfile") => damaged += 1,
            other => panic!("{file:?}: {other:?}"),
        }
    }
    assert_eq!(damaged, 200);
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
        let open = || {
            Storage::open(StorageOptions { sync, memtable_bytes: 40 << 10, compaction: true, ..on(&disk) })
        };
        let mut work = Work {
            disk: disk.clone(),
            storage: open().ok(),
            oracle: Oracle::default(),
            acknowledged: Vec::new(),
        };
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
        let storage = open().expect("opens");
        work.oracle.check(&*storage.view(), false, &format!("round {round}"));
        work.oracle.check_positions(&storage, &work.acknowledged, &format!("round {round}"));
    }
}
