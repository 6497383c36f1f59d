//! A source that does what it was told beforehand.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, Progress, Result, Source, SourceCapabilities, SourceType,
    model::{Checkpoint, SplitPosition},
};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{Fault, ScriptedOptions, numbered, scripts::Scripts};

/// What a scripted source does next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Gives a batch.
    Batch(Batch),
    /// Raises an error, once in the life of a script: a source made later does not meet it again. One that gives a split
    /// up does not heal: every source meets it.
    Fail(Fault),
    /// Lets the caller wait.
    Wait(Duration),
    /// Gives nothing more, for ever.
    Stall,
}

/// The script of a source, and the record of what was asked of it. Clones share both.
///
/// A script outlives the sources made from it, as a Kafka topic outlives its consumers: [`SourceScript::source`] makes
/// the source of a freshly started process, which skips the batches that are wholly settled or stored and gives all
/// others again, whole.
#[derive(Clone)]
pub struct SourceScript(Arc<Script>);

struct Script {
    steps: Vec<Step>,
    bounded: bool,
    remembers: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connect_faults: Vec<Fault>,
    fired: Vec<usize>,
    given: Checkpoint,
    settled: Checkpoint,
    settles: Vec<Vec<SplitPosition>>,
    connects: Vec<Checkpoint>,
    closes: usize,
    violations: Vec<String>,
}

/// The source of a [`SourceScript`].
#[derive(Debug)]
pub struct ScriptedSource {
    script: SourceScript,
    at: usize,
    skip: Checkpoint,
    waiting_until: Option<Instant>,
    read: u64,
}

static NAMED: Scripts<SourceScript> = Scripts::new();

impl SourceScript {
    /// A bounded source of these steps, which remembers what was settled.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(Arc::new(Script {
            steps: steps.into_iter().collect(),
            bounded: true,
            remembers: true,
            state: Mutex::default(),
        }))
    }

    /// A bounded source of so many [`numbered`] rows of four devices, in batches of `per_batch`.
    pub fn numbered(split: &str, rows: u64, per_batch: u64) -> Self {
        let starts = (0..rows).step_by(usize::try_from(per_batch).expect("a small number"));
        Self::new(starts.map(|from| Step::Batch(numbered(split, from..(from + per_batch).min(rows), 4))))
    }

    /// The same, but at its end it waits for ever.
    #[must_use]
    pub fn unbounded(self) -> Self {
        self.changed(|script| script.bounded = false)
    }

    /// The same, but without a memory of its own: only what `connect` is given makes it skip anything.
    #[must_use]
    pub fn forgetful(self) -> Self {
        self.changed(|script| script.remembers = false)
    }

    /// The same, but the first calls of `connect` fail, one for each fault.
    #[must_use]
    pub fn failing_connect(self, faults: impl IntoIterator<Item = Fault>) -> Self {
        self.0.state.lock().connect_faults = faults.into_iter().collect();
        self
    }

    /// Makes it known by a name: `scripted: {script: NAME}` in a pipeline builds a source of it.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        NAMED.add(name, &self);
        self
    }

    fn changed(self, change: impl FnOnce(&mut Script)) -> Self {
        let mut script = Arc::into_inner(self.0).expect("a script is changed before it is shared");
        change(&mut script);
        Self(Arc::new(script))
    }

    /// A source, as a freshly started process has it.
    pub fn source(&self) -> ScriptedSource {
        ScriptedSource { script: self.clone(), at: 0, skip: Checkpoint::new(), waiting_until: None, read: 0 }
    }

    /// What `connect` was given, call by call.
    pub fn connects(&self) -> Vec<Checkpoint> {
        self.0.state.lock().connects.clone()
    }

    /// What `settle` was given, call by call.
    pub fn settles(&self) -> Vec<Vec<SplitPosition>> {
        self.0.state.lock().settles.clone()
    }

    /// How far each split is settled.
    pub fn settled(&self) -> Checkpoint {
        self.0.state.lock().settled.clone()
    }

    /// How far each split was given out.
    pub fn given(&self) -> Checkpoint {
        self.0.state.lock().given.clone()
    }

    /// How often it was closed.
    pub fn closes(&self) -> usize {
        self.0.state.lock().closes
    }

    /// What the caller did that it must not: settled what was never given, or less than before.
    pub fn violations(&self) -> Vec<String> {
        self.0.state.lock().violations.clone()
    }
}

impl fmt::Debug for SourceScript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceScript").field("steps", &self.0.steps.len()).finish_non_exhaustive()
    }
}

impl ScriptedSource {
    /// Whether all of a batch lies before what is to be skipped.
    fn skips(&self, batch: &Batch) -> bool {
        !batch.positions.is_empty()
            && batch
                .positions
                .iter()
                .all(|each| self.skip.get(&each.split).is_some_and(|&stored| each.range.end <= stored))
    }

    fn give(&mut self, batch: &Batch) -> Batch {
        let mut state = self.script.0.state.lock();
        for each in &batch.positions {
            let given = state.given.entry(each.split.clone()).or_default();
            *given = each.range.end.max(*given);
        }
        self.read += batch.rows() as u64;
        batch.clone()
    }
}

#[async_trait]
impl Source for ScriptedSource {
    fn capabilities(&self) -> SourceCapabilities {
        let Script { bounded, remembers, .. } = *self.script.0;
        SourceCapabilities { bounded, replayable: true, remembers }
    }

    async fn connect(&mut self, stored: &Checkpoint) -> Result<()> {
        let mut state = self.script.0.state.lock();
        state.connects.push(stored.clone());
        if !state.connect_faults.is_empty() {
            return Err(state.connect_faults.remove(0).error());
        }
        self.skip = stored.clone();
        if self.script.0.remembers {
            for (split, &position) in &state.settled {
                let skip = self.skip.entry(split.clone()).or_default();
                *skip = position.max(*skip);
            }
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Batch>> {
        let script = self.script.clone();
        while let Some(step) = script.0.steps.get(self.at) {
            match step {
                Step::Batch(batch) if self.skips(batch) => self.at += 1,
                Step::Batch(batch) => {
                    self.at += 1;
                    return Ok(Some(self.give(batch)));
                }
                Step::Fail(fault) => {
                    self.at += 1;
                    let mut state = script.0.state.lock();
                    if fault.gives_up.is_some() {
                        return Err(fault.error());
                    }
                    if !state.fired.contains(&(self.at - 1)) {
                        state.fired.push(self.at - 1);
                        return Err(fault.error());
                    }
                }
                Step::Wait(time) => {
                    // Kept across calls: a caller that gives up and calls again waits no longer in all.
                    let until = *self.waiting_until.get_or_insert_with(|| Instant::now() + *time);
                    tokio::time::sleep_until(until).await;
                    self.waiting_until = None;
                    self.at += 1;
                }
                Step::Stall => futures::future::pending().await,
            }
        }
        if self.script.0.bounded { Ok(None) } else { futures::future::pending().await }
    }

    async fn settle(&mut self, settled: &[SplitPosition]) -> Result<()> {
        let mut state = self.script.0.state.lock();
        for each in settled {
            let given = state.given.get(&each.split).copied().unwrap_or_default();
            let before = state.settled.get(&each.split).copied().unwrap_or_default();
            if each.position > given {
                state
                    .violations
                    .push(format!("{} was settled to {} but given to {given}", each.split, each.position));
            }
            if each.position < before {
                state
                    .violations
                    .push(format!("{} was settled to {} after {before}", each.split, each.position));
            }
            state.settled.insert(each.split.clone(), each.position);
        }
        state.settles.push(settled.to_vec());
        Ok(())
    }

    fn progress(&self) -> Progress {
        let total = self.script.0.bounded.then(|| {
            let rows = |step: &Step| if let Step::Batch(batch) = step { batch.rows() as u64 } else { 0 };
            self.script.0.steps.iter().map(rows).sum()
        });
        Progress { read: self.read, total, lag: None }
    }

    async fn close(&mut self) -> Result<()> {
        self.script.0.state.lock().closes += 1;
        Ok(())
    }
}

impl SourceType for ScriptedSource {
    const NAME: &'static str = "scripted";
    const SUMMARY: &'static str = "Does what a test wrote down.";
    type Options = ScriptedOptions;

    fn build(options: ScriptedOptions, _: &BuildContext) -> Result<Box<dyn Source>> {
        Ok(Box::new(NAMED.get(&options)?.source()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(split: &str, position: u64) -> SplitPosition {
        SplitPosition { split: split.into(), position }
    }

    #[tokio::test(start_paused = true)]
    async fn steps_happen_in_order_and_an_error_once() {
        let script = SourceScript::new([
            Step::Batch(numbered("s", 0..10, 1)),
            Step::Fail(Fault::transient("lost")),
            Step::Wait(Duration::from_secs(3_600)),
            Step::Batch(numbered("s", 10..20, 1)),
        ]);
        for fails in [true, false] {
            let mut source = script.source();
            source.connect(&Checkpoint::new()).await.expect("connects");
            assert_eq!(source.next().await.expect("a batch").map(|batch| batch.rows()), Some(10));
            if fails {
                assert!(source.next().await.expect_err("the fault").is_transient());
            }
            assert_eq!(source.next().await.expect("a batch").map(|batch| batch.rows()), Some(10));
            assert!(source.next().await.expect("the end").is_none());
        }
    }

    #[tokio::test]
    async fn settling_what_was_never_given_is_noted() {
        let script = SourceScript::numbered("s", 20, 10);
        let mut source = script.source();
        source.connect(&Checkpoint::new()).await.expect("connects");
        source.next().await.expect("a batch");
        source.settle(&[settled("s", 10)]).await.expect("settles");
        assert!(script.violations().is_empty());
        source.settle(&[settled("s", 11)]).await.expect("settles");
        source.settle(&[settled("s", 10)]).await.expect("settles");
        assert_eq!(script.violations().len(), 2);
    }
}
