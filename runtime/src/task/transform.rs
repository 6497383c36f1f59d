//! The task of a transform: restored, then run to its end.

use std::sync::Arc;

use levada_connector_api::Result;
use tracing::info;

use crate::{
    confluence::Confluence,
    node::NodeState,
    parcel::Parcel,
    parts::{Kept, Parts, at},
    queue::Receiver,
    resume::StateAt,
    state::{self, States},
};

use super::{
    holding::{Holding, Keeping},
    worker::Worker,
};

/// A transform and what its task needs.
pub(crate) struct TransformTask {
    pub(crate) worker: Worker,
    pub(crate) inlet: Receiver<Parcel>,
    /// What is kept of a transform that holds anything.
    pub(crate) keeping: Option<Keeping>,
    /// For a transform that saves state.
    pub(crate) confluence: Confluence,
}

impl TransformTask {
    /// Gives it its state, and the journal in which it goes on. Blocks.
    ///
    /// # Errors
    /// The state cannot be read, or is of other options.
    pub(crate) fn restore(&mut self, parts: &Parts<'_>, state: &StateAt, sinks: &[Kept]) -> Result<()> {
        let name = Arc::clone(&self.worker.node.name);
        let folder = state::folder(&parts.state_dir, &name);
        let (recovered, again, journal) = state.open(&folder).map_err(at(&name))?;
        for part in &recovered.parts {
            self.worker.transform.restore(part).map_err(at(&name))?;
        }
        if !recovered.parts.is_empty() {
            let (pipeline, version) = (&self.worker.shared.pipeline, recovered.version);
            info!(%pipeline, node = %name, version, "the state of the run before is restored");
        }
        let notes = parts.targets_without_positions(&name, sinks);
        let notes = (!notes.is_empty()).then_some(notes);
        let states = States::new(folder, journal, notes, state.keeps_emitted, parts.disk.clone());
        let (split, positions) = (state::split(&name), state.positions.clone());
        let number = if again.is_empty() { state.last } else { state.least };
        let (states, last) = (Some(states), state.last);
        self.keeping = Some(Keeping { split, states, number, last, again, positions });
        Ok(())
    }

    /// Runs until its inputs end, its consumers are gone, or it fails.
    pub(crate) async fn run(self) {
        let Self { mut worker, mut inlet, keeping, confluence } = self;
        let (node, shared) = (Arc::clone(&worker.node), Arc::clone(&worker.shared));
        node.set_state(NodeState::Ready);
        let worked = match keeping {
            Some(keeping) => Holding::new(worker, inlet, keeping, confluence).run().await,
            None => tokio::select! {
                biased;
                () = shared.abort.cancelled() => Ok(()),
                worked = worker.work(&mut inlet) => worked,
            },
        };
        match worked {
            Ok(()) => node.set_state(NodeState::Ended),
            Err(error) => shared.fail(&node, error),
        }
    }
}
