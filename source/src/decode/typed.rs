//! Values as fields: of a type that was named, or as they were written.

use jiff::tz::TimeZone;
use levada_connector_api::{
    FieldValue,
    model::{DataType, Kind, convert::Given},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The type that a new series of whole numbers gets. A series that exists or is declared takes its own, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Integers {
    /// DOUBLE, as Apache IoTDB infers it. A whole number that a DOUBLE does not hold exactly is rejected by the store.
    #[default]
    Double,
    /// INT64. Where numbers with a fraction follow, they are rejected by the store.
    Int64,
}

impl Integers {
    /// A number as it was written.
    #[inline]
    pub(super) fn number(self, text: &str) -> FieldValue<'_> {
        let kind = match self {
            Self::Double => Kind::Number,
            Self::Int64 if is_whole(text.trim()) => Kind::Integer,
            Self::Int64 => Kind::Number,
        };
        FieldValue::Written(kind, text)
    }

    /// Text without a type: true and false, numbers and the words for those that are none, otherwise text; nothing where empty.
    ///
    /// Digits behind a zero are text: the number would lose the zero.
    pub(super) fn inferred(self, text: &str) -> FieldValue<'_> {
        let trimmed = text.trim();
        match trimmed.as_bytes() {
            [] => FieldValue::Null,
            [b'0'..=b'9' | b'-' | b'+' | b'.', ..] if is_number(trimmed) => self.number(text),
            b"true" => FieldValue::Boolean(true),
            b"false" => FieldValue::Boolean(false),
            [b't' | b'T' | b'f' | b'F', ..]
                if trimmed.eq_ignore_ascii_case("true") || trimmed.eq_ignore_ascii_case("false") =>
            {
                FieldValue::Written(Kind::Boolean, text)
            }
            _ if is_not_finite(trimmed) => self.number(text),
            _ => FieldValue::Text(text),
        }
    }
}

/// A value of a type that was named, by the table of conversions; times that do not say their zone are of this one.
///
/// # Errors
/// The value is none of the type.
#[inline]
pub(super) fn typed<'t>(
    given: Given<'t>,
    data_type: DataType,
    zone: &TimeZone,
) -> Result<FieldValue<'t>, String> {
    let field = match data_type {
        DataType::Double => given.double().map(FieldValue::Double),
        DataType::Boolean => given.boolean().map(FieldValue::Boolean),
        DataType::Int32 => given.int32().map(FieldValue::Int32),
        DataType::Int64 => given.int64().map(FieldValue::Int64),
        DataType::Float => given.float().map(FieldValue::Float),
        DataType::Timestamp => given.timestamp(zone).map(FieldValue::Timestamp),
        DataType::Date => given.date(zone).map(FieldValue::Date),
        DataType::Text => Ok(FieldValue::Text(characters(given))),
        DataType::String => Ok(FieldValue::String(characters(given))),
        DataType::Blob => given.blob().map(|_| FieldValue::Hex(characters(given).trim())),
    };
    field.map_err(|reason| reason.of(given, data_type))
}

/// Text as a value of a type that was named.
///
/// # Errors
/// As [`typed`].
#[inline]
pub(super) fn text_as<'t>(
    text: &'t str,
    data_type: DataType,
    zone: &TimeZone,
) -> Result<FieldValue<'t>, String> {
    typed(Given::Text(text), data_type, zone)
}

/// The characters of a value that was read: records hold no others.
fn characters(given: Given<'_>) -> &str {
    match given {
        Given::Number(text) | Given::Boolean(_, text) | Given::Text(text) => text,
        _ => "",
    }
}

/// The words for numbers that JSON has no form for, as most writers spell them when they put them in quotes.
pub(super) fn is_not_finite(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "+Infinity" | "-Infinity")
}

/// Whether digits, with a sign perhaps, are all there is.
pub(super) fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text that begins like a number is one.
fn is_number(text: &str) -> bool {
    if is_whole(text) {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        return digits.len() == 1 || !digits.starts_with('0');
    }
    let mut points = 0;
    let plain = text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| {
        points += u32::from(byte == b'.');
        byte.is_ascii_digit() || byte == b'.'
    });
    let digits = text.bytes().any(|byte| byte.is_ascii_digit());
    digits && (plain && points == 1 || text.parse::<f64>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_as(text: &str, data_type: DataType) -> Result<FieldValue<'_>, String> {
        super::text_as(text, data_type, &TimeZone::UTC)
    }

    #[test]
    fn a_time_without_a_zone_is_one_of_the_zone_given() {
        let paris = levada_connector_api::model::parse_zone("Europe/Paris").expect("a zone");
        for text in ["2026-05-01 14:00:00", "2026-05-01T12:00:00Z", "1777636800000"] {
            let read = super::text_as(text, DataType::Timestamp, &paris);
            assert_eq!(read, Ok(FieldValue::Timestamp(1_777_636_800_000)), "{text}");
        }
    }

    #[test]
    fn text_is_read_as_the_type_says_or_rejected() {
        assert_eq!(text_as(" 21 ", DataType::Int32), Ok(FieldValue::Int32(21)));
        assert_eq!(text_as("TRUE", DataType::Boolean), Ok(FieldValue::Boolean(true)));
        assert_eq!(text_as("2026-05-01", DataType::Date), Ok(FieldValue::Date(20_260_501)));
        assert_eq!(text_as(" x ", DataType::Text), Ok(FieldValue::Text(" x ")));
        assert_eq!(text_as("0x0a", DataType::Blob), Ok(FieldValue::Hex("0x0a")));
        for (text, data_type) in [
            ("21.5", DataType::Int32),
            ("yes", DataType::Boolean),
            ("", DataType::Double),
            ("1e400", DataType::Double),
            ("3.5e38", DataType::Float),
            ("abc", DataType::Blob),
        ] {
            assert!(text_as(text, data_type).is_err(), "{text}");
        }
    }

    #[test]
    fn text_without_a_type_stays_as_it_is_written() {
        let number = |text| FieldValue::Written(Kind::Number, text);
        for (text, expected) in [
            ("21", number("21")),
            ("1E5", number("1E5")),
            ("-.5", number("-.5")),
            ("09.5", number("09.5")),
            ("0", number("0")),
            ("9007199254740993", number("9007199254740993")),
            ("NaN", number("NaN")),
            ("true", FieldValue::Boolean(true)),
            ("False", FieldValue::Written(Kind::Boolean, "False")),
            ("", FieldValue::Null),
            (" Null ", FieldValue::Text(" Null ")),
            ("null", FieldValue::Text("null")),
            ("00123", FieldValue::Text("00123")),
            ("infinite", FieldValue::Text("infinite")),
            ("-", FieldValue::Text("-")),
            ("1.2.3", FieldValue::Text("1.2.3")),
            (".", FieldValue::Text(".")),
            ("2026-05-01", FieldValue::Text("2026-05-01")),
        ] {
            assert_eq!(Integers::Double.inferred(text), expected, "{text}");
        }
        assert_eq!(Integers::Int64.inferred(" 21"), FieldValue::Written(Kind::Integer, " 21"));
        assert_eq!(Integers::Int64.inferred("21.0"), number("21.0"));
    }
}
