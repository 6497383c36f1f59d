//! The store against a model that is too simple to be wrong.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, cast::AsArray, types::Int64Type,
};
use levada_model::{Column, DataType, Path, PathPattern, Tablet, Value, Write};
use levada_storage::{Piece, Storage, StorageOptions, SyncMode, TimeRange, Windows};

use crate::{
    fault_disk::FaultDisk,
    random::Random,
    rows::{TestClock, path, pattern, read},
};

const DEVICES: [(&str, bool); 6] = [
    ("root.a.d1", false),
    ("root.a.d2", true),
    ("root.a.x.d3", false),
    ("root.b.d1", true),
    ("root.b.d2", false),
    ("root.b", false),
];
const TYPES: [DataType; 4] = [DataType::Double, DataType::Int64, DataType::Text, DataType::Boolean];
const NAMES: [&str; 5] = ["s0", "s1", "s2", "s3", "s4"];
const PATTERNS: [&str; 9] = [
    "root.**",
    "root.a.**",
    "root.b.**",
    "root.*.d1.*",
    "root.a.d1.s0",
    "root.**.s1",
    "root.a.d2.s*",
    "root.b.*",
    "root.b.d1.s2",
];

const DATABASES: [&str; 2] = ["root.a", "root.b"];

/// A series: its type, and its values by time.
type Known = (DataType, BTreeMap<i64, Value>);

/// All that should be there.
#[derive(Default)]
struct Model {
    series: BTreeMap<(Path, &'static str), Known>,
    /// By the text of the pattern.
    ttl: BTreeMap<String, i64>,
}

/// What is newest of every series.
type Lasts = BTreeMap<(Path, &'static str), Option<(i64, Value)>>;

impl Model {
    fn lasts(&self, now: i64) -> Lasts {
        let last = |((device, name), (_, values)): (&(Path, &'static str), &Known)| {
            let bound = self.bound(device, now);
            let newest = values.range(bound..).next_back().map(|(time, value)| (*time, value.clone()));
            ((device.clone(), *name), newest)
        };
        self.series.iter().map(last).collect()
    }

    fn bound(&self, device: &Path, now: i64) -> i64 {
        let concerns = self.ttl.iter().filter(|(text, _)| pattern(text).matches(device));
        // A device's own path, then the longest.
        let counts = concerns.max_by_key(|(text, _)| (!text.ends_with("**"), text.len()));
        counts.map_or(i64::MIN, |(_, ttl)| now - ttl)
    }

    fn forget(&mut self, patterns: &PathPattern, range: TimeRange) {
        for ((device, name), (_, values)) in &mut self.series {
            if patterns.matches(&device.child(name)) {
                values.retain(|time, _| !range.contains(*time));
            }
        }
    }
}

pub(crate) struct Run {
    pub(crate) random: Random,
    model: Model,
    pub(crate) disk: FaultDisk,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) storage: Storage,
    /// A power cut loses nothing that was acknowledged.
    lasting: bool,
    /// Around which times rows come.
    front: i64,
    /// How often it was opened again.
    pub(crate) opened: u32,
    /// How much is kept for readers of changes.
    kept: u64,
}

fn check_lasts(view: &dyn levada_storage::View, lasts: &Lasts) {
    for ((device, name), expected) in lasts {
        let last = view.last(device, &(*name).into()).expect("read");
        assert_eq!(last, *expected, "last of {device}.{name}");
    }
}

/// Opens a store with options by chance; says, too, whether it promises that a power cut loses nothing.
fn open(disk: &FaultDisk, clock: &Arc<TestClock>, random: &mut Random, kept: u64) -> (Storage, bool) {
    let sync = match random.below(3) {
        0 => SyncMode::Always,
        1 => SyncMode::Group { max_delay: Duration::from_micros(200), max_bytes: 4096 },
        _ => SyncMode::Interval(Duration::from_millis(5)),
    };
    let options = StorageOptions {
        sync,
        partition_width: 500,
        memtable_bytes: 64 << 10,
        last_cache_bytes: *random.pick(&[0, 4 << 10, 4 << 20]),
        wal_segment_bytes: 16 << 10,
        flush_threads: 1 + random.below(2) as usize,
        compaction: random.one_in(2),
        compaction_bytes: 32 << 10,
        changes_bytes: kept,
        clock: Arc::<TestClock>::clone(clock),
        disk: Arc::new(disk.clone()),
        ..StorageOptions::new("/data")
    };
    let storage = Storage::open(options).expect("opens");
    let found = storage.recovery();
    assert!(found.iter().all(|finding| finding.what.contains("torn")), "{found:?}");
    (storage, !matches!(sync, SyncMode::Interval(_)))
}

fn value(random: &mut Random, data_type: DataType) -> Value {
    match data_type {
        DataType::Double => Value::Double(random.between(-100, 100) as f64 / 4.0),
        DataType::Int64 => Value::Int64(random.between(-1000, 1000)),
        DataType::Text => Value::Text("x".repeat(random.below(12) as usize)),
        _ => Value::Boolean(random.one_in(2)),
    }
}

pub(crate) fn array(values: &[Option<Value>], data_type: DataType) -> ArrayRef {
    match data_type {
        DataType::Double => Arc::new(Float64Array::from_iter(values.iter().map(|value| match value {
            Some(Value::Double(value)) => Some(*value),
            _ => None,
        }))),
        DataType::Int64 => Arc::new(Int64Array::from_iter(values.iter().map(|value| match value {
            Some(Value::Int64(value)) => Some(*value),
            _ => None,
        }))),
        DataType::Text => Arc::new(StringArray::from_iter(values.iter().map(|value| match value {
            Some(Value::Text(value)) => Some(value.as_str()),
            _ => None,
        }))),
        _ => Arc::new(BooleanArray::from_iter(values.iter().map(|value| match value {
            Some(Value::Boolean(value)) => Some(*value),
            _ => None,
        }))),
    }
}

impl Run {
    fn new(seed: u64) -> Self {
        Self::keeping(seed, 1 << 30)
    }

    /// A run of a store that keeps so many bytes for readers of changes.
    pub(crate) fn keeping(seed: u64, kept: u64) -> Self {
        let (mut random, disk, clock) = (Random(seed), FaultDisk::default(), Arc::<TestClock>::default());
        if random.one_in(4) {
            disk.set_short_reads();
        }
        let (storage, lasting) = open(&disk, &clock, &mut random, kept);
        Self { random, model: Model::default(), disk, clock, storage, lasting, front: 0, opened: 0, kept }
    }

    fn now(&self) -> i64 {
        self.clock.0.load(Ordering::Relaxed)
    }

    fn tablet(&mut self) -> Tablet {
        let random = &mut self.random;
        let (device, aligned) = *random.pick(&DEVICES);
        let device = path(device);
        let most = if random.one_in(40) { 3000 } else { 40 };
        let rows = 1 + random.below(most) as usize;
        let spread = if random.one_in(3) { 400 } else { 20 };
        let late = if random.one_in(4) { random.between(0, 1500) } else { 0 };
        let mut times: Vec<i64> =
            (0..rows).map(|_| self.front - late + random.between(-spread, spread)).collect();
        if random.one_in(2) {
            times.sort_unstable();
        }
        self.front += random.between(0, 30);
        let bound = self.model.bound(&device, self.clock.0.load(Ordering::Relaxed));
        let mut columns = Vec::new();
        for name in NAMES {
            if !random.one_in(2) {
                continue;
            }
            let known = self.model.series.get(&(device.clone(), name)).map(|(data_type, _)| *data_type);
            let data_type = known.unwrap_or(*random.pick(&TYPES));
            let sparse = random.one_in(3);
            let values: Vec<Option<Value>> = (0..rows)
                .map(|_| if sparse && random.one_in(2) { None } else { Some(value(random, data_type)) })
                .collect();
            if times.iter().any(|time| *time >= bound)
                && values.iter().zip(&times).any(|(value, time)| value.is_some() && *time >= bound)
            {
                let entry = self
                    .model
                    .series
                    .entry((device.clone(), name))
                    .or_insert_with(|| (data_type, BTreeMap::new()));
                for (time, value) in times.iter().zip(&values).filter(|(time, _)| **time >= bound) {
                    value.iter().for_each(|value| drop(entry.1.insert(*time, value.clone())));
                }
            }
            columns.push(Column { name: name.into(), data_type, values: array(&values, data_type) });
        }
        Tablet::try_new(device, aligned, Int64Array::from(times), columns).expect("fits")
    }

    pub(crate) fn step(&mut self) {
        match self.random.below(100) {
            0..60 => {
                let tablets = (0..1 + self.random.below(3)).map(|_| self.tablet()).collect();
                let inserted = self.storage.insert(Write { tablets, ..Write::default() }).expect("taken");
                for rejected in &inserted.report.rejected {
                    assert!(rejected.measurement.is_none(), "{rejected:?}");
                }
                if self.random.one_in(3) {
                    inserted.durable.wait().expect("durable");
                }
            }
            60..68 => {
                let wanted = *self.random.pick(&PATTERNS);
                let wanted = pattern(wanted);
                let start = self.front + self.random.between(-1500, 100);
                let end = start + self.random.between(0, 600);
                let range = if self.random.one_in(10) { TimeRange::ALL } else { TimeRange { start, end } };
                self.storage.delete(std::slice::from_ref(&wanted), range).expect("deleted");
                self.model.forget(&wanted, range);
            }
            68..72 => {
                let wanted = *self.random.pick(&PATTERNS);
                let wanted = pattern(wanted);
                self.storage.delete_series(std::slice::from_ref(&wanted)).expect("deleted");
                self.model.series.retain(|(device, name), _| !wanted.matches(&device.child(name)));
            }
            72 => {
                let wanted = *self.random.pick(&DATABASES);
                self.storage.delete_databases(&[pattern(wanted)]).expect("deleted");
                self.model.series.retain(|(device, _), _| !path(wanted).is_prefix_of(device));
                self.set_life(wanted, None);
            }
            73..79 => self.storage.flush(&[]).expect("flushed"),
            79..83 => self.storage.compact(&[]).expect("compacted"),
            83..86 => self.change_ttl(),
            86..89 => {
                self.clock.0.fetch_add(self.random.between(0, 100), Ordering::Relaxed);
            }
            89..92 => self.reopen(),
            _ => {}
        }
    }

    fn change_ttl(&mut self) {
        const LIVES: [&str; 9] = [
            "root.a",
            "root.b",
            "root.a",
            "root.b",
            "root.a.d1",
            "root.b.**",
            "root.a.**",
            "root.b.d1",
            "root.a.x.**",
        ];
        let wanted = *self.random.pick(&LIVES);
        let inside = |device: &Path| device.as_str().starts_with(&wanted[..6]);
        if !self.model.series.keys().any(|(device, _)| inside(device)) {
            return;
        }
        // Nobody promises when rows that have expired go; so they go before they could come back.
        let now = self.now();
        let concerned =
            |device: &&Path| pattern(wanted).matches(device) || DATABASES.contains(&wanted) && inside(device);
        let devices = self.model.series.keys().map(|(device, _)| device).filter(concerned);
        let devices: BTreeSet<Path> = devices.cloned().collect();
        for device in devices {
            let bound = self.model.bound(&device, now);
            if bound > i64::MIN {
                let range = TimeRange { start: i64::MIN, end: bound - 1 };
                let rows = pattern(&format!("{device}.*"));
                self.storage.delete(std::slice::from_ref(&rows), range).expect("deleted");
                self.model.forget(&rows, range);
            }
        }
        // The clock runs behind the rows, so that some are kept.
        let ttl = (!self.random.one_in(3)).then(|| now - self.front + self.random.between(0, 1200));
        self.storage.set_ttl(&pattern(wanted), ttl).expect("set");
        self.set_life(wanted, ttl);
    }

    /// Sets a life in the model; of a database it is of its path and all below.
    fn set_life(&mut self, wanted: &str, ttl: Option<i64>) {
        let database = DATABASES.contains(&wanted).then(|| format!("{wanted}.**"));
        for text in database.into_iter().chain([wanted.to_owned()]) {
            match ttl {
                Some(ttl) => drop(self.model.ttl.insert(text, ttl)),
                None => drop(self.model.ttl.remove(&text)),
            }
        }
    }

    fn reopen(&mut self) {
        if self.random.one_in(2) {
            self.storage.close().expect("closes");
        } else {
            self.crash();
        }
        (self.storage, self.lasting) = open(&self.disk, &self.clock, &mut self.random, self.kept);
        self.opened += 1;
    }

    /// The process is killed, or the power cut, with all that was done acknowledged.
    fn crash(&mut self) {
        // What comes before a change that is acknowledged is, too. This one concerns nothing.
        let life = Some(1 + i64::from(self.opened));
        let last = self.storage.set_ttl(&pattern("root.nothing.**"), life).expect("set");
        last.durable.wait().expect("durable");
        self.disk.power_off();
        // Without a disk it may fail.
        drop(self.storage.close());
        if self.lasting && self.random.one_in(2) {
            self.disk.restart(&mut self.random);
        } else {
            self.disk.resume();
        }
    }

    fn check(&mut self) {
        let view = self.storage.view();
        let (device, _) = *self.random.pick(&DEVICES);
        let device = path(device);
        let bound = self.model.bound(&device, self.now());
        let known: Vec<(&'static str, DataType)> = self
            .model
            .series
            .iter()
            .filter(|((other, _), _)| *other == device)
            .map(|((_, name), (data_type, _))| (*name, *data_type))
            .collect();
        let infos = view.series(&pattern(&format!("{device}.*")));
        let names: Vec<(&str, DataType)> =
            infos.iter().map(|info| (&*info.measurement, info.schema.data_type)).collect();
        assert_eq!(names, known, "the series of {device}");
        if known.is_empty() {
            return;
        }
        let start = self.front + self.random.between(-3000, 100);
        let range = match self.random.below(3) {
            0 => TimeRange::ALL,
            _ => TimeRange { start, end: start + self.random.between(0, 2000) },
        };
        let mut expected: BTreeMap<i64, Vec<Option<Value>>> = BTreeMap::new();
        for (at, (name, _)) in known.iter().enumerate() {
            let values = &self.model.series[&(device.clone(), *name)].1;
            for (time, value) in values.iter().filter(|(time, _)| range.contains(**time) && **time >= bound) {
                expected.entry(*time).or_insert_with(|| vec![None; known.len()])[at] = Some(value.clone());
            }
        }
        let found = read(&*view, device.as_str(), &known, range);
        if found != expected {
            let differs = expected.iter().find(|(time, values)| found.get(time) != Some(values));
            let extra = found.iter().find(|(time, _)| !expected.contains_key(time));
            panic!(
                "{device} in {range:?}: expected {differs:?}, found {:?}, extra {extra:?}",
                differs.and_then(|(time, _)| found.get(time))
            );
        }
        let (name, data_type) = *self.random.pick(&known);
        let values: BTreeMap<i64, Value> = self.model.series[&(device.clone(), name)]
            .1
            .iter()
            .filter(|(time, _)| **time >= bound)
            .map(|(time, value)| (*time, value.clone()))
            .collect();
        let last = view.last(&device, &name.into()).expect("read");
        assert_eq!(
            last,
            values.iter().next_back().map(|(time, value)| (*time, value.clone())),
            "last of {device}.{name}"
        );
        self.check_pieces(&*view, &device, (name, data_type), &values, range);
    }

    fn check_pieces(
        &mut self,
        view: &dyn levada_storage::View,
        device: &Path,
        (name, data_type): (&str, DataType),
        values: &BTreeMap<i64, Value>,
        range: TimeRange,
    ) {
        let windows = match self.random.below(3) {
            0 => None,
            _ => Some(Windows { origin: self.random.between(-100, 100), width: self.random.between(1, 300) }),
        };
        let window =
            |time: i64| windows.map_or(0, |windows| (time - windows.origin).div_euclid(windows.width));
        let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
        let mut end = None;
        for piece in view.pieces(device, &name.into(), range, windows).expect("planned") {
            let (first, last) = match piece.expect("read") {
                Piece::Rows(batch) => {
                    let times = batch.column(0).as_primitive::<Int64Type>();
                    for (row, time) in times.values().iter().enumerate() {
                        assert_eq!(Value::at(batch.column(1), data_type, row).as_ref(), values.get(time));
                        *counts.entry(window(*time)).or_default() += 1;
                    }
                    (times.value(0), times.value(times.len() - 1))
                }
                Piece::Summary(summary) => {
                    assert_eq!(window(summary.start), window(summary.end));
                    *counts.entry(window(summary.start)).or_default() += summary.count;
                    assert_eq!(summary.first.as_ref(), values.get(&summary.start));
                    assert_eq!(summary.last.as_ref(), values.get(&summary.end));
                    (summary.start, summary.end)
                }
            };
            assert!(end.replace(last).is_none_or(|end| end < first), "pieces ascend");
        }
        let mut expected: BTreeMap<i64, u64> = BTreeMap::new();
        for time in values.keys().filter(|time| range.contains(**time)) {
            *expected.entry(window(*time)).or_default() += 1;
        }
        assert_eq!(counts, expected, "pieces of {device}.{name} in {range:?} by {windows:?}");
    }
}

#[test]
fn the_store_does_as_the_model() {
    let mut random = Random::seeded("the_store_does_as_the_model");
    for _ in 0..20 {
        let mut run = Run::new(random.next());
        for step in 0..600 {
            run.step();
            if step % 2 == 0 {
                run.check();
            }
        }
    }
}

#[test]
fn the_newest_values_are_the_models_after_each_step() {
    let mut random = Random::seeded("the_newest_values_are_the_models_after_each_step");
    for _ in 0..10 {
        let mut run = Run::new(random.next());
        let mut held: Vec<(Arc<dyn levada_storage::View>, Lasts)> = Vec::new();
        for _ in 0..400 {
            // A view is not the newest any more when it is first asked, or asks again.
            if random.one_in(3) {
                held.push((run.storage.view(), run.model.lasts(run.now())));
            }
            let opened = run.opened;
            run.step();
            // Files of a store that was closed are the next one's to remove.
            if run.opened != opened {
                held.clear();
            }
            if held.len() > 4 {
                held.remove(0);
            }
            if random.one_in(2) {
                held.iter().for_each(|(view, lasts)| check_lasts(&**view, lasts));
            }
            let lasts = run.model.lasts(run.now());
            check_lasts(&*run.storage.view(), &lasts);
            held.iter().for_each(|(view, lasts)| check_lasts(&**view, lasts));
        }
    }
}
