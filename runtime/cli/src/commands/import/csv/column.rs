//! Texts of one column as an array.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use levada_model::DataType;

/// The type of a column by its first values; `None` where all are empty.
pub(in crate::commands::import) fn infer<'a>(values: impl Iterator<Item = &'a str>) -> Option<DataType> {
    let mut inferred = None;
    for value in values.filter(|value| !is_null(value)) {
        let this = if boolean(value).is_some() && value.len() > 1 {
            DataType::Boolean
        } else if value.parse::<f64>().is_ok() {
            DataType::Double
        } else {
            return Some(DataType::Text);
        };
        match inferred {
            None => inferred = Some(this),
            Some(before) if before != this => return Some(DataType::Text),
            Some(_) => {}
        }
    }
    inferred
}

/// Values of a type; an empty one is null. On failure, which row and why.
pub(in crate::commands::import) fn parse<'a>(
    data_type: DataType,
    values: impl Iterator<Item = &'a str>,
) -> Result<ArrayRef, (usize, String)> {
    Ok(match data_type {
        DataType::Boolean => Arc::new(all(data_type, values, boolean)?.into_iter().collect::<BooleanArray>()),
        DataType::Int32 => Arc::new(Int32Array::from(all(data_type, values, |text| text.parse().ok())?)),
        DataType::Date => Arc::new(Int32Array::from(all(data_type, values, date)?)),
        DataType::Int64 => Arc::new(Int64Array::from(all(data_type, values, |text| text.parse().ok())?)),
        DataType::Timestamp => Arc::new(Int64Array::from(all(data_type, values, time)?)),
        DataType::Float => Arc::new(Float32Array::from(all(data_type, values, |text| text.parse().ok())?)),
        DataType::Double => Arc::new(Float64Array::from(all(data_type, values, |text| text.parse().ok())?)),
        DataType::Text | DataType::String => {
            Arc::new(values.map(|text| (!text.is_empty()).then_some(text)).collect::<StringArray>())
        }
        DataType::Blob => Arc::new(all(data_type, values, blob)?.into_iter().collect::<BinaryArray>()),
    })
}

fn all<'a, T>(
    data_type: DataType,
    values: impl Iterator<Item = &'a str>,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Vec<Option<T>>, (usize, String)> {
    let one = |(row, text): (usize, &str)| match text {
        text if is_null(text) => Ok(None),
        text => parse(text.trim()).map(Some).ok_or_else(|| (row, format!("`{text}` is no {data_type}"))),
    };
    values.enumerate().map(one).collect()
}

fn is_null(text: &str) -> bool {
    text.is_empty() || text == "null"
}

/// Milliseconds since 1970 UTC, or a date and time with its offset.
pub(in crate::commands::import) fn time(text: &str) -> Option<i64> {
    let parsed = text.parse().ok();
    parsed.or_else(|| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond))
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "TRUE" | "True" | "1" => Some(true),
        "false" | "FALSE" | "False" | "0" => Some(false),
        _ => None,
    }
}

/// `2024-02-29` as 20240229.
fn date(text: &str) -> Option<i32> {
    let date: jiff::civil::Date = text.parse().ok()?;
    Some(i32::from(date.year()) * 10_000 + i32::from(date.month()) * 100 + i32::from(date.day()))
}

/// `0x00ff`
fn blob(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;

    use super::*;

    #[test]
    fn types_come_from_the_values() {
        assert_eq!(infer(["", "true", "FALSE"].into_iter()), Some(DataType::Boolean));
        assert_eq!(infer(["1", "0", "2.5"].into_iter()), Some(DataType::Double));
        assert_eq!(infer(["1", "b"].into_iter()), Some(DataType::Text));
        assert_eq!(infer(["", ""].into_iter()), None);
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_with_its_row() {
        let wrong = parse(DataType::Int32, ["1", "", "x"].into_iter()).map(|array| array.len());
        assert_eq!(wrong, Err((2, "`x` is no INT32".to_owned())));
        let dates = parse(DataType::Date, ["2024-02-29"].into_iter()).map(|array| array.null_count());
        assert_eq!(dates, Ok(0));
    }
}
