//! `min_value`, `max_value`, `extreme`.

use std::{fmt, ops::Range, sync::Arc};

use arrow_array::{
    Array, ArrayRef, PrimitiveArray, StringArray,
    cast::AsArray,
    types::{ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type},
};
use levada_model::{DataType, Value};
use levada_storage::Summary;

use super::{Accumulator, InputRows};
use crate::QueryError;

/// Which value wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Least,
    Greatest,
    /// Farthest from 0; of two equally far the positive one.
    Farthest,
}

/// The states for values of a type.
pub(super) fn accumulator(wanted: Wanted, data_type: DataType) -> Box<dyn Accumulator> {
    match data_type {
        DataType::Int32 | DataType::Date => numbers::<Int32Type>(
            wanted,
            |value| match value {
                Value::Int32(value) | Value::Date(value) => Some(*value),
                _ => None,
            },
            i32::wrapping_abs,
        ),
        DataType::Int64 | DataType::Timestamp => numbers::<Int64Type>(
            wanted,
            |value| match value {
                Value::Int64(value) | Value::Timestamp(value) => Some(*value),
                _ => None,
            },
            i64::wrapping_abs,
        ),
        DataType::Float => numbers::<Float32Type>(
            wanted,
            |value| match value {
                Value::Float(value) => Some(*value),
                _ => None,
            },
            f32::abs,
        ),
        DataType::Double => numbers::<Float64Type>(
            wanted,
            |value| match value {
                Value::Double(value) => Some(*value),
                _ => None,
            },
            f64::abs,
        ),
        _ => Box::new(Texts { wanted, states: Vec::new() }),
    }
}

fn numbers<T: ArrowPrimitiveType>(
    wanted: Wanted,
    read: fn(&Value) -> Option<T::Native>,
    size: fn(T::Native) -> T::Native,
) -> Box<dyn Accumulator> {
    let beats: Beats<T::Native> = match wanted {
        Wanted::Least => |a, b, _| a < b,
        Wanted::Greatest => |a, b, _| a > b,
        Wanted::Farthest => |a, b, size| size(a) > size(b) || (size(a) == size(b) && a > b),
    };
    Box::new(Numbers::<T> { wanted, read, size, beats, states: Vec::new() })
}

/// Whether the first of two numbers wins, given what their size is.
type Beats<N> = fn(N, N, fn(N) -> N) -> bool;

/// The winning number of each group. NaN wins only where there is nothing else.
struct Numbers<T: ArrowPrimitiveType> {
    wanted: Wanted,
    read: fn(&Value) -> Option<T::Native>,
    size: fn(T::Native) -> T::Native,
    beats: Beats<T::Native>,
    states: Vec<Option<T::Native>>,
}

impl<T: ArrowPrimitiveType> fmt::Debug for Numbers<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbers").field("wanted", &self.wanted).field("states", &self.states).finish()
    }
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    fn offer(&mut self, group: usize, value: T::Native) {
        let state = &mut self.states[group];
        let is_nan = |x: T::Native| x.partial_cmp(&x).is_none();
        if state.is_none_or(|best| is_nan(best) || (self.beats)(value, best, self.size)) {
            *state = Some(value);
        }
    }

    /// The winner among values, in a loop without branches for the two usual questions.
    fn best(&self, values: &[T::Native]) -> Option<T::Native> {
        let (&first, rest) = values.split_first()?;
        Some(match self.wanted {
            Wanted::Least => rest.iter().fold(first, |best, &value| {
                if value < best || best.partial_cmp(&best).is_none() { value } else { best }
            }),
            Wanted::Greatest => rest.iter().fold(first, |best, &value| {
                if value > best || best.partial_cmp(&best).is_none() { value } else { best }
            }),
            Wanted::Farthest => rest.iter().fold(first, |best, &value| {
                if (self.beats)(value, best, self.size) || best.partial_cmp(&best).is_none() {
                    value
                } else {
                    best
                }
            }),
        })
    }
}

impl<T: ArrowPrimitiveType> Accumulator for Numbers<T> {
    fn reserve(&mut self, groups: usize) {
        if self.states.len() < groups {
            self.states.resize(groups, None);
        }
    }

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        let input: &PrimitiveArray<T> = rows.inputs[0].as_primitive();
        let values = &input.values()[range.clone()];
        match input.nulls() {
            None => {
                if let Some(best) = self.best(values) {
                    self.offer(group, best);
                }
            }
            Some(nulls) => {
                for (&value, row) in values.iter().zip(range) {
                    if nulls.is_valid(row) {
                        self.offer(group, value);
                    }
                }
            }
        }
        Ok(())
    }

    fn summary(&mut self, group: usize, summary: &Summary) {
        let read = |value: &Option<Value>| value.as_ref().and_then(self.read);
        let (min, max) = (read(&summary.min), read(&summary.max));
        if self.wanted != Wanted::Greatest {
            min.into_iter().for_each(|value| self.offer(group, value));
        }
        if self.wanted != Wanted::Least {
            max.into_iter().for_each(|value| self.offer(group, value));
        }
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        Ok(Arc::new(self.states.drain(..groups).collect::<PrimitiveArray<T>>()))
    }
}

/// The winning text of each group.
#[derive(Debug)]
struct Texts {
    wanted: Wanted,
    states: Vec<Option<String>>,
}

impl Texts {
    fn offer(&mut self, group: usize, text: &str) {
        let state = &mut self.states[group];
        let wins = state.as_deref().is_none_or(|best| match self.wanted {
            Wanted::Least => text < best,
            _ => text > best,
        });
        if wins {
            *state = Some(text.to_owned());
        }
    }
}

impl Accumulator for Texts {
    fn reserve(&mut self, groups: usize) {
        if self.states.len() < groups {
            self.states.resize(groups, None);
        }
    }

    fn rows(&mut self, group: usize, rows: InputRows<'_>, range: Range<usize>) -> Result<(), QueryError> {
        let input: &StringArray = rows.inputs[0].as_string();
        for row in range.filter(|&row| input.is_valid(row)) {
            self.offer(group, input.value(row));
        }
        Ok(())
    }

    fn summary(&mut self, group: usize, summary: &Summary) {
        let value = if self.wanted == Wanted::Least { &summary.min } else { &summary.max };
        if let Some(Value::Text(text) | Value::String(text)) = value {
            self.offer(group, text);
        }
    }

    fn finish(&mut self, groups: usize) -> Result<ArrayRef, QueryError> {
        Ok(Arc::new(self.states.drain(..groups).collect::<StringArray>()))
    }
}
