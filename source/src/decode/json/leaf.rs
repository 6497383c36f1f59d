//! One JSON value as one field.

use levada_connector_api::{FieldValue, model::DataType};

use super::tape::Value;
use crate::decode::typed::{not_finite, text_as};

/// A field, or text that has to be kept somewhere first.
#[derive(Debug)]
pub(super) enum Leaf<'t> {
    Field(FieldValue<'t>),
    /// A number that shall be text.
    Text(String, DataType),
}

/// A value without a type: what JSON says it is.
#[inline]
pub(super) fn untyped<'t>(value: &'t Value<'_>) -> FieldValue<'t> {
    match value {
        Value::Int(value) => FieldValue::Double(*value as f64),
        Value::Number(value) => FieldValue::Double(*value),
        Value::Bool(value) => FieldValue::Boolean(*value),
        Value::Text(text) => match text.as_bytes() {
            [b'N' | b'I' | b'+' | b'-', ..] => {
                not_finite(text).map_or(FieldValue::Text(text), FieldValue::Double)
            }
            _ => FieldValue::Text(text),
        },
        Value::Null | Value::Object(_) | Value::List(_) => FieldValue::Null,
    }
}

/// A value of a type that was named.
///
/// # Errors
/// The value is none of the type.
pub(super) fn typed<'t>(value: &'t Value<'_>, data_type: DataType) -> Result<Leaf<'t>, String> {
    let field = match (value, data_type) {
        (Value::Null, _) => Some(FieldValue::Null),
        (Value::Text(text), _) => return text_as(text, data_type).map(Leaf::Field),
        (Value::Bool(value), DataType::Boolean) => Some(FieldValue::Boolean(*value)),
        (Value::Int(0), DataType::Boolean) => Some(FieldValue::Boolean(false)),
        (Value::Int(1), DataType::Boolean) => Some(FieldValue::Boolean(true)),
        (Value::Int(value), _) => integer(*value, data_type),
        (Value::Number(value), DataType::Float) => Some(FieldValue::Float(*value as f32)),
        (Value::Number(value), DataType::Double) => Some(FieldValue::Double(*value)),
        (Value::Number(value), _) if is_whole(*value) => integer(*value as i64, data_type),
        _ => None,
    };
    match field {
        Some(field) => Ok(Leaf::Field(field)),
        None => match (shown(value), data_type) {
            (Some(text), DataType::Text | DataType::String) => Ok(Leaf::Text(text, data_type)),
            (Some(text), _) => Err(format!("{text} is not of type {data_type}")),
            (None, _) => Err(format!("a list or an object is not of type {data_type}")),
        },
    }
}

/// A whole number of a type; `None` where the type has no such number.
fn integer<'t>(value: i64, data_type: DataType) -> Option<FieldValue<'t>> {
    match data_type {
        DataType::Int32 => i32::try_from(value).ok().map(FieldValue::Int32),
        DataType::Date => i32::try_from(value).ok().map(FieldValue::Date),
        DataType::Int64 => Some(FieldValue::Int64(value)),
        DataType::Timestamp => Some(FieldValue::Timestamp(value)),
        DataType::Float => Some(FieldValue::Float(value as f32)),
        DataType::Double => Some(FieldValue::Double(value as f64)),
        _ => None,
    }
}

fn is_whole(value: f64) -> bool {
    value.fract() == 0.0 && value.abs() < (1u64 << f64::MANTISSA_DIGITS) as f64
}

fn shown(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        Value::Number(value) => Some(value.to_string()),
        _ => None,
    }
}
