//! A little of everything a store does, on a disk that may fail at any call, and what it must hold afterwards.

use std::{collections::BTreeMap, sync::Arc};

use levada_model::{DataType, Encoding, SeriesSchema, SplitRange, Value, Write};
use levada_storage::{
    Applied, Direction, NewSeries, SeriesChange, Storage, StorageError, StorageOptions, TimeRange, View,
};

use crate::{
    fault_disk::FaultDisk,
    rows::{options, path, pattern, tablet, write},
};

const DEVICES: [(&str, bool); 2] = [("root.a.d", false), ("root.b.d", true)];

pub(crate) fn on(disk: &FaultDisk) -> StorageOptions {
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
pub(crate) struct Oracle {
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
    pub(crate) fn check(&self, view: &dyn View, errors: bool, what: &str) {
        for (device, (name, _)) in DEVICES.iter().enumerate() {
            let mut found: BTreeMap<i64, f64> = BTreeMap::new();
            let batches = match view.scan(&path(name), &["s".into()], TimeRange::ALL, Direction::Ascending) {
                Ok(batches) => batches.collect::<Result<Vec<_>, _>>(),
                Err(StorageError::Rejected { .. }) => Ok(Vec::new()),
                Err(error) => Err(error),
            };
            let batches = match batches {
                Ok(batches) => batches,
                Err(_) if errors => continue,
                Err(error) => panic!("{what}: {error}"),
            };
            for batch in batches {
                for row in 0..batch.num_rows() {
                    let time = Value::at(batch.column(0), DataType::Int64, row);
                    let value = Value::at(batch.column(1), DataType::Double, row);
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
    pub(crate) fn check_positions(&self, storage: &Storage, acknowledged: &[bool], what: &str) {
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

/// What is known of series.
#[derive(Clone, Debug, Default, PartialEq)]
struct Catalog {
    /// Encoding, alias and tag by path.
    series: BTreeMap<String, (Encoding, Option<String>, Option<String>)>,
    ttl: Option<i64>,
}

impl Catalog {
    fn of(storage: &Storage) -> Self {
        let view = storage.view();
        let series = view.series(&pattern("root.c.**")).into_iter().map(|info| {
            let tag = info.tags.get("by").cloned();
            (info.path.to_string(), (info.schema.encoding, info.alias.as_deref().map(str::to_owned), tag))
        });
        let ttl = view.databases(&pattern("root.c")).into_iter().find_map(|database| database.ttl);
        Self { series: series.collect(), ttl }
    }
}

/// The states the catalog went through since it was opened.
#[derive(Debug)]
struct Catalogs {
    states: Vec<Catalog>,
    acknowledged: usize,
}

impl Catalogs {
    fn check(&self, storage: &Storage, what: &str) -> Catalog {
        let found = Catalog::of(storage);
        let fits = self.states[self.acknowledged..].contains(&found);
        assert!(fits, "{what}: the catalog is {found:?}: {self:?}");
        found
    }
}

/// The work.
pub(crate) struct Work {
    pub(crate) disk: FaultDisk,
    pub(crate) storage: Option<Storage>,
    pub(crate) oracle: Oracle,
    pub(crate) acknowledged: Vec<bool>,
    catalogs: Catalogs,
}

impl Work {
    /// Work on a disk; the store may not open.
    pub(crate) fn begin(disk: &FaultDisk, options: StorageOptions) -> Self {
        disk.phase("open");
        Self {
            disk: disk.clone(),
            storage: Storage::open(options).ok(),
            oracle: Oracle::default(),
            acknowledged: Vec::new(),
            catalogs: Catalogs { states: vec![Catalog::default()], acknowledged: 0 },
        }
    }

    /// Whether a store holds what it must.
    pub(crate) fn check(&self, storage: &Storage, what: &str) {
        self.oracle.check(&*storage.view(), false, what);
        self.oracle.check_positions(storage, &self.acknowledged, what);
        self.catalogs.check(storage, what);
    }

    pub(crate) fn insert(&mut self, number: usize) {
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

    /// Changes the catalog; where that is not rejected at once, it is seen at once.
    fn change(
        &mut self,
        ask: impl FnOnce(&Storage) -> Result<Applied, StorageError>,
        change: impl FnOnce(&mut Catalog),
    ) {
        let Some(storage) = &self.storage else { return };
        self.disk.phase("catalog");
        let Ok(applied) = ask(storage) else { return };
        let mut next = self.catalogs.states.last().cloned().unwrap_or_default();
        change(&mut next);
        assert_eq!(Catalog::of(storage), next, "what was applied is seen");
        self.catalogs.states.push(next);
        if applied.durable.wait().is_ok() {
            self.catalogs.acknowledged = self.catalogs.states.len() - 1;
        }
    }

    fn create(&mut self, names: &[&str], encoding: Encoding) {
        let alias = |name: &str| (name == "s1").then(|| "first".to_owned());
        let new = |name: &&str| NewSeries {
            device: path("root.c.d"),
            measurement: (*name).into(),
            schema: SeriesSchema { encoding, ..SeriesSchema::default_for(DataType::Double) },
            aligned: false,
            alias: alias(name),
            tags: BTreeMap::from([("by".to_owned(), (*name).to_owned())]),
            attributes: BTreeMap::new(),
            deadband: None,
        };
        self.change(
            |storage| storage.create_series(names.iter().map(new).collect()),
            |catalog| {
                for name in names {
                    let known = (encoding, alias(name), Some((*name).to_owned()));
                    catalog.series.insert(format!("root.c.d.{name}"), known);
                }
            },
        );
    }

    fn change_catalog(&mut self, number: usize) {
        match number {
            // So that making series is one record, and calls have the same numbers in each run.
            0 => self.change(|storage| storage.create_database(&path("root.c"), None), |_| {}),
            3 => self.create(&["s1"], Encoding::Plain),
            9 => self.create(&["s2", "s3"], Encoding::Gorilla),
            12 => self.change(
                |storage| {
                    let tags = Some(BTreeMap::from([("by".to_owned(), "another".to_owned())]));
                    storage
                        .alter_series(&path("root.c.d.s1"), SeriesChange { tags, ..SeriesChange::default() })
                },
                |catalog| {
                    if let Some((.., tag)) = catalog.series.get_mut("root.c.d.s1") {
                        *tag = Some("another".to_owned());
                    }
                },
            ),
            19 if self.catalogs.states.last().is_some_and(|catalog| !catalog.series.is_empty()) => {
                self.change(
                    |storage| storage.set_ttl(&pattern("root.c"), Some(1 << 40)),
                    |catalog| catalog.ttl = Some(1 << 40),
                );
            }
            24 => self.change(
                |storage| storage.delete_series(&[pattern("root.c.d.s2")]),
                |catalog| drop(catalog.series.remove("root.c.d.s2")),
            ),
            29 => self.create(&["s2"], Encoding::Plain),
            33 => self.change(
                |storage| storage.delete_databases(&[pattern("root.c")]),
                |catalog| *catalog = Catalog::default(),
            ),
            _ => {}
        }
    }

    /// Closes the store and opens it again.
    fn reopen(&mut self) {
        self.disk.phase("close");
        if let Some(storage) = self.storage.take() {
            drop(storage.close());
        }
        self.disk.phase("open");
        self.storage = Storage::open(on(&self.disk)).ok().or_else(|| Storage::open(on(&self.disk)).ok());
        if let Some(storage) = &self.storage {
            let found = self.catalogs.check(storage, "opened again");
            self.catalogs = Catalogs { states: vec![found], acknowledged: 0 };
        }
    }

    /// Runs a little of everything; calls may fail.
    pub(crate) fn run(&mut self) {
        for number in 0..36 {
            self.disk.phase("insert");
            self.insert(number);
            self.change_catalog(number);
            let Some(storage) = &self.storage else { return };
            match number {
                7 | 14 | 27 => {
                    self.disk.phase("flush");
                    drop(storage.flush(&[]));
                }
                17 => {
                    self.disk.phase("delete");
                    self.delete(TimeRange { start: 15, end: 33 });
                }
                22 => self.reopen(),
                31 => {
                    self.disk.phase("compact");
                    drop(storage.compact(&[]));
                }
                _ => {}
            }
            if number % 9 == 4
                && let Some(storage) = &self.storage
            {
                self.disk.phase("read");
                self.oracle.check(&*storage.view(), true, "while it runs");
            }
        }
    }
}
