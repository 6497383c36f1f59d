//! Many values at once, into an Arrow array.

use std::{fmt::Write as _, sync::Arc};

use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray,
    builder::{BinaryBuilder, StringBuilder},
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{BooleanBufferBuilder, NullBufferBuilder};
use jiff::tz::TimeZone;

use super::{Given, Reason};
use crate::DataType;

/// Converted values, null where a value was rejected.
#[derive(Clone, Debug)]
pub struct Converted {
    /// An array of the type.
    pub values: ArrayRef,
    /// Which rows were rejected, and why.
    pub rejected: Vec<(u32, Reason)>,
}

/// Converts values, `None` being null; text without an offset is in `zone`.
pub fn convert_each<'a>(
    given: impl ExactSizeIterator<Item = Option<Given<'a>>>,
    to: DataType,
    zone: &TimeZone,
) -> Converted {
    let mut rejected = Vec::new();
    let reject = &mut rejected;
    let values: ArrayRef = match to {
        DataType::Boolean => booleans(given, reject),
        DataType::Int32 => primitive::<Int32Type>(given, reject, Given::int32),
        DataType::Int64 => primitive::<Int64Type>(given, reject, Given::int64),
        DataType::Float => primitive::<Float32Type>(given, reject, Given::float),
        DataType::Double => primitive::<Float64Type>(given, reject, Given::double),
        DataType::Timestamp => primitive::<Int64Type>(given, reject, |value| value.timestamp(zone)),
        DataType::Date => primitive::<Int32Type>(given, reject, |value| value.date(zone)),
        DataType::Text | DataType::String => texts(given),
        DataType::Blob => blobs(given, reject),
    };
    Converted { values, rejected }
}

type Rejected = Vec<(u32, Reason)>;

fn reject(rejected: &mut Rejected, row: usize, reason: Reason) {
    // An array with 32-bit offsets has no more rows.
    rejected.push((u32::try_from(row).unwrap_or(u32::MAX), reason));
}

fn primitive<'a, T: ArrowPrimitiveType>(
    given: impl ExactSizeIterator<Item = Option<Given<'a>>>,
    rejected: &mut Rejected,
    convert: impl Fn(&Given<'a>) -> Result<T::Native, Reason>,
) -> ArrayRef {
    let mut values = Vec::with_capacity(given.len());
    let mut valid = NullBufferBuilder::new(given.len());
    for (row, value) in given.enumerate() {
        let converted =
            value.and_then(|value| convert(&value).map_err(|why| reject(rejected, row, why)).ok());
        match converted {
            Some(converted) => {
                values.push(converted);
                valid.append_non_null();
            }
            None => {
                values.push(T::Native::default());
                valid.append_null();
            }
        }
    }
    Arc::new(PrimitiveArray::<T>::new(values.into(), valid.finish()))
}

fn booleans<'a>(
    given: impl ExactSizeIterator<Item = Option<Given<'a>>>,
    rejected: &mut Rejected,
) -> ArrayRef {
    let mut values = BooleanBufferBuilder::new(given.len());
    let mut valid = NullBufferBuilder::new(given.len());
    for (row, value) in given.enumerate() {
        let converted =
            value.and_then(|value| value.boolean().map_err(|why| reject(rejected, row, why)).ok());
        values.append(converted.unwrap_or_default());
        valid.append(converted.is_some());
    }
    Arc::new(BooleanArray::new(values.finish(), valid.finish()))
}

fn texts<'a>(given: impl ExactSizeIterator<Item = Option<Given<'a>>>) -> ArrayRef {
    let mut values = StringBuilder::with_capacity(given.len(), 0);
    for value in given {
        match value {
            None => values.append_null(),
            Some(
                Given::Number(text)
                | Given::Decimal(text)
                | Given::Boolean(_, text)
                | Given::Text(text)
                | Given::SqlText(text),
            ) => values.append_value(text),
            Some(other) => {
                // Formatted in place; writing to a string does not fail.
                write!(values, "{other}").unwrap_or_default();
                values.append_value("");
            }
        }
    }
    Arc::new(values.finish())
}

fn blobs<'a>(given: impl ExactSizeIterator<Item = Option<Given<'a>>>, rejected: &mut Rejected) -> ArrayRef {
    let mut values = BinaryBuilder::with_capacity(given.len(), 0);
    for (row, value) in given.enumerate() {
        match value.and_then(|value| value.blob().map_err(|why| reject(rejected, row, why)).ok()) {
            Some(bytes) => values.append_value(bytes),
            None => values.append_null(),
        }
    }
    Arc::new(values.finish())
}
