//! `max_by(x, y)`, `min_by(x, y)`: what `x` was when `y` was greatest or least.

use std::{cmp::Ordering, ops::Range};

use arrow_array::{Array, ArrayRef};
use levada_model::{DataType, Value};

use super::{Accumulator, InputRows, array_of};
use crate::QueryError;

/// The winning `y` of each group and its `x`.
#[derive(Debug)]
pub(super) struct By {
    greatest: bool,
    of: DataType,
    by: DataType,
    states: Vec<Option<(Value, Option<Value>)>>,
}

impl By {
    /// `max_by`, or `min_by`; the types of `x` and `y`.
    pub(super) fn new(greatest: bool, of: DataType, by: DataType) -> Self {
        Self { greatest, of, by, states: Vec::new() }
    }
}

/// The order of two values of one type; NaN is equal to all.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    let number = |value: &Value| match value {
        Value::Float(value) => Some(f64::from(*value)),
        Value::Double(value) => Some(*value),
        _ => None,
    };
    let whole = |value: &Value| match value {
        Value::Boolean(value) => Some(i64::from(*value)),
        Value::Int32(value) | Value::Date(value) => Some(i64::from(*value)),
        Value::Int64(value) | Value::Timestamp(value) => Some(*value),
        _ => None,
    };
    match (a, b) {
        (Value::Text(a) | Value::String(a), Value::Text(b) | Value::String(b)) => a.cmp(b),
        _ => match (number(a), number(b)) {
            (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            _ => whole(a).cmp(&whole(b)),
        },
    }
}

impl Accumulator for By {
    fn reserve(&mut self, groups: usize) {
        if self.states.len() < groups {
            self.states.resize(groups, None);
        }
    }

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        let [of, by] = rows.inputs else {
            return Err(QueryError::semantic("max_by and min_by take two inputs"));
        };
        let wanted = if self.greatest { Ordering::Greater } else { Ordering::Less };
        let state = &mut self.states[group];
        for row in range.filter(|&row| by.is_valid(row)) {
            let Some(key) = Value::at(by, self.by, row) else { continue };
            if state.as_ref().is_none_or(|(best, _)| order(&key, best) == wanted) {
                *state = Some((key, Value::at(of, self.of, row)));
            }
        }
        Ok(())
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        Ok(array_of(self.states.drain(..groups).map(|state| state.and_then(|(_, value)| value)), self.of))
    }
}
