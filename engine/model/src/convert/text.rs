//! Text as days, bytes and truth values.

use jiff::civil::Date;

/// A day as the number `yyyymmdd`.
pub(super) fn day(date: Date) -> i32 {
    i32::from(date.year()) * 10_000 + i32::from(date.month()) * 100 + i32::from(date.day())
}

/// The day that a number `yyyymmdd` is.
pub(super) fn day_of_number(number: i64) -> Option<i32> {
    let year = i16::try_from(number / 10_000).ok()?;
    let month = i8::try_from(number / 100 % 100).ok()?;
    let of_month = i8::try_from(number % 100).ok()?;
    // As values of type DATE are held.
    Date::new(year, month, of_month).ok().filter(|_| (1_000..=9_999).contains(&year)).map(day)
}

/// `2024-02-30` as 20240229, as Apache IoTDB reads it: a day behind the end of its month is its last.
pub(super) fn sql_day(text: &str) -> Option<i32> {
    let mut parts = text.split('-').map(|part| part.parse::<i16>().ok());
    let (year, month, of_month, None) = (parts.next()??, parts.next()??, parts.next()??, parts.next()) else {
        return None;
    };
    if !(1000..=9999).contains(&year) || !(1..=31).contains(&of_month) {
        return None;
    }
    let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
    Some(day(first) - 1 + i32::from(of_month.min(first.days_in_month().into())))
}

/// `0x00ff`
pub(super) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x")?;
    if !digits.is_ascii()
        || !digits.len().is_multiple_of(2)
        || digits.bytes().any(|byte| !byte.is_ascii_hexdigit())
    {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
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
