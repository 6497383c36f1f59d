//! When a query is asked again: at multiples of a time, or as a cron expression says, in UTC.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Days that are looked ahead: a 29th of February may be eight years away.
const DAYS_AHEAD: usize = 8 * 366 + 1;

/// When a query is asked again.
#[derive(Clone, Debug)]
pub(super) enum Ticks {
    /// At multiples of so many milliseconds since 1970.
    Every(i64),
    /// At the times of a schedule.
    Schedule(Schedule),
}

impl Ticks {
    /// The first time behind `last`, at `now`; of several that are over, the last one. `None` where there is none any more.
    pub(super) fn next(&self, last: i64, now: i64) -> Option<i64> {
        match self {
            Self::Every(every) => {
                let first = last.div_euclid(*every).checked_add(1)?.checked_mul(*every)?;
                Some(first.max(now.div_euclid(*every) * every))
            }
            Self::Schedule(schedule) => schedule.next(last),
        }
    }
}

/// A cron expression: each field a set of numbers, a bit for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether days of the month, and of the week, are anything but `*`: where both are, one of them is enough.
    days_said: (bool, bool),
}

impl Schedule {
    /// Reads `minute hour day-of-month month day-of-week`.
    ///
    /// # Errors
    /// It is no such text; says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!(
                "`{text}` has {} fields, not five: minute, hour, day of the month, month, day of the week",
                fields.len()
            ));
        };
        let weekdays = field(weekday, "day of the week", 0, 7)?;
        Ok(Self {
            minutes: field(minute, "minute", 0, 59)?,
            hours: field(hour, "hour", 0, 23)?,
            days: field(day, "day of the month", 1, 31)?,
            months: field(month, "month", 1, 12)?,
            // Sunday is 0 and 7.
            weekdays: weekdays | weekdays >> 7,
            days_said: (!day.starts_with('*'), !weekday.starts_with('*')),
        })
    }

    /// The first time behind a moment, in milliseconds; `None` where it never comes (30 February).
    pub(super) fn next(&self, after: i64) -> Option<i64> {
        let after = Timestamp::from_millisecond(after).ok()?.to_zoned(TimeZone::UTC).datetime();
        let mut day = after.date();
        for _ in 0..DAYS_AHEAD {
            if self.has_day(day) {
                let times = (0..24i8).filter(|&hour| has(self.hours, hour)).flat_map(|hour| {
                    (0..60i8)
                        .filter(|&minute| has(self.minutes, minute))
                        .map(move |minute| day.at(hour, minute, 0, 0))
                });
                let mut times = times.filter(|time: &DateTime| *time > after);
                if let Some(time) = times.next() {
                    return Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond());
                }
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    fn has_day(&self, day: jiff::civil::Date) -> bool {
        let of_month = has(self.days, day.day());
        let of_week = has(self.weekdays, day.weekday().to_sunday_zero_offset());
        let fits = match self.days_said {
            (true, true) => of_month || of_week,
            _ => of_month && of_week,
        };
        fits && has(self.months, day.month())
    }
}

fn has(set: u64, number: i8) -> bool {
    u32::try_from(number).is_ok_and(|number| set & 1u64.wrapping_shl(number) != 0)
}

/// The numbers of one field: `*`, `5`, `1-5`, `*/15`, `10-40/10`, and several with commas.
fn field(text: &str, name: &str, least: u32, most: u32) -> Result<u64, String> {
    let mut set = 0;
    for part in text.split(',') {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let wrong = || {
            format!(
                "`{part}` is no {name}: write *, a number from {least} to {most}, a range as in {least}-{most}, or */2"
            )
        };
        let number = |text: &str| {
            text.parse::<u32>().ok().filter(|number| (least..=most).contains(number)).ok_or_else(wrong)
        };
        let (first, last) = match (range, range.split_once('-')) {
            ("*", _) => (least, most),
            (_, Some((first, last))) => (number(first)?, number(last)?),
            (one, None) if step.is_some() => (number(one)?, most),
            (one, None) => (number(one)?, number(one)?),
        };
        let step = match step {
            None => 1,
            Some(step) => step.parse::<usize>().ok().filter(|&step| step > 0).ok_or_else(wrong)?,
        };
        if first > last {
            return Err(wrong());
        }
        for number in (first..=last).step_by(step) {
            set |= 1u64 << number;
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> i64 {
        text.parse::<Timestamp>().expect("a time").as_millisecond()
    }

    #[test]
    fn a_schedule_says_the_next_time() {
        for (text, after, next) in [
            ("0 2 * * *", "2026-05-01T01:59:59Z", "2026-05-01T02:00:00Z"),
            ("0 2 * * *", "2026-05-01T02:00:00Z", "2026-05-02T02:00:00Z"),
            ("*/15 * * * *", "2026-05-01T10:31:00Z", "2026-05-01T10:45:00Z"),
            ("30 8-17/3 * * 1-5", "2026-05-02T00:00:00Z", "2026-05-04T08:30:00Z"),
            ("0 0 29 2 *", "2026-05-01T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("0 0 13 * 5", "2026-05-02T00:00:00Z", "2026-05-08T00:00:00Z"),
            ("0 0 * * 7", "2026-05-01T00:00:00Z", "2026-05-03T00:00:00Z"),
        ] {
            let schedule = Schedule::parse(text).expect(text);
            assert_eq!(schedule.next(millis(after)), Some(millis(next)), "{text}");
        }
        assert_eq!(Schedule::parse("0 0 30 2 *").expect("well formed").next(0), None);
    }

    #[test]
    fn a_schedule_that_is_none_is_told_by_its_field() {
        for (text, reason) in [
            ("0 2 * *", "4 fields, not five"),
            ("60 2 * * *", "`60` is no minute"),
            ("0 2 * * mon", "`mon` is no day of the week"),
            ("0 5-2 * * *", "`5-2` is no hour"),
            ("*/0 * * * *", "`*/0` is no minute"),
        ] {
            let error = Schedule::parse(text).expect_err(text);
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn of_ticks_that_were_missed_the_last_counts() {
        let ticks = Ticks::Every(10_000);
        assert_eq!(ticks.next(10_000, 12_000), Some(20_000));
        assert_eq!(ticks.next(10_000, 95_000), Some(90_000));
        assert_eq!(ticks.next(-1, 0), Some(0));
    }
}
