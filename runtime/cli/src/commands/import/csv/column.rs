//! Texts of one column as an array.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use levada_model::DataType;

/// Values of a type; an empty one is null. On failure, which row and why.
pub(in crate::commands::import) fn parse<'a>(
    data_type: DataType,
    values: impl Iterator<Item = &'a str>,
) -> Result<ArrayRef, (usize, String)> {
    let is_text = data_type.is_text();
    let null = |text: &str| if is_text { text.is_empty() } else { is_null(text) };
    let (values, wrong) = read(data_type, values.map(|text| (!null(text)).then_some(text)));
    wrong.into_iter().next().map_or(Ok(values), Err)
}

/// Values of a type; where one is none of the type there is a null, and it is told which and why.
pub(super) fn read<T: AsRef<str>>(
    data_type: DataType,
    values: impl Iterator<Item = Option<T>>,
) -> (ArrayRef, Vec<(usize, String)>) {
    let mut all = All { data_type, wrong: Vec::new() };
    let values: ArrayRef = match data_type {
        DataType::Boolean => Arc::new(all.read(values, boolean).collect::<BooleanArray>()),
        DataType::Int32 => {
            let parse = |text: &str| integer(text).and_then(|number| i32::try_from(number).ok());
            Arc::new(all.read(values, parse).collect::<Int32Array>())
        }
        DataType::Date => Arc::new(all.read(values, date).collect::<Int32Array>()),
        DataType::Int64 => Arc::new(all.read(values, integer).collect::<Int64Array>()),
        DataType::Timestamp => Arc::new(all.read(values, time).collect::<Int64Array>()),
        DataType::Float => {
            let parse =
                |text: &str| text.parse().ok().filter(|number: &f32| is_meant(text, number.is_infinite()));
            Arc::new(all.read(values, parse).collect::<Float32Array>())
        }
        DataType::Double => {
            let parse =
                |text: &str| text.parse().ok().filter(|number: &f64| is_meant(text, number.is_infinite()));
            Arc::new(all.read(values, parse).collect::<Float64Array>())
        }
        DataType::Text | DataType::String => Arc::new(values.collect::<StringArray>()),
        DataType::Blob => Arc::new(all.read(values, blob).collect::<BinaryArray>()),
    };
    (values, all.wrong)
}

/// What of a column is no value of its type.
struct All {
    data_type: DataType,
    wrong: Vec<(usize, String)>,
}

impl All {
    fn read<V, T: AsRef<str>>(
        &mut self,
        values: impl Iterator<Item = Option<T>>,
        parse: impl Fn(&str) -> Option<V>,
    ) -> impl Iterator<Item = Option<V>> {
        values.enumerate().map(move |(row, text)| {
            let text = text?;
            let value = parse(text.as_ref().trim());
            if value.is_none() {
                self.wrong.push((row, format!("`{}` is no {}", text.as_ref(), self.data_type)));
            }
            value
        })
    }
}

/// A whole number, also one written as `21.0`.
fn integer(text: &str) -> Option<i64> {
    text.parse().ok().or_else(|| {
        let number: f64 = text.parse().ok()?;
        // Beyond, not every number is exact.
        (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
    })
}

/// Whether a number that is infinite, or is not, is what was written.
fn is_meant(text: &str, infinite: bool) -> bool {
    !infinite || !text.bytes().any(|byte| byte.is_ascii_digit())
}

fn is_null(text: &str) -> bool {
    text.is_empty() || text == "null"
}

/// Milliseconds since 1970 UTC, or a date and time, of UTC where it does not say its offset or zone.
pub(in crate::commands::import) fn time(text: &str) -> Option<i64> {
    let parsed = text.parse().ok();
    parsed.or_else(|| {
        levada_model::parse_time(text, &jiff::tz::TimeZone::UTC).ok().map(levada_model::Moment::millis)
    })
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
    levada_model::parse_date(text).ok()
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
    fn numbers_are_what_is_written_or_none() {
        assert_eq!([integer("21.0"), integer("21.5"), integer("1e400")], [Some(21), None, None]);
        assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
        let (values, wrong) =
            read(DataType::Float, [Some("1e300"), Some("-inf"), None, Some("0.1")].into_iter());
        assert_eq!((values.null_count(), wrong), (2, vec![(0, "`1e300` is no FLOAT".to_owned())]));
    }

    #[test]
    fn a_value_that_does_not_fit_is_named_with_its_row() {
        let wrong = parse(DataType::Int32, ["1", "", "x"].into_iter()).map(|array| array.len());
        assert_eq!(wrong, Err((2, "`x` is no INT32".to_owned())));
        let dates = parse(DataType::Date, ["2024-02-29"].into_iter()).map(|array| array.null_count());
        assert_eq!(dates, Ok(0));
    }
}
