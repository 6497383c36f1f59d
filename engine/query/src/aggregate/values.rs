//! Single values to an array, where a group's value is too varied to be kept as a column.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use levada_model::{DataType, Value};

/// An array of a type; a value of another type counts as null.
pub fn array_of(values: impl IntoIterator<Item = Option<Value>>, data_type: DataType) -> ArrayRef {
    let values = values.into_iter();
    macro_rules! collect {
        ($array:ty, $($variant:ident)|+) => {
            Arc::new(values.map(|value| match value {
                $(Some(Value::$variant(value)) => Some(value),)+
                _ => None,
            }).collect::<$array>())
        };
    }
    match data_type {
        DataType::Boolean => collect!(BooleanArray, Boolean),
        DataType::Int32 | DataType::Date => collect!(Int32Array, Int32 | Date),
        DataType::Int64 | DataType::Timestamp => collect!(Int64Array, Int64 | Timestamp),
        DataType::Float => collect!(Float32Array, Float),
        DataType::Double => collect!(Float64Array, Double),
        DataType::Text | DataType::String => collect!(StringArray, Text | String),
        DataType::Blob => {
            let bytes: Vec<Option<Vec<u8>>> = values
                .map(|value| match value {
                    Some(Value::Blob(bytes)) => Some(bytes),
                    _ => None,
                })
                .collect();
            Arc::new(bytes.iter().map(Option::as_deref).collect::<BinaryArray>())
        }
    }
}
