//! Where a source goes on after a restart.
//!
//! A sink with checkpoints knows, split by split, what it holds. What a source is told depends on every sink that its rows
//! reach:
//!
//! - All of them keep checkpoints: the source goes on at the *smallest* position that any of them has for a split. What
//!   the others have beyond it they are given again, which a sink that stores positions takes without harm. A split that
//!   one of them knows nothing of is left out: nothing is promised to be in all of them.
//! - One keeps nothing at all (standard output): it has no say, unless none of them keeps anything.
//! - One keeps rows and no positions: what the pipeline [remembers](crate::memory) of it stands for them.
//! - One of them keeps rows, and nothing is remembered of it: the source is told nothing. A position stored in one sink does not say that the other ever had
//!   the rows, so going on there could lose them. The source goes on where it committed itself (that is never beyond
//!   what all sinks settled), or at its beginning.

use levada_model::Checkpoint;

/// What a source is told, from the checkpoints of the sinks it reaches; `None` is a sink that keeps none.
pub(crate) fn stored<'a>(sinks: impl IntoIterator<Item = Option<&'a Checkpoint>>) -> Checkpoint {
    let mut sinks = sinks.into_iter();
    let Some(Some(first)) = sinks.next() else { return Checkpoint::new() };
    let mut stored = first.clone();
    for sink in sinks {
        let Some(checkpoint) = sink else { return Checkpoint::new() };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint(positions: &[(&str, u64)]) -> Checkpoint {
        positions.iter().map(|&(split, position)| (split.into(), position)).collect()
    }

    #[test]
    fn one_sink_says_all() {
        let only = checkpoint(&[("a", 3), ("b", 9)]);
        assert_eq!(stored([Some(&only)]), only);
    }

    #[test]
    fn of_several_sinks_the_smallest_position_counts_and_unknown_splits_do_not() {
        let (one, other) = (checkpoint(&[("a", 3), ("b", 9), ("c", 1)]), checkpoint(&[("a", 7), ("b", 2)]));
        assert_eq!(stored([Some(&one), Some(&other)]), checkpoint(&[("a", 3), ("b", 2)]));
    }

    #[test]
    fn a_sink_that_keeps_none_leaves_it_to_the_source() {
        let one = checkpoint(&[("a", 3)]);
        assert_eq!(stored([Some(&one), None]), Checkpoint::new());
        assert_eq!(stored([None, Some(&one)]), Checkpoint::new());
        assert_eq!(stored([]), Checkpoint::new());
    }
}
