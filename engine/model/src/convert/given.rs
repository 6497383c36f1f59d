//! One value to be stored in a series.

use std::{borrow::Cow, fmt};

use jiff::tz::TimeZone;

use super::{
    Inferred, Input, Reason, Rule, number, rule,
    text::{boolean_of, bytes_of, date_of_days, day_of_number, sql_day},
};
use crate::{DataType, Moment, Value, parse_date, parse_time, time::days_at};

/// A value as it was written, or one that has a type already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given<'a> {
    /// The characters of a number.
    Number(&'a str),
    /// The characters of a number all of whose digits count: a decimal.
    Decimal(&'a str),
    /// `true` or `false`, and how it was written.
    Boolean(bool, &'a str),
    /// Text.
    Text(&'a str),
    /// A quoted string in an SQL statement.
    SqlText(&'a str),
    /// INT32 or INT64.
    Int(i64),
    /// FLOAT
    Float(f32),
    /// DOUBLE
    Double(f64),
    /// TIMESTAMP, in milliseconds since 1970 UTC.
    Time(i64),
    /// A time literal in an SQL statement, in milliseconds since 1970 UTC.
    SqlTime(i64),
    /// DATE, as `yyyymmdd`.
    Date(i32),
    /// BLOB
    Bytes(&'a [u8]),
}

impl<'a> Given<'a> {
    /// Its kind, for the table.
    pub fn input(&self) -> Input {
        match self {
            Self::Number(text) | Self::Decimal(text) if number::is_whole(text) => Input::Whole,
            Self::Decimal(_) => Input::Decimal,
            Self::Number(_) | Self::Float(_) | Self::Double(_) => Input::Fraction,
            Self::Int(_) => Input::Whole,
            Self::Boolean(..) => Input::Boolean,
            Self::Text(text) if Inferred::is_label(text) => Input::Label,
            Self::Text(_) => Input::Text,
            Self::SqlText(_) => Input::SqlText,
            Self::Time(_) => Input::Time,
            Self::SqlTime(_) => Input::SqlTime,
            Self::Date(_) => Input::Date,
            Self::Bytes(_) => Input::Bytes,
        }
    }

    /// As BOOLEAN.
    ///
    /// # Errors
    /// The table has no such conversion, or the value does not allow it. The same holds for the other types.
    pub fn boolean(&self) -> Result<bool, Reason> {
        match (self, rule(self.input(), DataType::Boolean)) {
            (Self::Boolean(value, _), Rule::Same) => Ok(*value),
            (Self::Text(text), Rule::Words) => boolean_of(text.trim()).ok_or(Reason::NotBoolean),
            (_, Rule::ZeroOrOne) => match self.whole() {
                Ok(0) => Ok(false),
                Ok(1) => Ok(true),
                _ => Err(Reason::NotBoolean),
            },
            _ => Err(Reason::Never),
        }
    }

    /// As INT32.
    ///
    /// # Errors
    /// As [`Given::boolean`].
    pub fn int32(&self) -> Result<i32, Reason> {
        match rule(self.input(), DataType::Int32) {
            Rule::Whole | Rule::Read => {
                self.whole().and_then(|number| i32::try_from(number).map_err(|_| Reason::Range))
            }
            _ => Err(self.no_number()),
        }
    }

    /// As INT64.
    ///
    /// # Errors
    /// As [`Given::boolean`].
    pub fn int64(&self) -> Result<i64, Reason> {
        match rule(self.input(), DataType::Int64) {
            Rule::Whole | Rule::Read | Rule::Millis => self.whole(),
            _ => Err(self.no_number()),
        }
    }

    /// Why it is never a number.
    fn no_number(&self) -> Reason {
        if self.input() == Input::Label { Reason::Label } else { Reason::Never }
    }

    /// The whole number that it is, if any.
    fn whole(&self) -> Result<i64, Reason> {
        match *self {
            Self::Number(text) | Self::Decimal(text) | Self::Text(text) => number::whole(text),
            Self::Int(number) | Self::Time(number) | Self::SqlTime(number) => Ok(number),
            Self::Float(number) => number::whole_of(number.into()),
            Self::Double(number) => number::whole_of(number),
            _ => Err(Reason::Never),
        }
    }

    /// As FLOAT.
    ///
    /// # Errors
    /// As [`Given::boolean`].
    pub fn float(&self) -> Result<f32, Reason> {
        match *self {
            Self::Text(text) if Inferred::is_label(text) => Err(Reason::Label),
            Self::Number(text) | Self::Decimal(text) | Self::Text(text) => number::float(text),
            Self::Int(number) => Ok(number as f32),
            Self::Float(number) => Ok(number),
            Self::Double(number) => number::float_of(number),
            _ => Err(Reason::Never),
        }
    }

    /// As DOUBLE.
    ///
    /// # Errors
    /// As [`Given::boolean`].
    #[inline]
    pub fn double(&self) -> Result<f64, Reason> {
        match *self {
            Self::Text(text) if Inferred::is_label(text) => Err(Reason::Label),
            Self::Decimal(text) => number::double_with_digits(text),
            Self::Number(text) | Self::Text(text) => number::double(text),
            Self::Int(number) => number::double_of(number),
            Self::Float(number) => Ok(number.into()),
            Self::Double(number) => Ok(number),
            _ => Err(Reason::Never),
        }
    }

    /// As TEXT or STRING.
    ///
    /// # Errors
    /// As [`Given::boolean`].
    pub fn text(&self) -> Result<Cow<'a, str>, Reason> {
        match *self {
            Self::Number(text)
            | Self::Decimal(text)
            | Self::Boolean(_, text)
            | Self::Text(text)
            | Self::SqlText(text) => Ok(Cow::Borrowed(text)),
            _ => Ok(Cow::Owned(self.to_string())),
        }
    }

    /// As TIMESTAMP, in milliseconds since 1970 UTC; text without an offset is in `zone`.
    ///
    /// # Errors
    /// As [`Given::boolean`].
    pub fn timestamp(&self, zone: &TimeZone) -> Result<i64, Reason> {
        match (*self, rule(self.input(), DataType::Timestamp)) {
            (Self::Time(time) | Self::SqlTime(time), Rule::Same) => Ok(time),
            (Self::Text(text), Rule::DateTime) => {
                let text = text.trim();
                let time = || parse_time(text, zone).ok().map(Moment::millis);
                number::whole(text).ok().or_else(time).ok_or(Reason::NotTime)
            }
            // The SQL parser turns text that is a time literal into an `SqlTime`.
            (_, Rule::Literal) => Err(Reason::NotTime),
            (_, Rule::Millis) => self.whole(),
            _ => Err(self.no_number()),
        }
    }

    /// As DATE, the number `yyyymmdd`; of a time, the day in `zone`.
    ///
    /// # Errors
    /// As [`Given::boolean`].
    pub fn date(&self, zone: &TimeZone) -> Result<i32, Reason> {
        match (*self, rule(self.input(), DataType::Date)) {
            (Self::Date(date), Rule::Same) => day_of_number(date.into()).ok_or(Reason::NotDate),
            (Self::Text(text), Rule::Day) => parse_date(text).map_err(|_| Reason::NotDate),
            (Self::SqlText(text), Rule::Day) => sql_day(text).ok_or(Reason::NotDate),
            (Self::SqlTime(time), Rule::DayOf) => {
                days_at(time, zone).and_then(date_of_days).ok_or(Reason::Range)
            }
            (_, Rule::DayNumber) => self.whole().ok().and_then(day_of_number).ok_or(Reason::NotDate),
            _ => Err(Reason::Never),
        }
    }

    /// As BLOB.
    ///
    /// # Errors
    /// As [`Given::boolean`].
    pub fn blob(&self) -> Result<Cow<'a, [u8]>, Reason> {
        match (*self, rule(self.input(), DataType::Blob)) {
            (Self::Bytes(bytes), Rule::Same) => Ok(Cow::Borrowed(bytes)),
            (Self::Text(text), Rule::Hex) => bytes_of(text.trim()).map(Cow::Owned).ok_or(Reason::NotBytes),
            _ => Err(Reason::Never),
        }
    }

    /// As a value of a type; text without an offset is in UTC.
    ///
    /// # Errors
    /// As [`Given::boolean`].
    pub fn value(&self, to: DataType) -> Result<Value, Reason> {
        Ok(match to {
            DataType::Boolean => Value::Boolean(self.boolean()?),
            DataType::Int32 => Value::Int32(self.int32()?),
            DataType::Int64 => Value::Int64(self.int64()?),
            DataType::Float => Value::Float(self.float()?),
            DataType::Double => Value::Double(self.double()?),
            DataType::Text => Value::Text(self.text()?.into_owned()),
            DataType::Timestamp => Value::Timestamp(self.timestamp(&TimeZone::UTC)?),
            DataType::Date => Value::Date(self.date(&TimeZone::UTC)?),
            DataType::Blob => Value::Blob(self.blob()?.into_owned()),
            DataType::String => Value::String(self.text()?.into_owned()),
        })
    }
}

/// As it was written; a typed value as [`Value`] prints it.
impl fmt::Display for Given<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Number(text)
            | Self::Decimal(text)
            | Self::Boolean(_, text)
            | Self::Text(text)
            | Self::SqlText(text) => f.write_str(text),
            Self::Int(number) | Self::Time(number) | Self::SqlTime(number) => number.fmt(f),
            Self::Float(number) => Value::Float(number).fmt(f),
            Self::Double(number) => Value::Double(number).fmt(f),
            Self::Date(date) => Value::Date(date).fmt(f),
            Self::Bytes(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}
