//! A process that writes is killed at a random moment, again and again, and nothing it acknowledged is lost.
//!
//! ```text
//!   test ── starts itself with a plan ──►  child: opens the folder with random options, two writers, flushes, compactions
//!     │  ◄──────── "ack WRITER NUMBER" ────  one line for each operation that is durable
//!     ├── SIGKILL after a random time
//!     └── opens the folder: all that was acknowledged is there, and nothing that was not tried
//! ```
//! A writer's operation `n` follows from the seed alone, and so does what the store must hold after it. Only the moments of
//! the kills are not repeated by a seed.

use std::{
    collections::{BTreeMap, VecDeque},
    env,
    io::{self, BufRead, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use arrow_array::Int64Array;
use levada_model::{Column, DataType, Encoding, SeriesSchema, SplitName, SplitRange, Tablet, Value, Write};
use levada_storage::{
    Durable, NewSeries, SeriesChange, Severity, Storage, StorageError, StorageOptions, SyncMode, TimeRange,
    check,
};

use crate::{
    model::array,
    random::Random,
    rows::{TestClock, path, pattern, read},
};

const NAME: &str = "kill9::a_process_killed_again_and_again_loses_nothing_it_acknowledged";
/// Where the child finds its plan: the seed of operations, the seed of options, each writer's first operation, the folder.
const PLAN: &str = "LEVADA_KILL9_PLAN";
const WRITERS: usize = 2;
/// Operations of one writer that may wait to become durable.
const UNDER_WAY: usize = 16;
/// Times are below this, so that rows are overwritten and what is compared stays small.
const TIMES: u64 = 3000;
const DEVICES: [(&str, bool); 3] = [("d", false), ("e", true), ("x.f", false)];
const SERIES: [(&str, DataType); 4] =
    [("s0", DataType::Double), ("s1", DataType::Int64), ("s2", DataType::Text), ("s3", DataType::Boolean)];

/// One operation of a writer.
#[derive(Debug)]
enum Op {
    Insert { device: usize, times: Vec<i64>, columns: Vec<(usize, Vec<Option<Value>>)> },
    Delete { device: Option<usize>, series: Option<usize>, range: TimeRange },
    DeleteSeries { device: usize, series: usize },
    CreateSeries { device: usize, series: usize, encoding: Encoding },
    Tag { device: usize, series: usize },
    DeleteDatabase,
}

impl Op {
    /// A writer's operation of a number.
    fn nth(seed: u64, writer: usize, number: u64) -> Self {
        let mut random = Random(seed ^ ((writer as u64) << 56));
        let mut random = Random(random.next() ^ number.wrapping_mul(0xD6E8_FEB8_6659_FD93));
        let device = random.below(DEVICES.len() as u64) as usize;
        let series = random.below(SERIES.len() as u64) as usize;
        match random.below(200) {
            0..160 => Self::insert(&mut random, device, number),
            160..176 => {
                let start = random.below(TIMES) as i64;
                let range = TimeRange { start, end: start + random.below(400) as i64 };
                let device = (!random.one_in(4)).then_some(device);
                Self::Delete { device, series: random.one_in(2).then_some(series), range }
            }
            176..184 => Self::DeleteSeries { device, series },
            184..192 => {
                let encoding = if random.one_in(2) { Encoding::Plain } else { default_encoding(series) };
                Self::CreateSeries { device, series, encoding }
            }
            192..199 => Self::Tag { device, series },
            _ => Self::DeleteDatabase,
        }
    }

    fn insert(random: &mut Random, device: usize, number: u64) -> Self {
        let rows = if random.one_in(30) { 1 + random.below(800) } else { 1 + random.below(40) };
        let step = 1 + random.below(3);
        let first = random.below(TIMES);
        // Some end where they began: of two rows with one time the later counts.
        let times: Vec<i64> = (0..rows).map(|row| ((first + row * step) % TIMES) as i64).collect();
        let sparse = random.one_in(3);
        let mut columns = Vec::new();
        for series in 0..SERIES.len() {
            if series > 0 && random.one_in(2) {
                continue;
            }
            let values = (0..rows)
                .map(|row| (row == 0 || !sparse || random.one_in(2)).then(|| value(series, number, row)));
            columns.push((series, values.collect()));
        }
        Self::Insert { device, times, columns }
    }
}

/// A value that no other operation writes, where its type has enough of them.
fn value(series: usize, number: u64, row: u64) -> Value {
    match SERIES[series].1 {
        DataType::Double => Value::Double(number as f64 + row as f64 / 1024.0),
        DataType::Int64 => Value::Int64((number * 1000 + row) as i64),
        DataType::Text => Value::Text(format!("{number}.{row}")),
        _ => Value::Boolean((number + row).is_multiple_of(2)),
    }
}

fn default_encoding(series: usize) -> Encoding {
    SeriesSchema::default_for(SERIES[series].1).encoding
}

fn database(writer: usize) -> String {
    format!("root.w{writer}")
}

fn device_path(writer: usize, device: usize) -> String {
    format!("{}.{}", database(writer), DEVICES[device].0)
}

/// A writer's split of what it reads, had it a source.
fn split(writer: usize) -> SplitName {
    SplitName::new(format!("w{writer}"))
}

/// A series: its encoding, its tag, its rows.
#[derive(Clone, Debug, PartialEq)]
struct Series {
    encoding: Encoding,
    tag: Option<String>,
    rows: BTreeMap<i64, Value>,
}

/// What the store must hold of one writer.
#[derive(Clone, Debug, Default, PartialEq)]
struct State {
    series: BTreeMap<(usize, usize), Series>,
    /// All positions below this are settled.
    position: u64,
}

impl State {
    fn apply(&mut self, number: u64, op: &Op) {
        match op {
            Op::Insert { device, times, columns } => {
                for (series, values) in columns {
                    let rows = &mut self.made(*device, *series).rows;
                    for (time, value) in times.iter().zip(values) {
                        value.iter().for_each(|value| drop(rows.insert(*time, value.clone())));
                    }
                }
                self.position = number + 1;
            }
            Op::Delete { device, series, range } => {
                for ((of, which), known) in &mut self.series {
                    if device.is_none_or(|device| device == *of)
                        && series.is_none_or(|wanted| wanted == *which)
                    {
                        known.rows.retain(|time, _| !range.contains(*time));
                    }
                }
            }
            Op::DeleteSeries { device, series } => drop(self.series.remove(&(*device, *series))),
            Op::CreateSeries { device, series, encoding } => {
                let new = Series { encoding: *encoding, tag: None, rows: BTreeMap::new() };
                self.series.entry((*device, *series)).or_insert(new);
            }
            Op::Tag { device, series } => {
                if let Some(known) = self.series.get_mut(&(*device, *series)) {
                    known.tag = Some(number.to_string());
                }
            }
            Op::DeleteDatabase => self.series.clear(),
        }
    }

    fn made(&mut self, device: usize, series: usize) -> &mut Series {
        let new = || Series { encoding: default_encoding(series), tag: None, rows: BTreeMap::new() };
        self.series.entry((device, series)).or_insert_with(new)
    }

    /// What the store does hold.
    fn stored(storage: &Storage, writer: usize) -> Self {
        let view = storage.view();
        let mut found = Self::default();
        for (device, _) in DEVICES.iter().enumerate() {
            let name = device_path(writer, device);
            let mut known = Vec::new();
            for info in view.series(&pattern(&format!("{name}.*"))) {
                let series = SERIES.iter().position(|(name, _)| *name == &*info.measurement);
                let series = series.unwrap_or_else(|| panic!("nobody made {}", info.path));
                assert_eq!((info.schema.data_type, info.aligned), (SERIES[series].1, DEVICES[device].1));
                let made = found.made(device, series);
                (made.encoding, made.tag) = (info.schema.encoding, info.tags.get("by").cloned());
                known.push(series);
            }
            if known.is_empty() {
                continue;
            }
            let names: Vec<_> = known.iter().map(|series| SERIES[*series]).collect();
            for (time, values) in read(&*view, &name, &names, TimeRange::ALL) {
                for (series, value) in known.iter().zip(values) {
                    value
                        .into_iter()
                        .for_each(|value| drop(found.made(device, *series).rows.insert(time, value)));
                }
            }
        }
        found.position = storage.checkpoint("load").get(&split(writer)).copied().unwrap_or(0);
        found
    }

    /// What the catalog says: of each series the encoding and the tag.
    fn catalog(&self) -> BTreeMap<(usize, usize), (Encoding, Option<&str>)> {
        self.series.iter().map(|(key, series)| (*key, (series.encoding, series.tag.as_deref()))).collect()
    }

    fn cell(&self, (key, time): &Cell) -> Option<&Value> {
        self.series.get(key)?.rows.get(time)
    }

    /// The cells in which what is stored is another; of series that are not there only the catalog tells.
    fn differences(&self, stored: &Self) -> Vec<Cell> {
        let mut cells = Vec::new();
        for (key, series) in &stored.series {
            let expected = self.series.get(key).into_iter().flat_map(|series| series.rows.keys());
            cells.extend(expected.chain(series.rows.keys()).map(|time| (*key, *time)));
        }
        cells.sort_unstable();
        cells.dedup();
        cells.retain(|cell| self.cell(cell) != stored.cell(cell));
        cells
    }
}

/// A series and a time.
type Cell = ((usize, usize), i64);

/// Options by chance; only the partition's width must stay.
fn options(dir: &Path, random: &mut Random) -> StorageOptions {
    let sync = match random.below(3) {
        0 => SyncMode::Always,
        1 => SyncMode::Group {
            max_delay: Duration::from_micros(random.below(5000)),
            max_bytes: 1 << (10 + random.below(10)),
        },
        _ => SyncMode::Interval(Duration::from_millis(1 + random.below(200))),
    };
    StorageOptions {
        sync,
        partition_width: 1000,
        wal_segment_bytes: 1 << (12 + random.below(9)),
        wal_bytes: 1 << (16 + random.below(8)),
        memtable_bytes: 1 << (16 + random.below(6)),
        meta_cache_bytes: 1 << (12 + random.below(10)),
        flush_threads: 1 + random.below(3) as usize,
        compaction: random.one_in(2),
        compaction_bytes: 1 << (15 + random.below(10)),
        clock: Arc::new(TestClock::default()),
        ..StorageOptions::new(dir)
    }
}

/// The child's side: writes until it is killed.
fn child(plan: &str) {
    let fields: Vec<&str> = plan.splitn(3 + WRITERS, ' ').collect();
    let number = |at: usize| fields[at].parse::<u64>().expect("a number");
    let mut random = Random(number(1));
    let storage = Storage::open(options(Path::new(fields[2 + WRITERS]), &mut random)).expect("opens");
    // What the harness printed has no end of line yet.
    say("");
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (storage, seed, first) = (&storage, number(0), number(2 + writer));
            scope.spawn(move || load(storage, seed, writer, first));
        }
        loop {
            thread::sleep(Duration::from_micros(random.below(30_000)));
            match random.below(3) {
                0 => storage.compact(&[]).expect("compacted"),
                1 => storage.flush(&[pattern("root.w1")]).expect("flushed"),
                _ => storage.flush(&[]).expect("flushed"),
            }
        }
    });
}

/// One line in one write, so that a kill leaves whole lines.
fn say(line: &str) {
    io::stdout().write_all(format!("{line}\n").as_bytes()).expect("somebody listens");
}

fn load(storage: &Storage, seed: u64, writer: usize, first: u64) {
    let mut under_way: VecDeque<(u64, Option<Durable>)> = VecDeque::new();
    let mut position = storage.checkpoint("load").get(&split(writer)).copied().unwrap_or(0);
    for number in first.. {
        let durable = run(storage, writer, number, Op::nth(seed, writer, number), &mut position);
        under_way.push_back((number, durable));
        if under_way.len() > UNDER_WAY
            && let Some((number, durable)) = under_way.pop_front()
        {
            durable.map_or(Ok(()), Durable::wait).expect("durable");
            say(&format!("ack {writer} {number}"));
        }
    }
}

/// Does an operation; none where the store rejects it, as it should.
fn run(storage: &Storage, writer: usize, number: u64, op: Op, position: &mut u64) -> Option<Durable> {
    let series_path =
        |device: usize, series: usize| format!("{}.{}", device_path(writer, device), SERIES[series].0);
    let applied = match op {
        Op::Insert { device, times, columns } => {
            let columns = columns.into_iter().map(|(series, values)| Column {
                name: SERIES[series].0.into(),
                data_type: SERIES[series].1,
                values: array(&values, SERIES[series].1),
            });
            let (path, aligned) = (path(&device_path(writer, device)), DEVICES[device].1);
            let tablet =
                Tablet::try_new(path, aligned, Int64Array::from(times), columns.collect()).expect("fits");
            let positions = vec![SplitRange { split: split(writer), range: *position..number + 1 }];
            *position = number + 1;
            let write =
                Write { owner: Some("load".into()), positions, tablets: vec![tablet], ..Write::default() };
            let inserted = storage.insert(write).expect("taken");
            assert!(inserted.report.rejected.is_empty(), "{:?}", inserted.report);
            return Some(inserted.durable);
        }
        Op::Delete { device, series, range } => {
            let device = device
                .map_or_else(|| format!("{}.**", database(writer)), |device| device_path(writer, device));
            let series = series.map_or("*", |series| SERIES[series].0);
            storage.delete(&[pattern(&format!("{device}.{series}"))], range)
        }
        Op::DeleteSeries { device, series } => {
            storage.delete_series(&[pattern(&series_path(device, series))])
        }
        Op::CreateSeries { device, series, encoding } => storage.create_series(vec![NewSeries {
            device: path(&device_path(writer, device)),
            measurement: SERIES[series].0.into(),
            schema: SeriesSchema { encoding, ..SeriesSchema::default_for(SERIES[series].1) },
            aligned: DEVICES[device].1,
            alias: None,
            tags: BTreeMap::new(),
            attributes: BTreeMap::new(),
            deadband: None,
        }]),
        Op::Tag { device, series } => {
            let tags = Some(BTreeMap::from([("by".to_owned(), number.to_string())]));
            let change = SeriesChange { tags, ..SeriesChange::default() };
            storage.alter_series(&path(&series_path(device, series)), change)
        }
        Op::DeleteDatabase => storage.delete_databases(&[pattern(&database(writer))]),
    };
    match applied {
        Ok(applied) => Some(applied.durable),
        Err(StorageError::Rejected { .. }) => None,
        Err(error) => panic!("operation {number} of writer {writer}: {error}"),
    }
}

/// Lets a child write for a while, from its start or from its first acknowledgement, and kills it; gives how many operations of each
/// writer it acknowledged.
fn write_and_kill(plan: &str, first: [u64; WRITERS], from_ack: bool, after: Duration) -> [u64; WRITERS] {
    let mut child = Command::new(env::current_exe().expect("a test has a file"))
        .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
        .env(PLAN, plan)
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(child.stdout.take().expect("piped"));
    let (begun, begins) = mpsc::channel();
    let listener = thread::spawn(move || {
        let mut done = first;
        for line in lines.lines().map_while(Result::ok) {
            let mut words = line.split(' ');
            if words.next() == Some("ack")
                && let (Some(Ok(writer)), Some(Ok(number))) =
                    (words.next().map(str::parse::<usize>), words.next().map(str::parse::<u64>))
            {
                assert_eq!(number, done[writer], "acknowledged in order");
                done[writer] = number + 1;
                // Nobody waits for it in a child that is killed from its start.
                begun.send(()).ok();
            }
        }
        done
    });
    if from_ack {
        begins.recv_timeout(Duration::from_secs(120)).expect("it acknowledges something");
    }
    thread::sleep(after);
    child.kill().expect("can be killed");
    let status = child.wait().expect("ends");
    assert_eq!(status.code(), None, "the process ended before it was killed");
    listener.join().expect("listens")
}

/// Checks what the store holds of a writer against its operations, of which those from `from` are new and those before
/// `acknowledged` must be there. Of each later one what it did may be there, alone or with others.
fn compare(mut state: State, stored: &State, seed: u64, writer: usize, from: u64, acknowledged: u64) {
    // With a position all is there that came before it.
    let certain = acknowledged.max(stored.position);
    for number in from..certain {
        state.apply(number, &Op::nth(seed, writer, number));
    }
    assert_eq!(
        stored.position, state.position,
        "writer {writer}: the position, {acknowledged} were acknowledged"
    );
    let mut wrong = state.differences(stored);
    let mut catalog_fits = state.catalog() == stored.catalog();
    for number in certain..first_untried(acknowledged) {
        state.apply(number, &Op::nth(seed, writer, number));
        wrong.retain(|cell| state.cell(cell) != stored.cell(cell));
        // The catalog's changes are there in their order, none left out.
        catalog_fits |= state.catalog() == stored.catalog();
    }
    assert!(
        catalog_fits,
        "writer {writer}: {acknowledged} were acknowledged, but the catalog is {:?}",
        stored.catalog()
    );
    let shown: Vec<_> =
        wrong.iter().take(5).map(|cell| (cell, stored.cell(cell), state.cell(cell))).collect();
    assert!(
        wrong.is_empty(),
        "writer {writer}: {acknowledged} were acknowledged, {} values are as they never were; some of them, stored and \
         expected: {shown:?}",
        wrong.len()
    );
}

/// The first operation that a child which acknowledged so many cannot have begun.
fn first_untried(acknowledged: u64) -> u64 {
    acknowledged + UNDER_WAY as u64 + 2
}

#[test]
fn a_process_killed_again_and_again_loses_nothing_it_acknowledged() {
    if let Ok(plan) = env::var(PLAN) {
        return child(&plan);
    }
    let mut random = Random::seeded("a_process_killed_again_and_again_loses_nothing_it_acknowledged");
    let cycles = env::var("LEVADA_CYCLES").ok().and_then(|cycles| cycles.parse().ok()).unwrap_or(50);
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data");
    let seed = random.next();
    let (mut states, mut done, mut acknowledged) = <([State; WRITERS], [u64; WRITERS], u64)>::default();
    for cycle in 0..cycles {
        let plan = format!("{seed} {} {} {} {}", random.next(), done[0], done[1], data.display());
        // One in four may meet its start.
        let (from_ack, after) = (!random.one_in(4), Duration::from_millis(random.below(300)));
        println!("cycle {cycle}: killed after {after:?}, from operations {done:?}");
        let acked = write_and_kill(&plan, done, from_ack, after);
        let new = acked.iter().zip(&done).map(|(acked, done)| acked - done).sum::<u64>();
        assert!(!from_ack || new > 0, "nothing was acknowledged");
        acknowledged += new;
        let options = options(&data, &mut random);
        if data.exists() && random.one_in(4) {
            let findings = check(&options).expect("checked");
            assert!(findings.iter().all(|finding| finding.severity == Severity::Note), "{findings:?}");
        }
        let storage = Storage::open(options).expect("opens");
        let findings = storage.recovery();
        assert!(findings.iter().all(|finding| finding.what.contains("torn")), "{findings:?}");
        for writer in 0..WRITERS {
            let stored = State::stored(&storage, writer);
            let before = std::mem::replace(&mut states[writer], stored);
            compare(before, &states[writer], seed, writer, done[writer], acked[writer]);
            done[writer] = first_untried(acked[writer]);
        }
        if random.one_in(3) {
            storage.flush(&[]).expect("flushed");
            storage.compact(&[]).expect("compacted");
            for (writer, state) in states.iter().enumerate() {
                let stored = State::stored(&storage, writer);
                assert!(*state == stored, "writer {writer}, compacted: {:?}", state.differences(&stored));
            }
        }
        storage.close().expect("closes");
    }
    println!("{cycles} kills, {acknowledged} operations acknowledged, {done:?} in the end");
}
