//! How many values writes had, so that it can be told what lies behind one without reading it.
//!
//! Of some writes it is known exactly; between two of them values are counted as if all writes had as many.

use std::collections::VecDeque;

/// So many writes are known at most; then every second is forgotten.
const MARKS: usize = 1_024;

/// The values of a store's writes, since the first that its log had when it was opened.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Numbers of writes, and the values of all up to them.
    marks: VecDeque<(u64, u64)>,
    /// How many writes lie between two marks at least.
    stride: u64,
    last: (u64, u64),
}

impl Tally {
    /// Nothing is known of what came up to a write.
    pub(crate) fn behind_write(seq: u64) -> Self {
        Self { marks: VecDeque::from([(seq, 0)]), stride: 1, last: (seq, 0) }
    }

    /// The writes from one to another had so many values together, and those before them that were not told of had none.
    pub(crate) fn add(&mut self, first: u64, last: u64, values: usize) {
        self.note(first.saturating_sub(1), 0);
        self.note(last, values);
    }

    fn note(&mut self, seq: u64, values: usize) {
        if seq <= self.last.0 && values == 0 {
            return;
        }
        self.last = (seq.max(self.last.0), self.last.1 + values as u64);
        if self.marks.back().is_none_or(|mark| self.last.0 >= mark.0.saturating_add(self.stride)) {
            self.marks.push_back(self.last);
        }
        if self.marks.len() > MARKS {
            let mut at = 0;
            self.marks.retain(|_| {
                at += 1;
                at % 2 == 1
            });
            self.stride *= 2;
        }
    }

    /// The values of the writes behind one, about.
    pub(crate) fn behind(&self, seq: u64) -> u64 {
        let at = self.marks.partition_point(|mark| mark.0 <= seq);
        let Some(before) = at.checked_sub(1).and_then(|at| self.marks.get(at)) else { return self.last.1 };
        let next = self.marks.get(at).unwrap_or(&self.last);
        let (writes, values) = (next.0 - before.0, next.1 - before.1);
        let passed = (seq - before.0).min(writes);
        let share = u128::from(values) * u128::from(passed) / u128::from(writes.max(1));
        let share = if passed == writes { values } else { u64::try_from(share).unwrap_or(values) };
        self.last.1 - before.1 - share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_writes_are_known_exactly() {
        let mut tally = Tally::behind_write(10);
        for (first, last, values) in [(11, 11, 5), (12, 14, 30), (15, 15, 1)] {
            tally.add(first, last, values);
        }
        let behind = [0, 10, 11, 14, 15, 99].map(|seq| tally.behind(seq));
        assert_eq!(behind, [36, 36, 31, 1, 0, 0]);
        assert_eq!(tally.behind(12), 21, "three writes had thirty values");
    }

    #[test]
    fn what_a_write_had_is_not_shared_with_those_before_it() {
        let mut tally = Tally::behind_write(0);
        tally.add(1_000_001, 1_000_001, 50);
        assert_eq!([0, 1_000_000, 1_000_001].map(|seq| tally.behind(seq)), [50, 50, 0]);
    }

    #[test]
    fn many_writes_take_little_memory_and_are_known_about() {
        let mut tally = Tally::behind_write(0);
        for seq in 1..=1_000_000 {
            tally.add(seq, seq, 3);
        }
        assert!(tally.marks.len() <= MARKS);
        for seq in [0, 1, 4_321, 999_999, 1_000_000] {
            assert_eq!(tally.behind(seq), 3 * (1_000_000 - seq), "behind {seq}");
        }
    }
}
