//! Digits as numbers.
//!
//! The common forms are read in one pass over the bytes. All others go to the standard library, which rounds correctly whatever
//! the digits are.

use super::Reason;

/// The powers of ten that a DOUBLE holds exactly.
const POWERS_OF_TEN: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    1e19, 1e20, 1e21, 1e22,
];
/// Up to this number a DOUBLE holds every whole number.
const MAX_EXACT_INTEGER: u64 = 1 << f64::MANTISSA_DIGITS;
/// Any number of this many digits fits 64 bits.
const MAX_DIGITS: usize = 19;

/// Digits without sign, point and exponent, and how many of them follow the point.
struct Plain {
    negative: bool,
    digits: u64,
    behind: usize,
    point: bool,
}

/// Reads `-21.50`; `None` for all other forms, and for more digits than always fit.
#[inline]
fn plain(text: &[u8]) -> Option<Plain> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    // The point is not a digit.
    if rest.is_empty() || rest.len() > MAX_DIGITS {
        return None;
    }
    let mut digits = 0u64;
    let mut point_at = None;
    for (at, &byte) in rest.iter().enumerate() {
        if byte.is_ascii_digit() {
            digits = digits * 10 + u64::from(byte - b'0');
        } else if byte == b'.' && point_at.is_none() && rest.len() > 1 {
            point_at = Some(at);
        } else {
            return None;
        }
    }
    let behind = point_at.map_or(0, |at| rest.len() - 1 - at);
    Some(Plain { negative, digits, behind, point: point_at.is_some() })
}

/// The nearest DOUBLE of digits in a common form; `None` for all other forms.
#[inline]
pub(crate) fn plain_double(text: &[u8]) -> Option<f64> {
    let Plain { negative, digits, behind, .. } = plain(text)?;
    if digits > MAX_EXACT_INTEGER {
        return None;
    }
    // Both sides are exact, so the quotient is correctly rounded.
    let size = digits as f64 / POWERS_OF_TEN.get(behind)?;
    Some(if negative { -size } else { size })
}

/// The nearest DOUBLE; a whole number only if the DOUBLE is exactly that.
#[inline]
pub(super) fn double(text: &str) -> Result<f64, Reason> {
    if let Some(number) = plain_double(text.as_bytes()) {
        return Ok(number);
    }
    let text = text.trim();
    let number: f64 = text.parse().map_err(|_| Reason::NotNumber)?;
    if number.is_infinite() && has_digits(text) {
        return Err(Reason::Range);
    }
    if is_whole(text) && number.abs() >= MAX_EXACT_INTEGER as f64 {
        let digits = text.trim_start_matches(['+', '-']).trim_start_matches('0');
        if format!("{:.0}", number.abs()) != digits {
            return Err(Reason::Inexact);
        }
    }
    Ok(number)
}

/// Digits that every DOUBLE has.
const SURE_DIGITS: usize = 15;

/// The DOUBLE that is written with all of these digits, whatever zeros are behind the point.
pub(super) fn double_with_digits(text: &str) -> Result<f64, Reason> {
    let number = double(text)?;
    let text = text.trim();
    let digits = text.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    let is_same = || trimmed(text) == trimmed(&number.to_string());
    if digits <= SURE_DIGITS || is_same() { Ok(number) } else { Err(Reason::Inexact) }
}

/// Without what says nothing behind the point.
fn trimmed(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// The nearest FLOAT.
pub(super) fn float(text: &str) -> Result<f32, Reason> {
    let text = text.trim();
    let number: f32 = text.parse().map_err(|_| Reason::NotNumber)?;
    if number.is_infinite() && has_digits(text) { Err(Reason::Range) } else { Ok(number) }
}

/// Parses a whole number.
pub(super) fn whole(text: &str) -> Result<i64, Reason> {
    if let Some(Plain { negative, digits, point: false, .. }) = plain(text.as_bytes())
        && let Ok(size) = i64::try_from(digits)
    {
        return Ok(if negative { -size } else { size });
    }
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    match text.parse::<f64>() {
        Err(_) => Err(Reason::NotNumber),
        Ok(number) if !number.is_finite() && !has_digits(text) => Err(Reason::NotWhole),
        Ok(_) => scaled(text),
    }
}

/// A well-formed number with a point or an exponent, or one of many digits.
fn scaled(text: &str) -> Result<i64, Reason> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let negative = mantissa.starts_with('-');
    let (before, behind) = mantissa.trim_start_matches(['+', '-']).split_once('.').unwrap_or((mantissa, ""));
    let before = before.trim_start_matches(['+', '-']);
    let digits = [before, behind].concat();
    let kept = digits.trim_end_matches('0');
    let significant = kept.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    // An exponent beyond 64 bits makes the number too large, or not whole.
    let exponent: i64 = match exponent.parse() {
        Ok(exponent) => exponent,
        Err(_) if exponent.starts_with('-') => return Err(Reason::NotWhole),
        Err(_) => return Err(Reason::Range),
    };
    let places = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let zeros =
        exponent.saturating_sub(places(behind.len())).saturating_add(places(digits.len() - kept.len()));
    if zeros < 0 {
        return Err(Reason::NotWhole);
    }
    if zeros.saturating_add(places(significant.len())) > places(MAX_DIGITS) {
        return Err(Reason::Range);
    }
    let zeros = u32::try_from(zeros).map_err(|_| Reason::Range)?;
    let size = significant.parse::<i128>().map_err(|_| Reason::Range)? * 10i128.pow(zeros);
    i64::try_from(if negative { -size } else { size }).map_err(|_| Reason::Range)
}

/// Whether a number is written without a point and an exponent.
pub(super) fn is_whole(text: &str) -> bool {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a number is written in digits, not as a word.
pub(super) fn has_digits(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// The whole number equal to a DOUBLE.
pub(super) fn whole_of(number: f64) -> Result<i64, Reason> {
    if !number.is_finite() || number.fract() != 0.0 {
        return Err(Reason::NotWhole);
    }
    // The lower bound is a DOUBLE; the greatest 64-bit integer is not, so the upper bound is exclusive.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&number) {
        Ok(number as i64)
    } else {
        Err(Reason::Range)
    }
}

/// The DOUBLE equal to a whole number.
pub(super) fn double_of(number: i64) -> Result<f64, Reason> {
    let double = number as f64;
    if number.unsigned_abs() <= MAX_EXACT_INTEGER || double as i128 == i128::from(number) {
        Ok(double)
    } else {
        Err(Reason::Inexact)
    }
}

/// The nearest FLOAT of a DOUBLE.
pub(super) fn float_of(number: f64) -> Result<f32, Reason> {
    let float = number as f32;
    if float.is_infinite() && number.is_finite() { Err(Reason::Range) } else { Ok(float) }
}
