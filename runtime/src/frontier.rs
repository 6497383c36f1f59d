//! How far each split was handed to a sink that keeps positions, and where it makes a jump.
//!
//! Writes of such a sink may end in another order than they began. The sink puts their ranges together, but from the
//! ranges alone it cannot know where a split begins: of `[100,200)`, stored before a crash took `[0,100)`, it would
//! conclude that all before 200 is there. So the beginning is stored first: a write of the empty range `[0,0)`, "all before
//! is settled elsewhere", with no other write under way. The same goes for a split that went away, was read by
//! somebody else, and came back further on.

use foldhash::HashMap;
use levada_model::{Checkpoint, SplitName, SplitRange};

/// For every split the position that its next range should begin at.
#[derive(Debug, Default)]
pub(crate) struct Frontier(HashMap<SplitName, u64>);

impl Frontier {
    /// Begins where the sink's positions end.
    pub(crate) fn new(stored: Checkpoint) -> Self {
        Self(stored.into_iter().collect())
    }

    /// Whether a range begins beyond what is stored or handed over.
    pub(crate) fn jumps(&self, ranges: &[SplitRange]) -> bool {
        ranges.iter().any(|each| self.is_jump(each))
    }

    /// Goes on to the end of these ranges. Gives the beginnings, as empty ranges, that have to be stored before.
    pub(crate) fn advance(&mut self, ranges: &[SplitRange]) -> Vec<SplitRange> {
        let jumps = ranges.iter().filter(|each| self.is_jump(each));
        let beginnings = jumps
            .map(|each| SplitRange { split: each.split.clone(), range: each.range.start..each.range.start })
            .collect();
        for SplitRange { split, range } in ranges {
            match self.0.get_mut(split) {
                // A source that goes back gives again what is known to be stored.
                Some(known) => *known = range.end.max(*known),
                None => drop(self.0.insert(split.clone(), range.end)),
            }
        }
        beginnings
    }

    fn is_jump(&self, each: &SplitRange) -> bool {
        self.0.get(&each.split).is_none_or(|&known| each.range.start > known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(split: &str, start: u64, end: u64) -> SplitRange {
        SplitRange { split: split.into(), range: start..end }
    }

    #[test]
    fn a_beginning_is_given_where_a_split_begins_or_jumps() {
        let mut frontier = Frontier::new(Checkpoint::from([("a".into(), 100)]));
        assert_eq!(frontier.advance(&[range("a", 100, 120)]), []);
        assert_eq!(frontier.advance(&[range("a", 120, 130), range("b", 7, 9)]), [range("b", 7, 7)]);
        assert_eq!(frontier.advance(&[range("b", 9, 20)]), []);
        assert!(!frontier.jumps(&[range("a", 50, 60)]), "it went back");
        assert_eq!(frontier.advance(&[range("a", 50, 60)]), []);
        assert!(frontier.jumps(&[range("a", 300, 310)]));
        assert_eq!(frontier.advance(&[range("a", 300, 310)]), [range("a", 300, 300)]);
    }
}
