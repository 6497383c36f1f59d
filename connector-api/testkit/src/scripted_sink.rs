//! A sink that does what it was told beforehand.

use std::{collections::VecDeque, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, Delivery, Rejection, Result, Sink, SinkCapabilities, SinkType, model::Checkpoint,
};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::{Fault, Row, ScriptedOptions, positions::Positions, rows_of, scripts::Scripts};

/// What a scripted sink does with a write.
#[derive(Clone, Debug)]
pub enum Reaction {
    /// Takes the batch.
    Deliver,
    /// Takes nothing of it.
    Fail(Fault),
    /// Takes it, but says that it did not: the answer was lost.
    FailAfterStoring(Fault),
    /// Takes the first half of its tablets and none of its positions, and says that it failed.
    FailAfterStoringSome(Fault),
    /// Takes it after a while.
    Delay(Duration),
    /// Does not answer at all; the future has to be dropped.
    Stall,
}

type Reject = dyn Fn(&Row) -> Option<String> + Send + Sync;

/// A sink that keeps all rows in memory, and fails, stalls or rejects as it is told. Clones share everything, so that a
/// test keeps one and hands the other to the runtime.
#[derive(Clone)]
pub struct ScriptedSink(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    trouble: watch::Sender<Option<Trouble>>,
}

/// What holds for every write until [`ScriptedSink::heal`].
#[derive(Clone, Debug)]
enum Trouble {
    Stalls,
    Fails(Fault),
}

#[derive(Default)]
struct State {
    capabilities: SinkCapabilities,
    connect_faults: VecDeque<Fault>,
    reactions: VecDeque<Reaction>,
    reject: Option<Arc<Reject>>,
    batches: Vec<Batch>,
    rows: Vec<Row>,
    positions: Positions,
    attempts: usize,
    in_flight: usize,
    most_in_flight: usize,
    connects: usize,
    closes: usize,
}

static NAMED: Scripts<ScriptedSink> = Scripts::new();

impl Default for ScriptedSink {
    fn default() -> Self {
        Self(Arc::new(Inner { state: Mutex::default(), trouble: watch::Sender::new(None) }))
    }
}

impl ScriptedSink {
    /// One that takes everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// The first writes are met like this, one after another; all later ones are taken.
    #[must_use]
    pub fn reacting(self, reactions: impl IntoIterator<Item = Reaction>) -> Self {
        self.0.state.lock().reactions = reactions.into_iter().collect();
        self
    }

    /// Rows for which `reject` gives a reason are rejected for it.
    #[must_use]
    pub fn rejecting(self, reject: impl Fn(&Row) -> Option<String> + Send + Sync + 'static) -> Self {
        self.0.state.lock().reject = Some(Arc::new(reject));
        self
    }

    /// So many writes may be under way at once.
    #[must_use]
    pub fn with_max_in_flight(self, writes: usize) -> Self {
        self.0.state.lock().capabilities.max_in_flight = writes;
        self
    }

    /// Positions are kept with the rows.
    #[must_use]
    pub fn with_checkpoints(self) -> Self {
        self.0.state.lock().capabilities.checkpoints = true;
        self
    }

    /// Nothing outlasts the run, as with standard output.
    #[must_use]
    pub fn passing(self) -> Self {
        self.0.state.lock().capabilities.lasting = false;
        self
    }

    /// The first calls of `connect` fail, one for each fault.
    #[must_use]
    pub fn failing_connect(self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.0.state.lock().connect_faults = faults.into_iter().collect();
        self
    }

    /// Makes it known by a name: `scripted: {script: NAME}` in a pipeline means this sink.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        NAMED.add(name, &self);
        self
    }

    /// From now on no write is answered, until [`ScriptedSink::heal`].
    pub fn stall(&self) {
        self.0.trouble.send_replace(Some(Trouble::Stalls));
    }

    /// From now on every write and every `connect` fails, until [`ScriptedSink::heal`].
    pub fn fail(&self, fault: Fault) {
        self.0.trouble.send_replace(Some(Trouble::Fails(fault)));
    }

    /// Ends [`ScriptedSink::stall`] and [`ScriptedSink::fail`]; writes that wait go on.
    pub fn heal(&self) {
        self.0.trouble.send_replace(None);
    }

    /// The batches taken, in order, rejected rows among them.
    pub fn batches(&self) -> Vec<Batch> {
        self.0.state.lock().batches.clone()
    }

    /// The rows taken, in order; twice where they were taken twice.
    pub fn rows(&self) -> Vec<Row> {
        self.0.state.lock().rows.clone()
    }

    /// How often `write` was called.
    pub fn attempts(&self) -> usize {
        self.0.state.lock().attempts
    }

    /// How many writes were under way at the most at once.
    pub fn most_in_flight(&self) -> usize {
        self.0.state.lock().most_in_flight
    }

    /// How often `connect` was called.
    pub fn connects(&self) -> usize {
        self.0.state.lock().connects
    }

    /// How often it was closed.
    pub fn closes(&self) -> usize {
        self.0.state.lock().closes
    }

    /// The positions kept.
    pub fn stored(&self) -> Checkpoint {
        self.0.state.lock().positions.checkpoint()
    }

    /// Waits until so many rows were taken.
    pub async fn wait_for_rows(&self, rows: usize) {
        while self.0.state.lock().rows.len() < rows {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    fn store(&self, batch: &Batch) -> Delivery {
        let mut state = self.0.state.lock();
        let mut delivery = Delivery::default();
        for (index, readings) in batch.readings.iter().enumerate() {
            let single = Batch { readings: vec![readings.clone()], ..Batch::default() };
            let mut rejected: Vec<(u32, String)> = Vec::new();
            for (row, key) in (0u32..).zip(rows_of(&single)) {
                match state.reject.as_ref().and_then(|reject| reject(&key)) {
                    Some(error) => rejected.push((row, error)),
                    None => state.rows.push(key),
                }
            }
            for run in rejected.chunk_by(|a, b| a.1 == b.1) {
                let rows = Some(run.iter().map(|(row, _)| *row).collect());
                delivery.rejected.push(Rejection { readings: index, rows, error: run[0].1.clone() });
            }
        }
        // Positions of a batch with rejected rows come again, alone, once those rows are safe.
        if delivery.rejected.is_empty() {
            for each in &batch.positions {
                state.positions.add(each);
            }
        }
        state.batches.push(batch.clone());
        delivery
    }

    /// Waits while there is trouble that stalls.
    async fn pass(&self) -> Result<()> {
        let mut trouble = self.0.trouble.subscribe();
        let now = trouble
            .wait_for(|trouble| !matches!(trouble, Some(Trouble::Stalls)))
            .await
            .expect("the sender lives as long as this sink")
            .clone();
        match now {
            Some(Trouble::Fails(fault)) => Err(fault.error()),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for ScriptedSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedSink").field("rows", &self.0.state.lock().rows.len()).finish_non_exhaustive()
    }
}

/// Counts a write while it is under way, also where its future is dropped.
struct InFlight<'a>(&'a Mutex<State>);

impl<'a> InFlight<'a> {
    fn new(state: &'a Mutex<State>) -> Self {
        let mut now = state.lock();
        now.attempts += 1;
        now.in_flight += 1;
        now.most_in_flight = now.most_in_flight.max(now.in_flight);
        Self(state)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.lock().in_flight -= 1;
    }
}

#[async_trait]
impl Sink for ScriptedSink {
    fn capabilities(&self) -> SinkCapabilities {
        self.0.state.lock().capabilities
    }

    async fn connect(&self) -> Result<()> {
        let fault = {
            let mut state = self.0.state.lock();
            state.connects += 1;
            state.connect_faults.pop_front()
        };
        match fault {
            Some(fault) => Err(fault.error()),
            None => self.pass().await,
        }
    }

    async fn checkpoint(&self) -> Result<Checkpoint> {
        let state = self.0.state.lock();
        Ok(if state.capabilities.checkpoints { state.positions.checkpoint() } else { Checkpoint::new() })
    }

    async fn write(&self, batch: &Batch) -> Result<Delivery> {
        let _guard = InFlight::new(&self.0.state);
        let reaction = self.0.state.lock().reactions.pop_front().unwrap_or(Reaction::Deliver);
        self.pass().await?;
        match reaction {
            Reaction::Deliver => {}
            Reaction::Fail(fault) => return Err(fault.error()),
            Reaction::FailAfterStoring(fault) => {
                self.store(batch);
                return Err(fault.error());
            }
            Reaction::FailAfterStoringSome(fault) => {
                let some = batch.readings.iter().take(batch.readings.len() / 2).cloned().collect();
                self.store(&Batch { readings: some, ..Batch::default() });
                return Err(fault.error());
            }
            Reaction::Delay(time) => tokio::time::sleep(time).await,
            Reaction::Stall => futures::future::pending().await,
        }
        Ok(self.store(batch))
    }

    async fn close(&self) -> Result<()> {
        self.0.state.lock().closes += 1;
        Ok(())
    }
}

impl SinkType for ScriptedSink {
    const NAME: &'static str = "scripted";
    const SUMMARY: &'static str = "Does what a test wrote down.";
    type Options = ScriptedOptions;

    fn build(options: ScriptedOptions, _: &BuildContext) -> Result<Arc<dyn Sink>> {
        Ok(Arc::new(NAMED.get(&options)?))
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;
    use crate::numbered;

    #[tokio::test]
    async fn rejected_rows_are_named_and_not_kept() {
        let sink = ScriptedSink::new().rejecting(|row| (row.time % 4 == 2).then(|| "even".to_owned()));
        let delivery = sink.write(&numbered("s", 0..8, 2)).await.expect("taken");
        assert_eq!(
            delivery.rejected,
            [Rejection { readings: 0, rows: Some(vec![1, 3]), error: "even".to_owned() }]
        );
        assert_eq!(sink.rows().len(), 6);
    }

    #[tokio::test]
    async fn a_stalled_write_goes_on_when_healed() {
        let sink = ScriptedSink::new();
        sink.stall();
        let batch = numbered("s", 0..8, 2);
        assert!(sink.write(&batch).now_or_never().is_none());
        assert_eq!((sink.attempts(), sink.rows().len()), (1, 0));
        let write = sink.write(&batch);
        sink.heal();
        write.await.expect("taken");
        assert_eq!((sink.rows().len(), sink.most_in_flight()), (8, 1));
    }
}
