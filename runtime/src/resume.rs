//! Where sources and transforms go on after a restart.
//!
//! Whatever keeps positions has a say of the nodes whose rows reach it first: a sink, or a transform with saved state (a
//! *keeper*: nothing that is behind it is asked any more).
//!
//! ```text
//!   source ──▶ rename ──▶ window ──▶ sql ──▶ store        the store says which state of `window` goes with its rows,
//!                           │                             and that state says where the source goes on
//!                           └── keeper of the source
//! ```
//!
//! - All keepers know positions: a source goes on at the *smallest* that any of them has for a split. What the others
//!   have beyond it they are given again: a sink that stores positions takes it without harm, a transform leaves it out. A
//!   split that one of them knows nothing of is left out: nothing is promised to be in all of them.
//! - A sink keeps nothing at all (standard output): it has no say, unless none of them keeps anything.
//! - A sink keeps rows and no positions: what the pipeline remembers stands for it. That is the [memory](crate::memory) of a source,
//!   and the notes in the [journal](crate::state) of a transform.
//! - A sink keeps rows, and nothing is remembered of it: the source is told nothing. A position stored in one sink does not say
//!   that the other ever had the rows, so going on there could lose them. The source goes on where it committed itself (that is
//!   never beyond what all sinks settled), or at its beginning; and in either case no further than what a sink that does store
//!   positions has, since that may have lost rows (a [limit](Told::limits)).
//!
//! The version of a transform's state is found in a like way, as the position in the split of its marks: see [`states`].

use std::{collections::BTreeMap, path::Path};

use levada_connector_api::{Holds, Result, SourceCapabilities};
use levada_model::Checkpoint;

use crate::{
    parts::{Keeper, Kept, Parts, at},
    state::{self, Behind, Emissions, Found, Journal, Recovered},
};

mod states;

pub(crate) use self::states::ownerless;

/// What is known before a run.
pub(crate) struct Before<'a> {
    /// By the pipeline's sinks, in their order.
    pub(crate) sinks: &'a [Kept],
    /// What is remembered of the pipeline's sources, in their order.
    pub(crate) memories: &'a [Option<Checkpoint>],
    pub(crate) sources: &'a [SourceCapabilities],
}

/// What a source is told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// The splits that all of its keepers know.
    pub(crate) stored: Checkpoint,
    /// The splits that some of them know, and others not: no more than this is in those that do.
    pub(crate) limits: Checkpoint,
}

/// Where everything goes on.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// What each source is told.
    pub(crate) sources: Vec<Told>,
    /// The state of each transform that saves one, by its place among the transforms.
    pub(crate) states: BTreeMap<usize, StateAt>,
}

/// The state that a transform begins with.
#[derive(Debug)]
pub(crate) struct StateAt {
    pub(crate) version: u64,
    pub(crate) positions: Checkpoint,
    /// The highest version that was ever given, or that anybody knows.
    pub(crate) last: u64,
    /// The version at which the last of those behind it stands: what was emitted since is given again. At most `version`, but where
    /// that stands for one that was given up.
    pub(crate) least: u64,
    /// It begins without a state: nobody knows of one.
    pub(crate) anew: bool,
    /// Something behind it keeps what it emits.
    pub(crate) kept: bool,
    /// Several do, and one of them is a transform with state: what is emitted is kept here, too.
    pub(crate) keeps_emitted: bool,
    /// Who that is, from now on.
    pub(crate) behind: Behind,
    pub(crate) found: Found,
}

impl Plan {
    /// What a source is told.
    pub(crate) fn told(&self, source: usize) -> Told {
        self.sources.get(source).cloned().unwrap_or_default()
    }
}

/// Finds out where everything goes on. Reads folders of states, and blocks meanwhile.
///
/// # Errors
/// A state that a sink stands at is not there; a sink lost what it had of a transform with state; or something is kept of such a
/// transform that the pipeline does not have.
pub(crate) fn plan(parts: &Parts<'_>, before: &Before<'_>) -> Result<Plan> {
    if let Some(error) =
        ownerless(parts, before.sinks)?.iter().next().map(|node| states::strange(parts, node))
    {
        return Err(error);
    }
    let mut states = BTreeMap::new();
    // Behind before in front: what is behind says which version it knows.
    for name in parts.pipeline.order.iter().rev() {
        let index = parts.pipeline.transforms.iter().position(|node| node.name == *name);
        if let Some(index) = index.filter(|&index| parts.holds(index) == Holds::State) {
            let state = states::at(parts, before, &states, name).map_err(at(name))?;
            states.insert(index, state);
        }
    }
    let told = |(index, node): (usize, &levada_config::SourceNode)| {
        let keepers = parts.keepers(&node.name);
        let remembered = before.memories.get(index).and_then(Option::as_ref);
        let kept = |keeper: &Keeper| match keeper {
            Keeper::State(index) => states.get(index).map(|state| Some(&state.positions)),
            Keeper::Sink(sink) => before
                .sinks
                .get(*sink)
                .filter(|sink| sink.lasting)
                .map(|sink| sink.stored.as_ref().or(remembered)),
        };
        let kept: Vec<_> = keepers.iter().filter_map(kept).collect();
        let stored = stored(kept.iter().copied());
        let limits = limits(kept.iter().copied().flatten(), &stored);
        Told { stored, limits }
    };
    let sources = parts.pipeline.sources.iter().enumerate().map(told).collect();
    Ok(Plan { sources, states })
}

impl StateAt {
    /// The state, what was emitted before it and is not everywhere, and the journal, which goes on behind it. Blocks.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub(crate) fn open(&self, folder: &Path) -> Result<(Recovered, Emissions, Journal)> {
        let open = || match self.anew {
            true => {
                let journal = Journal::begin(folder, &self.positions, self.last, self.behind.clone())?;
                Ok((Recovered::default(), Emissions::new(), journal))
            }
            false => {
                let recovered = self.found.recover(self.version)?;
                let emitted = self.found.emitted(self.least, self.version)?;
                let behind = self.behind.clone();
                let journal = Journal::go_on(folder, &self.found, self.version, self.last, behind)?;
                Ok((recovered, emitted, journal))
            }
        };
        open().map_err(|error| state::cannot("open", folder, error))
    }
}

/// What a source is told, from the checkpoints of its keepers; `None` is one that keeps none.
pub(crate) fn stored<'a>(keepers: impl IntoIterator<Item = Option<&'a Checkpoint>>) -> Checkpoint {
    let mut keepers = keepers.into_iter();
    let Some(Some(first)) = keepers.next() else { return Checkpoint::new() };
    let mut stored = first.clone();
    for keeper in keepers {
        let Some(checkpoint) = keeper else { return Checkpoint::new() };
        stored.retain(|split, position| match checkpoint.get(split) {
            Some(other) => {
                *position = (*position).min(*other);
                true
            }
            None => false,
        });
    }
    stored
}

/// What is in those keepers that know a split which is not known to all.
fn limits<'a>(keepers: impl IntoIterator<Item = &'a Checkpoint>, stored: &Checkpoint) -> Checkpoint {
    let mut limits = Checkpoint::new();
    for (split, &position) in keepers.into_iter().flatten().filter(|(split, _)| !stored.contains_key(*split))
    {
        let limit = limits.entry(split.clone()).or_insert(position);
        *limit = position.min(*limit);
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(positions: &[(&str, u64)]) -> Checkpoint {
        positions.iter().map(|&(split, position)| (split.into(), position)).collect()
    }

    #[test]
    fn one_keeper_says_all() {
        let only = checkpoint(&[("a", 3), ("b", 9)]);
        assert_eq!(stored([Some(&only)]), only);
    }

    #[test]
    fn of_several_keepers_the_smallest_position_counts_and_unknown_splits_do_not() {
        let (one, other) = (checkpoint(&[("a", 3), ("b", 9), ("c", 1)]), checkpoint(&[("a", 7), ("b", 2)]));
        let both = stored([Some(&one), Some(&other)]);
        assert_eq!(both, checkpoint(&[("a", 3), ("b", 2)]));
        assert_eq!(limits([&one, &other], &both), checkpoint(&[("c", 1)]));
        assert_eq!(limits([&one, &other], &Checkpoint::new()), checkpoint(&[("a", 3), ("b", 2), ("c", 1)]));
    }

    #[test]
    fn one_that_keeps_none_leaves_it_to_the_source() {
        let one = checkpoint(&[("a", 3)]);
        assert_eq!(stored([Some(&one), None]), Checkpoint::new());
        assert_eq!(stored([None, Some(&one)]), Checkpoint::new());
        assert_eq!(stored([]), Checkpoint::new());
    }
}
