//! Parsing of times and dates.

use jiff::tz::TimeZone;

use super::{
    Moment, TimeError,
    calendar::{Civil, days_in_month},
};

/// Offsets from UTC are not more than this, as in `java.time`.
const MAX_OFFSET_SECONDS: i64 = 18 * 60 * 60;

/// Parses a date, or a date and time of day; without an offset or zone of its own it is in `zone`. See the [module](super) for
/// the forms.
///
/// ```
/// use jiff::tz::TimeZone;
/// let read = |text| levada_model::parse_time(text, &TimeZone::UTC).map(|moment| moment.millis());
/// assert_eq!(read("1970-01-01T01:00:00+01:00"), Ok(0));
/// assert_eq!(read("1969-12-31 23:59:59.9999"), Ok(-1));
/// assert_eq!(read("2024-02-21T09:34:33[Europe/Paris]"), Ok(1_708_504_473_000));
/// ```
///
/// # Errors
/// The text has another form, or there is no such date, time of day or zone.
pub fn parse_time(text: &str, zone: &TimeZone) -> Result<Moment, TimeError> {
    parse(Rest::of(text, MonthEnd::Strict), zone)
}

/// The same for a literal of SQL, in which a day up to the 31st that its month does not have is the last of the month, as at the
/// peer.
///
/// ```
/// use jiff::tz::TimeZone;
/// let read = |text| levada_model::parse_sql_time(text, &TimeZone::UTC);
/// assert_eq!(read("2024-02-30"), read("2024-02-29"));
/// assert!(read("2024-02-32").is_err());
/// ```
///
/// # Errors
/// As [`parse_time`].
pub fn parse_sql_time(text: &str, zone: &TimeZone) -> Result<Moment, TimeError> {
    parse(Rest::of(text, MonthEnd::Last), zone)
}

fn parse(mut rest: Rest<'_>, zone: &TimeZone) -> Result<Moment, TimeError> {
    let text = rest.all;
    let (year, month, day) = rest.date()?;
    let mut civil = Civil { year, month, day, hour: 0, minute: 0, second: 0, nanos: 0 };
    let mut offset = None;
    if rest.eat(b"Tt ") {
        rest.clock(&mut civil)?;
        let before = rest.at;
        rest.eat(b" ");
        offset = rest.offset()?;
        if offset.is_none() {
            rest.at = before;
        }
    }
    let named = rest.zone()?;
    if rest.at < rest.bytes.len() {
        return Err(rest.no_time());
    }
    match (offset, named) {
        (None, None) => civil.in_zone(zone),
        (None, Some(named)) => civil.in_zone(&named),
        (Some(offset), None) => civil.at_offset(offset.seconds),
        (Some(offset), Some(named)) => {
            let moment = civil.at_offset(offset.seconds)?;
            let there = Civil::offset_at(moment, &named).map(|there| i64::from(there.seconds()));
            // `Z` beside a zone states that the time is UTC, and nothing about the zone's clocks.
            if offset.is_utc || there.is_none_or(|there| there == offset.seconds) {
                Ok(moment)
            } else {
                Err(TimeError(format!("the offset and the zone of `{text}` contradict each other")))
            }
        }
    }
}

/// Parses a date to the number `yyyymmdd`, as in values of type DATE: years 1 to 9999, each in four digits.
///
/// ```
/// assert_eq!(levada_model::parse_date("2024-02-29"), Ok(20_240_229));
/// assert_eq!(levada_model::parse_date("0999-12-31"), Ok(9_991_231));
/// assert!(levada_model::parse_date("0000-12-31").is_err());
/// ```
///
/// # Errors
/// The text is not a date, or not in these years.
pub fn parse_date(text: &str) -> Result<i32, TimeError> {
    let mut rest = Rest::of(text, MonthEnd::Strict);
    let text = rest.all;
    let (year, month, day) = rest.date()?;
    if rest.at < rest.bytes.len() {
        return Err(TimeError(format!("`{text}` is not a date, as in 2026-05-01")));
    }
    match i32::try_from(year) {
        Ok(year @ 1..=9_999) => Ok(year * 10_000 + i32::from(month) * 100 + i32::from(day)),
        _ => Err(TimeError(format!("the year of the date {text} is not between 1 and 9999"))),
    }
}

/// The length of `[Europe/Paris]` at the beginning of a string, in bytes.
pub fn scan_zone(text: &str) -> Option<usize> {
    let inner = text.strip_prefix('[')?;
    let end = inner.find(']')?;
    let is_name =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+' | b':' | b'!');
    let fits = end > 0 && inner.as_bytes()[..end].iter().copied().all(is_name);
    fits.then_some(end + 2)
}

struct OffsetRead {
    /// Seconds ahead of UTC.
    seconds: i64,
    /// It was written `Z`.
    is_utc: bool,
}

/// What a day is that its month does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MonthEnd {
    /// None.
    Strict,
    /// The last of the month, up to the 31st.
    Last,
}

/// The text still to be read.
struct Rest<'t> {
    all: &'t str,
    bytes: &'t [u8],
    at: usize,
    month_end: MonthEnd,
}

impl<'t> Rest<'t> {
    fn of(text: &'t str, month_end: MonthEnd) -> Self {
        let all = text.trim();
        Self { all, bytes: all.as_bytes(), at: 0, month_end }
    }

    fn no_time(&self) -> TimeError {
        TimeError(format!(
            "`{}` is not a time: write a number, or a date and time as in 2026-05-01T12:00:00Z",
            shown(self.all)
        ))
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// Skips one of some bytes, if it comes next.
    fn eat(&mut self, any: &[u8]) -> bool {
        let eaten = self.peek().is_some_and(|byte| any.contains(&byte));
        self.at += usize::from(eaten);
        eaten
    }

    /// How many digits come next.
    fn digits(&self) -> usize {
        self.bytes[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// A number of this many digits; the caller has checked that they are there.
    fn number(&mut self, digits: usize) -> i64 {
        let number = self.bytes[self.at..self.at + digits]
            .iter()
            .fold(0i64, |number, digit| number * 10 + i64::from(digit - b'0'));
        self.at += digits;
        number
    }

    /// A number of one or two digits.
    fn part(&mut self) -> Option<u8> {
        match self.digits() {
            digits @ 1..=2 => u8::try_from(self.number(digits)).ok(),
            _ => None,
        }
    }

    fn date(&mut self) -> Result<(i64, u8, u8), TimeError> {
        let negative = self.peek() == Some(b'-');
        let signed = self.eat(b"+-");
        let (year, month, day) = match self.digits() {
            4 => self.separated(4)?,
            digits @ 5..=9 if signed => self.separated(digits)?,
            8 if matches!(self.bytes.get(self.at + 8), Some(b'T' | b't' | b' ')) => {
                (self.number(4), self.number(2) as u8, self.number(2) as u8)
            }
            _ => return Err(self.no_time()),
        };
        let year = if negative { -year } else { year };
        let last = days_in_month(year, month);
        let most = if self.month_end == MonthEnd::Last { 31 } else { last };
        if !(1..=12).contains(&month) || !(1..=most).contains(&day) {
            let date = &self.all[..self.at];
            return Err(TimeError(format!("there is no date {date}")));
        }
        Ok((year, month, day.min(last)))
    }

    /// Year, month and day, with the same separator between them.
    fn separated(&mut self, year_digits: usize) -> Result<(i64, u8, u8), TimeError> {
        let year = self.number(year_digits);
        let separator = self.peek().filter(|byte| matches!(byte, b'-' | b'/' | b'.'));
        let separator = separator.ok_or_else(|| self.no_time())?;
        self.at += 1;
        let month = self.part().filter(|_| self.peek() == Some(separator)).ok_or_else(|| self.no_time())?;
        self.at += 1;
        let day = self.part().ok_or_else(|| self.no_time())?;
        Ok((year, month, day))
    }

    /// `12:34:56.789`, or any prefix of it from the hour on, or the same without separators.
    fn clock(&mut self, civil: &mut Civil) -> Result<(), TimeError> {
        let from = self.at;
        match self.digits() {
            digits @ (4 | 6) => {
                (civil.hour, civil.minute) = (self.number(2) as u8, self.number(2) as u8);
                if digits == 6 {
                    civil.second = self.number(2) as u8;
                    civil.nanos = self.fraction();
                }
            }
            _ => {
                civil.hour = self.part().ok_or_else(|| self.no_time())?;
                if self.eat(b":") {
                    civil.minute = self.part().ok_or_else(|| self.no_time())?;
                    if self.eat(b":") {
                        civil.second = self.part().ok_or_else(|| self.no_time())?;
                        civil.nanos = self.fraction();
                    }
                }
            }
        }
        let clock = &self.all[from..self.at];
        // The midnight at the end of the day is that at the beginning of the next.
        let is_end = civil.hour == 24 && (civil.minute, civil.second, civil.nanos) == (0, 0, 0);
        if civil.hour > 23 && !is_end || civil.minute > 59 || civil.second > 60 {
            return Err(TimeError(format!("there is no time of day {clock}")));
        }
        if civil.second == 60 {
            let why = "is in a leap second, which milliseconds since 1970 do not count: write second 59, or 00 of the next minute";
            return Err(TimeError(format!("{clock} {why}")));
        }
        Ok(())
    }

    /// Nanoseconds. What is finer counts as one, if nothing else below the millisecond is there.
    fn fraction(&mut self) -> u32 {
        let before = self.at;
        if !self.eat(b".,") {
            return 0;
        }
        let digits = self.digits();
        if digits == 0 {
            self.at = before;
            return 0;
        }
        let kept = digits.min(9);
        let nanos = self.number(kept) as u32 * 10u32.pow(9 - kept as u32);
        let finer = self.bytes[self.at..self.at + digits - kept].iter().any(|digit| *digit != b'0');
        self.at += digits - kept;
        nanos | u32::from(finer && nanos.is_multiple_of(1_000_000))
    }

    /// `Z`, `+01`, `+0100`, `+01:00`, `+01:00:00`; `None` where there is none.
    fn offset(&mut self) -> Result<Option<OffsetRead>, TimeError> {
        if self.eat(b"Zz") {
            return Ok(Some(OffsetRead { seconds: 0, is_utc: true }));
        }
        let from = self.at;
        let negative = self.peek() == Some(b'-');
        if !self.eat(b"+-") {
            return Ok(None);
        }
        let mut parts = [0; 3];
        match self.digits() {
            4 => (parts[0], parts[1]) = (self.number(2), self.number(2)),
            1 | 2 => {
                parts[0] = self.part().unwrap_or_default().into();
                for part in &mut parts[1..] {
                    if !self.eat(b":") {
                        break;
                    }
                    *part = self.part().ok_or_else(|| self.no_time())?.into();
                }
            }
            _ => return Err(self.no_time()),
        }
        let [hours, minutes, seconds] = parts;
        let seconds = (hours * 60 + minutes) * 60 + seconds;
        if minutes > 59 || parts[2] > 59 || seconds > MAX_OFFSET_SECONDS {
            return Err(TimeError(format!("there is no offset {}", &self.all[from..self.at])));
        }
        Ok(Some(OffsetRead { seconds: if negative { -seconds } else { seconds }, is_utc: false }))
    }

    /// `[Europe/Paris]` and other annotations in brackets; those not marked critical by `!` may be skipped.
    fn zone(&mut self) -> Result<Option<TimeZone>, TimeError> {
        let mut zone = None;
        while self.eat(b"[") {
            let rest = &self.all[self.at..];
            let end = rest.find(']').ok_or_else(|| self.no_time())?;
            self.at += end + 1;
            let (critical, name) = match rest[..end].strip_prefix('!') {
                Some(name) => (true, name),
                None => (false, &rest[..end]),
            };
            if zone.is_none() && !name.contains('=') {
                zone = Some(super::parse_zone(name)?);
            } else if critical || !name.contains('=') {
                return Err(self.no_time());
            }
        }
        Ok(zone)
    }
}

/// Text cut short for an error.
fn shown(text: &str) -> &str {
    text.char_indices().nth(80).map_or(text, |(end, _)| &text[..end])
}
