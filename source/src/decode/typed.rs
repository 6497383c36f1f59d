//! Values as fields: of a type that was named, or as they were written.

use jiff::tz::TimeZone;
use levada_connector_api::{
    FieldValue,
    model::{
        DataType, Kind,
        convert::{Given, Inferred},
    },
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

    /// A decimal, all of whose digits count.
    pub(super) fn decimal(self, digits: &str) -> FieldValue<'_> {
        if is_whole(digits) { self.number(digits) } else { FieldValue::Written(Kind::Decimal, digits) }
    }

    /// Text without a type, as what it looks like; nothing where empty.
    pub(super) fn inferred(self, text: &str) -> FieldValue<'_> {
        match Inferred::of(text) {
            Inferred::Whole | Inferred::Number => self.number(text),
            Inferred::Boolean(value) if matches!(text, "true" | "false") => FieldValue::Boolean(value),
            Inferred::Boolean(_) => FieldValue::Written(Kind::Boolean, text),
            Inferred::Text if text.trim().is_empty() => FieldValue::Null,
            Inferred::Text => FieldValue::Text(text),
        }
    }
}

/// A value of a type that was named, by the table of conversions; times that do not say their zone are of this one. Text of which
/// it is said that it is a number is one also where nobody writes a number so.
///
/// # Errors
/// The value is none of the type.
#[inline]
pub(super) fn typed<'t>(
    given: Given<'t>,
    data_type: DataType,
    zone: &TimeZone,
) -> Result<FieldValue<'t>, String> {
    let given = match given {
        Given::Text(text) if data_type.is_numeric() => Given::Number(text),
        given => given,
    };
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
        Given::Number(text) | Given::Decimal(text) | Given::Boolean(_, text) | Given::Text(text) => text,
        _ => "",
    }
}

/// Whether digits, with a sign perhaps, are all there is.
pub(super) fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
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
        assert_eq!(text_as("00123", DataType::Int64), Ok(FieldValue::Int64(123)));
        assert_eq!(text_as("+1E5", DataType::Double), Ok(FieldValue::Double(1e5)));
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
            ("1E+5", number("1E+5")),
            ("-.5", number("-.5")),
            ("0", number("0")),
            ("9007199254740993", number("9007199254740993")),
            ("NaN", number("NaN")),
            ("true", FieldValue::Boolean(true)),
            ("False", FieldValue::Written(Kind::Boolean, "False")),
            ("", FieldValue::Null),
            (" Null ", FieldValue::Text(" Null ")),
            ("null", FieldValue::Text("null")),
            ("00123", FieldValue::Text("00123")),
            ("09.5", FieldValue::Text("09.5")),
            ("1E5", FieldValue::Text("1E5")),
            ("+45", FieldValue::Text("+45")),
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
