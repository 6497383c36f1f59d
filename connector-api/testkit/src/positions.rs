//! What of each split is stored, where writes may be stored out of order.

use std::{collections::BTreeMap, ops::Range};

use levada_connector_api::model::{Checkpoint, SplitName, SplitRange};

/// For every split the ranges stored, ascending, none touching the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Positions(BTreeMap<SplitName, Vec<Range<u64>>>);

impl Positions {
    /// Adds a range, joined with those that it touches. An empty one says that all before it is settled elsewhere, one that runs
    /// backward sets the position.
    pub(crate) fn add(&mut self, added: &SplitRange) {
        let ranges = self.0.entry(added.split.clone()).or_default();
        if added.range.start > added.range.end {
            ranges.clear();
        }
        let mut joined = if added.range.is_empty() { 0..added.range.end } else { added.range.clone() };
        ranges.retain(|each| {
            let apart = each.end < joined.start || each.start > joined.end;
            if !apart {
                joined = each.start.min(joined.start)..each.end.max(joined.end);
            }
            apart
        });
        let at = ranges.partition_point(|each| each.end < joined.start);
        ranges.insert(at, joined);
    }

    /// For every split the first position that is not stored, counted from the first that is.
    pub(crate) fn checkpoint(&self) -> Checkpoint {
        self.0.iter().filter_map(|(split, ranges)| Some((split.clone(), ranges.first()?.end))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_holds_the_checkpoint_until_it_is_filled() {
        let mut positions = Positions::default();
        let mut add = |range: Range<u64>| {
            positions.add(&SplitRange { split: "s".into(), range });
            positions.checkpoint()[&"s".into()]
        };
        assert_eq!([add(5..10), add(20..30), add(30..31), add(10..20), add(31..40)], [10, 10, 10, 31, 40]);
        assert_eq!([add(90..95), add(60..60), add(60..90)], [40, 60, 95]);
        let back = Range { start: 31, end: 30 };
        assert_eq!([add(back), add(30..35)], [30, 35]);
    }
}
