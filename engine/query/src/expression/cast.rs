//! `cast(x as T)`.
//!
//! A number with a fraction becomes whole by rounding, halves up; what does not fit is an error that names the value.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Int32Array, Int64Array, PrimitiveArray, StringArray,
    cast::AsArray,
    types::{ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type},
};
use levada_model::{DataType, Value, date_time};

use super::{Values, arithmetic::doubles, comparison::integers, constant::parse_date, java_number};
use crate::QueryError;

/// Casts values of one type to another.
pub(crate) fn cast(values: &Values, from: DataType, to: DataType) -> Result<Values, QueryError> {
    let array = values.array();
    let result = match (from, to) {
        _ if from == to || (from.is_text() && to.is_text()) => Arc::clone(array),
        (_, DataType::Text | DataType::String) => Arc::new(to_text(array, from)),
        (_, DataType::Blob) if from.is_text() => arrow_cast::cast(array, &to.arrow())?,
        (DataType::Text | DataType::String, _) => from_text(array.as_string(), to)?,
        (DataType::Boolean, _) => from_boolean(array.as_boolean(), to)?,
        (DataType::Date, DataType::Timestamp)
        | (DataType::Blob, _)
        | (_, DataType::Date | DataType::Blob) => {
            return Err(unsupported(from, to));
        }
        (_, DataType::Boolean) => {
            let numbers = doubles(array)?;
            let bits = numbers.values().iter().map(|&number| number != 0.0).collect();
            Arc::new(BooleanArray::new(bits, numbers.nulls().cloned()))
        }
        (DataType::Float | DataType::Double, DataType::Int32) => Arc::new(to_int32(&doubles(array)?, from)?),
        (DataType::Float | DataType::Double, DataType::Int64 | DataType::Timestamp) => {
            Arc::new(to_int64(&doubles(array)?, from)?)
        }
        (_, DataType::Int32) => Arc::new(narrow(&integers(array)?)?),
        (_, DataType::Int64 | DataType::Timestamp) => Arc::new(integers(array)?),
        (_, DataType::Float) => Arc::new(float(array, from)?),
        (_, DataType::Double) => Arc::new(doubles(array)?),
    };
    Ok(Values::of_kernel(result, &[values]))
}

fn unsupported(from: DataType, to: DataType) -> QueryError {
    QueryError::semantic(format!("values of type {from} cannot be cast to {to}"))
}

/// Applies a fallible function to the values that are not null.
fn try_each<I: ArrowPrimitiveType, O: ArrowPrimitiveType>(
    array: &PrimitiveArray<I>,
    each: impl Fn(I::Native) -> Result<O::Native, QueryError>,
) -> Result<PrimitiveArray<O>, QueryError> {
    array.try_unary(each)
}

fn to_int32(numbers: &PrimitiveArray<Float64Type>, from: DataType) -> Result<Int32Array, QueryError> {
    try_each(numbers, |number| {
        let rounded = (number + 0.5).floor();
        if number.is_nan() {
            Ok(0)
        } else if (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&rounded) {
            Ok(rounded as i32)
        } else {
            Err(QueryError::semantic(format!(
                "{} value {number:.6} is out of range of integer value.",
                kind(from)
            )))
        }
    })
}

fn to_int64(numbers: &PrimitiveArray<Float64Type>, from: DataType) -> Result<Int64Array, QueryError> {
    try_each(numbers, |number| {
        let rounded = (number + 0.5).floor();
        if number.is_nan() {
            Ok(0)
        } else if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded) {
            Ok(rounded as i64)
        } else {
            Err(QueryError::semantic(format!(
                "{} value {number:.6} is out of range of long value.",
                kind(from)
            )))
        }
    })
}

fn kind(from: DataType) -> &'static str {
    if from == DataType::Float { "Float" } else { "Double" }
}

fn narrow(numbers: &Int64Array) -> Result<Int32Array, QueryError> {
    try_each(numbers, |number| {
        i32::try_from(number).map_err(|_| {
            QueryError::semantic(format!("long value {number} is out of range of integer value."))
        })
    })
}

fn float(array: &ArrayRef, from: DataType) -> Result<PrimitiveArray<Float32Type>, QueryError> {
    Ok(match from {
        DataType::Int32 => array.as_primitive::<Int32Type>().unary(|number| number as f32),
        DataType::Int64 | DataType::Timestamp => {
            array.as_primitive::<Int64Type>().unary(|number| number as f32)
        }
        _ => try_each(&doubles(array)?, |number| {
            let narrow = number as f32;
            if narrow.is_infinite() && number.is_finite() {
                return Err(QueryError::semantic(format!(
                    "Double value {number:.6} is out of range of float value."
                )));
            }
            Ok(narrow)
        })?,
    })
}

fn from_boolean(truths: &BooleanArray, to: DataType) -> Result<ArrayRef, QueryError> {
    let numbers: Int32Array = truths.iter().map(|truth| truth.map(i32::from)).collect();
    let numbers: ArrayRef = Arc::new(numbers);
    if !to.is_numeric() {
        return Err(unsupported(DataType::Boolean, to));
    }
    Ok(arrow_cast::cast(&numbers, &to.arrow())?)
}

fn from_text(texts: &StringArray, to: DataType) -> Result<ArrayRef, QueryError> {
    let reject = |text: &str| QueryError::semantic(format!("Cannot cast {text} to {to} type"));
    Ok(match to {
        DataType::Boolean => {
            let parse = |text: &str| match text.to_ascii_lowercase().as_str() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(QueryError::semantic(format!("Invalid text input for boolean type: {text}"))),
            };
            Arc::new(
                texts.iter().map(|text| text.map(parse).transpose()).collect::<Result<BooleanArray, _>>()?,
            )
        }
        DataType::Int32 => parsed::<Int32Type>(texts, |text| text.parse().map_err(|_| reject(text)))?,
        DataType::Int64 | DataType::Timestamp => {
            parsed::<Int64Type>(texts, |text| text.parse().map_err(|_| reject(text)))?
        }
        // By the nearest number that the type has, and not by an infinity for what is beyond it.
        DataType::Float => parsed::<Float32Type>(texts, |text| {
            let number: f32 = text.trim().parse().map_err(|_| reject(text))?;
            if number.is_infinite() && is_digits(text) { Err(beyond(text, to)) } else { Ok(number) }
        })?,
        DataType::Double => parsed::<Float64Type>(texts, |text| {
            let number: f64 = text.trim().parse().map_err(|_| reject(text))?;
            if number.is_infinite() && is_digits(text) { Err(beyond(text, to)) } else { Ok(number) }
        })?,
        DataType::Date => parsed::<Int32Type>(texts, |text| parse_date(text).ok_or_else(|| reject(text)))?,
        DataType::Text | DataType::String | DataType::Blob => return Err(unsupported(DataType::Text, to)),
    })
}

/// Whether a number is written in digits, rather than by the word for one that is infinite.
fn is_digits(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

fn beyond(text: &str, to: DataType) -> QueryError {
    QueryError::semantic(format!("{text} is out of range of {to} value."))
}

fn parsed<T: ArrowPrimitiveType>(
    texts: &StringArray,
    parse: impl Fn(&str) -> Result<T::Native, QueryError>,
) -> Result<ArrayRef, QueryError> {
    let values = texts.iter().map(|text| text.map(&parse).transpose());
    Ok(Arc::new(values.collect::<Result<PrimitiveArray<T>, _>>()?))
}

/// Values as text.
pub(crate) fn to_text(array: &ArrayRef, from: DataType) -> StringArray {
    match from {
        DataType::Float => {
            array.as_primitive::<Float32Type>().iter().map(|value| value.map(java_number::float)).collect()
        }
        DataType::Double => {
            array.as_primitive::<Float64Type>().iter().map(|value| value.map(java_number::double)).collect()
        }
        DataType::Text | DataType::String => array.as_string().clone(),
        DataType::Timestamp => {
            array.as_primitive::<Int64Type>().iter().map(|value| value.map(iso_time)).collect()
        }
        _ => (0..array.len()).map(|row| Value::at(array, from, row).map(|value| value.to_string())).collect(),
    }
}

/// `1970-01-01T00:00:00.100`, in UTC, without milliseconds that are 0, and then without seconds that are; the number where no
/// calendar has it.
fn iso_time(time: i64) -> String {
    let Some(at) = date_time(time) else { return time.to_string() };
    let format = match (time.rem_euclid(1_000), time.rem_euclid(60_000)) {
        (_, 0) => "%Y-%m-%dT%H:%M",
        (0, _) => "%Y-%m-%dT%H:%M:%S",
        _ => "%Y-%m-%dT%H:%M:%S%.3f",
    };
    at.strftime(format).to_string()
}

/// One value as `select last` shows it: a date is its number.
pub(crate) fn value_text(value: &Value) -> String {
    match value {
        Value::Date(number) => number.to_string(),
        Value::Float(number) => java_number::float(*number),
        Value::Double(number) => java_number::double(*number),
        other => other.to_string(),
    }
}
