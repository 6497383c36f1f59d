//! Text as a value of a type.

use levada_connector_api::{FieldValue, model::DataType};

use super::time::date_time;

/// Text as a value of a type that was named.
///
/// # Errors
/// The text is no value of the type.
pub(super) fn text_as<'a>(text: &'a str, data_type: DataType) -> Result<FieldValue<'a>, String> {
    let trimmed = text.trim();
    let value = match data_type {
        DataType::Boolean => boolean(trimmed).map(FieldValue::Boolean),
        DataType::Int32 => trimmed.parse().ok().map(FieldValue::Int32),
        DataType::Int64 => trimmed.parse().ok().map(FieldValue::Int64),
        DataType::Float => trimmed.parse().ok().map(FieldValue::Float),
        DataType::Double => trimmed.parse().ok().map(FieldValue::Double),
        DataType::Timestamp => trimmed.parse().ok().or_else(|| date_time(trimmed)).map(FieldValue::Timestamp),
        DataType::Date => date(trimmed).map(FieldValue::Date),
        DataType::Text => Some(FieldValue::Text(text)),
        DataType::String => Some(FieldValue::String(text)),
        DataType::Blob => Some(FieldValue::Blob(text.as_bytes())),
    };
    value.ok_or_else(|| format!("`{}` is not of type {data_type}", shown(text)))
}

/// Text without a type, as the peer infers it: true and false, numbers as DOUBLE, otherwise text; nothing where empty.
pub(super) fn inferred(text: &str) -> FieldValue<'_> {
    let trimmed = text.trim();
    if trimmed.is_empty() || trimmed.eq_ignore_ascii_case("null") {
        return FieldValue::Null;
    }
    if let Some(value) = boolean(trimmed) {
        return FieldValue::Boolean(value);
    }
    let numeric =
        trimmed.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.'));
    if numeric && let Ok(value) = trimmed.parse() {
        return FieldValue::Double(value);
    }
    not_finite(trimmed).map_or(FieldValue::Text(text), FieldValue::Double)
}

/// The numbers that JSON has no form for, as most writers spell them when they put them in quotes.
pub(super) fn not_finite(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" | "+Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

/// A text short enough for an error.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// `2026-05-01` as 20260501.
fn date(text: &str) -> Option<i32> {
    levada_connector_api::model::parse_date(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_the_type_says_or_refused() {
        assert_eq!(text_as(" 21 ", DataType::Int32), Ok(FieldValue::Int32(21)));
        assert_eq!(text_as("TRUE", DataType::Boolean), Ok(FieldValue::Boolean(true)));
        assert_eq!(text_as("2026-05-01", DataType::Date), Ok(FieldValue::Date(20_260_501)));
        assert_eq!(text_as(" x ", DataType::Text), Ok(FieldValue::Text(" x ")));
        for (text, data_type) in
            [("21.5", DataType::Int32), ("yes", DataType::Boolean), ("", DataType::Double)]
        {
            assert!(text_as(text, data_type).is_err(), "{text}");
        }
    }

    #[test]
    fn text_without_a_type_is_inferred_as_the_peer_does() {
        assert_eq!(inferred("21"), FieldValue::Double(21.0));
        assert_eq!(inferred("False"), FieldValue::Boolean(false));
        assert_eq!(inferred(""), FieldValue::Null);
        assert_eq!(inferred("infinite"), FieldValue::Text("infinite"));
        assert_eq!(inferred("-"), FieldValue::Text("-"));
        assert!(matches!(inferred("NaN"), FieldValue::Double(value) if value.is_nan()));
    }
}
