//! `stddev…`, `var…`: one pass, by Welford's recurrence.

use std::{ops::Range, sync::Arc};

use arrow_array::{Array, ArrayRef, Float64Array};

use super::{Accumulator, InputRows};
use crate::{QueryError, expression::arithmetic::doubles};

/// Count, mean and the sum of squared distances from it.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    count: u64,
    mean: f64,
    squares: f64,
}

/// The spread of numbers.
#[derive(Debug)]
pub(super) struct Moments {
    /// Divide by one less than there are.
    sample: bool,
    /// The root of it.
    root: bool,
    states: Vec<State>,
}

impl Moments {
    pub(super) fn new(sample: bool, root: bool) -> Self {
        Self { sample, root, states: Vec::new() }
    }
}

impl Accumulator for Moments {
    fn reserve(&mut self, groups: usize) {
        if self.states.len() < groups {
            self.states.resize(groups, State::default());
        }
    }

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        let numbers = doubles(&rows.inputs[0].slice(range.start, range.len()))?;
        let state = &mut self.states[group];
        for value in numbers.iter().flatten() {
            state.count += 1;
            let distance = value - state.mean;
            state.mean += distance / state.count as f64;
            state.squares += distance * (value - state.mean);
        }
        Ok(())
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        let (sample, root) = (self.sample, self.root);
        let value = |state: State| {
            let divisor = if sample { state.count.checked_sub(1)? } else { state.count };
            (divisor > 0).then(|| {
                let variance = state.squares / divisor as f64;
                if root { variance.sqrt() } else { variance }
            })
        };
        Ok(Arc::new(self.states.drain(..groups).map(value).collect::<Float64Array>()))
    }
}
