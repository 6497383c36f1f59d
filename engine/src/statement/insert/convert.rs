//! Constants of a statement as values of a series' type.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use jiff::{Timestamp, civil, tz::TimeZone};
use levada_model::DataType;
use levada_sql::{
    ParseContext,
    ast::{Constant, ExpressionKind},
    parse_expression,
};

/// A column of some type, null where a constant is null or cannot be converted, and why the first of those cannot.
pub(super) fn column(
    data_type: DataType,
    constants: &[&Constant],
    zone: &TimeZone,
) -> (ArrayRef, Option<String>) {
    let mut failure = None;
    let mut keep = |reason: String| {
        failure.get_or_insert(reason);
    };
    macro_rules! array {
        ($array:ty, $convert:expr) => {
            Arc::new(
                constants.iter().map(|&constant| not_null(constant, $convert, &mut keep)).collect::<$array>(),
            )
        };
    }
    let values: ArrayRef = match data_type {
        DataType::Boolean => array!(BooleanArray, boolean),
        DataType::Int32 => array!(Int32Array, |constant| int32(constant, data_type)),
        DataType::Int64 => array!(Int64Array, |constant| int64(constant, data_type)),
        DataType::Timestamp => array!(Int64Array, |constant| timestamp(constant, zone)),
        DataType::Date => array!(Int32Array, |constant| date(constant, zone)),
        DataType::Float => array!(Float32Array, float),
        DataType::Double => array!(Float64Array, double),
        DataType::Text | DataType::String => array!(StringArray, text),
        DataType::Blob => array!(BinaryArray, blob),
    };
    (values, failure)
}

fn not_null<'a, T>(
    constant: &'a Constant,
    convert: impl Fn(&'a Constant) -> Result<T, String>,
    failed: &mut impl FnMut(String),
) -> Option<T> {
    if *constant == Constant::Null {
        return None;
    }
    convert(constant).map_err(failed).ok()
}

fn inconsistent(constant: &Constant, data_type: DataType) -> String {
    format!("data type is not consistent, input {constant}, registered {data_type}")
}

fn boolean(constant: &Constant) -> Result<bool, String> {
    match constant {
        Constant::Boolean(value) => Ok(*value),
        Constant::Integer { value: value @ (0 | 1), .. } => Ok(*value == 1),
        _ => Err("The BOOLEAN should be true/TRUE, false/FALSE or 0/1".to_owned()),
    }
}

fn int32(constant: &Constant, data_type: DataType) -> Result<i32, String> {
    match constant {
        Constant::Integer { value, .. } => {
            i32::try_from(*value).map_err(|_| inconsistent(constant, data_type))
        }
        _ => Err(inconsistent(constant, data_type)),
    }
}

fn int64(constant: &Constant, data_type: DataType) -> Result<i64, String> {
    match constant {
        Constant::Integer { value, .. } | Constant::Time(value) => Ok(*value),
        _ => Err(inconsistent(constant, data_type)),
    }
}

fn float(constant: &Constant) -> Result<f32, String> {
    let (Constant::Integer { text, .. } | Constant::Real { text, .. }) = constant else {
        return Err(inconsistent(constant, DataType::Float));
    };
    match text.parse::<f32>() {
        Ok(value) if value.is_infinite() => Err("The input float value is Infinity".to_owned()),
        Ok(value) => Ok(value),
        Err(_) => Err(inconsistent(constant, DataType::Float)),
    }
}

fn double(constant: &Constant) -> Result<f64, String> {
    let (Constant::Integer { text, .. } | Constant::Real { text, .. }) = constant else {
        return Err(inconsistent(constant, DataType::Double));
    };
    match text.parse::<f64>() {
        Ok(value) if value.is_infinite() => Err("The input double value is Infinity".to_owned()),
        Ok(value) => Ok(value),
        Err(_) => Err(inconsistent(constant, DataType::Double)),
    }
}

/// Numbers become the text they were typed as.
fn text(constant: &Constant) -> Result<String, String> {
    match constant {
        Constant::Text(text) | Constant::Integer { text, .. } | Constant::Real { text, .. } => {
            Ok(text.clone())
        }
        Constant::Boolean(value) => Ok(value.to_string()),
        Constant::Time(millis) => Ok(millis.to_string()),
        Constant::Blob(_) | Constant::Null => Err(inconsistent(constant, DataType::Text)),
    }
}

fn blob(constant: &Constant) -> Result<&[u8], String> {
    match constant {
        Constant::Blob(bytes) => Ok(bytes),
        _ => Err("Binary literal must be in the form X'hexstring'".to_owned()),
    }
}

/// Milliseconds, a literal of time, or a text that holds one.
fn timestamp(constant: &Constant, zone: &TimeZone) -> Result<i64, String> {
    match constant {
        Constant::Integer { value, .. } | Constant::Time(value) => Ok(*value),
        Constant::Text(text) => {
            let context = ParseContext { zone: zone.clone(), now: 0 };
            match parse_expression(text, &context).map(|expression| expression.kind) {
                Ok(ExpressionKind::Constant(Constant::Time(value))) => Ok(value),
                _ => Err(inconsistent(constant, DataType::Timestamp)),
            }
        }
        _ => Err(inconsistent(constant, DataType::Timestamp)),
    }
}

/// A text `yyyy-mm-dd` or a literal of time, as the number `yyyymmdd`. A day behind the end of its month is its last.
fn date(constant: &Constant, zone: &TimeZone) -> Result<i32, String> {
    const FORM: &str = "Invalid date format. Please use YYYY-MM-DD format.";
    match constant {
        Constant::Time(millis) => {
            let time = Timestamp::from_millisecond(*millis).map_err(|_| FORM.to_owned())?;
            Ok(number_of(zone.to_datetime(time).date()))
        }
        Constant::Text(text) => {
            let mut parts = text.split('-').map(|part| part.parse::<i16>().ok());
            let (Some(Some(year)), Some(Some(month)), Some(Some(day)), None) =
                (parts.next(), parts.next(), parts.next(), parts.next())
            else {
                return Err(FORM.to_owned());
            };
            let month = i8::try_from(month).map_err(|_| FORM.to_owned())?;
            let first = civil::Date::new(year, month, 1).map_err(|_| FORM.to_owned())?;
            if !(1000..=9999).contains(&year) || !(1..=31).contains(&day) {
                return Err(FORM.to_owned());
            }
            let last = i16::from(first.days_in_month());
            Ok(number_of(first) - 1 + i32::from(day.min(last)))
        }
        _ => Err(FORM.to_owned()),
    }
}

fn number_of(date: civil::Date) -> i32 {
    i32::from(date.year()) * 10_000 + i32::from(date.month()) * 100 + i32::from(date.day())
}

#[cfg(test)]
mod tests {
    use levada_model::Value;

    use super::*;

    fn number(text: &str) -> Constant {
        match text.parse() {
            Ok(value) => Constant::Integer { value, text: text.to_owned() },
            Err(_) => Constant::Real { value: text.parse().expect("a number"), text: text.to_owned() },
        }
    }

    fn converted(data_type: DataType, constant: &Constant) -> Result<Option<Value>, String> {
        let (array, failure) = column(data_type, &[constant], &TimeZone::UTC);
        failure.map_or_else(|| Ok(Value::at(&array, data_type, 0)), Err)
    }

    #[test]
    fn values_take_the_type_of_their_series() {
        let text = |text: &str| Constant::Text(text.to_owned());
        for (data_type, constant, value) in [
            (DataType::Int32, number("2147483647"), Value::Int32(i32::MAX)),
            (DataType::Float, number("1.23456789"), Value::Float(1.234_567_9)),
            (DataType::Double, number("9223372036854775808"), Value::Double(9_223_372_036_854_775_808.0)),
            (DataType::Boolean, number("1"), Value::Boolean(true)),
            (DataType::Text, number("1.50"), Value::Text("1.50".to_owned())),
            (DataType::Timestamp, text("1970-01-01T00:00:01+00:00"), Value::Timestamp(1_000)),
            (DataType::Date, text("2024-02-30"), Value::Date(20_240_229)),
            (DataType::Date, Constant::Time(0), Value::Date(19_700_101)),
            (DataType::Blob, Constant::Blob(vec![10]), Value::Blob(vec![10])),
        ] {
            assert_eq!(converted(data_type, &constant), Ok(Some(value)), "{constant} as {data_type}");
        }
        assert_eq!(converted(DataType::Int32, &Constant::Null), Ok(None));
    }

    #[test]
    fn what_does_not_fit_is_refused_in_the_peers_words() {
        let text = |text: &str| Constant::Text(text.to_owned());
        for (data_type, constant, message) in [
            (
                DataType::Int32,
                number("2147483648"),
                "data type is not consistent, input 2147483648, registered INT32",
            ),
            (DataType::Double, text("12.5"), "data type is not consistent, input '12.5', registered DOUBLE"),
            (DataType::Boolean, text("TRUE"), "The BOOLEAN should be true/TRUE, false/FALSE or 0/1"),
            (DataType::Float, number("3.4e39"), "The input float value is Infinity"),
            (DataType::Blob, text("abc"), "Binary literal must be in the form X'hexstring'"),
            (
                DataType::Timestamp,
                text("2020-01-01T00:00:00Z"),
                "data type is not consistent, input '2020-01-01T00:00:00Z', registered TIMESTAMP",
            ),
        ] {
            assert_eq!(converted(data_type, &constant), Err(message.to_owned()));
        }
    }
}
