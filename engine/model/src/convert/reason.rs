//! Why a value is rejected.

use std::fmt;

use crate::DataType;

/// Why a value cannot be converted to a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No value of its kind can be of the type.
    Never,
    /// It is no number.
    NotNumber,
    /// It is no whole number.
    NotWhole,
    /// It is outside the type's range.
    Range,
    /// The type holds a number near it, but not the number itself.
    Inexact,
    /// It can be read as a number, but is not written as one.
    Label,
    /// It is no truth value.
    NotBoolean,
    /// It is no time.
    NotTime,
    /// It is no calendar day.
    NotDate,
    /// It is not a notation of bytes.
    NotBytes,
}

impl Reason {
    /// The reason in words, for a value and the type it should become.
    pub fn of(self, value: impl fmt::Display, to: DataType) -> String {
        let value = value.to_string();
        let value = shown(&value);
        let head = format!("`{value}` is not of type {to}");
        match self {
            Self::Never => head,
            Self::NotNumber => format!("{head}: it is not a number"),
            Self::NotWhole => format!("{head}: it is not a whole number"),
            Self::Range => format!("{head}: it is out of range"),
            Self::Inexact => {
                let other = if value.trim().parse::<i64>().is_ok() { "INT64" } else { "TEXT" };
                format!(
                    "{head}: a {to} does not hold it exactly; declare it {other} (`cast` or `integers` of the decoder, `timeseries` of the sink, `create timeseries`)"
                )
            }
            Self::Label => format!(
                "{head}: a number would not keep how it is written; a TEXT series keeps it, and a number it is where the record or the decoder says so (`cast`, `types`, `name({to})` in the head of CSV)"
            ),
            Self::NotBoolean => format!("{head}: write true, false, 1 or 0"),
            Self::NotTime => {
                format!(
                    "{head}: write milliseconds since 1970, or a date and time as in 2026-05-01T12:00:00Z"
                )
            }
            Self::NotDate => format!("{head}: write a day of the calendar as yyyy-mm-dd"),
            Self::NotBytes => format!("{head}: write 0x and two hexadecimal digits for each byte"),
        }
    }
}

/// Text cut short for an error.
pub fn shown(text: &str) -> std::borrow::Cow<'_, str> {
    const MAX_CHARS: usize = 80;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
