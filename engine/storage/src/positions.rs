//! How far owners' sources were read, as the log has it.
//!
//! Writes carry ranges of positions and may come out of their order. Of each split the store keeps the first position that
//! is not settled, and the ranges beyond it that are:
//!
//! ```text
//!   ├──────────── settled ───────────┤        ├─ settled ─┤
//!   first range's start          low │  gap   │   beyond  │
//! ```
//! An empty range `a..a` moves `low` to `a` where it was below: what is before is settled elsewhere. A range that runs
//! backward, `b..a`, sets `low` to `a` and forgets what was beyond: somebody wants it read again from there.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    sync::Arc,
};

use levada_model::{Checkpoint, SplitName, SplitRange};

use crate::codec::{Malformed, Put, Take};

/// One split's settled positions.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Settled {
    low: u64,
    /// Start to end, apart from each other and from `low`.
    beyond: BTreeMap<u64, u64>,
}

impl Settled {
    fn add(&mut self, range: &Range<u64>) {
        if range.start > range.end {
            *self = Self { low: range.end, beyond: BTreeMap::new() };
        } else if range.start == range.end {
            self.low = self.low.max(range.start);
        } else if range.end > self.low {
            let (mut start, mut end) = (range.start, range.end);
            // Those that touch the new one become one with it.
            while let Some((&from, &to)) =
                self.beyond.range(..=end).next_back().filter(|(_, to)| **to >= start)
            {
                start = start.min(from);
                end = end.max(to);
                self.beyond.remove(&from);
            }
            self.beyond.insert(start, end);
        }
        while let Some(first) = self.beyond.first_entry().filter(|first| *first.key() <= self.low) {
            self.low = self.low.max(first.remove());
        }
    }
}

type Owners = BTreeMap<Arc<str>, BTreeMap<SplitName, Settled>>;

/// Positions of all owners. What a write brought counts when the write is acknowledged, and is kept in the manifest when it is
/// safe.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    safe: Owners,
    /// Not yet safe: the write's number, the owner, its ranges.
    pending: VecDeque<(u64, Arc<str>, Vec<SplitRange>)>,
    /// Where splits began of which only writes came that were rejected.
    rejected: BTreeMap<(Arc<str>, SplitName), u64>,
}

fn add(owners: &mut Owners, owner: &Arc<str>, ranges: &[SplitRange]) {
    let splits = owners.entry(Arc::clone(owner)).or_default();
    for SplitRange { split, range } in ranges {
        splits
            .entry(split.clone())
            .or_insert_with(|| Settled { low: range.start, beyond: BTreeMap::new() })
            .add(range);
    }
}

impl Positions {
    /// Notes where splits begin whose first write is rejected: a later range must not be taken for the beginning.
    pub(crate) fn rejected(&mut self, owner: &Arc<str>, ranges: &[SplitRange]) {
        for SplitRange { split, range } in ranges {
            if !self.knows(owner, split) {
                let start = self.rejected.entry((Arc::clone(owner), split.clone())).or_insert(range.start);
                *start = (*start).min(range.start);
            }
        }
    }

    fn knows(&self, owner: &Arc<str>, split: &SplitName) -> bool {
        self.safe.get(owner).is_some_and(|splits| splits.contains_key(split))
            || self
                .pending
                .iter()
                .any(|(_, other, ranges)| other == owner && ranges.iter().any(|range| range.split == *split))
    }

    /// The ranges a record must have so that they mean the same after a restart: those given and, for splits whose first
    /// write was rejected, where they begin.
    pub(crate) fn complete(&mut self, owner: &Arc<str>, ranges: Vec<SplitRange>) -> Vec<SplitRange> {
        if self.rejected.is_empty() {
            return ranges;
        }
        let mut completed = Vec::with_capacity(ranges.len());
        for range in ranges {
            if let Some(start) = self.rejected.remove(&(Arc::clone(owner), range.split.clone()))
                && start < range.range.start
            {
                completed.push(SplitRange { split: range.split.clone(), range: start..start });
            }
            completed.push(range);
        }
        completed
    }

    /// Notes what a write brought.
    pub(crate) fn push(&mut self, seq: u64, owner: Arc<str>, ranges: Vec<SplitRange>) {
        self.pending.push_back((seq, owner, ranges));
    }

    /// All that came with writes up to `seq` is safe.
    pub(crate) fn settle(&mut self, seq: u64) {
        while let Some((_, owner, ranges)) = self.pending.pop_front_if(|(pending, ..)| *pending <= seq) {
            add(&mut self.safe, &owner, &ranges);
        }
    }

    /// For every split of an owner the first position that no acknowledged write settles.
    pub(crate) fn checkpoint(&self, owner: &str, acked: u64) -> Checkpoint {
        let mut owners: Owners = Owners::new();
        if let Some((owner, splits)) = self.safe.get_key_value(owner) {
            owners.insert(Arc::clone(owner), splits.clone());
        }
        for (seq, other, ranges) in &self.pending {
            if *seq <= acked && **other == *owner {
                add(&mut owners, other, ranges);
            }
        }
        let splits = owners.remove(owner).unwrap_or_default();
        splits.into_iter().map(|(split, settled)| (split, settled.low)).collect()
    }

    /// What is safe, for the manifest.
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.put_len(self.safe.len());
        for (owner, splits) in &self.safe {
            bytes.put_str(owner);
            bytes.put_len(splits.len());
            for (split, settled) in splits {
                bytes.put_str(split.as_str());
                bytes.put_u64(settled.low);
                bytes.put_len(settled.beyond.len());
                for (start, end) in &settled.beyond {
                    bytes.put_u64(*start);
                    bytes.put_u64(*end);
                }
            }
        }
    }

    /// What [`Positions::put`] put.
    pub(crate) fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let mut safe = Owners::new();
        for _ in 0..from.count(2)? {
            let owner: Arc<str> = from.str()?.into();
            let mut splits = BTreeMap::new();
            for _ in 0..from.count(10)? {
                let split = SplitName::new(from.str()?);
                let low = from.u64()?;
                let beyond =
                    (0..from.count(16)?).map(|_| Ok((from.u64()?, from.u64()?))).collect::<Result<_, _>>()?;
                splits.insert(split, Settled { low, beyond });
            }
            safe.insert(owner, splits);
        }
        Ok(Self { safe, ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(range: Range<u64>) -> Option<u64> {
        low(std::slice::from_ref(&range))
    }

    fn low(ranges: &[Range<u64>]) -> Option<u64> {
        let mut positions = Positions::default();
        for (seq, range) in ranges.iter().enumerate() {
            let range = SplitRange { split: "s".into(), range: range.clone() };
            positions.push(seq as u64, "o".into(), vec![range]);
        }
        let live = positions.checkpoint("o", u64::MAX);
        positions.settle(u64::MAX);
        let mut bytes = Vec::new();
        positions.put(&mut bytes);
        let read = Positions::take(&mut Take(&bytes)).expect("as it was put");
        assert_eq!(read.checkpoint("o", 0), live);
        live.get(&SplitName::from("s")).copied()
    }

    #[test]
    fn the_low_watermark_is_where_the_first_gap_begins() {
        assert_eq!(low(&[]), None);
        assert_eq!(only(10..20), Some(20));
        assert_eq!(low(&[10..20, 30..40]), Some(20));
        assert_eq!(low(&[10..20, 30..40, 50..60, 20..30]), Some(40));
        assert_eq!(low(&[10..20, 30..40, 35..60, 15..30]), Some(60));
        assert_eq!(low(&[10..20, 0..10, 5..12]), Some(20));
    }

    #[test]
    fn an_empty_range_says_where_reading_begins() {
        assert_eq!(low(&[5..5, 10..20]), Some(5));
        assert_eq!(low(&[0..5, 10..20, 10..10]), Some(20));
        assert_eq!(low(&[0..5, 3..3]), Some(5));
    }

    #[test]
    fn a_range_that_runs_backward_sets_the_position() {
        let to = |position: u64| position + 1..position;
        assert_eq!(low(&[0..10, to(4)]), Some(4));
        assert_eq!(low(&[0..10, 20..30, to(4), 4..12]), Some(12));
        assert_eq!(only(to(7)), Some(7));
        assert_eq!(low(&[0..10, to(0)]), Some(0));
    }

    #[test]
    fn a_rejected_first_write_keeps_its_place() {
        let mut positions = Positions::default();
        let owner: Arc<str> = "o".into();
        let range = |range| SplitRange { split: "s".into(), range };
        positions.rejected(&owner, &[range(0..10)]);
        let completed = positions.complete(&owner, vec![range(10..20)]);
        positions.push(1, Arc::clone(&owner), completed);
        assert_eq!(positions.checkpoint("o", 1).get(&SplitName::from("s")), Some(&0));
        positions.push(2, owner, vec![range(0..10)]);
        assert_eq!(positions.checkpoint("o", 1).get(&SplitName::from("s")), Some(&0));
        assert_eq!(positions.checkpoint("o", 2).get(&SplitName::from("s")), Some(&20));
    }
}
