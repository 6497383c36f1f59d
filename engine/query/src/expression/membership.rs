//! `in (…)`.

use std::{collections::HashSet, sync::Arc};

use arrow_array::{Array, BooleanArray, cast::AsArray};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use levada_model::DataType;
use levada_sql::ast::Constant;

use super::{
    Values,
    arithmetic::doubles,
    comparison::integers,
    constant::{constant_text, parse_date},
    matching,
};
use crate::QueryError;

/// The values looked for, as their operand's type has them.
#[derive(Clone, Debug)]
pub(crate) enum Membership {
    Integers(HashSet<i64>),
    /// Bits of doubles, where -0.0 is 0.0.
    Doubles(HashSet<u64>),
    Truths(HashSet<bool>),
    Texts(HashSet<String>),
}

impl Membership {
    /// The constants, read as values of the operand's type. Null is in no set.
    pub(crate) fn new(constants: &[Constant], data_type: DataType) -> Result<Self, QueryError> {
        let known = constants.iter().filter(|constant| !matches!(constant, Constant::Null));
        match data_type {
            DataType::Boolean => known
                .map(|constant| match constant_text(constant).to_ascii_lowercase().as_str() {
                    "true" => Ok(true),
                    "false" => Ok(false),
                    _ => Err(mismatch(constant, data_type)),
                })
                .collect::<Result<_, _>>()
                .map(Self::Truths),
            DataType::Text | DataType::String => Ok(Self::Texts(known.map(constant_text).collect())),
            DataType::Int32 | DataType::Int64 | DataType::Timestamp => known
                .filter_map(|constant| whole(constant, data_type).transpose())
                .collect::<Result<_, _>>()
                .map(Self::Integers),
            DataType::Date => known
                .map(|constant| match constant {
                    Constant::Text(text) => {
                        parse_date(text).map(i64::from).ok_or_else(|| mismatch(constant, data_type))
                    }
                    _ => Err(mismatch(constant, data_type)),
                })
                .collect::<Result<_, _>>()
                .map(Self::Integers),
            DataType::Float | DataType::Double => {
                known.map(|constant| double(constant, data_type)).collect::<Result<_, _>>().map(Self::Doubles)
            }
            DataType::Blob => Err(QueryError::semantic("values of type BLOB cannot be looked for with `in`")),
        }
    }
}

fn mismatch(constant: &Constant, data_type: DataType) -> QueryError {
    QueryError::semantic(format!("\"{}\" cannot be cast to [{data_type}]", constant_text(constant)))
}

/// A whole number; `None` for a number with a fraction, which no whole number equals.
fn whole(constant: &Constant, data_type: DataType) -> Result<Option<i64>, QueryError> {
    match constant {
        Constant::Integer { value, .. } => Ok(Some(*value)),
        Constant::Time(time) => Ok(Some(*time)),
        Constant::Real { value, .. } => {
            Ok((value.fract() == 0.0 && value.abs() < 9.2e18).then_some(*value as i64))
        }
        Constant::Text(text) => text.trim().parse().map(Some).map_err(|_| mismatch(constant, data_type)),
        _ => Err(mismatch(constant, data_type)),
    }
}

fn double(constant: &Constant, data_type: DataType) -> Result<u64, QueryError> {
    let value = match constant {
        Constant::Integer { value, .. } => *value as f64,
        Constant::Real { value, .. } => *value,
        Constant::Text(text) => text.trim().parse().map_err(|_| mismatch(constant, data_type))?,
        _ => return Err(mismatch(constant, data_type)),
    };
    // A FLOAT equals what a number typed for it becomes as FLOAT.
    let value = if data_type == DataType::Float { f64::from(value as f32) } else { value };
    Ok(bits(value))
}

fn bits(value: f64) -> u64 {
    (value + 0.0).to_bits()
}

/// Whether each value is in the set; null for null.
pub(crate) fn contains(membership: &Membership, values: &Values) -> Result<Values, QueryError> {
    let array = values.array();
    let result = match membership {
        Membership::Integers(set) => {
            let numbers = integers(array)?;
            test(numbers.values(), numbers.nulls(), |number| set.contains(&number))
        }
        Membership::Doubles(set) => {
            let numbers = doubles(array)?;
            test(numbers.values(), numbers.nulls(), |number| set.contains(&bits(number)))
        }
        Membership::Truths(set) => {
            let truths = array.as_boolean();
            let bits = BooleanBuffer::collect_bool(truths.len(), |row| set.contains(&truths.value(row)));
            BooleanArray::new(bits, truths.nulls().cloned())
        }
        Membership::Texts(set) => matching::test(array.as_string::<i32>(), |text| Ok(set.contains(text)))?,
    };
    Ok(Values::of_kernel(Arc::new(result), &[values]))
}

fn test<T: Copy>(values: &[T], nulls: Option<&NullBuffer>, holds: impl Fn(T) -> bool) -> BooleanArray {
    BooleanArray::new(BooleanBuffer::collect_bool(values.len(), |row| holds(values[row])), nulls.cloned())
}
