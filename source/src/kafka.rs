//! Kafka topics, read as a member of a consumer group.
//!
//! ```text
//!   librdkafka's threads        the reading thread                               the runtime's task
//!   fetch, heartbeats  ──▶  message queue ─ decode ─ BatchBuilder ──▶ queue ──▶  next
//!                      ──▶  events: assign, revoke, errors, commits   ◀── shared ─ settle, progress, close
//! ```
//!
//! One thread takes messages a few thousand at a time and decodes them where they lie. It also owns the assignment:
//!
//! - **assigned**, a partition is read from where the sinks have it, by the positions that they store, or from where it was settled
//!   here; where another member of the group has committed more since, from there; where no sink knows it, from where the group has
//!   committed; where nobody knows it, from `start` (see [`identity::known`]);
//! - **revoked**, what was read of it goes out at once, the thread waits until that is settled (or a deadline), commits,
//!   and only then lets go: the next owner reads on exactly there;
//! - **settled** positions are committed every half second and at the end, never more, and never before what is committed.
//!
//! A split is a partition of a topic with its id, `<node>/<topic>@<id>/<partition>`; its position is the offset. Positions of
//! a topic that was deleted say nothing of another that has its name now. Where the broker gives topics no ids (Kafka before
//! 2.8), offsets are all there is: a topic made anew is recognised where it is shorter than what was stored of the old one.
//! Offsets that hold no message (a
//! compacted topic's, a transaction's marks) belong to the range before or behind them, so ranges touch.
//!
//! The member's id is kept in the state folder (static membership): killed and started again, the process takes its
//! partitions back at once, without waiting for its former self to time out. Stopped in order, it leaves the group.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, DecoderFactory, Error, Guarantee, Point, Problem, Progress, Result, Source,
    SourceCapabilities, SourceType, SplitState,
    model::{Checkpoint, SplitName, SplitPosition},
};
use tokio::sync::mpsc;

mod client;
mod held;
mod identity;
mod instance;
mod listener;
mod native;
mod offsets;
mod onlooker;
mod options;
mod partitions;
mod reader;
mod shared;
#[cfg(test)]
mod tests;

pub use self::options::{KafkaOptions, KafkaPoint, Recreated, Tombstones};

use self::{
    onlooker::Onlooker,
    reader::{Item, Reader, Told},
    shared::{Shared, lock},
};

/// Batches that may wait for `next`.
const QUEUED: usize = 2;

/// Kafka topics.
#[derive(Debug)]
pub struct KafkaSource {
    setup: Arc<Setup>,
    shared: Arc<Shared>,
    limits: Checkpoint,
    running: Option<Running>,
    ended: bool,
}

/// What reading needs, and does not change.
#[derive(Debug)]
pub(crate) struct Setup {
    node: String,
    pipeline: String,
    state_dir: PathBuf,
    options: KafkaOptions,
    decoder: DecoderFactory,
}

#[derive(Debug)]
struct Running {
    items: mpsc::Receiver<Item>,
    thread: std::thread::JoinHandle<Result<()>>,
}

impl SourceType for KafkaSource {
    const NAME: &'static str = "kafka";
    const SUMMARY: &'static str = "Kafka topics, read as a member of a consumer group.";
    const GUARANTEE: Option<Guarantee> = Some(Guarantee {
        text: "At least once; exactly once into a sink that stores positions with its rows (the embedded `iotdb`). Offsets are committed \
            every half second and at the end, and never ahead of what the sinks have stored. A partition that is taken away is let go \
            of once what was read of it is stored, or `handover` is over. Killed, the process reads on where the sink, or the group, has it.",
        tests: &[
            "kafka_without_an_end_passes_the_contract",
            "kafka_with_an_end_passes_the_contract",
            "tests/real/kill9.sh",
            "tests/real/rebalance.sh",
            "tests/real/restart.sh",
        ],
    });
    const DECODES: bool = true;
    const ALONE: bool = true;
    type Options = KafkaOptions;

    fn check(options: &KafkaOptions) -> Vec<Problem> {
        options.problems()
    }

    fn build(options: KafkaOptions, context: &BuildContext) -> Result<Box<dyn Source>> {
        let decoder = context
            .decoder
            .clone()
            .ok_or_else(|| Error::config("kafka needs `decode`, as in decode: {json: {}}"))?;
        if decoder.make().header_lines() > 0 {
            return Err(Error::config("messages have no header line: name the columns with `columns`"));
        }
        let setup = Setup {
            node: context.node.clone(),
            pipeline: context.pipeline.clone(),
            state_dir: context.state_dir.clone(),
            options,
            decoder,
        };
        Ok(Box::new(Self {
            setup: Arc::new(setup),
            shared: Arc::default(),
            limits: Checkpoint::new(),
            running: None,
            ended: false,
        }))
    }
}

#[async_trait]
impl Source for KafkaSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { bounded: self.setup.options.end.is_some(), replayable: true, remembers: true }
    }

    fn limit(&mut self, limits: &Checkpoint) {
        self.limits.clone_from(limits);
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        self.close().await?;
        self.ended = false;
        self.shared = Arc::default();
        lock(&self.shared.settled).clone_from(stored);
        let (setup, shared) = (Arc::clone(&self.setup), Arc::clone(&self.shared));
        let (sender, items) = mpsc::channel(QUEUED);
        let told = Told { stored: stored.clone(), limits: self.limits.clone() };
        let reader = tokio::task::spawn_blocking(move || Reader::connect(setup, shared, told, sender)).await;
        let reader = reader.map_err(|error| Error::bug(error.to_string()))??;
        let thread = std::thread::Builder::new()
            .name(format!("kafka {}", self.setup.node))
            .spawn(move || reader.run())
            .map_err(|error| Error::io("cannot start a thread", error))?;
        self.running = Some(Running { items, thread });
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Batch>> {
        if self.ended {
            return Ok(None);
        }
        let running = self.running.as_mut().ok_or_else(|| Error::bug("next before connect"))?;
        // What was held back may be tried again.
        let faults = self.shared.faults.load(Ordering::Acquire);
        if self.shared.asked.swap(faults, Ordering::AcqRel) != faults {
            running.thread.thread().unpark();
        }
        match running.items.recv().await {
            Some(Item::Batch(batch)) => {
                // The thread may be waiting for room.
                running.thread.thread().unpark();
                Ok(Some(batch))
            }
            Some(Item::End) => {
                self.ended = true;
                Ok(None)
            }
            Some(Item::Failed(error)) => {
                self.shared.faults.fetch_add(1, Ordering::AcqRel);
                Err(error)
            }
            None => Err(Error::bug("the reading thread has ended")),
        }
    }

    async fn settle(&mut self, settled: &[SplitPosition]) -> Result<()> {
        {
            let mut known = lock(&self.shared.settled);
            for each in settled {
                let position = known.entry(each.split.clone()).or_default();
                *position = each.position.max(*position);
            }
        }
        if let Some(running) = &self.running {
            running.thread.thread().unpark();
        }
        Ok(())
    }

    async fn splits(&mut self, stored: &Checkpoint) -> Result<Vec<SplitState>> {
        let told = Told { stored: stored.clone(), limits: self.limits.clone() };
        self.look(move |onlooker| onlooker.states(&told)).await
    }

    async fn locate(&mut self, point: Point, splits: &[SplitName]) -> Result<Vec<SplitPosition>> {
        let splits = splits.to_vec();
        self.look(move |onlooker| onlooker.locate(point, &splits)).await
    }

    async fn reset(&mut self, positions: &[SplitPosition]) -> Result<()> {
        let positions = positions.to_vec();
        self.look(move |onlooker| onlooker.reset(&positions)).await
    }

    fn short_name(&self, split: &str) -> String {
        match identity::parts(&self.setup.node, &SplitName::new(split)) {
            Some((topic, _, partition)) => format!("{}/{topic}/{partition}", self.setup.node),
            None => split.to_owned(),
        }
    }

    fn progress(&self) -> Progress {
        self.shared.progress(self.setup.options.end.is_some())
    }

    async fn close(&mut self) -> Result<()> {
        self.ended = true;
        let Some(Running { items, thread }) = self.running.take() else { return Ok(()) };
        self.shared.stop.store(true, Ordering::Release);
        drop(items);
        thread.thread().unpark();
        let ended = tokio::task::spawn_blocking(move || thread.join()).await;
        match ended {
            Ok(Ok(result)) => result,
            _ => Err(Error::bug("the reading thread has panicked")),
        }
    }
}

impl KafkaSource {
    /// Asks brokers, off the runtime's threads.
    async fn look<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Onlooker<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let setup = Arc::clone(&self.setup);
        let asked = tokio::task::spawn_blocking(move || ask(&Onlooker::connect(&setup)?));
        asked.await.map_err(|error| Error::bug(error.to_string()))?
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        // Dropped without close, the thread still ends and commits what was settled.
        self.shared.stop.store(true, Ordering::Release);
        if let Some(running) = &self.running {
            running.thread.thread().unpark();
        }
    }
}
