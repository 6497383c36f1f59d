//! The task of a transform: batch by batch, in order.

use std::{mem, sync::Arc};

use levada_connector_api::{Result, Transform};

use crate::{
    dead_letters::Stage,
    metrics::TransformMetrics,
    node::{Node, NodeState},
    outlets::Outlets,
    parcel::{Parcel, weigh},
    queue::Receiver,
    shared::Shared,
};

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
        while let Some(parcel) = self.inlet.recv().await {
            let parcel = self.apply(parcel)?;
            self.outlets.load(parcel);
            if self.outlets.flush().await.is_err() {
                break;
            }
        }
        Ok(())
    }

    fn apply(&mut self, parcel: Parcel) -> Result<Parcel> {
        let Parcel { batch, receipt, letters, .. } = parcel;
        let rows = batch.rows();
        self.node.tally.came_in(rows);
        self.metrics.received.inc_by(rows as u64);
        let mut batch = self.transform.apply(batch)?;
        let weight = weigh(&batch);
        let refused = mem::take(&mut batch.rejected);
        let letters = letters.max(self.shared.refusals.records(&self.node, Stage::Transform, refused)?);
        let rows = batch.rows();
        self.node.tally.went_out(rows, 0);
        self.metrics.sent.inc_by(rows as u64);
        Ok(Parcel { batch, receipt, letters, weight })
    }
}
