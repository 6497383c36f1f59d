//! Dates and times of day to milliseconds, for all years that milliseconds can count.

use jiff::{
    SignedDuration, Timestamp, civil,
    tz::{Offset, TimeZone},
};

use super::{Moment, TimeError};

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// The calendar repeats after this many years, including weekdays and so the rules of time zones.
const CYCLE_YEARS: i64 = 400;
/// The seconds of a cycle.
const CYCLE_SECONDS: i64 = 146_097 * DAY_SECONDS;
/// Years for which time zones have rules; a year outside uses the same year of another cycle.
const KNOWN_YEARS: std::ops::RangeInclusive<i64> = -9_990..=9_990;

/// A date and time of day somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: u8,
    pub(super) day: u8,
    /// 24 in the midnight at the end of the day.
    pub(super) hour: u8,
    pub(super) minute: u8,
    pub(super) second: u8,
    pub(super) nanos: u32,
}

impl Civil {
    /// The moment, for clocks this many seconds ahead of UTC.
    pub(super) fn at_offset(self, offset: i64) -> Result<Moment, TimeError> {
        let seconds = self.seconds() - offset;
        let millis = i128::from(seconds) * 1_000 + i128::from(self.nanos / 1_000_000);
        let millis = i64::try_from(millis)
            .map_err(|_| TimeError("the time is beyond what milliseconds since 1970 can count".to_owned()))?;
        Ok(Moment::new(millis, self.nanos % 1_000_000))
    }

    /// The moment, for clocks of a zone.
    pub(super) fn in_zone(self, zone: &TimeZone) -> Result<Moment, TimeError> {
        if let Ok(offset) = zone.to_fixed_offset() {
            return self.at_offset(offset.seconds().into());
        }
        let (known, cycles) = self.to_known_year();
        let civil = known.to_jiff().ok_or_else(|| {
            TimeError(format!("there is no date {}-{:02}-{:02}", self.year, self.month, self.day))
        })?;
        // Rather than the moment, which jiff keeps in its own range: where a gap is skipped, clocks are ahead by it.
        let at = zone.to_timestamp(civil).map_err(|error| TimeError(error.to_string()))?;
        let seconds = at.as_second() + cycles * CYCLE_SECONDS;
        self.at_offset(self.seconds() - seconds)
    }

    /// How many seconds the clocks of a zone are ahead of UTC at a moment.
    pub(super) fn offset_at(moment: Moment, zone: &TimeZone) -> Option<Offset> {
        let seconds = moment.millis().div_euclid(1_000);
        let known = Timestamp::from_second(seconds).or_else(|_| {
            // A year between 9570 and 9970, or between 5630 and 5230 before.
            let home = 19 * CYCLE_SECONDS * seconds.signum();
            Timestamp::from_second(home + seconds.rem_euclid(CYCLE_SECONDS))
        });
        known.ok().map(|at| zone.to_offset(at))
    }

    /// Seconds since 1970 as the clock shows them.
    fn seconds(self) -> i64 {
        let clock = (i64::from(self.hour) * 60 + i64::from(self.minute)) * 60 + i64::from(self.second);
        days_since_1970(self.year, self.month, self.day) * DAY_SECONDS + clock
    }

    /// The same date in a year that zones know, and how many cycles earlier that is.
    fn to_known_year(self) -> (Self, i64) {
        if KNOWN_YEARS.contains(&self.year) {
            return (self, 0);
        }
        let home = 23 * CYCLE_YEARS * self.year.signum();
        let year = home + self.year.rem_euclid(CYCLE_YEARS);
        (Self { year, ..self }, (self.year - year) / CYCLE_YEARS)
    }

    fn to_jiff(self) -> Option<civil::DateTime> {
        let part = |part: u8| i8::try_from(part).ok();
        let date =
            civil::Date::new(i16::try_from(self.year).ok()?, part(self.month)?, part(self.day)?).ok()?;
        if self.hour == 24 {
            return Some(date.tomorrow().ok()?.to_datetime(civil::Time::midnight()));
        }
        let time = civil::Time::new(part(self.hour)?, part(self.minute)?, part(self.second)?, 0).ok()?;
        Some(date.to_datetime(time))
    }
}

/// The days from 1970-01-01 to the date in a zone at a time in milliseconds since 1970 UTC; `None` if the zone has no offset
/// for it.
pub(crate) fn days_at(millis: i64, zone: &TimeZone) -> Option<i64> {
    let ahead = Civil::offset_at(Moment::of_millis(millis), zone)?.seconds();
    Some((millis.div_euclid(1_000) + i64::from(ahead)).div_euclid(DAY_SECONDS))
}

/// The date and time of day in UTC, for a time in milliseconds since 1970: of all days to 9999-12-31, the last one included;
/// `None` where the calendar has no day.
pub fn date_time(millis: i64) -> Option<civil::DateTime> {
    match Timestamp::from_millisecond(millis) {
        Ok(at) => Some(Offset::UTC.to_datetime(at)),
        // Timestamps end a day before the calendar does, so that every zone has a date for them.
        Err(_) => {
            civil::date(1970, 1, 1).at(0, 0, 0, 0).checked_add(SignedDuration::from_millis(millis)).ok()
        }
    }
}

/// How many days a month has.
pub(super) fn days_in_month(year: i64, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar.
fn days_since_1970(year: i64, month: u8, day: u8) -> i64 {
    // Years begin in March here, so that a leap day is the last day of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let in_cycle = year.rem_euclid(CYCLE_YEARS);
    let in_year = (153 * i64::from(month) + 2) / 5 + i64::from(day) - 1;
    let of_cycle = in_cycle * 365 + in_cycle / 4 - in_cycle / 100 + in_year;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    year.div_euclid(CYCLE_YEARS) * 146_097 + of_cycle - 719_468
}
