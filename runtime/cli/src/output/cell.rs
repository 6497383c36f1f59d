//! One value as text.

use std::fmt::Write;

use arrow_array::{Array, ArrayRef};
use jiff::{Timestamp, tz::TimeZone};
use levada_model::{DataType, Value};

use super::TimeDisplay;

/// The time zone times are printed in, and how.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    zone: TimeZone,
    display: TimeDisplay,
}

impl Zone {
    /// A zone by its IANA name or offset; the machine's where none is given.
    ///
    /// # Errors
    /// There is no such zone.
    pub(crate) fn parse(name: Option<&str>) -> Result<Self, String> {
        let zone = match name {
            None => TimeZone::system(),
            Some(name) => levada_model::parse_zone(name).map_err(|error| error.to_string())?,
        };
        Ok(Self { zone, display: TimeDisplay::default() })
    }

    /// The same zone, with times printed in another way.
    pub(crate) fn displayed(self, display: TimeDisplay) -> Self {
        Self { display, ..self }
    }

    /// How times are printed.
    pub(crate) fn display(&self) -> &TimeDisplay {
        &self.display
    }

    /// The zone's name, or its offset where it has none: what the engine takes.
    pub(crate) fn name(&self) -> String {
        match self.zone.iana_name() {
            Some(name) => name.to_owned(),
            None => {
                self.zone.to_fixed_offset().map_or_else(|_| "UTC".to_owned(), |offset| format!("{offset:+}"))
            }
        }
    }

    /// A time in milliseconds as its display type has it.
    pub(crate) fn format(&self, millis: i64) -> String {
        match &self.display {
            TimeDisplay::Iso => self.iso(millis),
            TimeDisplay::Millis => millis.to_string(),
            TimeDisplay::Pattern { strftime, .. } => {
                within_calendar(millis).0.to_zoned(self.zone.clone()).strftime(strftime).to_string()
            }
        }
    }

    /// A time as `2017-11-01T00:00:00.000+08:00`. Years beyond 9999 have a sign, as Java prints them.
    fn iso(&self, millis: i64) -> String {
        let (time, cycles) = within_calendar(millis);
        let time = time.to_zoned(self.zone.clone());
        let year = match i64::from(time.year()) + CYCLE_YEARS * cycles {
            year @ 0..=9_999 => format!("{year:04}"),
            year @ 10_000.. => format!("+{year}"),
            year => format!("-{:04}", -year),
        };
        let rest = if self.zone == TimeZone::UTC { "-%m-%dT%H:%M:%S%.3fZ" } else { "-%m-%dT%H:%M:%S%.3f%:z" };
        format!("{year}{}", time.strftime(rest))
    }
}

/// After so many years the calendar begins anew, weekdays and with them the rules of time zones included.
const CYCLE_YEARS: i64 = 400;
/// The milliseconds of these years.
const CYCLE_MILLIS: i64 = 146_097 * 24 * 60 * 60 * 1_000;

/// A moment, moved by whole cycles of the calendar to where it is known, and by how many.
fn within_calendar(millis: i64) -> (Timestamp, i64) {
    if let Ok(time) = Timestamp::from_millisecond(millis) {
        return (time, 0);
    }
    let cycles = millis.div_euclid(CYCLE_MILLIS);
    // From 2370 on for what comes later, from 1570 on for what was earlier.
    let home = cycles.signum();
    let moved = millis.rem_euclid(CYCLE_MILLIS) + home * CYCLE_MILLIS;
    (Timestamp::from_millisecond(moved).unwrap_or(Timestamp::UNIX_EPOCH), cycles - home)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_beyond_the_last_day_of_the_calendar() {
        let utc = Zone::parse(Some("UTC")).expect("a zone");
        let lisbon = Zone::parse(Some("Europe/Lisbon")).expect("a zone");
        assert_eq!(utc.format(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc.format(253_402_300_799_999), "9999-12-31T23:59:59.999Z");
        assert_eq!(utc.format(253_402_300_800_000), "+10000-01-01T00:00:00.000Z");
        assert_eq!(lisbon.format(253_402_300_799_999), "9999-12-31T23:59:59.999+00:00");
        assert_eq!(utc.format(i64::MAX), "+292278994-08-17T07:12:55.807Z");
        assert_eq!(utc.format(i64::MIN), "-292275055-05-16T16:47:04.192Z");
    }
}
