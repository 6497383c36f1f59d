//! Literals of time: `2024-01-31`, `2024/01/31T12:00:00.250+01:00`, `2024-01-31T12:00:00[Europe/Paris]`.

use jiff::tz::TimeZone;
use levada_model::Moment;

/// The length of the literal of time a text begins with.
///
/// A date is year, month and day joined by `-`, `/` or `.`; a time of day may follow behind `T` or one blank, and an
/// offset or a zone between brackets behind that. `Z` is not an offset here, as it is none at the peer.
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
    let end = match scan_clock(bytes, date) {
        Some(clock) => scan_offset(bytes, clock).unwrap_or(clock),
        None => date,
    };
    Some(end + text.get(end..).and_then(levada_model::scan_zone).unwrap_or(0))
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

/// The moment a literal stands for, in milliseconds since 1970 UTC, rounded down. Without an offset or a zone of its own it is
/// read in `zone`.
///
/// # Errors
/// No such date, time of day or zone, in words.
pub(crate) fn parse_datetime(text: &str, zone: &TimeZone) -> Result<i64, String> {
    levada_model::parse_sql_time(text, zone).map(Moment::millis).map_err(|error| error.to_string())
}
