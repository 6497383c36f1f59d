//! Literals of time: `2024-01-31`, `2024/01/31T12:00:00.250+01:00`.

use jiff::{civil, tz};

/// The length of the literal of time a text begins with.
///
/// A date is year, month and day joined by `-`, `/` or `.`; a time of day may follow behind `T` or one blank, and an
/// offset behind that. `Z` is not an offset here, as it is none at the peer.
pub(super) fn scan(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        bytes.get(from..).map_or(0, |rest| rest.iter().take_while(|b| b.is_ascii_digit()).count())
    };
    let separator = *bytes.get(4).filter(|byte| matches!(byte, b'-' | b'/' | b'.'))?;
    if digits(0) != 4 {
        return None;
    }
    let month = Some(digits(5)).filter(|count| (1..=2).contains(count))?;
    if bytes.get(5 + month) != Some(&separator) {
        return None;
    }
    let day = Some(digits(6 + month)).filter(|count| (1..=2).contains(count))?;
    let date = 6 + month + day;
    let Some(clock) = scan_clock(bytes, date) else { return Some(date) };
    Some(scan_offset(bytes, clock).unwrap_or(clock))
}

/// The end of `T12:34:56.789`, begun at `from`.
fn scan_clock(bytes: &[u8], from: usize) -> Option<usize> {
    let digits = |from: usize| {
        bytes.get(from..).map_or(0, |rest| rest.iter().take_while(|b| b.is_ascii_digit()).count())
    };
    if !matches!(bytes.get(from), Some(b'T' | b't' | b' ')) {
        return None;
    }
    let mut at = from + 1;
    for part in 0..3 {
        if part > 0 {
            bytes.get(at).filter(|byte| **byte == b':')?;
            at += 1;
        }
        at += Some(digits(at)).filter(|count| (1..=2).contains(count))?;
    }
    if bytes.get(at) == Some(&b'.') {
        at += match digits(at + 1) {
            0 => 0,
            fraction => 1 + fraction,
        };
    }
    Some(at)
}

/// The end of `+01:00`, begun at `from`.
fn scan_offset(bytes: &[u8], from: usize) -> Option<usize> {
    let offset = bytes.get(from..from + 6)?;
    let fits = matches!(offset[0], b'+' | b'-')
        && offset[3] == b':'
        && [1, 2, 4, 5].into_iter().all(|at: usize| offset[at].is_ascii_digit());
    fits.then_some(from + 6)
}

/// The moment a literal stands for, in milliseconds since 1970 UTC; finer fractions are cut off. Without an offset it is
/// read in `zone`.
///
/// # Errors
/// No such date or time of day, in words.
pub(crate) fn parse_datetime(text: &str, zone: &tz::TimeZone) -> Result<i64, String> {
    let (date, clock) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let date = parse_date(date)?;
    let Some(clock) = clock else { return millis(date.at(0, 0, 0, 0), zone) };
    match clock.rfind(['+', '-']) {
        None => millis(at_clock(date, clock)?, zone),
        Some(at) => {
            let offset = parse_offset(&clock[at..])?;
            millis(at_clock(date, &clock[..at])?, &tz::TimeZone::fixed(offset))
        }
    }
}

fn parse_date(text: &str) -> Result<civil::Date, String> {
    let mut parts = text.split(['-', '/', '.']).map(|part| part.parse::<i16>().unwrap_or(-1));
    let mut next = || parts.next().unwrap_or(-1);
    let (year, month, day) = (next(), next(), next());
    let (month, day) = (i8::try_from(month).unwrap_or(-1), i8::try_from(day).unwrap_or(-1));
    civil::Date::new(year, month, day).map_err(|_| format!("there is no date {text}"))
}

fn at_clock(date: civil::Date, text: &str) -> Result<civil::DateTime, String> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':').map(|part| part.parse::<i8>().unwrap_or(-1));
    let mut next = || parts.next().unwrap_or(-1);
    let (hour, minute, second) = (next(), next(), next());
    let nanos = (0..9).fold(0, |sum, place| {
        let digit = fraction.as_bytes().get(place).map_or(0, |byte| i32::from(byte - b'0'));
        sum * 10 + digit
    });
    let time = civil::Time::new(hour, minute, second, nanos);
    time.map(|time| date.to_datetime(time)).map_err(|_| format!("there is no time of day {text}"))
}

fn parse_offset(text: &str) -> Result<tz::Offset, String> {
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<i32>().ok());
    let seconds = number(1..3).zip(number(4..6)).map(|(hours, minutes)| (hours * 60 + minutes) * 60);
    let sign = if text.starts_with('-') { -1 } else { 1 };
    seconds
        .and_then(|seconds| tz::Offset::from_seconds(sign * seconds).ok())
        .ok_or_else(|| format!("there is no offset {text}"))
}

/// After so many years the calendar begins anew, weekdays and with them the rules of time zones included.
const CYCLE_YEARS: i16 = 400;
/// The milliseconds of these years.
const CYCLE_MILLIS: i64 = 146_097 * 24 * 60 * 60 * 1_000;

fn millis(datetime: civil::DateTime, zone: &tz::TimeZone) -> Result<i64, String> {
    let within = |datetime: civil::DateTime| zone.to_timestamp(datetime).ok();
    // Moments end a day before the calendar does, and people write its last day for "for ever".
    let earlier = || datetime.with().year(datetime.year() - CYCLE_YEARS).build().ok();
    let (timestamp, more) = match within(datetime) {
        Some(timestamp) => (Some(timestamp), 0),
        None => (earlier().and_then(within), CYCLE_MILLIS),
    };
    let timestamp = timestamp.ok_or_else(|| format!("{datetime} is out of range"))?;
    let millis = i64::try_from(timestamp.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MAX);
    Ok(millis.saturating_add(more))
}
