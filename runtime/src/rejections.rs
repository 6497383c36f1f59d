//! What becomes of records and rows that cannot be decoded or stored, as the pipeline's `errors` say.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use levada_config::OnError;
use levada_connector_api::{Batch, Error, RejectedRecord, Rejection, Repeats, Result};
use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::warn;

mod reasons;

pub use self::reasons::ReasonCount;

use self::reasons::Reasons;
use crate::{
    dead_letters::{Circumstances, DeadLetters, Letter, LetterRows, Stage, Ticket, of_record, of_rejections},
    metrics::Metrics,
    node::Node,
};

/// One line in the log for all rejections of this time.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// The wall clock, for letters.
pub(crate) type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Handles rejections by the pipeline's policy: dead letters, dropped, or an error that stops the pipeline.
#[derive(Clone)]
pub(crate) struct Rejections {
    pipeline: Arc<str>,
    policy: OnError,
    letters: DeadLetters,
    metrics: Metrics,
    clock: Clock,
    log: Arc<Mutex<Repeats>>,
    reasons: Arc<Mutex<Reasons>>,
}

/// Rows of a batch that a sink rejected, disposed of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rejected {
    /// Their letters.
    pub(crate) ticket: Ticket,
    /// How many rows.
    pub(crate) rows: usize,
    /// Their values that are not null.
    pub(crate) points: usize,
}

impl Rejections {
    pub(crate) fn new(
        pipeline: Arc<str>,
        policy: OnError,
        letters: DeadLetters,
        metrics: Metrics,
        clock: Clock,
    ) -> Self {
        let log = Arc::new(Mutex::new(Repeats::new(LOG_EVERY)));
        Self { pipeline, policy, letters, metrics, clock, log, reasons: Arc::default() }
    }

    /// Records that could not be decoded, or that a transform cannot handle. Gives the ticket that must be durable before
    /// their positions are settled.
    ///
    /// # Errors
    /// The policy is to stop.
    pub(crate) fn records(&self, node: &Node, stage: Stage, rejected: Vec<RejectedRecord>) -> Result<Ticket> {
        if rejected.is_empty() {
            return Ok(Ticket::default());
        }
        let circumstances = Circumstances { time: (self.clock)(), node: &node.name, stage, attempts: 1 };
        let letters =
            rejected.into_iter().map(|each| of_record(each.record, &each.error, &circumstances)).collect();
        self.dispose(node, stage, letters)
    }

    /// Rows that a sink will never take. Its ticket must be durable before their positions are settled.
    ///
    /// # Errors
    /// The policy is to stop.
    pub(crate) fn rows(
        &self,
        node: &Node,
        batch: &Batch,
        rejections: &[Rejection],
        attempts: u64,
    ) -> Result<Rejected> {
        if rejections.is_empty() {
            return Ok(Rejected::default());
        }
        let circumstances =
            Circumstances { time: (self.clock)(), node: &node.name, stage: Stage::Write, attempts };
        let LetterRows { letters, rows, points } = of_rejections(batch, rejections, &circumstances);
        Ok(Rejected { ticket: self.dispose(node, Stage::Write, letters)?, rows, points })
    }

    /// How often each reason was given, and how many reasons were of further kinds.
    pub(crate) fn reasons(&self) -> (Vec<ReasonCount>, u64) {
        self.reasons.lock().all()
    }

    /// Waits until letters are durable. Cancel safe.
    pub(crate) async fn durable(&self, ticket: Ticket) -> Result<()> {
        self.letters.durable(ticket).await
    }

    fn dispose(&self, node: &Node, stage: Stage, letters: Vec<Letter>) -> Result<Ticket> {
        let Some(first) = letters.first() else { return Ok(Ticket::default()) };
        if self.policy == OnError::Stop {
            return Err(stop_with(first));
        }
        self.log(node, stage, first, letters.len());
        let mut reasons = self.reasons.lock();
        letters.iter().for_each(|letter| reasons.count(&node.name, stage, &letter.error));
        drop(reasons);
        if self.policy == OnError::Drop {
            node.tally.dropped(letters.len());
            self.metrics.dropped(&self.pipeline, &node.name, stage).inc_by(letters.len() as u64);
            return Ok(Ticket::default());
        }
        node.tally.dead(letters.len());
        self.metrics.dead_letters(&self.pipeline, &node.name, stage).inc_by(letters.len() as u64);
        Ok(self.letters.submit(letters))
    }

    fn log(&self, node: &Node, stage: Stage, first: &Letter, letters: usize) {
        let now = Instant::now().into_std();
        let Some(count) = self.log.lock().note(letters as u64, now) else { return };
        let (stage, error) = (stage.name(), &first.error);
        match self.policy {
            OnError::Drop => {
                warn!(pipeline = %self.pipeline, node = %node.name, stage, count, error, "dropped, as `errors` say");
            }
            _ => warn!(pipeline = %self.pipeline, node = %node.name, stage, count, error, "dead-lettered"),
        }
    }
}

impl fmt::Debug for Rejections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rejections")
            .field("pipeline", &self.pipeline)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

fn stop_with(letter: &Letter) -> Error {
    let error = Error::data(letter.error.clone()).with("stage", letter.stage.name());
    match letter.origin() {
        Some((split, position)) => error.with("split", split).with("position", position),
        None => error,
    }
}
