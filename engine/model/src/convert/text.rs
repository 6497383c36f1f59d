//! Text as days, bytes and truth values.

use jiff::{Span, civil::Date};

/// The years that a DATE can hold.
const DATE_YEARS: std::ops::RangeInclusive<i16> = 1..=9_999;

/// A day as the number `yyyymmdd`; `None` for a year that a DATE cannot hold.
fn day(date: Date) -> Option<i32> {
    let (year, month, of_month) = (date.year(), i32::from(date.month()), i32::from(date.day()));
    DATE_YEARS.contains(&year).then(|| i32::from(year) * 10_000 + month * 100 + of_month)
}

/// The DATE this many days after 1970-01-01, as `yyyymmdd`; `None` outside the years 1 to 9999.
///
/// ```
/// use levada_model::convert::date_of_days;
/// assert_eq!(date_of_days(-1), Some(19_691_231));
/// assert_eq!(date_of_days(i64::MAX), None);
/// ```
pub fn date_of_days(days: i64) -> Option<i32> {
    let days = Span::new().try_days(days).ok()?;
    jiff::civil::date(1970, 1, 1).checked_add(days).ok().and_then(day)
}

/// How many days after 1970-01-01 a DATE is; `None` where the calendar has no such day.
///
/// ```
/// use levada_model::convert::days_of_date;
/// assert_eq!(days_of_date(19_691_231), Some(-1));
/// assert_eq!(days_of_date(20_240_230), None);
/// ```
pub fn days_of_date(date: i32) -> Option<i32> {
    let date = Date::new(
        i16::try_from(date / 10_000).ok()?,
        i8::try_from(date / 100 % 100).ok()?,
        i8::try_from(date % 100).ok()?,
    );
    Some(date.ok()?.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days())
}

/// The day for a number `yyyymmdd`.
pub(super) fn day_of_number(number: i64) -> Option<i32> {
    let year = i16::try_from(number / 10_000).ok()?;
    let month = i8::try_from(number / 100 % 100).ok()?;
    let of_month = i8::try_from(number % 100).ok()?;
    Date::new(year, month, of_month).ok().and_then(day)
}

/// `2024-02-30` as 20240229, as Apache IoTDB reads it: a day beyond the end of its month becomes the last one.
pub(super) fn sql_day(text: &str) -> Option<i32> {
    let number = |part: &str, digits: std::ops::RangeInclusive<usize>| {
        let fits = digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i16>().ok().filter(|_| fits)
    };
    let mut parts = text.split('-');
    let (year, month) = (number(parts.next()?, 4..=4)?, number(parts.next()?, 1..=2)?);
    let of_month = number(parts.next()?, 1..=2).filter(|of_month| (1..=31).contains(of_month))?;
    if parts.next().is_some() {
        return None;
    }
    let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
    Some(day(first)? - 1 + i32::from(of_month.min(first.days_in_month().into())))
}

/// Decodes hexadecimal digits, two for each byte. Returns `None` for an odd number of digits, or for any other character.
///
/// ```
/// use levada_model::convert::bytes_of_digits;
/// assert_eq!(bytes_of_digits("00fF"), Some(vec![0, 255]));
/// assert_eq!(bytes_of_digits("abc"), None);
/// assert_eq!(bytes_of_digits("+1"), None);
/// ```
pub fn bytes_of_digits(digits: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    };
    digits.as_bytes().chunks(2).map(byte).collect()
}

/// `0x00ff`
pub(super) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    bytes_of_digits(text.strip_prefix("0x")?)
}

/// `true` and `false` in any case, `1` and `0`.
pub(super) fn boolean_of(text: &str) -> Option<bool> {
    match text {
        "1" => Some(true),
        "0" => Some(false),
        word if word.eq_ignore_ascii_case("true") => Some(true),
        word if word.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}
