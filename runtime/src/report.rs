//! What a pipeline did, told when it has ended, and how far it is, told while it runs.

use std::time::Duration;

use levada_connector_api::Error;
use serde::Serialize;

use crate::node::{Counts, GivenUp, NodeKind, NodeState};
use crate::rejections::ReasonCount;

/// Why a pipeline ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Its sources ended and all they had is settled.
    Completed,
    /// It was stopped, and all that was read is settled.
    Stopped,
    /// It ended or was stopped, and all that was read is settled; but its sources gave splits up, of which there is more to
    /// be read. See [`NodeReport::given_up`].
    Partial,
    /// It was stopped, and not all that was read is settled: the grace was over, or it was told not to wait.
    Aborted,
    /// It failed; see [`Report::error`].
    Failed,
}

/// What a pipeline did.
#[derive(Debug)]
pub struct Report {
    /// The pipeline's name.
    pub pipeline: String,
    /// Why it ended.
    pub outcome: Outcome,
    /// The error that ended it; its context names the node.
    pub error: Option<Error>,
    /// From its start to its end.
    pub elapsed: Duration,
    /// Rows read by all sources.
    pub rows_read: u64,
    /// Rows delivered by all sinks: one that goes to two sinks counts twice.
    pub rows_sent: u64,
    /// Records and rows dead-lettered.
    pub dead: u64,
    /// Records and rows dropped, where the pipeline's `errors` say so.
    pub dropped: u64,
    /// Records, or rows of records of many, that gave no value.
    pub empty: u64,
    /// Rows that transforms left out: none of their values went on.
    pub left_out: u64,
    /// Why records and rows were dead-lettered or dropped, and how often, the most frequent first. Reasons that differ in nothing
    /// but values are one.
    pub reasons: Vec<ReasonCount>,
    /// How many were so for reasons beyond these.
    pub other_reasons: u64,
    /// Splits that sources gave up.
    pub given_up: u64,
    /// Rows that were read and are not settled. A source that can read again brings them back.
    pub rows_unsettled: u64,
    /// The counts of each node.
    pub nodes: Vec<NodeReport>,
}

/// What a node did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeReport {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub kind: NodeKind,
    /// How it is doing, or ended.
    #[serde(flatten)]
    pub state: NodeState,
    /// Its counts.
    pub counts: Counts,
    /// Splits that it gave up; the first few of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<GivenUp>,
}

/// How far a pipeline is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct PipelineProgress {
    /// Since it was started.
    pub elapsed: Duration,
    /// Rows read.
    pub rows_read: u64,
    /// Rows delivered.
    pub rows_sent: u64,
    /// Records and rows dead-lettered.
    pub dead: u64,
    /// Records read, as the sources count them.
    pub records_read: u64,
    /// Records there will be, where every source knows.
    pub records_total: Option<u64>,
    /// Records waiting at the other side, where any source knows.
    pub lag: Option<u64>,
    /// Rows delivered a second, lately.
    pub rows_per_second: f64,
    /// Records read a second, lately.
    pub records_per_second: f64,
    /// How long the rest will take at this rate, where that can be told.
    pub eta: Option<Duration>,
}

/// How full the queue from one node to another is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Queue {
    /// Whose rows they are.
    pub(crate) from: String,
    /// Who has yet to take them.
    pub(crate) to: String,
    /// Rows that wait.
    pub(crate) rows: usize,
    /// Bytes of memory that they hold.
    pub(crate) bytes: usize,
}

impl Report {
    /// Whether no value arrived anywhere though records were read: each was dead-lettered, dropped, left out, or gave none.
    pub fn nothing_arrived(&self) -> bool {
        let mut sinks = self.nodes.iter().filter(|node| node.kind == NodeKind::Sink);
        // Of a row that is dead-lettered for one value, others may have arrived.
        let arrived = self.rows_sent > 0 || sinks.any(|node| node.counts.points_out > 0);
        !arrived && self.dead + self.dropped + self.empty + self.left_out > 0
    }

    /// Whether everything that was read is settled, no split was given up and nothing failed.
    pub fn is_clean(&self) -> bool {
        matches!(self.outcome, Outcome::Completed | Outcome::Stopped)
    }
}
