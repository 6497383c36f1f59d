//! What transforms hold, where positions are reset: it is of rows that may be read again, or never.

use std::collections::{BTreeMap, btree_map::Entry};

use levada_connector_api::{Batch, Error, Holds, Result};
use levada_model::{Checkpoint, SplitPosition};

use super::{Opened, Reset, backward, kept};
use crate::{
    parts::{Parts, at},
    resume::{Plan, ownerless},
    state,
};

/// The states of a pipeline that does not run.
pub(super) struct States<'a> {
    parts: &'a Parts<'a>,
    sinks: &'a [Opened<'a>],
    /// By transform, what its state stands for and the highest version that was ever given.
    known: BTreeMap<usize, (Checkpoint, u64)>,
}

impl<'a> States<'a> {
    pub(super) fn new(parts: &'a Parts<'a>, sinks: &'a [Opened<'a>], plan: &Plan) -> Self {
        let known = plan.states.iter().map(|(&index, state)| (index, (state.positions.clone(), state.last)));
        Self { parts, sinks, known: known.collect() }
    }

    /// Gives up what is kept of transforms that are not there any more, where everything is reset; or of the one transform that is
    /// meant. Gives whether one was.
    ///
    /// # Errors
    /// It is to begin elsewhere than at its beginning, or something cannot be written.
    pub(super) async fn give_up(&mut self, reset: &Reset) -> Result<bool> {
        let ownerless = ownerless(self.parts, &kept(self.sinks).await?)?;
        let Reset::Split { name, position } = reset else {
            for node in &ownerless {
                self.remove(node).await?;
            }
            return Ok(false);
        };
        let split = name.as_str().into();
        let Some(node) = state::node_of(&split) else { return Ok(false) };
        let transform = self.parts.pipeline.transforms.iter().position(|each| each.name == node);
        let transform = transform.filter(|&index| self.parts.holds(index) == Holds::State);
        if transform.is_none() && !ownerless.contains(node) {
            return Ok(false);
        }
        if *position != 0 {
            let message = format!("what `{node}` holds can only be given up, with `{node}/state=0`");
            return Err(Error::config(message));
        }
        match transform {
            Some(index) => self.begin(index, None).await?,
            None => self.remove(node).await?,
        }
        Ok(true)
    }

    /// The transforms behind a source begin without a state, at these positions.
    ///
    /// # Errors
    /// Something cannot be written.
    pub(super) async fn forget_behind(&mut self, source: &str, to: &[SplitPosition]) -> Result<()> {
        let behind = self.parts.behind(source);
        for (index, node) in self.parts.pipeline.transforms.iter().enumerate() {
            if self.parts.holds(index) == Holds::State && behind.contains(&node.name.as_str()) {
                self.begin(index, Some(to)).await?;
            }
        }
        Ok(())
    }

    /// A transform begins without a state: at these positions, with the other transforms in front of it beginning anew, too; or
    /// where it stands, as far as that is known.
    async fn begin(&mut self, index: usize, to: Option<&[SplitPosition]>) -> Result<()> {
        let Some(node) = self.parts.pipeline.transforms.get(index) else { return Ok(()) };
        let folder = state::folder(&self.parts.state_dir, &node.name);
        let (positions, last) = match self.known.entry(index) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let last = state::look(&folder).map_err(at(&node.name))?.last;
                unknown.insert((Checkpoint::new(), last))
            }
        };
        if let Some(to) = to {
            for other in &self.parts.pipeline.transforms {
                positions.remove(&state::split(&other.name));
            }
            positions.extend(to.iter().map(|each| (each.split.clone(), each.position)));
        }
        state::begin(&folder, positions, *last).map_err(at(&node.name))?;
        self.unmark(&node.name).await
    }

    /// Lets go of all that is kept of a transform that is not there.
    async fn remove(&self, node: &str) -> Result<()> {
        // The marks last: where they cannot be written, nobody has forgotten what is to be given up.
        state::remove(&state::folder(&self.parts.state_dir, node))?;
        self.unmark(node).await
    }

    /// The sinks that have something of a transform have nothing of it from now on.
    async fn unmark(&self, node: &str) -> Result<()> {
        let behind = self.parts.behind(node);
        let split = state::split(node);
        let none = SplitPosition { split: split.clone(), position: 0 };
        let batch = Batch { positions: vec![backward(&none)], ..Batch::default() };
        for sink in self.sinks.iter().filter(|sink| sink.capabilities.checkpoints) {
            let knows = sink.sink.checkpoint().await.map_err(at(sink.name))?.contains_key(&split);
            if knows || behind.contains(&sink.name) {
                sink.sink.write(&batch).await.map_err(at(sink.name))?;
            }
        }
        Ok(())
    }
}
