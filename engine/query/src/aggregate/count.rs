//! `count`, `count_time`, and the times of values: `min_time`, `max_time`, `time_duration`.

use std::{ops::Range, sync::Arc};

use arrow_array::{Array, ArrayRef, Int64Array};
use levada_storage::Summary;

use super::{Accumulator, InputRows};
use crate::QueryError;

/// How many values are not null.
#[derive(Debug, Default)]
pub(super) struct Count(Vec<i64>);

impl Accumulator for Count {
    fn reserve(&mut self, groups: usize) {
        if self.0.len() < groups {
            self.0.resize(groups, 0);
        }
    }

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        let nulls = rows.inputs.first().and_then(|input| input.nulls());
        let null_count = nulls.map_or(0, |nulls| nulls.slice(range.start, range.len()).null_count());
        self.0[group] += (range.len() - null_count) as i64;
        Ok(())
    }

    fn summary(&mut self, group: usize, summary: &Summary) {
        self.0[group] += i64::try_from(summary.count).unwrap_or(i64::MAX);
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        Ok(Arc::new(self.0.drain(..groups).collect::<Int64Array>()))
    }
}

/// What of the first and last time is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum TimeOf {
    First,
    Last,
    /// From the first to the last.
    Between,
}

/// The first and the last time of values that are not null.
#[derive(Debug)]
pub(super) struct Times {
    wanted: TimeOf,
    /// First after last where there was no value.
    states: Vec<(i64, i64)>,
}

const NONE: (i64, i64) = (i64::MAX, i64::MIN);

impl Times {
    pub(super) fn new(wanted: TimeOf) -> Self {
        Self { wanted, states: Vec::new() }
    }

    fn add(&mut self, group: usize, first: i64, last: i64) {
        let state = &mut self.states[group];
        *state = (state.0.min(first), state.1.max(last));
    }
}

impl Accumulator for Times {
    fn reserve(&mut self, groups: usize) {
        if self.states.len() < groups {
            self.states.resize(groups, NONE);
        }
    }

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        // Times are sorted one way or the other, so the ends are enough.
        let known = |row: &usize| rows.inputs.first().is_none_or(|input| input.is_valid(*row));
        let (first, last) = (range.clone().find(known), range.rev().find(known));
        if let (Some(first), Some(last)) = (first, last) {
            let (a, b) = (rows.times[first], rows.times[last]);
            self.add(group, a.min(b), a.max(b));
        }
        Ok(())
    }

    fn summary(&mut self, group: usize, summary: &Summary) {
        self.add(group, summary.start, summary.end);
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        let wanted = self.wanted;
        let value = |(first, last): (i64, i64)| {
            (first <= last).then(|| match wanted {
                TimeOf::First => first,
                TimeOf::Last => last,
                TimeOf::Between => last.saturating_sub(first),
            })
        };
        Ok(Arc::new(self.states.drain(..groups).map(value).collect::<Int64Array>()))
    }
}
