//! `first_value` and `last_value`, by time.

use std::ops::Range;

use arrow_array::{Array, ArrayRef};
use levada_model::{DataType, Value};
use levada_storage::Summary;

use super::{Accumulator, InputRows, array_of};
use crate::QueryError;

/// The value of the least or greatest time of each group.
#[derive(Debug)]
pub(super) struct Edge {
    last: bool,
    data_type: DataType,
    states: Vec<Option<(i64, Value)>>,
}

impl Edge {
    /// `last_value`, or `first_value`.
    pub(super) fn new(last: bool, data_type: DataType) -> Self {
        Self { last, data_type, states: Vec::new() }
    }

    fn wins(&self, group: usize, time: i64) -> bool {
        self.states[group]
            .as_ref()
            .is_none_or(|(best, _)| if self.last { time > *best } else { time < *best })
    }
}

impl Accumulator for Edge {
    fn reserve(&mut self, groups: usize) {
        if self.states.len() < groups {
            self.states.resize(groups, None);
        }
    }

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        let input = &rows.inputs[0];
        let known = |row: &usize| input.is_valid(*row);
        // Times are sorted one way or the other, so the ends are enough.
        for row in [range.clone().find(known), range.rev().find(known)].into_iter().flatten() {
            let time = rows.times[row];
            if self.wins(group, time) {
                self.states[group] = Value::at(input, self.data_type, row).map(|value| (time, value));
            }
        }
        Ok(())
    }

    fn summary(&mut self, group: usize, summary: &Summary) {
        let (time, value) =
            if self.last { (summary.end, &summary.last) } else { (summary.start, &summary.first) };
        if let Some(value) = value.as_ref().filter(|_| self.wins(group, time)) {
            self.states[group] = Some((time, value.clone()));
        }
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        Ok(array_of(self.states.drain(..groups).map(|state| state.map(|(_, value)| value)), self.data_type))
    }
}
