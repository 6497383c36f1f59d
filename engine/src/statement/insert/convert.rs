//! Values of a statement as values of a series' type, by the table of conversions, with the reasons in the peer's words.

use arrow_array::ArrayRef;
use levada_model::{
    DataType,
    convert::{Converted, Given, Reason, convert_each},
};
use levada_sql::{
    ParseContext,
    ast::{Constant, ExpressionKind, InsertValue},
    parse_expression,
};

/// A column of some type, null where a value is null or cannot be converted, and why the first of those cannot.
pub(super) fn column(
    data_type: DataType,
    values: &[&InsertValue],
    context: &ParseContext,
) -> (ArrayRef, Option<String>) {
    let unfit = values.iter().find_map(|value| Some((value, unfit(&value.constant, data_type)?)));
    let given = values.iter().map(|value| match self::unfit(&value.constant, data_type) {
        Some(_) => None,
        None => given(value, data_type, context),
    });
    let Converted { values: array, rejected } = convert_each(given, data_type, &context.zone);
    let failure = unfit.map(|(value, reason)| words(value, data_type, reason)).or_else(|| {
        let &(row, reason) = rejected.first()?;
        Some(words(values.get(row as usize)?, data_type, reason))
    });
    (array, failure)
}

/// Why a number is no value of a type, whatever it amounts to: one spelt with a fraction or an exponent, `1.0` or `1e2`, where the
/// type has whole numbers alone; an infinite one in all others.
fn unfit(constant: &Constant, data_type: DataType) -> Option<Reason> {
    let Constant::Real { value, .. } = constant else { return None };
    match data_type {
        DataType::Int32 | DataType::Int64 | DataType::Boolean => Some(Reason::NotWhole),
        DataType::Float | DataType::Double if value.is_infinite() => Some(Reason::Range),
        _ => None,
    }
}

/// A value as the table knows it; `None` for null. A text that shall be a time is one where it is a literal of time. What is not
/// quoted is a text as it is spelt.
fn given<'a>(value: &'a InsertValue, data_type: DataType, context: &ParseContext) -> Option<Given<'a>> {
    if let (Some(spelling), DataType::Text | DataType::String) = (&value.spelling, data_type) {
        return Some(Given::SqlText(spelling));
    }
    Some(match &value.constant {
        Constant::Null => return None,
        Constant::Boolean(value) => Given::Boolean(*value, if *value { "true" } else { "false" }),
        Constant::Integer { text, .. } | Constant::Real { text, .. } => Given::Number(text),
        Constant::Text(text) if data_type == DataType::Timestamp => {
            time(text, context).map_or(Given::SqlText(text), Given::SqlTime)
        }
        Constant::Text(text) => Given::SqlText(text),
        Constant::Blob(bytes) => Given::Bytes(bytes),
        Constant::Time(millis) => Given::SqlTime(*millis),
    })
}

/// The time that a text is as a literal.
fn time(text: &str, context: &ParseContext) -> Option<i64> {
    match parse_expression(text, context).ok()?.kind {
        ExpressionKind::Constant(Constant::Time(value)) => Some(value),
        _ => None,
    }
}

/// Why a value is none of a type, as Apache IoTDB says it, where it does.
fn words(value: &InsertValue, data_type: DataType, reason: Reason) -> String {
    let constant = &value.constant;
    match (data_type, reason) {
        (_, Reason::Inexact) => reason.of(constant, data_type),
        (DataType::Boolean, _) => "The BOOLEAN should be true/TRUE, false/FALSE or 0/1".to_owned(),
        (DataType::Float, Reason::Range) => "The input float value is Infinity".to_owned(),
        (DataType::Double, Reason::Range) => "The input double value is Infinity".to_owned(),
        (DataType::Date, _) => "Invalid date format. Please use YYYY-MM-DD format.".to_owned(),
        (DataType::Blob, _) if value.spelling.is_some() => {
            "Binary literal must contain an even number of digits 0-9, a-f".to_owned()
        }
        (DataType::Blob, _) => "Binary literal must be in the form X'hexstring'".to_owned(),
        _ => format!("data type is not consistent, input {constant}, registered {data_type}"),
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use levada_model::Value;

    use super::*;

    fn number(text: &str) -> Constant {
        match text.parse() {
            Ok(value) => Constant::Integer { value, text: text.to_owned() },
            Err(_) => Constant::Real { value: text.parse().expect("a number"), text: text.to_owned() },
        }
    }

    fn converted(data_type: DataType, constant: &Constant) -> Result<Option<Value>, String> {
        let context = ParseContext { zone: TimeZone::UTC, now: 1_700_000_000_000 };
        let (array, failure) = column(data_type, &[&constant.clone().into()], &context);
        failure.map_or_else(|| Ok(Value::at(&array, data_type, 0)), Err)
    }

    #[test]
    fn values_take_the_type_of_their_series() {
        let text = |text: &str| Constant::Text(text.to_owned());
        for (data_type, constant, value) in [
            (DataType::Int32, number("2147483647"), Value::Int32(i32::MAX)),
            (DataType::Float, number("1.23456789"), Value::Float(1.234_567_9)),
            (DataType::Int64, number("9223372036854775807"), Value::Int64(i64::MAX)),
            (DataType::Text, number("00123"), Value::Text("00123".to_owned())),
            (DataType::Double, number("9223372036854775808"), Value::Double(9_223_372_036_854_775_808.0)),
            (DataType::Boolean, number("1"), Value::Boolean(true)),
            (DataType::Text, number("1.50"), Value::Text("1.50".to_owned())),
            (DataType::Timestamp, text("1970-01-01T00:00:01+00:00"), Value::Timestamp(1_000)),
            (DataType::Timestamp, text("now()"), Value::Timestamp(1_700_000_000_000)),
            (DataType::Timestamp, text("now() - 1s"), Value::Timestamp(1_699_999_999_000)),
            (DataType::Date, text("2024-02-30"), Value::Date(20_240_229)),
            (DataType::Date, Constant::Time(0), Value::Date(19_700_101)),
            (DataType::Blob, Constant::Blob(vec![10]), Value::Blob(vec![10])),
        ] {
            assert_eq!(converted(data_type, &constant), Ok(Some(value)), "{constant} as {data_type}");
        }
        assert_eq!(converted(DataType::Int32, &Constant::Null), Ok(None));
    }

    #[test]
    fn what_does_not_fit_is_rejected_in_the_peers_words() {
        let text = |text: &str| Constant::Text(text.to_owned());
        for (data_type, constant, message) in [
            (
                DataType::Int32,
                number("2147483648"),
                "data type is not consistent, input 2147483648, registered INT32",
            ),
            (DataType::Int32, number("1.0"), "data type is not consistent, input 1.0, registered INT32"),
            (DataType::Int64, number("1e2"), "data type is not consistent, input 1e2, registered INT64"),
            (DataType::Boolean, number("1.0"), "The BOOLEAN should be true/TRUE, false/FALSE or 0/1"),
            (
                DataType::Double,
                number("9007199254740993"),
                "`9007199254740993` is not of type DOUBLE: a DOUBLE does not hold it exactly; declare it INT64 (`cast` or `integers` of the decoder, `timeseries` of the sink, `create timeseries`)",
            ),
            (DataType::Double, number("1e400"), "The input double value is Infinity"),
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
