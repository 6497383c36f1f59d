//! The task of a transform: batch by batch, in order.

use std::{mem, sync::Arc};

use levada_connector_api::{Result, Transform};
use tracing::warn;

use crate::{
    dead_letters::Stage,
    metrics::TransformMetrics,
    node::{Counts, Node, NodeState},
    outlets::Outlets,
    parcel::{Parcel, weigh},
    queue::Receiver,
    shared::Shared,
};

/// Rows of which none has gone on before that is told, where more may come.
const PATIENCE: u64 = 10_000;

/// A transform and what its task needs.
pub(crate) struct TransformTask {
    pub(crate) node: Arc<Node>,
    pub(crate) transform: Box<dyn Transform>,
    pub(crate) metrics: TransformMetrics,
    pub(crate) inlet: Receiver<Parcel>,
    pub(crate) outlets: Outlets,
    pub(crate) shared: Arc<Shared>,
}

impl TransformTask {
    /// Runs until its inputs end, its consumers are gone, or it fails.
    pub(crate) async fn run(mut self) {
        self.node.set_state(NodeState::Ready);
        let shared = Arc::clone(&self.shared);
        let worked = tokio::select! {
            biased;
            () = shared.abort.cancelled() => Ok(()),
            worked = self.work() => worked,
        };
        match worked {
            Ok(()) => self.node.set_state(NodeState::Ended),
            Err(error) => shared.fail(&self.node, error),
        }
    }

    async fn work(&mut self) -> Result<()> {
        let mut told = false;
        while let Some(parcel) = self.inlet.recv().await {
            let parcel = self.apply(parcel)?;
            told = told || self.tell_of_nothing(PATIENCE);
            self.outlets.load(parcel);
            if self.outlets.flush().await.is_err() {
                break;
            }
        }
        if !told {
            self.tell_of_nothing(1);
        }
        Ok(())
    }

    /// Tells that nothing goes on, where so many rows have been left out; whether there is nothing more to tell.
    fn tell_of_nothing(&self, rows: u64) -> bool {
        let Counts { rows_out, left_out, .. } = self.node.tally.counts();
        if rows_out == 0 && left_out >= rows {
            warn!(
                pipeline = %self.shared.pipeline,
                node = %self.node.name,
                left_out,
                "no row goes on: none of those that came has a value that is kept; are the names in the options right?"
            );
            return true;
        }
        rows_out > 0
    }

    fn apply(&mut self, parcel: Parcel) -> Result<Parcel> {
        let Parcel { batch, receipt, letters, .. } = parcel;
        let came = batch.rows();
        self.node.tally.came_in(came);
        self.metrics.received.inc_by(came as u64);
        let mut batch = self.transform.apply(batch)?;
        let weight = weigh(&batch);
        let refused = mem::take(&mut batch.rejected);
        let rejected = refused.len();
        let letters = letters.max(self.shared.refusals.records(&self.node, Stage::Transform, refused)?);
        let rows = batch.rows();
        self.node.tally.went_out(rows, 0);
        self.node.tally.left_out(came.saturating_sub(rows + rejected));
        self.metrics.sent.inc_by(rows as u64);
        Ok(Parcel { batch, receipt, letters, weight })
    }
}
