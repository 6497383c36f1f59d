//! A broker in memory that outlives the processes that read it, and the source that reads it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BatchBuilder, BuildContext, Error, FieldValue, Progress, Result, Source, SourceCapabilities,
    SourceType,
    model::{Checkpoint, SplitName, SplitPosition, SplitRange},
};
use levada_testkit::{Fault, NUMBER, ScriptedOptions};
use parking_lot::Mutex;
use tokio::time::sleep;

/// How many partitions there are.
pub(super) const PARTITIONS: usize = 3;
/// Records of a batch.
const MOST: usize = 7;

/// A reading as it was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) number: i64,
    pub(super) device: u64,
    pub(super) time: i64,
    pub(super) payload: String,
}

/// Where readings are kept. Clones are the same broker.
#[derive(Clone, Debug, Default)]
pub(super) struct Broker(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    partitions: [Vec<Reading>; PARTITIONS],
    committed: BTreeMap<usize, u64>,
    /// Not to be reached.
    down: bool,
    /// How often each partition was taken away.
    taken: [u64; PARTITIONS],
    /// No more comes: who has read all has come to the end.
    complete: bool,
    rereads: u64,
}

static BROKERS: LazyLock<Mutex<HashMap<String, Broker>>> = LazyLock::new(Mutex::default);

impl Broker {
    pub(super) fn named(name: &str) -> Self {
        let broker = Self::default();
        BROKERS.lock().insert(name.to_owned(), broker.clone());
        broker
    }

    /// Takes a reading; false where it is not to be reached.
    pub(super) fn take(&self, reading: &Reading) -> bool {
        let mut state = self.0.lock();
        if !state.down {
            let partition = reading.device as usize % PARTITIONS;
            state.partitions[partition].push(reading.clone());
        }
        !state.down
    }

    pub(super) fn set_down(&self, down: bool) {
        self.0.lock().down = down;
    }

    /// Takes a partition from whoever reads it, and gives it back.
    pub(super) fn rebalance(&self, partition: usize) {
        self.0.lock().taken[partition] += 1;
    }

    pub(super) fn complete(&self) {
        self.0.lock().complete = true;
    }

    /// How many records were read more than once.
    pub(super) fn rereads(&self) -> u64 {
        self.0.lock().rereads
    }
}

/// Reads a broker.
pub(super) struct BrokerSource {
    node: String,
    broker: Broker,
    at: [Place; PARTITIONS],
    reached: [u64; PARTITIONS],
    turn: usize,
    rows: BatchBuilder,
}

/// Where a partition is read, since it was taken on.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    next: u64,
    taken: u64,
}

impl BrokerSource {
    fn split(&self, partition: usize) -> SplitName {
        SplitName::new(format!("{}/{partition}", self.node))
    }

    /// The next records of a partition, and where they begin.
    fn poll(&mut self, partition: usize) -> Option<(u64, Vec<Reading>)> {
        let mut state = self.broker.0.lock();
        let place = &mut self.at[partition];
        if place.taken != state.taken[partition] {
            // Whoever takes it on begins where the group has committed.
            place.taken = state.taken[partition];
            place.next = state.committed.get(&partition).copied().unwrap_or(0);
        }
        let from = place.next as usize;
        let records: Vec<_> = state.partitions[partition].iter().skip(from).take(MOST).cloned().collect();
        if records.is_empty() {
            return None;
        }
        place.next += records.len() as u64;
        state.rereads += self.reached[partition].saturating_sub(from as u64).min(records.len() as u64);
        self.reached[partition] = self.reached[partition].max(place.next);
        Some((from as u64, records))
    }

    fn batch(&mut self, partition: usize, from: u64, records: &[Reading]) -> Batch {
        let split = self.split(partition);
        self.rows.split(&split);
        for (position, reading) in (from..).zip(records) {
            self.rows.record(reading.payload.as_bytes(), position);
            let fields = [
                (NUMBER, FieldValue::Int64(reading.number)),
                ("payload", FieldValue::Text(&reading.payload)),
            ];
            let device = format!("root.oracle.d{}", reading.device);
            self.rows.row(&device, reading.time, &fields).expect("a row");
        }
        let range = from..from + records.len() as u64;
        self.rows.finish(vec![SplitRange { split, range }])
    }
}

#[async_trait]
impl Source for BrokerSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { bounded: true, replayable: true, remembers: true }
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        if self.broker.0.lock().down {
            return Err(Fault::transient("the broker is away").error());
        }
        for partition in 0..PARTITIONS {
            let state = self.broker.0.lock();
            let committed = state.committed.get(&partition).copied().unwrap_or(0);
            let stored = stored.get(&self.split(partition)).copied();
            self.at[partition] = Place { next: stored.unwrap_or(committed), taken: state.taken[partition] };
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Batch>> {
        loop {
            if self.broker.0.lock().down {
                return Err(Fault::transient("the broker is away").error());
            }
            for _ in 0..PARTITIONS {
                self.turn = (self.turn + 1) % PARTITIONS;
                if let Some((from, records)) = self.poll(self.turn) {
                    return Ok(Some(self.batch(self.turn, from, &records)));
                }
            }
            if self.broker.0.lock().complete {
                return Ok(None);
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    async fn settle(&mut self, settled: &[SplitPosition]) -> Result<()> {
        let mut state = self.broker.0.lock();
        if state.down {
            return Err(Fault::transient("the broker is away").error());
        }
        for each in settled {
            let partition = each.split.as_str().rsplit('/').next().and_then(|number| number.parse().ok());
            let partition: usize = partition.ok_or_else(|| Error::bug("no such split"))?;
            if each.position > state.partitions[partition].len() as u64 {
                return Err(Error::bug("settled what was never there"));
            }
            let committed = state.committed.entry(partition).or_default();
            *committed = each.position.max(*committed);
        }
        Ok(())
    }

    fn progress(&self) -> Progress {
        Progress::default()
    }

    async fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

impl SourceType for BrokerSource {
    const NAME: &'static str = "broker";
    const SUMMARY: &'static str = "Reads a broker in memory.";
    type Options = ScriptedOptions;

    fn build(options: ScriptedOptions, context: &BuildContext) -> Result<Box<dyn Source>> {
        let broker = BROKERS.lock().get(&options.script).cloned();
        let broker = broker.ok_or_else(|| Error::config("there is no such broker"))?;
        Ok(Box::new(Self {
            node: context.node.clone(),
            broker,
            at: [Place::default(); PARTITIONS],
            reached: [0; PARTITIONS],
            turn: 0,
            rows: BatchBuilder::new(),
        }))
    }
}
