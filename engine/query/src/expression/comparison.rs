//! `= != < <= > >=`.
//!
//! Whole numbers and times are compared as such, numbers of which one has a fraction in DOUBLE (NaN compares to nothing:
//! every comparison with it is false), texts by their code points. Null with anything is null.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Datum, Int64Array, Scalar,
    cast::AsArray,
    types::{Int32Type, Int64Type},
};
use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow_schema::DataType as ArrowType;

use super::{Values, arithmetic::doubles};
use crate::QueryError;

/// An operator between values of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// As what values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Domain {
    Integer,
    Float,
    /// Texts, bytes and truths: Arrow's order.
    Other,
}

/// Compares; both sides are of types that the domain covers.
pub(crate) fn compare(
    operator: Comparison,
    domain: Domain,
    left: &Values,
    right: &Values,
) -> Result<Values, QueryError> {
    let result: BooleanArray = match domain {
        Domain::Integer => {
            let (a, b) = (integers(left.array())?, integers(right.array())?);
            primitive(operator, &sides(left, a.values()), &sides(right, b.values()), a.nulls(), b.nulls())
        }
        Domain::Float => {
            let (a, b) = (doubles(left.array())?, doubles(right.array())?);
            primitive(operator, &sides(left, a.values()), &sides(right, b.values()), a.nulls(), b.nulls())
        }
        Domain::Other => other(operator, left, right)?,
    };
    Ok(Values::of_kernel(Arc::new(result), &[left, right]))
}

/// A side of a comparison: many values, or one for all rows.
enum Side<'a, T> {
    Many(&'a [T]),
    One(T),
}

fn sides<'a, T: Copy + Default>(values: &Values, slice: &'a [T]) -> Side<'a, T> {
    match values {
        Values::Array(_) => Side::Many(slice),
        Values::Single(_) => Side::One(slice.first().copied().unwrap_or_default()),
    }
}

/// Whole numbers, times and dates as `i64`.
pub(crate) fn integers(array: &ArrayRef) -> Result<Int64Array, QueryError> {
    Ok(match array.data_type() {
        ArrowType::Int64 => array.as_primitive::<Int64Type>().clone(),
        ArrowType::Int32 => array.as_primitive::<Int32Type>().unary(i64::from),
        _ => arrow_cast::cast(array, &ArrowType::Int64)?.as_primitive::<Int64Type>().clone(),
    })
}

fn primitive<T: Copy + PartialOrd>(
    operator: Comparison,
    left: &Side<'_, T>,
    right: &Side<'_, T>,
    left_nulls: Option<&NullBuffer>,
    right_nulls: Option<&NullBuffer>,
) -> BooleanArray {
    let bits = match operator {
        Comparison::Equal => bits(left, right, |a, b| a == b),
        // NaN is not unequal either: every comparison with it is false.
        Comparison::NotEqual => bits(left, right, |a, b| (a < b) | (a > b)),
        Comparison::Less => bits(left, right, |a, b| a < b),
        Comparison::LessOrEqual => bits(left, right, |a, b| a <= b),
        Comparison::Greater => bits(left, right, |a, b| a > b),
        Comparison::GreaterOrEqual => bits(left, right, |a, b| a >= b),
    };
    let rows = bits.len();
    let nulls =
        NullBuffer::union(spread(left, left_nulls, rows).as_ref(), spread(right, right_nulls, rows).as_ref());
    BooleanArray::new(bits, nulls)
}

/// The nulls of a side as nulls of the rows.
fn spread<T>(side: &Side<'_, T>, nulls: Option<&NullBuffer>, rows: usize) -> Option<NullBuffer> {
    match side {
        Side::Many(_) => nulls.cloned(),
        Side::One(_) => nulls.filter(|nulls| nulls.null_count() > 0).map(|_| NullBuffer::new_null(rows)),
    }
}

fn bits<T: Copy>(left: &Side<'_, T>, right: &Side<'_, T>, holds: impl Fn(T, T) -> bool) -> BooleanBuffer {
    match (left, right) {
        (Side::Many(a), Side::Many(b)) => {
            let words = a.chunks(64).zip(b.chunks(64)).map(|(a, b)| {
                a.iter()
                    .zip(b)
                    .enumerate()
                    .fold(0, |word, (i, (&a, &b))| word | (u64::from(holds(a, b)) << i))
            });
            packed(words.collect(), a.len())
        }
        (Side::Many(a), &Side::One(b)) => packed(one_sided(a, |a| holds(a, b)), a.len()),
        (&Side::One(a), Side::Many(b)) => packed(one_sided(b, |b| holds(a, b)), b.len()),
        (&Side::One(a), &Side::One(b)) => BooleanBuffer::collect_bool(1, |_| holds(a, b)),
    }
}

fn one_sided<T: Copy>(values: &[T], holds: impl Fn(T) -> bool) -> Vec<u64> {
    values
        .chunks(64)
        .map(|values| {
            values.iter().enumerate().fold(0, |word, (i, &value)| word | (u64::from(holds(value)) << i))
        })
        .collect()
}

fn packed(words: Vec<u64>, rows: usize) -> BooleanBuffer {
    BooleanBuffer::new(Buffer::from_vec(words), 0, rows)
}

fn other(operator: Comparison, left: &Values, right: &Values) -> Result<BooleanArray, QueryError> {
    let (a, b) = (datum(left), datum(right));
    let (a, b) = (&*a, &*b);
    Ok(match operator {
        Comparison::Equal => arrow_ord::cmp::eq(a, b),
        Comparison::NotEqual => arrow_ord::cmp::neq(a, b),
        Comparison::Less => arrow_ord::cmp::lt(a, b),
        Comparison::LessOrEqual => arrow_ord::cmp::lt_eq(a, b),
        Comparison::Greater => arrow_ord::cmp::gt(a, b),
        Comparison::GreaterOrEqual => arrow_ord::cmp::gt_eq(a, b),
    }?)
}

fn datum(values: &Values) -> Box<dyn Datum> {
    match values {
        Values::Array(array) => Box::new(Arc::clone(array)),
        Values::Single(array) => Box::new(Scalar::new(Arc::clone(array))),
    }
}
