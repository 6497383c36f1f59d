//! One value as text.

use std::fmt::Write;

use arrow_array::{Array, ArrayRef};
use jiff::{Timestamp, tz::TimeZone};
use levada_model::{DataType, Value};

/// The time zone times are printed in.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// A zone by its IANA name or offset; the machine's where none is given.
    ///
    /// # Errors
    /// There is no such zone.
    pub(crate) fn parse(name: Option<&str>) -> Result<Self, String> {
        let Some(name) = name else { return Ok(Self(TimeZone::system())) };
        if name.eq_ignore_ascii_case("z") {
            return Ok(Self(TimeZone::UTC));
        }
        if let Some(offset) = offset(name) {
            return Ok(Self(TimeZone::fixed(offset)));
        }
        TimeZone::get(name).map(Self).map_err(|error| format!("`{name}` is no time zone: {error}"))
    }

    /// The zone's name, or its offset where it has none: what the engine takes.
    pub(crate) fn name(&self) -> String {
        match self.0.iana_name() {
            Some(name) => name.to_owned(),
            None => {
                self.0.to_fixed_offset().map_or_else(|_| "UTC".to_owned(), |offset| format!("{offset:+}"))
            }
        }
    }

    /// A time in milliseconds as `2017-11-01T00:00:00.000+08:00`; the bare number where no calendar reaches.
    pub(crate) fn format(&self, millis: i64) -> String {
        match Timestamp::from_millisecond(millis) {
            Ok(time) if self.0 == TimeZone::UTC => {
                time.to_zoned(self.0.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
            }
            Ok(time) => time.to_zoned(self.0.clone()).strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
            Err(_) => millis.to_string(),
        }
    }
}

/// `+08:00` or `-3`.
fn offset(text: &str) -> Option<jiff::tz::Offset> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
    let seconds: i32 = hours.parse::<i32>().ok()? * 3_600 + minutes.parse::<i32>().ok()? * 60;
    jiff::tz::Offset::from_seconds(sign * seconds).ok()
}

/// Appends a value's text; `false` where it is null.
pub(super) fn push(text: &mut String, array: &ArrayRef, data_type: DataType, row: usize) -> bool {
    if array.is_null(row) {
        return false;
    }
    // Writing into a `String` cannot fail.
    Value::at(array, data_type, row).is_some_and(|value| write!(text, "{value}").is_ok())
}

/// The time of a row.
pub(super) fn time(array: &ArrayRef, row: usize) -> i64 {
    match Value::at(array, DataType::Int64, row) {
        Some(Value::Int64(time)) => time,
        _ => 0,
    }
}
