//! Times as people and programs write them, read the same way by decoders, SQL, imports and options. (The SQL lexer decides
//! where a time literal ends; as in Apache IoTDB it has no `Z`, and 2024-02-30 is the last day of February.)
//!
//! ```text
//!   2024-02-21T09:34:33.250+01:00        an offset, or Z
//!   2024-02-21 09:34:33[Europe/Paris]    a zone, beside an offset or alone
//!   2024/2/21 9:34:33    2024.02.21      neither: the zone that the reader is given
//!   20240221T093433Z                     the same without separators
//!   +10000-01-01T00:00:00Z               years beyond four digits have a sign
//! ```
//!
//! A [`Moment`] is in milliseconds, rounded down also before 1970. It keeps the finer part, so that two moments within one
//! millisecond differ from one moment written twice. A local time that a change of clocks skips or repeats is read as
//! `java.time` does: after the gap, and the first of the two. A leap second, `:60`, is rejected: no millisecond stands for it.
//!
//! [`TimeUnit`] is the unit of a number, and tells when a number looks like one of another unit.

mod calendar;
mod parse;
mod unit;
mod zone;

use std::fmt;

pub(crate) use self::calendar::days_at;
pub use self::{
    calendar::date_time,
    parse::{parse_date, parse_sql_time, parse_time, scan_zone},
    unit::TimeUnit,
    zone::parse_zone,
};

/// Why a string is not a time, a date or a zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimeError(pub String);

/// A moment as it was written, down to the nanosecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    millis: i64,
    /// Nanoseconds after the millisecond.
    nanos: u32,
}

impl Moment {
    /// A whole millisecond since 1970 UTC.
    #[inline]
    pub const fn of_millis(millis: i64) -> Self {
        Self { millis, nanos: 0 }
    }

    /// A number of nanoseconds behind a millisecond.
    #[inline]
    pub(crate) const fn new(millis: i64, nanos: u32) -> Self {
        Self { millis, nanos }
    }

    /// The millisecond since 1970 UTC that contains it: what is stored.
    #[inline]
    pub const fn millis(self) -> i64 {
        self.millis
    }

    /// Whether it was written with a precision finer than milliseconds.
    #[inline]
    pub const fn is_finer(self) -> bool {
        self.nanos != 0
    }

    /// Whether it is a different moment in the same millisecond: when stored, one replaces the other.
    #[inline]
    pub const fn falls_on(self, other: Self) -> bool {
        self.millis == other.millis && self.nanos != other.nanos
    }
}

impl From<i64> for Moment {
    fn from(millis: i64) -> Self {
        Self::of_millis(millis)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nanos {
            0 => write!(f, "{}", self.millis),
            nanos => write!(f, "{}.{nanos:06}", self.millis),
        }
    }
}

#[cfg(test)]
mod tests;
