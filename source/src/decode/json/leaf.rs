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
        Value::Null | Value::Object(_) | Value::List(_) => FieldValue::Null,
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
        Value::Object(_) | Value::List(_) => {
            return Err(format!("a list or an object is not of type {data_type}"));
        }
    };
    typed::typed(given, data_type, zone)
}
