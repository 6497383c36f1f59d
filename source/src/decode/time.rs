//! Times as they come: numbers in some unit, or text.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a number that is a time counts. Text in the form of RFC 3339 is read whatever the unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Seconds since 1970 UTC; a fraction is kept down to the millisecond.
    S,
    /// Milliseconds since 1970 UTC.
    #[default]
    Ms,
    /// Microseconds since 1970 UTC, rounded down to milliseconds.
    Us,
    /// Nanoseconds since 1970 UTC, rounded down to milliseconds.
    Ns,
}

/// What becomes of a record without a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MissingTime {
    /// It is rejected.
    #[default]
    Reject,
    /// It gets the time at which it is read; read again after a restart, it gets another.
    Now,
}

/// Below this, a number of milliseconds lies before March 1973 and is likelier one of seconds.
const LIKELY_SECONDS: u64 = 100_000_000_000;

/// Reads times; the decoders of one source share whether the user was warned.
#[derive(Clone, Debug)]
pub(super) struct TimeReader {
    unit: TimeUnit,
    missing: MissingTime,
    warned: Arc<AtomicBool>,
    node: Arc<str>,
}

impl TimeReader {
    pub(super) fn new(unit: TimeUnit, missing: MissingTime, node: &str) -> Self {
        Self { unit, missing, warned: Arc::default(), node: node.into() }
    }

    /// A whole number in the unit, as milliseconds.
    #[inline]
    pub(super) fn integer(&self, time: i64) -> Result<i64, String> {
        match self.unit {
            TimeUnit::Ms => {
                if time.unsigned_abs() < LIKELY_SECONDS && time != 0 {
                    self.warn(time);
                }
                Ok(time)
            }
            TimeUnit::S => time.checked_mul(1_000).ok_or_else(|| format!("the time {time} is out of range")),
            TimeUnit::Us => Ok(time.div_euclid(1_000)),
            TimeUnit::Ns => Ok(time.div_euclid(1_000_000)),
        }
    }

    /// A number with a fraction in the unit, as milliseconds.
    pub(super) fn float(&self, time: f64) -> Result<i64, String> {
        let scaled = match self.unit {
            // The nearest, since 1.001 s is a little less than that as a binary number.
            TimeUnit::S => (time * 1e3).round(),
            TimeUnit::Ms => time.floor(),
            TimeUnit::Us => (time / 1e3).floor(),
            TimeUnit::Ns => (time / 1e6).floor(),
        };
        // Beyond 2^63 the cast would saturate.
        if scaled.is_finite() && scaled.abs() < 9.2e18 {
            if self.unit == TimeUnit::Ms { self.integer(scaled as i64) } else { Ok(scaled as i64) }
        } else {
            Err(format!("the time {time} is out of range"))
        }
    }

    /// A number as text, or a date and time; one without an offset is taken as UTC.
    pub(super) fn text(&self, text: &str) -> Result<i64, String> {
        let text = text.trim();
        if let Ok(number) = text.parse::<i64>() {
            return self.integer(number);
        }
        if text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.'))
            && let Ok(number) = text.parse::<f64>()
        {
            return self.float(number);
        }
        date_time(text).ok_or_else(|| {
            format!("`{text}` is not a time: write a number, or a date and time as in 2026-05-01T12:00:00Z")
        })
    }

    /// The time of a record that has none.
    pub(super) fn missing(&self) -> Result<i64, String> {
        match self.missing {
            MissingTime::Now => Ok(Timestamp::now().as_millisecond()),
            MissingTime::Reject => {
                Err("there is no time (`missing_time: now` gives such a record the present)".to_owned())
            }
        }
    }

    #[cold]
    fn warn(&self, time: i64) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                node = &*self.node,
                time,
                "a time looks like seconds where milliseconds are expected; set `time_unit: s` if it is"
            );
        }
    }
}

/// Milliseconds since 1970 UTC of a date and time in RFC 3339 or ISO 8601.
pub(crate) fn date_time(text: &str) -> Option<i64> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    let civil = text.parse::<DateTime>().ok()?;
    let at = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(at.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(unit: TimeUnit) -> TimeReader {
        TimeReader::new(unit, MissingTime::Reject, "n")
    }

    #[test]
    fn units_become_milliseconds() {
        assert_eq!(reader(TimeUnit::S).integer(1_700_000_000), Ok(1_700_000_000_000));
        assert_eq!(reader(TimeUnit::S).float(1_700_000_000.001), Ok(1_700_000_000_001));
        assert_eq!(reader(TimeUnit::Ns).integer(-1), Ok(-1));
        assert_eq!(reader(TimeUnit::Us).text("1700000000000999"), Ok(1_700_000_000_000));
        assert!(reader(TimeUnit::S).integer(i64::MAX).is_err());
        assert!(reader(TimeUnit::Ms).float(f64::NAN).is_err());
    }

    #[test]
    fn dates_are_read_with_and_without_offset() {
        for text in ["2026-05-01T12:00:00Z", "2026-05-01T14:00:00.000+02:00", "2026-05-01 12:00:00"] {
            assert_eq!(reader(TimeUnit::Ms).text(text), Ok(1_777_636_800_000), "{text}");
        }
        for wrong in ["", "noon", "2026-13-01T00:00:00Z", "nan", "inf"] {
            assert!(reader(TimeUnit::Ms).text(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn seconds_where_milliseconds_are_expected_are_noticed_once() {
        let reader = reader(TimeUnit::Ms);
        assert_eq!(reader.integer(1_700_000_000_000), Ok(1_700_000_000_000));
        assert!(!reader.warned.load(Ordering::Relaxed));
        assert_eq!(reader.clone().integer(1_700_000_000), Ok(1_700_000_000));
        assert!(reader.warned.load(Ordering::Relaxed));
    }
}
