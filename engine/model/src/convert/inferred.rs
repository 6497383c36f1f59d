//! What text without a type is taken for.

/// What characters look like to whoever is told no type: a cell of CSV, a value of an event map.
///
/// ```text
///   true  FALSE                     a truth value
///   21  -7  0                       a whole number
///   21.5  -.5  1e-7  1.0E5  NaN     a number
///   00123  -007  09.5  +45  1E5     text: a number is not written so, and would not keep how it is
///   12345678901234567890            text: no type of whole numbers holds it
///   A12  yes  2026-05-01            text
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inferred {
    /// True or false, in any case.
    Boolean(bool),
    /// A whole number of 64 bits.
    Whole,
    /// Any other number, `NaN`, `Infinity` or `-Infinity`; it may be beyond what a DOUBLE holds.
    Number,
    /// Text.
    Text,
}

impl Inferred {
    /// What a text looks like; blanks around it do not count.
    #[inline]
    pub fn of(text: &str) -> Self {
        let text = text.trim();
        match text.as_bytes() {
            [b'0'..=b'9' | b'.', ..] => number(text, text.as_bytes()),
            [b'-', unsigned @ ..] if matches!(unsigned, [b'0'..=b'9' | b'.', ..]) => number(text, unsigned),
            [b't' | b'T', ..] if text.eq_ignore_ascii_case("true") => Self::Boolean(true),
            [b'f' | b'F', ..] if text.eq_ignore_ascii_case("false") => Self::Boolean(false),
            [b'N' | b'I' | b'+' | b'-', ..] if is_not_finite(text) => Self::Number,
            _ => Self::Text,
        }
    }

    /// Whether a text can be read as a number, but a number is not written so: digits behind a zero or a plus sign, `1E5`.
    #[inline]
    pub fn is_label(text: &str) -> bool {
        let text = text.trim();
        let may_be = match text.strip_prefix('-').unwrap_or(text).as_bytes() {
            [b'0', b'0'..=b'9', ..] | [b'+', ..] => text.bytes().any(|byte| byte.is_ascii_digit()),
            [b'0'..=b'9', rest @ ..] => rest.contains(&b'E'),
            _ => false,
        };
        may_be && Self::of(text) == Self::Text && text.parse::<f64>().is_ok()
    }
}

/// The words for numbers that JSON has no form for, as most writers spell them when they put them in quotes.
pub fn is_not_finite(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "+Infinity" | "-Infinity")
}

/// What a text looks like that begins like a number, from its bytes without the sign.
#[inline]
fn number(text: &str, unsigned: &[u8]) -> Inferred {
    let count = |from: usize| {
        let rest = unsigned.get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let whole = count(0);
    if whole > 1 && unsigned.first() == Some(&b'0') {
        return Inferred::Text;
    }
    if whole == unsigned.len() {
        // Of fewer digits any number fits.
        let fits = whole < 19 || text.parse::<i64>().is_ok();
        return if fits { Inferred::Whole } else { Inferred::Text };
    }
    let has_point = unsigned.get(whole) == Some(&b'.');
    let behind = if has_point { count(whole + 1) } else { 0 };
    let mut at = whole + usize::from(has_point) + behind;
    if whole + behind == 0 {
        return Inferred::Text;
    }
    if let Some(letter @ (b'e' | b'E')) = unsigned.get(at) {
        let has_sign = matches!(unsigned.get(at + 1), Some(b'+' | b'-'));
        let digits = count(at + 1 + usize::from(has_sign));
        // Programs that write numbers give a point, a sign or a small letter; who numbers things gives none of them.
        if digits == 0 || *letter == b'E' && !has_point && !has_sign {
            return Inferred::Text;
        }
        at += 1 + usize::from(has_sign) + digits;
    }
    if at == unsigned.len() { Inferred::Number } else { Inferred::Text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_what_is_written_as_numbers_are() {
        for (text, expected) in [
            ("0", Inferred::Whole),
            ("-7", Inferred::Whole),
            (" 21 ", Inferred::Whole),
            ("9223372036854775807", Inferred::Whole),
            ("-9223372036854775808", Inferred::Whole),
            ("21.50", Inferred::Number),
            ("0.5", Inferred::Number),
            ("-.5", Inferred::Number),
            ("5.", Inferred::Number),
            ("1e5", Inferred::Number),
            ("1E+05", Inferred::Number),
            ("1.0E5", Inferred::Number),
            ("1e400", Inferred::Number),
            ("NaN", Inferred::Number),
            ("-Infinity", Inferred::Number),
            ("True", Inferred::Boolean(true)),
            ("FALSE", Inferred::Boolean(false)),
        ] {
            assert_eq!(Inferred::of(text), expected, "{text}");
            assert!(!Inferred::is_label(text), "{text}");
        }
    }

    #[test]
    fn what_a_number_would_not_keep_is_text() {
        for label in ["00123", "-007", "09.5", "00", "+45", "+1.5", "1E5", "12E3", "-2E6"] {
            assert_eq!(Inferred::of(label), Inferred::Text, "{label}");
            assert!(Inferred::is_label(label), "{label}");
        }
        for text in [
            "",
            "-",
            ".",
            "1.2.3",
            "1e",
            "1e+",
            "0x1f",
            "1_000",
            "1,5",
            "inf",
            "nan",
            "-inf",
            "--1",
            "1d",
            "٣",
            "+inf",
            "E5",
            "9223372036854775808",
        ] {
            assert_eq!(Inferred::of(text), Inferred::Text, "{text}");
            assert!(!Inferred::is_label(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_one_to_every_reader(
            digits in "[-+]?[0-9]{0,3}[.]?[0-9]{0,3}([eE][-+]?[0-9]{0,3})?",
            any in ".{0,8}",
        ) {
            for text in [digits.trim(), any.trim()] {
                match Inferred::of(text) {
                    Inferred::Whole => prop_assert!(text.parse::<i64>().is_ok(), "{}", text),
                    Inferred::Number => prop_assert!(text.parse::<f64>().is_ok(), "{}", text),
                    Inferred::Boolean(_) | Inferred::Text => {}
                }
            }
        }

        #[test]
        fn every_number_that_is_printed_is_one(number in any::<f64>(), float in any::<f32>()) {
            let shown = crate::Value::Double(number).to_string();
            for text in [format!("{number:?}"), format!("{float:?}"), shown] {
                let is_finite = !matches!(text.as_str(), "inf" | "-inf");
                prop_assert!(Inferred::of(&text) == Inferred::Number || !is_finite, "{}", text);
            }
        }
    }
}
