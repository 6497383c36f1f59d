//! A pipeline with its broker, its sinks and its folder, through all of its lives.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use levada_config::Pipeline;
use levada_connector_api::{NoStores, Registry, model::Value};
use levada_runtime::{
    Chance, Deadlines, Disk, Outcome, RunningPipeline, Runtime, RuntimeOptions,
    transform::{Dedupe, Pick, Window},
};
use levada_testkit::{Fault, NUMBER, Reaction, ScriptedSink};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{
    broker::{Broker, BrokerSource, PARTITIONS, Reading},
    dice::Dice,
    judge::{Evidence, OfClock, Seen},
};
use crate::{harness::lines, transforms::Keep};

/// Readings that are issued while things break, and those that follow.
const READINGS: i64 = 220;
const FRESH: i64 = 8;
const DEVICES: i64 = 4;
/// A device's readings are so far apart, in milliseconds.
const APART: i64 = 130;

/// What the first sink may read, as it may read what the window does.
const OWN: &str = "  own: {inputs: [in], dedupe: {}}\n";

/// One of these numbers in so many is rejected by the first sink.
fn is_rejected(number: i64) -> bool {
    number % 97 == 5
}

pub(super) struct Plant {
    dice: Dice,
    name: String,
    folder: tempfile::TempDir,
    broker: Broker,
    sinks: Vec<ScriptedSink>,
    /// What the first writes of each sink were to meet.
    reactions: Vec<Vec<Reaction>>,
    /// How many writes there were when the sinks were mended.
    attempts: Vec<usize>,
    /// The graph, with `ROWS` for the size of a batch.
    nodes: String,
    multiples_of: i64,
    full: Arc<AtomicBool>,
    rejections: Arc<AtomicU64>,
    issuer: Issuer,
    events: Seen,
}

/// Issues one reading after another, each until it is acknowledged.
#[derive(Clone, Debug, Default)]
struct Issuer {
    issued: BTreeMap<i64, Reading>,
    acknowledged: std::collections::BTreeSet<i64>,
    next: i64,
    lost: u64,
}

/// What happens within a life.
#[derive(Clone, Copy, Debug)]
enum Event {
    BrokerAway(bool),
    Rebalance(usize),
    SinkAway(usize, bool),
    DiskFull(bool),
    Reload,
}

impl Plant {
    pub(super) fn new(mut dice: Dice) -> Self {
        let name = format!("oracle-{}", dice.seed);
        let reactions = vec![reactions(&mut dice), reactions(&mut dice)];
        let all = sink(&name, "all", &reactions[0], &mut dice)
            .rejecting(|row| row.number.is_some_and(is_rejected).then(|| "rejected".to_owned()));
        let win = sink(&name, "win", &reactions[1], &mut dice);
        let multiples_of = dice.roll(1..3) as i64;
        let all_reads = ["in", "own", "once", "once", "kept", "kept"][dice.roll(0..6) as usize];
        let kept_reads = ["in", "own", "once"][dice.roll(0..3) as usize];
        let keep = format!("  kept: {{inputs: [{kept_reads}], keep: {{multiples_of: {multiples_of}}}}}\n");
        let way = match all_reads {
            "kept" if kept_reads == "own" => format!("{OWN}{keep}"),
            "kept" => keep,
            "own" => OWN.to_owned(),
            _ => String::new(),
        };
        let nodes = format!(
            "sources:
  in: {{broker: {{script: {name}}}}}
transforms:
  once: {{inputs: [in], dedupe: {{}}}}
  minutes: {{inputs: [once], window: {{size: 1s, aggregates: {{n: [count, sum]}}}}}}
{way}sinks:
  all: {{inputs: [{all_reads}], scripted: {{script: {name}/all}}, batch: {{rows: ROWS, linger: 30ms}}}}
  win: {{inputs: [minutes], scripted: {{script: {name}/win}}, batch: {{rows: ROWS, linger: 30ms}}}}
"
        );
        let multiples_of = if all_reads == "kept" { multiples_of } else { 0 };
        Self::of(dice, name, vec![all, win], reactions, nodes, multiples_of)
    }

    /// One in which windows are closed by the clock, in front of transforms with state.
    pub(super) fn with_clock(mut dice: Dice) -> Self {
        let name = format!("clock-{}", dice.seed);
        let reactions: Vec<_> = (0..3).map(|_| reactions(&mut dice)).collect();
        let named = ["all", "win", "late"].iter().zip(&reactions);
        let sinks: Vec<_> = named.map(|(node, reactions)| sink(&name, node, reactions, &mut dice)).collect();
        let idle = dice.roll(20..200);
        let (reads, passed) = match dice.roll(0..3) {
            0 => ("passed", "  passed: {inputs: [seconds], dedupe: {}}\n"),
            1 => ("kept", "  kept: {inputs: [seconds], pick: {measurements: [\"n_*\"]}}\n"),
            _ => ("seconds", ""),
        };
        let nodes = format!(
            "sources:
  in: {{broker: {{script: {name}}}}}
transforms:
  once: {{inputs: [in], dedupe: {{}}}}
  seconds: {{inputs: [once], window: {{size: 1s, idle: {idle}ms, aggregates: {{n: [count, sum]}}}}}}
{passed}  long: {{inputs: [{reads}], window: {{size: 3s, aggregates: {{n_count: [sum], n_sum: [sum]}}}}}}
sinks:
  all: {{inputs: [seconds], scripted: {{script: {name}/all}}, batch: {{rows: ROWS, linger: 30ms}}}}
  win: {{inputs: [long], scripted: {{script: {name}/win}}, batch: {{rows: ROWS, linger: 30ms}}}}
  late: {{inputs: [seconds.late], scripted: {{script: {name}/late}}, batch: {{rows: ROWS, linger: 30ms}}}}
"
        );
        Self::of(dice, name, sinks, reactions, nodes, 0)
    }

    fn of(
        dice: Dice,
        name: String,
        sinks: Vec<ScriptedSink>,
        reactions: Vec<Vec<Reaction>>,
        nodes: String,
        multiples_of: i64,
    ) -> Self {
        // Where there is a disk in memory, nothing waits for a real one.
        let memory = std::path::Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self {
            broker: Broker::named(&name),
            dice,
            name,
            folder: folder.expect("a folder"),
            attempts: vec![0; sinks.len()],
            sinks,
            reactions,
            nodes,
            multiples_of,
            full: Arc::default(),
            rejections: Arc::default(),
            issuer: Issuer::default(),
            events: Seen::default(),
        }
    }

    /// All lives, the last one without faults and to the end.
    pub(super) fn live(&mut self) {
        let lives = self.dice.roll(3..6);
        for _ in 0..lives {
            let most = self.dice.roll(100..1_500);
            let kills = self.dice.one_in(2);
            let script = self.script(most);
            self.in_a_process(async |plant, runtime| plant.live_for(runtime, most, &script, kills).await);
        }
        self.mend();
        self.in_a_process(async |plant, runtime| plant.live_to_the_end(runtime).await);
    }

    /// A process: what of it still runs when this returns is dropped wherever it is.
    fn in_a_process(&mut self, life: impl AsyncFnOnce(&mut Self, &Runtime)) {
        let mut threads = tokio::runtime::Builder::new_current_thread();
        let threads = threads.enable_all().start_paused(true).build().expect("a runtime");
        threads.block_on(async {
            let runtime = self.runtime();
            life(self, &runtime).await;
        });
    }

    fn registry() -> Registry {
        Registry::new()
            .with_source::<BrokerSource>()
            .with_sink::<ScriptedSink>()
            .with_transform::<Keep>()
            .with_transform::<Pick>()
            .with_transform::<Dedupe>()
            .with_transform::<Window>()
    }

    fn runtime(&mut self) -> Runtime {
        let (full, rejections) = (Arc::clone(&self.full), Arc::clone(&self.rejections));
        let disk = Disk::asking(move |_| match full.load(Ordering::Relaxed) {
            true => {
                rejections.fetch_add(1, Ordering::Relaxed);
                // No space left on device.
                Err(io::Error::from_raw_os_error(28))
            }
            false => Ok(()),
        });
        let deadlines = Deadlines { write: Duration::from_millis(300), ..Deadlines::default() };
        let options = RuntimeOptions {
            state_dir: self.folder.path().to_owned(),
            chance: Chance::seeded(self.dice.roll(0..1 << 40)),
            grace: Some(Duration::from_secs(3)),
            deadlines,
            disk,
            ..RuntimeOptions::default()
        };
        Runtime::new(Self::registry(), Arc::new(NoStores), prometheus::Registry::new(), options)
            .expect("metrics of its own")
    }

    fn pipeline(&mut self) -> Pipeline {
        let rows = self.dice.roll(1..40).to_string();
        let text = format!("name: {}\n{}", self.name, self.nodes.replace("ROWS", &rows));
        let (pipeline, found) = levada_config::load(&text, "oracle.yaml", &Self::registry(), &|_| None);
        pipeline.unwrap_or_else(|| panic!("{found:?}\n{text}"))
    }

    /// When what goes wrong, and is mended again.
    fn script(&mut self, most: u64) -> Vec<(u64, Event)> {
        let mut script = Vec::new();
        for _ in 0..self.dice.roll(1..6) {
            let (at, lasts) = (self.dice.roll(0..most), self.dice.roll(20..600));
            let sink = self.dice.roll(0..self.sinks.len() as u64) as usize;
            let lasting = |event: fn(bool) -> Event| vec![(at, event(true)), (at + lasts, event(false))];
            script.extend(match self.dice.roll(0..5) {
                0 => lasting(Event::BrokerAway),
                1 => vec![(at, Event::Rebalance(self.dice.roll(0..PARTITIONS as u64) as usize))],
                2 => vec![(at, Event::SinkAway(sink, true)), (at + lasts, Event::SinkAway(sink, false))],
                3 => lasting(Event::DiskFull),
                _ => vec![(at, Event::Reload)],
            });
        }
        script.sort_by_key(|(at, _)| *at);
        script
    }

    async fn live_for(&mut self, runtime: &Runtime, most: u64, script: &[(u64, Event)], kills: bool) {
        let began = Instant::now();
        let mut running = self.start(runtime);
        let mut script = script.iter().peekable();
        let end = began + Duration::from_millis(most);
        loop {
            let next = script.peek().map_or(end, |(at, _)| began + Duration::from_millis(*at)).min(end);
            let pause = Duration::from_millis(self.dice.roll(1..25));
            tokio::select! {
                biased;
                () = sleep_until(next) => {
                    if Instant::now() >= end {
                        break;
                    }
                    if let Some((_, event)) = script.next() {
                        running = self.meet(*event, running, runtime).await;
                    }
                }
                () = sleep(pause) => self.issue(READINGS),
            }
        }
        if kills {
            self.events.note("kill", 1);
            // The process is gone: nothing of it is closed.
            let _killed = std::mem::ManuallyDrop::new(running);
            return;
        }
        self.events.note("stop", 1);
        running.stop();
        let report = running.wait().await;
        assert!(report.error.is_none(), "LEVADA_SEED={}: {:?}", self.dice.seed, report.error);
    }

    async fn meet(&mut self, event: Event, running: RunningPipeline, runtime: &Runtime) -> RunningPipeline {
        match event {
            Event::BrokerAway(away) => {
                self.broker.set_down(away);
                self.events.note("broker away", u64::from(away));
            }
            Event::Rebalance(partition) => {
                self.broker.rebalance(partition);
                self.events.note("rebalance", 1);
            }
            Event::SinkAway(sink, true) => {
                self.sinks[sink].fail(Fault::transient("away"));
                self.events.note("sink away", 1);
            }
            Event::SinkAway(sink, false) => self.sinks[sink].heal(),
            Event::DiskFull(full) => self.full.store(full, Ordering::Relaxed),
            Event::Reload => {
                self.events.note("reload", 1);
                running.stop();
                let report = running.wait().await;
                assert!(report.error.is_none(), "LEVADA_SEED={}: {:?}", self.dice.seed, report.error);
                return self.start(runtime);
            }
        }
        running
    }

    fn start(&mut self, runtime: &Runtime) -> RunningPipeline {
        let pipeline = self.pipeline();
        runtime.start(&pipeline).unwrap_or_else(|error| panic!("LEVADA_SEED={}: {error}", self.dice.seed))
    }

    /// Nothing is broken any more.
    fn mend(&mut self) {
        self.broker.set_down(false);
        self.full.store(false, Ordering::Relaxed);
        for (sink, attempts) in self.sinks.iter().zip(&mut self.attempts) {
            *attempts = sink.attempts();
            sink.heal();
            drop(sink.clone().reacting([]));
        }
    }

    async fn live_to_the_end(&mut self, runtime: &Runtime) {
        let running = self.start(runtime);
        while self.issuer.next < READINGS + FRESH {
            self.issue(READINGS + FRESH);
            sleep(Duration::from_millis(1)).await;
        }
        self.broker.complete();
        let ended = timeout(Duration::from_secs(600), running.wait()).await;
        let report =
            ended.unwrap_or_else(|_| panic!("LEVADA_SEED={}: it does not end\n{self:?}", self.dice.seed));
        assert_eq!(report.outcome, Outcome::Completed, "LEVADA_SEED={}: {:?}", self.dice.seed, report.error);
    }

    /// Issues the next reading, if there is one; it is the next again where it was not acknowledged.
    fn issue(&mut self, most: i64) {
        let Issuer { issued, acknowledged, next, lost } = &mut self.issuer;
        if *next >= most {
            return;
        }
        let (number, dice) = (*next, &mut self.dice);
        let reading = issued.entry(number).or_insert_with(|| Reading {
            number,
            device: (number % DEVICES) as u64,
            time: number / DEVICES * APART,
            payload: format!("{number}:{:x}", dice.roll(0..u64::MAX)),
        });
        if !self.broker.take(reading) {
            return;
        }
        if dice.one_in(12) {
            // It has it, but who issues does not know.
            *lost += 1;
            return;
        }
        acknowledged.insert(number);
        *next += 1;
    }

    /// What was seen of faults.
    pub(super) fn seen(&self) -> Seen {
        let mut seen = self.events.clone();
        seen.note("answer lost", self.issuer.lost);
        seen.note("disk full", self.rejections.load(Ordering::Relaxed));
        seen.note("read twice", self.broker.rereads());
        for (reactions, &attempts) in self.reactions.iter().zip(&self.attempts) {
            for reaction in reactions.iter().take(attempts) {
                match reaction {
                    Reaction::Stall => seen.note("sink timeout", 1),
                    Reaction::FailAfterStoring(_) | Reaction::FailAfterStoringSome(_) => {
                        seen.note("sink partial", 1)
                    }
                    _ => {}
                }
            }
        }
        seen.note("sink reject", self.dead().len() as u64);
        let rows: usize = self.sinks[0].rows().len();
        seen.note("delivered twice", (rows - self.delivered().0.len().min(rows)) as u64);
        seen
    }

    fn dead(&self) -> Vec<i64> {
        let letters = lines(&self.folder.path().join(&self.name).join("dead-letters.jsonl"));
        let number = |letter: &serde_json::Value| letter["text"].as_str()?.split(':').next()?.parse().ok();
        letters.iter().map(|letter| number(letter).expect("a reading's payload")).collect()
    }

    /// By number what the first sink has, and the numbers of which it has two that differ.
    fn delivered(&self) -> (BTreeMap<i64, (u64, String)>, Vec<i64>) {
        let (mut delivered, mut contradictions) = (BTreeMap::new(), Vec::new());
        for row in rows(&self.sinks[0]) {
            let (Some(Value::Int64(number)), Some(payload)) =
                (row.values.get(NUMBER), row.values.get("payload"))
            else {
                contradictions.push(-1);
                continue;
            };
            if is_rejected(*number) {
                continue;
            }
            let is = (row.device, payload.to_string());
            if delivered.insert(*number, is.clone()).is_some_and(|before| before != is) {
                contradictions.push(*number);
            }
        }
        (delivered, contradictions)
    }

    pub(super) fn evidence(&self) -> Evidence {
        let (delivered, contradictions) = self.delivered();
        let (mut windows, mut window_contradictions) = (BTreeMap::new(), Vec::new());
        for row in rows(&self.sinks[1]) {
            let number = |name: &str| match row.values.get(name) {
                Some(Value::Int64(value)) => *value,
                Some(Value::Double(value)) => *value as i64,
                _ => i64::MIN,
            };
            let (key, is) = ((row.device, row.time), (number("n_count"), number("n_sum")));
            if windows.insert(key, is).is_some_and(|before| before != is) {
                window_contradictions.push(key);
            }
        }
        let numbers = 0..READINGS + FRESH;
        Evidence {
            issued: self.issuer.issued.clone(),
            acknowledged: self.issuer.acknowledged.clone(),
            delivered,
            contradictions,
            dead: self.dead().into_iter().collect(),
            left_out: numbers
                .filter(|number| self.multiples_of > 0 && number % self.multiples_of != 0)
                .collect(),
            in_broker: self.issuer.issued.keys().copied().collect(),
            windows,
            window_contradictions,
            fresh: (READINGS..READINGS + FRESH).collect(),
        }
    }

    /// What the sinks have, where windows are closed by the clock.
    pub(super) fn of_clock(&self) -> OfClock {
        let whole = |row: &Taken, name: &str| match row.values.get(name) {
            Some(Value::Int64(value)) => *value,
            Some(Value::Double(value)) => *value as i64,
            _ => i64::MIN,
        };
        let windows = |sink: &ScriptedSink, count: &str, sum: &str| {
            let row = |row: Taken| ((row.device, row.time), (whole(&row, count), whole(&row, sum)));
            rows(sink).into_iter().map(row).collect()
        };
        OfClock {
            issued: self.issuer.issued.clone(),
            short: windows(&self.sinks[0], "n_count", "n_sum"),
            long: windows(&self.sinks[1], "n_count_sum", "n_sum_sum"),
            late: rows(&self.sinks[2]).iter().map(|row| whole(row, NUMBER)).collect(),
        }
    }
}

impl fmt::Debug for Plant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.nodes)?;
        write!(f, "{:?}\n{:?}", self.seen(), self.sinks.iter().map(ScriptedSink::stored).collect::<Vec<_>>())
    }
}

/// A row of a sink.
struct Taken {
    device: u64,
    time: i64,
    values: BTreeMap<String, Value>,
}

fn rows(sink: &ScriptedSink) -> Vec<Taken> {
    let mut rows = Vec::new();
    for readings in sink.batches().iter().flat_map(|batch| &batch.readings) {
        let tablet = &readings.tablet;
        let device = tablet.device().to_string();
        let device = device.rsplit('d').next().and_then(|number| number.parse().ok()).unwrap_or(u64::MAX);
        for row in 0..tablet.rows() {
            let values = tablet.columns().iter();
            let values = values.filter_map(|column| Some((column.name.to_string(), column.value(row)?)));
            rows.push(Taken { device, time: tablet.times().value(row), values: values.collect() });
        }
    }
    rows
}

/// A sink that meets these.
fn sink(name: &str, node: &str, reactions: &[Reaction], dice: &mut Dice) -> ScriptedSink {
    let (keeps, writes) = (dice.one_in(2), dice.roll(1..4) as usize);
    let sink = ScriptedSink::new().reacting(reactions.to_vec()).with_max_in_flight(writes);
    let sink = if keeps { sink.with_checkpoints() } else { sink };
    sink.named(format!("{name}/{node}"))
}

/// What the first writes of a sink meet.
fn reactions(dice: &mut Dice) -> Vec<Reaction> {
    let one = |dice: &mut Dice| match dice.roll(0..12) {
        0 => Reaction::Fail(Fault::transient("away")),
        1 => Reaction::FailAfterStoring(Fault::transient("no answer")),
        2 => Reaction::FailAfterStoringSome(Fault::transient("broke off")),
        3 => Reaction::Stall,
        4..=6 => Reaction::Delay(Duration::from_millis(dice.roll(1..150))),
        _ => Reaction::Deliver,
    };
    (0..80).map(|_| one(dice)).collect()
}
