//! `sum` and `avg`, in DOUBLE.

use std::{ops::Range, sync::Arc};

use arrow_array::{
    Array, ArrayRef, Float64Array, PrimitiveArray,
    cast::AsArray,
    types::{ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_schema::DataType as ArrowType;
use levada_storage::Summary;

use super::{Accumulator, InputRows};
use crate::QueryError;

/// The sum of numbers and how many there were.
#[derive(Debug)]
pub(super) struct Sum {
    average: bool,
    states: Vec<(f64, u64)>,
}

impl Sum {
    /// `sum`, or `avg`.
    pub(super) fn new(average: bool) -> Self {
        Self { average, states: Vec::new() }
    }
}

impl Accumulator for Sum {
    fn reserve(&mut self, groups: usize) {
        if self.states.len() < groups {
            self.states.resize(groups, (0.0, 0));
        }
    }

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        let input = &rows.inputs[0];
        let state = &mut self.states[group];
        match input.data_type() {
            ArrowType::Int32 => add::<Int32Type>(input.as_primitive(), range, state, f64::from),
            ArrowType::Int64 => add::<Int64Type>(input.as_primitive(), range, state, |x| x as f64),
            ArrowType::Float32 => add::<Float32Type>(input.as_primitive(), range, state, f64::from),
            _ => add::<Float64Type>(input.as_primitive(), range, state, |x| x),
        }
        Ok(())
    }

    fn summary(&mut self, group: usize, summary: &Summary) {
        let state = &mut self.states[group];
        state.0 += summary.sum.unwrap_or_default();
        state.1 += summary.count;
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        let average = self.average;
        let value =
            |(sum, count): (f64, u64)| (count > 0).then(|| if average { sum / count as f64 } else { sum });
        Ok(Arc::new(self.states.drain(..groups).map(value).collect::<Float64Array>()))
    }
}

/// Adds values one after the other, as the peer does, so that the last digit agrees.
fn add<T: ArrowPrimitiveType>(
    input: &PrimitiveArray<T>,
    range: Range<usize>,
    state: &mut (f64, u64),
    double: impl Fn(T::Native) -> f64,
) {
    let values = &input.values()[range.clone()];
    match input.nulls() {
        None => {
            state.0 = values.iter().fold(state.0, |sum, &value| sum + double(value));
            state.1 += values.len() as u64;
        }
        Some(nulls) => {
            for (&value, row) in values.iter().zip(range) {
                if nulls.is_valid(row) {
                    state.0 += double(value);
                    state.1 += 1;
                }
            }
        }
    }
}
