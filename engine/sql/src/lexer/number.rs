//! What begins with a digit: whole numbers, reals, durations, dates, and names.

use super::{TokenKind, datetime, is_word_char};
use crate::ast::Duration;

/// The kind and length of the token a text begins with; it begins with a digit, or a point and a digit. Within a path a
/// point is not part of it; behind a star that may begin a node (`*1.*`), a point before a star is not either.
pub(super) fn scan(text: &str, in_path: bool, behind_star: bool) -> (TokenKind, usize) {
    if in_path {
        let length = word_length(text);
        let word = &text[..length];
        let kind = if parse_duration(word).is_some() { TokenKind::Duration } else { word_or_number(word) };
        return (kind, length);
    }
    if let Some(length) = datetime::scan(text) {
        return (TokenKind::DateTime, length);
    }
    let real = real_length(text, behind_star);
    let length = word_length(text);
    if real > length || (real == length && text[..real].contains(['.', 'e', 'E'])) {
        return (TokenKind::Real, real);
    }
    let word = &text[..length];
    if parse_duration(word).is_some() {
        (TokenKind::Duration, length)
    } else {
        (word_or_number(word), length)
    }
}

fn word_or_number(word: &str) -> TokenKind {
    if word.bytes().all(|byte| byte.is_ascii_digit()) { TokenKind::Integer } else { TokenKind::Word }
}

fn word_length(text: &str) -> usize {
    text.find(|c| !is_word_char(c)).unwrap_or(text.len())
}

/// The length of the number a text begins with: digits, perhaps a point and digits, perhaps an exponent.
fn real_length(text: &str, behind_star: bool) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut at = digits(0);
    if bytes.get(at) == Some(&b'.') {
        let fraction = digits(at + 1);
        let joins_nodes = fraction == 0
            && match bytes.get(at + 1) {
                // `1.e5` is a number, and `*1.e` are two nodes: the `e` of an exponent has digits behind it.
                Some(b'e' | b'E') => {
                    let sign = usize::from(matches!(bytes.get(at + 2), Some(b'+' | b'-')));
                    behind_star && digits(at + 2 + sign) == 0
                }
                Some(b'*' | b'`') => behind_star,
                _ => text[at + 1..].starts_with(is_word_char),
            };
        if joins_nodes {
            return at;
        }
        at += 1 + fraction;
    }
    if matches!(bytes.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        match digits(at + 1 + sign) {
            0 => {}
            exponent => at += 1 + sign + exponent,
        }
    }
    at
}

/// Reads `1d12h`: numbers each with a unit, in any order and case. `None` where it is none, or too long to count.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::default();
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|&at| at > 0)?;
        let count: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let unit = rest[..letters].to_ascii_lowercase();
        rest = &rest[letters..];
        let months = match unit.as_str() {
            "y" => 12,
            "mo" => 1,
            _ => 0,
        };
        if months > 0 {
            sum.months = sum.months.checked_add(count.checked_mul(months)?)?;
        } else {
            nanos = nanos.checked_add(i128::from(count).checked_mul(nanos_of(&unit)?)?)?;
        }
    }
    sum.millis = i64::try_from(nanos / 1_000_000).ok()?;
    (!text.is_empty()).then_some(sum)
}

fn nanos_of(unit: &str) -> Option<i128> {
    const MILLI: i128 = 1_000_000;
    Some(match unit {
        "ns" => 1,
        "us" => 1_000,
        "ms" => MILLI,
        "s" => 1_000 * MILLI,
        "m" => 60_000 * MILLI,
        "h" => 3_600_000 * MILLI,
        "d" => 86_400_000 * MILLI,
        "w" => 604_800_000 * MILLI,
        _ => return None,
    })
}
