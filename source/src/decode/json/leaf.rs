//! One JSON value as one field.

use jiff::tz::TimeZone;
use levada_connector_api::{
    FieldValue,
    model::{
        DataType,
        convert::{Given, is_not_finite},
    },
};

use super::tape::Value;
use crate::decode::typed::{self, Integers};

/// A value without a type: numbers as they are written, the rest as JSON says.
#[inline]
pub(super) fn untyped<'t>(value: &'t Value<'_>, integers: Integers) -> FieldValue<'t> {
    match value {
        Value::Number(digits) => integers.number(digits),
        Value::Bool(value) => FieldValue::Boolean(*value),
        Value::Text(text) => untyped_text(text, integers),
        Value::Digits(digits) => integers.decimal(digits),
        // Objects and lists are none.
        other => other.typed().unwrap_or(FieldValue::Null),
    }
}

/// A text without a type.
#[inline]
pub(super) fn untyped_text(text: &str, integers: Integers) -> FieldValue<'_> {
    match text.as_bytes() {
        [b'N' | b'I' | b'+' | b'-', ..] if is_not_finite(text) => integers.number(text),
        _ => FieldValue::Text(text),
    }
}

/// A value of a type that was named.
///
/// # Errors
/// The value is none of the type.
pub(super) fn typed<'t>(
    value: &'t Value<'_>,
    data_type: DataType,
    zone: &TimeZone,
) -> Result<FieldValue<'t>, String> {
    let given = match value {
        Value::Null => return Ok(FieldValue::Null),
        Value::Number(digits) => Given::Number(digits),
        Value::Bool(value) => Given::Boolean(*value, if *value { "true" } else { "false" }),
        Value::Text(text) => Given::Text(text),
        Value::Characters(_, text) => Given::Text(text),
        Value::Digits(digits) => Given::Decimal(digits),
        other => match other.typed() {
            Some(value) => return retyped(value, data_type, zone),
            None => return Err(format!("a list or an object is not of type {data_type}")),
        },
    };
    typed::typed(given, data_type, zone)
}

/// A value that has a type, as one of another.
///
/// # Errors
/// The value is none of that type, or has no characters to be a text.
fn retyped<'t>(
    value: FieldValue<'t>,
    data_type: DataType,
    zone: &TimeZone,
) -> Result<FieldValue<'t>, String> {
    let given = match value {
        FieldValue::Int32(number) => Given::Int(number.into()),
        FieldValue::Int64(number) => Given::Int(number),
        FieldValue::Float(number) => Given::Float(number),
        FieldValue::Double(number) => Given::Double(number),
        FieldValue::Timestamp(time) => Given::Time(time),
        FieldValue::Date(date) => Given::Date(date),
        FieldValue::Blob(bytes) => Given::Bytes(bytes),
        other => return Ok(other),
    };
    match (value, data_type) {
        (FieldValue::Blob(_), DataType::Blob) => Ok(value),
        (_, DataType::Text | DataType::String | DataType::Blob) => {
            Err(format!("a value that has a type of its own is not taken as {data_type}"))
        }
        _ => typed::typed(given, data_type, zone),
    }
}
