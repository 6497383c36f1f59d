//! A pipeline that runs: the handle by which it is watched and stopped.

use std::{fmt, sync::Arc, time::Duration};

use levada_connector_api::{Error, Progress};
use parking_lot::Mutex;
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    ledger::{Ledger, Outstanding},
    node::{Node, NodeKind, NodeState},
    report::{NodeReport, Outcome, PipelineProgress, Queue, Report},
    shared::Shared,
    tap::Tapped,
    topology::Edge,
};

/// Rates are taken over spans of at least this.
const SPAN: Duration = Duration::from_millis(500);

/// A pipeline that runs. Dropping it stops the pipeline as [`RunningPipeline::stop`] does, without waiting.
#[derive(Debug)]
pub struct RunningPipeline {
    pub(crate) handle: PipelineHandle,
    /// Taken by `wait`.
    pub(crate) task: Option<JoinHandle<Report>>,
}

/// Watches and stops a pipeline, from anywhere.
#[derive(Clone)]
pub struct PipelineHandle(pub(crate) Arc<Live>);

/// What is known of a pipeline from outside its tasks.
pub(crate) struct Live {
    pub(crate) shared: Arc<Shared>,
    pub(crate) nodes: Vec<Arc<Node>>,
    pub(crate) ledgers: Vec<Arc<Ledger>>,
    pub(crate) edges: Vec<Edge>,
    pub(crate) started: Instant,
    pub(crate) rates: Mutex<Option<Rates>>,
}

/// A moment, and the rates up to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    at: Instant,
    rows: u64,
    records: u64,
    rows_per_second: f64,
    records_per_second: f64,
}

impl RunningPipeline {
    /// The handle, to keep while another waits.
    pub fn handle(&self) -> PipelineHandle {
        self.handle.clone()
    }

    /// See [`PipelineHandle::stop`].
    pub fn stop(&self) {
        self.handle.stop();
    }

    /// See [`PipelineHandle::abort`].
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// See [`PipelineHandle::progress`].
    pub fn progress(&self) -> PipelineProgress {
        self.handle.progress()
    }

    /// Waits until the pipeline has ended and everything is closed. Not cancel safe: dropping the future stops the pipeline.
    pub async fn wait(mut self) -> Report {
        let Some(task) = self.task.take() else { return self.handle.0.report(None) };
        match task.await {
            Ok(report) => report,
            Err(error) => self.handle.0.report(Some(Error::bug(format!("the supervisor failed: {error}")))),
        }
    }
}

impl Drop for RunningPipeline {
    fn drop(&mut self) {
        self.handle.stop();
    }
}

impl PipelineHandle {
    /// The pipeline's name.
    pub fn name(&self) -> &str {
        &self.0.shared.pipeline
    }

    /// Reads no more, and ends when all that was read is settled, or when the grace is over. Returns at once.
    pub fn stop(&self) {
        self.0.shared.stop.cancel();
    }

    /// Ends without finishing what is under way: it will be read again. Returns at once.
    pub fn abort(&self) {
        self.stop();
        self.0.shared.abort.cancel();
    }

    /// Whether it was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.0.shared.stop.is_cancelled()
    }

    /// Whether it has ended and everything is closed.
    pub fn is_ended(&self) -> bool {
        self.0.shared.ended.is_cancelled()
    }

    /// Whether every source is connected and reads all its splits, and every sink takes rows.
    pub fn is_ready(&self) -> bool {
        self.0.nodes.iter().all(|node| {
            matches!(node.state(), NodeState::Ready | NodeState::Ended) && node.tally.counts().given_up == 0
        })
    }

    /// Every node, how it is doing and what it counted.
    pub fn nodes(&self) -> Vec<NodeReport> {
        self.0.nodes.iter().map(|node| node_report(node)).collect()
    }

    /// How far it is. Rates are over the time since an earlier call, half a second or more ago.
    pub fn progress(&self) -> PipelineProgress {
        self.0.progress(Instant::now())
    }

    /// Looks at the rows that pass a node, from now on: those that a source or transform sends on, or that come to a sink. `None`
    /// where there is no such node.
    pub fn tap(&self, node: &str) -> Option<Tapped> {
        self.0.nodes.iter().find(|each| *each.name == *node).map(|node| Tapped::new(&node.tap))
    }

    /// Waits until it has ended and everything is closed. Cancel safe.
    pub async fn ended(&self) {
        self.0.shared.ended.cancelled().await;
    }

    /// Rows that were read and are not settled.
    pub(crate) fn rows_in_flight(&self) -> usize {
        self.0.ledgers.iter().map(|ledger| ledger.outstanding().rows).sum()
    }

    /// How full each edge is.
    pub(crate) fn queues(&self) -> Vec<Queue> {
        let queue = |Edge { from, to, budget, .. }: &Edge| {
            let used = budget.used();
            Queue { from: from.clone(), to: to.clone(), rows: used.rows, bytes: used.bytes }
        };
        self.0.edges.iter().map(queue).collect()
    }
}

impl Live {
    fn progress(&self, now: Instant) -> PipelineProgress {
        let mut progress =
            PipelineProgress { elapsed: now.duration_since(self.started), ..PipelineProgress::default() };
        let mut total = Some(0u64);
        for node in &self.nodes {
            let counts = node.tally.counts();
            progress.dead += counts.dead;
            match node.kind {
                NodeKind::Source => {
                    let Progress { read, total: of_node, lag } = node.progress();
                    progress.rows_read += counts.rows_out;
                    progress.records_read += read;
                    total = total.zip(of_node).map(|(sum, more)| sum.saturating_add(more));
                    progress.lag = progress.lag.map_or(lag, |sum| Some(sum + lag.unwrap_or(0)));
                }
                NodeKind::Transform => {}
                NodeKind::Sink => progress.rows_sent += counts.rows_out,
            }
        }
        progress.records_total = total;
        let rates = self.rates(now, progress.rows_sent, progress.records_read);
        (progress.rows_per_second, progress.records_per_second) =
            (rates.rows_per_second, rates.records_per_second);
        if let Some(rest) = progress.records_total.map(|total| total.saturating_sub(progress.records_read))
            && rates.records_per_second > 0.0
        {
            progress.eta = Duration::try_from_secs_f64(rest as f64 / rates.records_per_second).ok();
        }
        progress
    }

    fn rates(&self, now: Instant, rows: u64, records: u64) -> Rates {
        let mut guard = self.rates.lock();
        let start =
            Rates { at: self.started, rows: 0, records: 0, rows_per_second: 0.0, records_per_second: 0.0 };
        let before = guard.unwrap_or(start);
        let span = now.duration_since(before.at);
        if span < SPAN {
            return before;
        }
        let rate = |count: u64, before: u64| count.saturating_sub(before) as f64 / span.as_secs_f64();
        let rates = Rates {
            at: now,
            rows,
            records,
            rows_per_second: rate(rows, before.rows),
            records_per_second: rate(records, before.records),
        };
        *guard = Some(rates);
        rates
    }

    /// Brings the gauges of the edges up to date.
    pub(crate) fn observe(&self) {
        for edge in &self.edges {
            let used = edge.budget.used();
            edge.metrics.rows.set(i64::try_from(used.rows).unwrap_or(i64::MAX));
            edge.metrics.bytes.set(i64::try_from(used.bytes).unwrap_or(i64::MAX));
        }
    }

    /// The report, once all tasks have ended.
    pub(crate) fn report(&self, bug: Option<Error>) -> Report {
        let nodes: Vec<_> = self.nodes.iter().map(|node| node_report(node)).collect();
        let sum = |kind: NodeKind, of: fn(&NodeReport) -> u64| -> u64 {
            nodes.iter().filter(|node| node.kind == kind).map(of).sum()
        };
        let outstanding = self.ledgers.iter().map(|ledger| ledger.outstanding());
        let rows_unsettled: usize =
            outstanding.clone().map(|Outstanding { rows, lost_rows, .. }| rows + lost_rows).sum();
        let batches_unsettled: usize =
            outstanding.map(|Outstanding { batches, lost_batches, .. }| batches + lost_batches).sum();
        let given_up = sum(NodeKind::Source, |node| node.counts.given_up);
        let (reasons, other_reasons) = self.shared.rejections.reasons();
        let error = bug.or_else(|| self.shared.take_failure());
        let outcome = match &error {
            Some(_) => Outcome::Failed,
            None if batches_unsettled > 0 => Outcome::Aborted,
            None if given_up > 0 => Outcome::Partial,
            None if self.shared.stop.is_cancelled() => Outcome::Stopped,
            None => Outcome::Completed,
        };
        Report {
            pipeline: self.shared.pipeline.to_string(),
            outcome,
            error,
            elapsed: self.started.elapsed(),
            rows_read: sum(NodeKind::Source, |node| node.counts.rows_in),
            rows_sent: sum(NodeKind::Sink, |node| node.counts.rows_out),
            dead: nodes.iter().map(|node| node.counts.dead).sum(),
            dropped: nodes.iter().map(|node| node.counts.dropped).sum(),
            empty: sum(NodeKind::Source, |node| node.counts.empty),
            left_out: sum(NodeKind::Transform, |node| node.counts.left_out),
            reasons,
            other_reasons,
            given_up,
            rows_unsettled: rows_unsettled as u64,
            nodes,
        }
    }
}

fn node_report(node: &Node) -> NodeReport {
    NodeReport {
        name: node.name.to_string(),
        kind: node.kind,
        state: node.state(),
        counts: node.tally.counts(),
        given_up: node.given_up(),
    }
}

impl fmt::Debug for PipelineHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineHandle").field("pipeline", &self.name()).finish_non_exhaustive()
    }
}
