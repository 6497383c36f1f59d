//! One typed value.

use std::fmt;

use arrow_array::{
    Array, ArrayRef,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use serde::{Deserialize, Serialize};

use crate::DataType;

/// One value with its type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// BOOLEAN
    Boolean(bool),
    /// INT32
    Int32(i32),
    /// INT64
    Int64(i64),
    /// FLOAT
    Float(f32),
    /// DOUBLE
    Double(f64),
    /// TEXT
    Text(String),
    /// TIMESTAMP, in milliseconds since 1970 UTC.
    Timestamp(i64),
    /// DATE, as `yyyymmdd`.
    Date(i32),
    /// BLOB
    Blob(Vec<u8>),
    /// STRING
    String(String),
}

impl Value {
    /// Its type.
    pub const fn data_type(&self) -> DataType {
        match self {
            Self::Boolean(_) => DataType::Boolean,
            Self::Int32(_) => DataType::Int32,
            Self::Int64(_) => DataType::Int64,
            Self::Float(_) => DataType::Float,
            Self::Double(_) => DataType::Double,
            Self::Text(_) => DataType::Text,
            Self::Timestamp(_) => DataType::Timestamp,
            Self::Date(_) => DataType::Date,
            Self::Blob(_) => DataType::Blob,
            Self::String(_) => DataType::String,
        }
    }

    /// The value at a row of an array of a type; `None` if it is null or the array has another type.
    pub fn at(array: &ArrayRef, data_type: DataType, row: usize) -> Option<Self> {
        if row >= array.len() || array.is_null(row) || *array.data_type() != data_type.arrow() {
            return None;
        }
        Some(match data_type {
            DataType::Boolean => Self::Boolean(array.as_boolean().value(row)),
            DataType::Int32 => Self::Int32(array.as_primitive::<Int32Type>().value(row)),
            DataType::Int64 => Self::Int64(array.as_primitive::<Int64Type>().value(row)),
            DataType::Float => Self::Float(array.as_primitive::<Float32Type>().value(row)),
            DataType::Double => Self::Double(array.as_primitive::<Float64Type>().value(row)),
            DataType::Text => Self::Text(array.as_string::<i32>().value(row).to_owned()),
            DataType::Timestamp => Self::Timestamp(array.as_primitive::<Int64Type>().value(row)),
            DataType::Date => Self::Date(array.as_primitive::<Int32Type>().value(row)),
            DataType::Blob => Self::Blob(array.as_binary::<i32>().value(row).to_owned()),
            DataType::String => Self::String(array.as_string::<i32>().value(row).to_owned()),
        })
    }
}

/// The word for an infinite number.
fn infinite(value: f64) -> Option<&'static str> {
    value.is_infinite().then_some(if value > 0.0 { "Infinity" } else { "-Infinity" })
}

/// As IoTDB's tools print it: dates as `yyyy-mm-dd`, bytes as `0x…`, infinite numbers as `Infinity`.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Int32(value) => value.fmt(f),
            Self::Int64(value) | Self::Timestamp(value) => value.fmt(f),
            Self::Float(value) => match infinite(f64::from(*value)) {
                Some(word) => f.write_str(word),
                None => write!(f, "{value:?}"),
            },
            Self::Double(value) => match infinite(*value) {
                Some(word) => f.write_str(word),
                None => write!(f, "{value:?}"),
            },
            Self::Text(value) | Self::String(value) => f.write_str(value),
            Self::Date(value) => {
                write!(f, "{:04}-{:02}-{:02}", value / 10_000, value / 100 % 100, value % 100)
            }
            Self::Blob(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_iotdb_prints_them() {
        let doubles = [1.5, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN].map(Value::Double);
        assert_eq!(doubles.map(|value| value.to_string()), ["1.5", "-0.0", "Infinity", "-Infinity", "NaN"]);
        let floats = [2.5, f32::INFINITY, f32::NEG_INFINITY, f32::NAN].map(Value::Float);
        assert_eq!(floats.map(|value| value.to_string()), ["2.5", "Infinity", "-Infinity", "NaN"]);
    }
}
