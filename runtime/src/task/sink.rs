//! The task of a sink: batches, writes, tries again, settles.
//!
//! Writes start in the order of their batches, and the next is started only after the one before was polled for the first
//! time; so a sink that queues on the first poll keeps the order with several writes under way. While one of them waits
//! to be tried again no new one starts. A batch with which a split begins or jumps is written alone, see
//! [`Frontier`].

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{StreamExt, stream::FuturesUnordered};
use levada_config::RetryPolicy;
use levada_connector_api::{Batch, Delivery, Error, ErrorKind, Rejection, Result, Sink, SinkCapabilities};
use levada_model::{Checkpoint, SplitRange};
use tokio::time::Instant;
use tracing::info;

use crate::{
    batcher::{Batcher, ClosedBy, Outgoing},
    confluence::Confluence,
    frontier::Frontier,
    metrics::SinkMetrics,
    node::{Node, NodeState},
    parcel::Parcel,
    patience::Patience,
    queue::Receiver,
    shared::{Shared, until, within, within_or},
};

/// A sink and what its task needs.
pub(crate) struct SinkTask {
    pub(crate) writer: Arc<Writer>,
    pub(crate) inlet: Receiver<Parcel>,
    pub(crate) batcher: Batcher,
    pub(crate) frontier: Frontier,
    /// For a sink that stores positions.
    pub(crate) confluence: Confluence,
}

/// What a write needs.
pub(crate) struct Writer {
    pub(crate) node: Arc<Node>,
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) capabilities: SinkCapabilities,
    pub(crate) metrics: SinkMetrics,
    pub(crate) retry: RetryPolicy,
    pub(crate) shared: Arc<Shared>,
    /// Writes that wait to be tried again.
    pub(crate) troubled: AtomicUsize,
}

impl SinkTask {
    /// Runs until its inputs end, the pipeline is aborted, or it fails; then closes the sink.
    pub(crate) async fn run(mut self) {
        if let Err(error) = self.pump().await {
            self.writer.shared.fail(&self.writer.node, error);
        }
        let Self { writer, inlet, batcher, .. } = self;
        // Whoever feeds this node learns that it is gone before it takes its time to close.
        drop((inlet, batcher));
        writer.close().await;
    }

    async fn pump(&mut self) -> Result<()> {
        let writer = Arc::clone(&self.writer);
        let (shared, rejections) = (&writer.shared, &writer.shared.rejections);
        let mut writes = FuturesUnordered::new();
        let (mut ended, mut alone) = (false, false);
        loop {
            let full = self.batcher.full().map(|full| full.letters);
            let deadline = self.batcher.deadline();
            if ended && full.is_none() && writes.is_empty() {
                return Ok(());
            }
            let room = writes.is_empty() || (!alone && !self.must_wait() && writer.has_room(writes.len()));
            tokio::select! {
                biased;
                () = shared.abort.cancelled() => return Ok(()),
                Some(done) = writes.next() => done?,
                durable = rejections.durable(full.unwrap_or_default()), if room && full.is_some() => {
                    durable?;
                    if let Some(batch) = self.batcher.take_full() {
                        let beginnings = self.begin(&batch);
                        alone = !beginnings.is_empty() || batch.early;
                        writes.push(Arc::clone(&writer).deliver(batch, beginnings));
                    }
                }
                // Without room for a write the batch may as well go on growing.
                () = until(deadline), if room && full.is_none() && deadline.is_some() => {
                    self.batcher.close(ClosedBy::Linger);
                }
                parcel = self.inlet.recv(), if full.is_none() && !ended => match parcel {
                    Some(parcel) => {
                        writer.node.tally.came_in(parcel.batch.rows());
                        writer.node.tap.offer(&parcel.batch.readings);
                        for together in self.confluence.arrive(parcel) {
                            self.batcher.push(together, Instant::now());
                        }
                    }
                    None => {
                        ended = true;
                        self.batcher.close(ClosedBy::Close);
                    }
                },
            }
        }
    }
}

impl SinkTask {
    /// Whether the next batch has to be written alone.
    fn must_wait(&self) -> bool {
        let checkpoints = self.writer.capabilities.checkpoints;
        checkpoints && self.batcher.full().is_some_and(|full| self.frontier.jumps(&full.batch.positions))
    }

    /// Beginnings of splits that must be stored before a batch.
    fn begin(&mut self, next: &Outgoing) -> Vec<SplitRange> {
        match self.writer.capabilities.checkpoints {
            true => self.frontier.advance(&next.batch.positions),
            false => Vec::new(),
        }
    }
}

impl Writer {
    /// Connects, and gives the positions that the sink keeps: `None` for a sink that keeps none.
    pub(crate) async fn connect(&self) -> Result<Option<Checkpoint>> {
        let mut patience = Patience::new(&self.shared, &self.node, "connect", self.retry);
        self.patiently(&mut patience, || self.sink.connect()).await?;
        let stored = match self.capabilities.checkpoints {
            true => Some(self.patiently(&mut patience, || self.sink.checkpoint()).await?),
            false => None,
        };
        self.node.set_state(NodeState::Ready);
        info!(pipeline = %self.shared.pipeline, node = %self.node.name, "sink connected");
        Ok(stored)
    }

    /// Tries until it works, the pipeline stops, or trying again does not help.
    async fn patiently<T, F: Future<Output = Result<T>>>(
        &self,
        patience: &mut Patience<'_>,
        attempt: impl Fn() -> F,
    ) -> Result<T> {
        let Shared { stop, deadlines, .. } = &*self.shared;
        loop {
            match within_or(stop, deadlines.connect, attempt()).await {
                Ok(done) => {
                    patience.worked();
                    return Ok(done);
                }
                Err(error) => patience.pause(stop, error).await?,
            }
        }
    }

    /// Lets go of the sink. Called whether it connected or not.
    pub(crate) async fn close(&self) {
        let deadline = self.capabilities.closing.unwrap_or_default().max(self.shared.deadlines.close);
        match within(deadline, self.sink.close()).await {
            Ok(()) => self.node.set_state(NodeState::Ended),
            Err(error) => self.shared.fail(&self.node, error.with("while", "closing")),
        }
    }

    /// Whether one more write may be started.
    fn has_room(&self, under_way: usize) -> bool {
        under_way < self.capabilities.max_in_flight && self.troubled.load(Ordering::Relaxed) == 0
    }

    /// Writes a batch, dead-letters what the sink rejects of it, and settles it.
    async fn deliver(self: Arc<Self>, outgoing: Outgoing, beginnings: Vec<SplitRange>) -> Result<()> {
        if !beginnings.is_empty() {
            self.write(&Batch { positions: beginnings, ..Batch::default() }).await?;
        }
        let Outgoing { batch, receipts, weight, closed_by, .. } = outgoing;
        self.metrics.created(closed_by).inc();
        self.metrics.batch_rows.observe(batch.rows() as f64);
        self.metrics.batch_bytes.observe(weight.bytes as f64);
        let (rows, points) = (batch.rows(), batch.points());
        let (delivery, attempts) = match rows {
            0 if !self.capabilities.checkpoints => (Delivery::default(), 1),
            _ => self.write(&batch).await?,
        };
        let rejected = self.shared.rejections.rows(&self.node, &batch, &delivery.rejected, attempts)?;
        self.shared.rejections.durable(rejected.ticket).await?;
        if rejected.rows > 0 && self.capabilities.checkpoints {
            // A sink may hold the positions of a batch back until what it rejected of it is safe.
            let positions = batch.positions.clone();
            self.write(&Batch { positions, ..Batch::default() }).await?;
        }
        let (rows, points) =
            (rows.saturating_sub(rejected.rows), points.saturating_sub(rejected.points) + delivery.beside);
        self.node.tally.went_out(rows, points);
        self.metrics.sent.inc_by(rows as u64);
        self.metrics.points.inc_by(points as u64);
        self.metrics.rejected.inc_by(rejected.rows as u64);
        for receipt in receipts {
            receipt.settle();
        }
        Ok(())
    }

    /// Writes until the sink answers; gives the answer and the number of attempts.
    async fn write(&self, batch: &Batch) -> Result<(Delivery, u64)> {
        let _in_flight = InFlight::enter(&self.metrics);
        let mut patience = Patience::new(&self.shared, &self.node, "write", self.retry);
        let mut trouble = None;
        loop {
            let started = Instant::now();
            let error = match within(self.shared.deadlines.write, self.sink.write(batch)).await {
                Ok(delivery) => {
                    self.metrics.latency.observe(started.elapsed().as_secs_f64());
                    let attempts = patience.failures() + 1;
                    patience.worked();
                    return Ok((delivery, attempts));
                }
                Err(error) => error,
            };
            self.metrics.error.inc();
            if error.is_transient() {
                trouble.get_or_insert_with(|| Trouble::enter(&self.troubled));
            } else if error.kind() == ErrorKind::Data {
                return Ok((all_of(batch, &error), patience.failures() + 1));
            }
            patience.pause(&self.shared.abort, error).await?;
            self.metrics.retries.inc();
        }
    }
}

/// A batch that is rejected as a whole because of its data is so many rows rejected.
fn all_of(batch: &Batch, error: &Error) -> Delivery {
    let reject = |readings| Rejection { readings, rows: None, error: error.to_string() };
    Delivery { rejected: (0..batch.readings.len()).map(reject).collect(), beside: 0 }
}

/// Counts a write that is under way, also where it is called off.
struct InFlight<'a>(&'a SinkMetrics);

impl<'a> InFlight<'a> {
    fn enter(metrics: &'a SinkMetrics) -> Self {
        metrics.in_flight.inc();
        Self(metrics)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.dec();
    }
}

/// Counts a write that waits to be tried again, or is being so.
struct Trouble<'a>(&'a AtomicUsize);

impl<'a> Trouble<'a> {
    fn enter(troubled: &'a AtomicUsize) -> Self {
        troubled.fetch_add(1, Ordering::Relaxed);
        Self(troubled)
    }
}

impl Drop for Trouble<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
