//! The table itself.

use std::fmt::Write as _;

use crate::DataType;

/// What a value is before it is converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A number written without a point or an exponent; INT32, INT64.
    Whole,
    /// Any other number; FLOAT, DOUBLE.
    Fraction,
    /// A number with a fraction all of whose digits count: a decimal of Avro or Parquet.
    Decimal,
    /// `true`, `false`.
    Boolean,
    /// Text; TEXT, STRING.
    Text,
    /// Text that a number would not keep as it is written.
    Label,
    /// A time; TIMESTAMP.
    Time,
    /// A calendar day; DATE.
    Date,
    /// Bytes; BLOB.
    Bytes,
    /// A quoted string in an SQL statement, which Apache IoTDB converts to fewer types.
    SqlText,
    /// A time literal in an SQL statement.
    SqlTime,
}

/// How a value of one kind is converted to a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// As it is.
    Same,
    /// The text as written; of a typed value, the text that a query shows.
    Written,
    /// The whole number, if it is one and the type can hold it.
    Whole,
    /// The nearest number of the type; rejected outside its range.
    Nearest,
    /// The same number; rejected if the type cannot hold it.
    Exact,
    /// The number that has the same digits; rejected if the type has none.
    Digits,
    /// 0 is false, 1 is true.
    ZeroOrOne,
    /// `true` and `false` in any case, `1` and `0`.
    Words,
    /// A whole number of milliseconds since 1970 UTC.
    Millis,
    /// Milliseconds, or a date and time in ISO 8601; in UTC unless it names a zone.
    DateTime,
    /// A calendar day as the number `yyyymmdd`.
    DayNumber,
    /// A calendar day as `yyyy-mm-dd`.
    Day,
    /// A time literal in SQL.
    Literal,
    /// The day of the time, in the session's zone.
    DayOf,
    /// `0x` and two hexadecimal digits for each byte.
    Hex,
    /// The number that the characters are.
    Read,
    /// Never.
    Never,
}

impl Input {
    /// Every kind, in the order of the printed table.
    pub const ALL: [Self; 11] = [
        Self::Whole,
        Self::Fraction,
        Self::Decimal,
        Self::Boolean,
        Self::Text,
        Self::Label,
        Self::Time,
        Self::Date,
        Self::Bytes,
        Self::SqlText,
        Self::SqlTime,
    ];

    /// The kind of values of a type.
    pub const fn of(data_type: DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::Boolean,
            DataType::Int32 | DataType::Int64 => Self::Whole,
            DataType::Float | DataType::Double => Self::Fraction,
            DataType::Text | DataType::String => Self::Text,
            DataType::Timestamp => Self::Time,
            DataType::Date => Self::Date,
            DataType::Blob => Self::Bytes,
        }
    }

    /// Its name in the printed table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole number (`21`)",
            Self::Fraction => "other number (`21.5`, `1e3`)",
            Self::Decimal => "decimal of Avro or Parquet (`19.99`)",
            Self::Boolean => "`true`, `false`",
            Self::Text => "text",
            Self::Label => "text such as `00123`, `+45`, `1E5`",
            Self::Time => "TIMESTAMP",
            Self::Date => "DATE",
            Self::Bytes => "BLOB",
            Self::SqlText => "SQL text (`'21'`)",
            Self::SqlTime => "SQL time literal",
        }
    }
}

impl Rule {
    /// Its name in the printed table.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Written => "as written",
            Self::Whole => "if whole",
            Self::Nearest => "nearest",
            Self::Exact => "if exact",
            Self::Digits => "if its digits",
            Self::ZeroOrOne => "0 or 1",
            Self::Words => "words",
            Self::Millis => "milliseconds",
            Self::DateTime => "date and time",
            Self::DayNumber => "`yyyymmdd`",
            Self::Day => "`yyyy-mm-dd`",
            Self::Literal => "literal of time",
            Self::DayOf => "its day",
            Self::Hex => "`0x…`",
            Self::Read => "as number",
            Self::Never => "–",
        }
    }

    /// What it means.
    const fn meaning(self) -> &'static str {
        match self {
            Self::Same => "the value as it is",
            Self::Written => {
                "the characters that were written (`00123`, `1E5`); of a value that had a type already, what a query shows of it"
            }
            Self::Whole => {
                "the number, if it is whole and within the type's range (`21.0` and `1e3` are whole)"
            }
            Self::Nearest => {
                "the nearest number that the type has; rejected beyond its range. `NaN` and `Infinity` are kept where they are written so"
            }
            Self::Exact => {
                "the number, if a DOUBLE has exactly it, as all up to 9007199254740992; otherwise rejected: declare the series INT64, or TEXT"
            }
            Self::Digits => {
                "the number, if a DOUBLE is written with the same digits, as all with up to 15 of them; otherwise rejected: declare the series TEXT"
            }
            Self::ZeroOrOne => "0 is false, 1 is true, and nothing else is one of them",
            Self::Words => "`true` and `false` in any case, `1` and `0`",
            Self::Millis => "a whole number of milliseconds since 1970 UTC",
            Self::DateTime => {
                "milliseconds since 1970 UTC, or a date and time by ISO 8601 as in `2026-05-01T12:00:00Z`; without an offset it is UTC"
            }
            Self::DayNumber => {
                "the day as the number `yyyymmdd`, if the calendar has it, of the years 1 to 9999"
            }
            Self::Day => {
                "the day as `yyyy-mm-dd`, of the years 0001 to 9999; one that the calendar lacks is rejected, and in SQL the last of its month, as Apache IoTDB has it"
            }
            Self::Literal => {
                "a time as SQL writes it, `2026-05-01T12:00:00+02:00`; without an offset in the session's zone"
            }
            Self::DayOf => "the day of the time in the session's zone",
            Self::Hex => "`0x` and two hexadecimal digits for each byte",
            Self::Read => "what the same characters are as a number",
            Self::Never => "rejected",
        }
    }

    const ALL: [Self; 17] = [
        Self::Same,
        Self::Written,
        Self::Whole,
        Self::Nearest,
        Self::Exact,
        Self::Digits,
        Self::ZeroOrOne,
        Self::Words,
        Self::Millis,
        Self::DateTime,
        Self::DayNumber,
        Self::Day,
        Self::Literal,
        Self::DayOf,
        Self::Hex,
        Self::Read,
        Self::Never,
    ];
}

/// The rule by which a value of a kind is converted to a type.
pub const fn rule(from: Input, to: DataType) -> Rule {
    use DataType as T;
    match (from, to) {
        (Input::Whole | Input::Fraction | Input::Decimal, T::Boolean) => Rule::ZeroOrOne,
        (Input::Whole | Input::Fraction | Input::Decimal, T::Int32 | T::Int64) => Rule::Whole,
        (Input::Whole | Input::Fraction | Input::Decimal, T::Float) | (Input::Fraction, T::Double) => {
            Rule::Nearest
        }
        (Input::Whole, T::Double) => Rule::Exact,
        (Input::Decimal, T::Double) => Rule::Digits,
        (Input::Whole | Input::Fraction | Input::Decimal, T::Timestamp) => Rule::Millis,
        (Input::Whole, T::Date) => Rule::DayNumber,
        (Input::Boolean, T::Boolean)
        | (Input::Text | Input::Label | Input::SqlText, T::Text | T::String)
        | (Input::Time | Input::SqlTime, T::Timestamp)
        | (Input::Date, T::Date)
        | (Input::Bytes, T::Blob) => Rule::Same,
        (Input::Text, T::Boolean) => Rule::Words,
        (Input::Text, T::Int32 | T::Int64 | T::Float | T::Double) => Rule::Read,
        (Input::Text, T::Timestamp) => Rule::DateTime,
        (Input::SqlText, T::Timestamp) => Rule::Literal,
        (Input::Text | Input::SqlText, T::Date) => Rule::Day,
        (Input::Text, T::Blob) => Rule::Hex,
        (Input::Time | Input::SqlTime, T::Int64) => Rule::Millis,
        (Input::SqlTime, T::Date) => Rule::DayOf,
        (_, T::Text | T::String) => Rule::Written,
        _ => Rule::Never,
    }
}

/// The table as Markdown, followed by the meaning of its words.
pub fn table() -> String {
    let mut out = String::from("| value \\ type |");
    // Writing to a String does not fail.
    for to in DataType::ALL {
        write!(out, " {to} |").unwrap_or_default();
    }
    out.push_str("\n| --- |");
    out.push_str(&" --- |".repeat(DataType::ALL.len()));
    for from in Input::ALL {
        write!(out, "\n| {} |", from.name()).unwrap_or_default();
        for to in DataType::ALL {
            write!(out, " {} |", rule(from, to).name()).unwrap_or_default();
        }
    }
    out.push_str("\n\n");
    for each in Rule::ALL {
        writeln!(out, "- **{}**: {}", each.name(), each.meaning()).unwrap_or_default();
    }
    out
}
