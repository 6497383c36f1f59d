//! Constants as arrays of one value.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray, BooleanArray, Float64Array, Int64Array, StringArray};
use levada_model::DataType;
use levada_sql::ast::Constant;

/// A constant's value and type: INT64, DOUBLE, TEXT, BOOLEAN or BLOB; null is a DOUBLE.
pub(crate) fn literal(constant: &Constant) -> (ArrayRef, DataType) {
    match constant {
        Constant::Null => (Arc::new(Float64Array::from(vec![None])), DataType::Double),
        Constant::Boolean(value) => (Arc::new(BooleanArray::from(vec![*value])), DataType::Boolean),
        Constant::Integer { value, .. } | Constant::Time(value) => {
            (Arc::new(Int64Array::from(vec![*value])), DataType::Int64)
        }
        Constant::Real { value, .. } => (Arc::new(Float64Array::from(vec![*value])), DataType::Double),
        Constant::Text(text) => (Arc::new(StringArray::from(vec![text.as_str()])), DataType::Text),
        Constant::Blob(bytes) => (Arc::new(BinaryArray::from(vec![bytes.as_slice()])), DataType::Blob),
    }
}

/// A constant as text: numbers as typed, texts without their quotes.
pub(crate) fn constant_text(constant: &Constant) -> String {
    match constant {
        Constant::Null => "null".to_owned(),
        Constant::Boolean(value) => value.to_string(),
        Constant::Integer { text, .. } | Constant::Real { text, .. } | Constant::Text(text) => text.clone(),
        Constant::Time(time) => time.to_string(),
        Constant::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}

/// `2024-02-29` as `20240229`; `None` for what is no day.
pub(crate) fn parse_date(text: &str) -> Option<i32> {
    levada_model::parse_date(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_that_exist_are_dates() {
        assert_eq!(parse_date("2024-02-29"), Some(20_240_229));
        assert_eq!(parse_date("2023-02-29"), None);
        assert_eq!(parse_date("x"), None);
    }
}
