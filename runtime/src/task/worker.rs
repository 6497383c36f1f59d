//! A transform at work: batch by batch, in order.

use std::{mem, sync::Arc, time::Instant};

use levada_config::RetryPolicy;
use levada_connector_api::{Batch, Emitted, Emitter, Result, Transform};
use tracing::warn;

use crate::{
    dead_letters::{Stage, Ticket},
    metrics::TransformMetrics,
    node::{Counts, Node},
    outlets::Outlets,
    parcel::{Parcel, weigh},
    patience::Patience,
    queue::Receiver,
    shared::Shared,
};

/// Rows of which none has gone on before that is told, where more may come.
pub(super) const ROWS_BEFORE_WARNING: u64 = 10_000;

/// A transform, and where what it emits is counted and goes.
pub(crate) struct Worker {
    pub(crate) node: Arc<Node>,
    pub(crate) transform: Box<dyn Transform>,
    pub(crate) metrics: TransformMetrics,
    pub(crate) outlets: Outlets,
    pub(crate) shared: Arc<Shared>,
    /// That no row goes on was told, or one does.
    told: bool,
}

impl Worker {
    pub(crate) fn new(
        node: Arc<Node>,
        transform: Box<dyn Transform>,
        metrics: TransformMetrics,
        outlets: Outlets,
        shared: Arc<Shared>,
    ) -> Self {
        Self { node, transform, metrics, outlets, shared, told: false }
    }

    /// The work where nothing is held from one batch to the next.
    pub(super) async fn work(&mut self, inlet: &mut Receiver<Parcel>) -> Result<()> {
        let mut out = Emitter::new(Instant::now());
        while let Some(parcel) = inlet.recv().await {
            let Parcel { mut batch, receipt, letters, early, way, .. } = parcel;
            let positions = mem::take(&mut batch.positions);
            let came = batch.rows();
            self.came_in(came);
            self.prepare(&batch).await?;
            out.set(Instant::now(), out.input() + 1);
            self.transform.apply(batch, &mut out)?;
            let mut emitted = out.take();
            let rejected = emitted.batch.rejected.len();
            let letters = letters.max(self.reject(&mut emitted)?);
            emitted.left_out = came.saturating_sub(emitted.rows() + rejected);
            let Emitted { mut batch, others, .. } = self.went_out(emitted);
            batch.positions = positions;
            let weight = weigh(&batch);
            self.outlets.load_all(Parcel { batch, receipt, letters, weight, early, way }, &others);
            self.tell_of_nothing(ROWS_BEFORE_WARNING);
            if self.outlets.flush().await.is_err() {
                break;
            }
        }
        self.tell_of_nothing(1);
        Ok(())
    }

    /// Gets what the transform needs for a batch.
    async fn prepare(&mut self, batch: &Batch) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let node = Arc::clone(&self.node);
        let mut patience = Patience::new(&shared, &node, "look up", RetryPolicy::default());
        while let Err(error) = self.transform.prepare(batch).await {
            patience.pause(&shared.abort, error).await?;
        }
        patience.worked();
        Ok(())
    }

    pub(crate) fn came_in(&self, rows: usize) {
        self.node.tally.came_in(rows);
        self.metrics.received.inc_by(rows as u64);
    }

    /// Takes rejected records out, and puts them where the pipeline says.
    pub(crate) fn reject(&self, emitted: &mut Emitted) -> Result<Ticket> {
        let rejected = mem::take(&mut emitted.batch.rejected);
        self.shared.rejections.records(&self.node, Stage::Transform, rejected)
    }

    /// Counts what was emitted. What nobody reads is left out.
    pub(crate) fn went_out(&self, mut emitted: Emitted) -> Emitted {
        for (output, readings) in (1..).zip(&mut emitted.others) {
            if !readings.is_empty() && !self.outlets.reads(output) {
                emitted.left_out += readings.drain(..).map(|each| each.tablet.rows()).sum::<usize>();
            }
        }
        if !self.outlets.reads(0) {
            let unread = emitted.batch.readings.drain(..).map(|each| each.tablet.rows()).sum::<usize>();
            emitted.left_out += unread;
        }
        self.node.tap.offer(emitted.batch.readings.iter().chain(emitted.others.iter().flatten()));
        let rows = emitted.rows();
        self.node.tally.went_out(rows, 0);
        self.node.tally.left_out(mem::take(&mut emitted.left_out));
        self.metrics.sent.inc_by(rows as u64);
        emitted
    }

    /// Tells once that nothing goes on, where so many rows have been left out.
    pub(crate) fn tell_of_nothing(&mut self, rows: u64) {
        if self.told {
            return;
        }
        let Counts { rows_out, left_out, .. } = self.node.tally.counts();
        self.told = rows_out > 0 || left_out >= rows;
        if self.told && rows_out == 0 {
            warn!(
                pipeline = %self.shared.pipeline,
                node = %self.node.name,
                left_out,
                "no row goes on: none of those that came has a value that is kept; are the names in the options right?"
            );
        }
    }
}
