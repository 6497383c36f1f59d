//! `count_if`: how many runs of rows in a row, for which something holds, are long enough.

use std::{ops::Range, sync::Arc};

use arrow_array::{Array, ArrayRef, Int64Array, cast::AsArray};

use super::{Accumulator, InputRows, Keep};
use crate::QueryError;

/// Runs counted, and the length of the one that goes on.
#[derive(Debug)]
pub(super) struct Runs {
    keep: Keep,
    /// Null neither ends a run nor belongs to it; otherwise it ends it.
    ignore_null: bool,
    states: Vec<(i64, i64)>,
}

impl Runs {
    pub(super) fn new(keep: Keep, ignore_null: bool) -> Self {
        Self { keep, ignore_null, states: Vec::new() }
    }

    fn end(keep: Keep, state: &mut (i64, i64)) {
        if state.1 > 0 && keep.holds(state.1) {
            state.0 += 1;
        }
        state.1 = 0;
    }
}

impl Accumulator for Runs {
    fn reserve(&mut self, groups: usize) {
        if self.states.len() < groups {
            self.states.resize(groups, (0, 0));
        }
    }

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        let input = rows.inputs[0].as_boolean();
        let state = &mut self.states[group];
        for row in range {
            if input.is_null(row) {
                if !self.ignore_null {
                    Self::end(self.keep, state);
                }
            } else if input.value(row) {
                state.1 += 1;
            } else {
                Self::end(self.keep, state);
            }
        }
        Ok(())
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        let keep = self.keep;
        let value = |mut state: (i64, i64)| {
            Self::end(keep, &mut state);
            state.0
        };
        Ok(Arc::new(self.states.drain(..groups).map(value).collect::<Int64Array>()))
    }
}
