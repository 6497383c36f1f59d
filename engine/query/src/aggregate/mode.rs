//! `mode`: the most frequent value, of equally frequent ones the earliest.

use std::{collections::HashMap, ops::Range};

use arrow_array::ArrayRef;
use levada_model::{DataType, Value};

use super::{Accumulator, InputRows, array_of};
use crate::QueryError;

/// How many different values a group may have before the query is rejected.
const MAX_VALUES: usize = 1 << 20;

/// A value that can be looked up; numbers by their bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Bits(u64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Key {
    fn of(value: &Value) -> Self {
        match value {
            Value::Boolean(value) => Self::Bits(u64::from(*value)),
            Value::Int32(value) | Value::Date(value) => Self::Bits(i64::from(*value) as u64),
            Value::Int64(value) | Value::Timestamp(value) => Self::Bits(*value as u64),
            Value::Float(value) => Self::Bits(u64::from((value + 0.0).to_bits())),
            Value::Double(value) => Self::Bits((value + 0.0).to_bits()),
            Value::Text(value) | Value::String(value) => Self::Text(value.clone()),
            Value::Blob(value) => Self::Bytes(value.clone()),
        }
    }
}

/// How often each value was there, and since when.
#[derive(Debug)]
pub(super) struct Mode {
    data_type: DataType,
    states: Vec<HashMap<Key, (u64, i64, Value)>>,
}

impl Mode {
    pub(super) fn new(data_type: DataType) -> Self {
        Self { data_type, states: Vec::new() }
    }
}

impl Accumulator for Mode {
    fn reserve(&mut self, groups: usize) {
        if self.states.len() < groups {
            self.states.resize_with(groups, HashMap::new);
        }
    }

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        let state = &mut self.states[group];
        for row in range {
            let Some(value) = Value::at(&rows.inputs[0], self.data_type, row) else { continue };
            let time = rows.times[row];
            let entry = state.entry(Key::of(&value)).or_insert((0, time, value));
            entry.0 += 1;
            entry.1 = entry.1.min(time);
        }
        if state.len() > MAX_VALUES {
            return Err(QueryError::Memory {
                what: "the different values that `mode` counts",
                limit: MAX_VALUES,
            });
        }
        Ok(())
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        let best = |state: HashMap<Key, (u64, i64, Value)>| {
            let winner =
                state.into_values().min_by_key(|(count, time, _)| (std::cmp::Reverse(*count), *time));
            winner.map(|(_, _, value)| value)
        };
        Ok(array_of(self.states.drain(..groups).map(best), self.data_type))
    }
}
