//! Attributes as the library reads them: durations, points in time, one of some words, numbers in a range.

use jiff::{
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use levada_udf::{Failure, UdfParameters};

/// A whole number that is not less than another.
pub(crate) fn at_least(
    parameters: &UdfParameters,
    key: &str,
    default: i32,
    least: i32,
) -> Result<usize, Failure> {
    let value = parameters.int_or(key, default)?;
    match usize::try_from(value) {
        Ok(size) if value >= least => Ok(size),
        _ => Err(Failure::parameters(format!(
            "parameter \"{key}\" should be at least {least}: {value} is not"
        ))),
    }
}

/// A number that meets a condition; `what` says which.
pub(crate) fn number(
    parameters: &UdfParameters,
    key: &str,
    default: f64,
    what: &str,
    holds: impl Fn(f64) -> bool,
) -> Result<f64, Failure> {
    let value = parameters.double_or(key, default)?;
    if holds(value) {
        return Ok(value);
    }
    Err(Failure::parameters(format!("parameter \"{key}\" should be {what}: {value} is not")))
}

/// The place of an attribute among some words, in any case; that of the first where it is not given.
pub(crate) fn choice(parameters: &UdfParameters, key: &str, words: &[&str]) -> Result<usize, Failure> {
    let Some(given) = parameters.string(key) else { return Ok(0) };
    words.iter().position(|word| word.eq_ignore_ascii_case(given.trim())).ok_or_else(|| {
        Failure::parameters(format!(
            "parameter \"{key}\" should be one of {}: `{given}` is not",
            words.join(", ")
        ))
    })
}

/// A duration with its unit (`ms`, `s`, `m`, `h`, `d`), in milliseconds; `None` where the attribute is not given.
pub(crate) fn duration(parameters: &UdfParameters, key: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = parameters.string(key) else { return Ok(None) };
    match parse_duration(text) {
        Some(milliseconds) if milliseconds > 0 => Ok(Some(milliseconds)),
        _ => Err(Failure::parameters(format!(
            "parameter \"{key}\" should be a duration above 0 with its unit ms, s, m, h or d: `{text}` is not"
        ))),
    }
}

/// Milliseconds of a number with a unit.
pub(crate) fn parse_duration(text: &str) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let split = text.find(|each: char| each.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 60e3,
        "h" => 3_600e3,
        "d" => 86_400e3,
        _ => return None,
    };
    let milliseconds = number.trim().parse::<f64>().ok()? * unit;
    // Beyond this no time can follow.
    (milliseconds.abs() < 9.2e18).then_some(milliseconds as i64)
}

/// A point in time, `yyyy-MM-dd HH:mm:ss` in the time zone of this machine or with an offset behind it, in milliseconds; `None`
/// where the attribute is not given.
pub(crate) fn instant(parameters: &UdfParameters, key: &str) -> Result<Option<i64>, Failure> {
    let Some(text) = parameters.string(key) else { return Ok(None) };
    parse_instant(text.trim()).map(Some).ok_or_else(|| {
        Failure::parameters(format!(
            "parameter \"{key}\" should be a time as `2021-01-01 00:00:00`: `{text}` is not"
        ))
    })
}

fn parse_instant(text: &str) -> Option<i64> {
    // An offset stands behind the time of day, where a date has no sign.
    let sign = text.get(10..)?.rfind(['+', '-']).map(|at| at + 10);
    let (civil, zone) = match sign {
        Some(at) => (&text[..at], offset(&text[at..])?),
        None => (text, TimeZone::system()),
    };
    let civil: DateTime = civil.trim().parse().ok()?;
    Some(civil.to_zoned(zone).ok()?.timestamp().as_millisecond())
}

fn offset(text: &str) -> Option<TimeZone> {
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let seconds =
        hours.parse::<i32>().ok()?.checked_mul(3600)? + minutes.parse::<i32>().ok()?.checked_mul(60)?;
    let seconds = if text.starts_with('-') { -seconds } else { seconds };
    Some(TimeZone::fixed(Offset::from_seconds(seconds).ok()?))
}
