//! Rows whose values are texts. What a text is, its look says where there is no series as yet: a number, a truth value, bytes, or
//! a text. A series that is there takes it as its type reads it, one of texts as it stands.

use levada_model::{Path, convert::bytes_of_digits};
use levada_sql::{
    Span,
    ast::{Constant, Insert, InsertRow, InsertValue},
};

/// A row of a device whose values are texts.
#[derive(Clone, Debug)]
pub struct TextRow {
    /// The device.
    pub device: Path,
    /// Whether a device that is made for it is aligned.
    pub aligned: bool,
    /// Milliseconds since 1970 UTC.
    pub time: i64,
    /// The measurements in canonical form, none twice, each with its value.
    pub values: Vec<(String, String)>,
}

impl From<TextRow> for Insert {
    fn from(row: TextRow) -> Self {
        let (measurements, values): (Vec<_>, Vec<_>) =
            row.values.into_iter().map(|(name, text)| (name, value(text))).unzip();
        let rows = vec![InsertRow { time: row.time, values, span: Span::default() }];
        Self { device: row.device, aligned: row.aligned, measurements, rows }
    }
}

/// Whether it is a number with its kind behind it, as Java reads it: `1f`, `2.5d`. A series of numbers takes it; for a new series it is a
/// text.
pub(super) fn has_suffix(value: &InsertValue) -> bool {
    matches!(value.constant, Constant::Real { .. })
        && value.spelling.as_ref().is_some_and(|spelling| spelling.trim_end().ends_with(SUFFIXES))
}

const SUFFIXES: [char; 4] = ['f', 'F', 'd', 'D'];

fn value(text: String) -> InsertValue {
    let is = |word| text.eq_ignore_ascii_case(word);
    let constant = if is("null") {
        Constant::Null
    } else if is("true") || is("false") {
        Constant::Boolean(is("true"))
    } else if let Some(constant) = number(&text).or_else(|| bytes(&text).map(Constant::Blob)) {
        constant
    } else {
        // Quotes around a text are none of it.
        let quoted = |quote: char| text.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        let content = quoted('\'').or_else(|| quoted('"')).map(str::to_owned);
        return Constant::Text(content.unwrap_or(text)).into();
    };
    InsertValue { constant, spelling: Some(text.into()) }
}

/// What Java reads as a number.
fn number(text: &str) -> Option<Constant> {
    let text = text.trim();
    match text.strip_prefix(['+', '-']).unwrap_or(text) {
        "NaN" => return Some(Constant::Real { value: f64::NAN, text: "NaN".to_owned() }),
        "Infinity" => return Some(Constant::Real { value: f64::INFINITY, text: text.to_owned() }),
        _ => {}
    }
    let digits = text.strip_suffix(SUFFIXES).unwrap_or(text);
    // The standard library also reads some words.
    let is_numeric = |byte: u8| byte.is_ascii_digit() || b".eE+-".contains(&byte);
    let value: f64 = digits.parse().ok().filter(|_| digits.bytes().all(is_numeric))?;
    let whole = if digits.len() == text.len() { digits.parse().ok() } else { None };
    let text = digits.to_owned();
    Some(match whole {
        Some(value) => Constant::Integer { value, text },
        None => Constant::Real { value, text },
    })
}

/// `X'00ff'`
fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix(['X', 'x'])?.strip_prefix('\'')?.strip_suffix('\'')?;
    bytes_of_digits(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_what_they_look_like_and_keep_their_spelling() {
        let integer = |value: i64, text: &str| Constant::Integer { value, text: text.to_owned() };
        let real = |value: f64, text: &str| Constant::Real { value, text: text.to_owned() };
        let text = |text: &str| Constant::Text(text.to_owned());
        for (given, constant) in [
            ("1", integer(1, "1")),
            ("+5", integer(5, "+5")),
            ("-2.5e3", real(-2500.0, "-2.5e3")),
            (".5", real(0.5, ".5")),
            ("1f", real(1.0, "1")),
            ("-2.5D", real(-2.5, "-2.5")),
            ("9223372036854775808", real(9_223_372_036_854_775_808.0, "9223372036854775808")),
            ("TRUE", Constant::Boolean(true)),
            ("NULL", Constant::Null),
            ("X'0f'", Constant::Blob(vec![15])),
            ("X'0'", text("X'0'")),
            ("it's", text("it's")),
            ("'quoted'", text("quoted")),
            ("2024-01-02", text("2024-01-02")),
            ("inf", text("inf")),
            ("nan", text("nan")),
            (".", text(".")),
            ("f", text("f")),
            ("", text("")),
        ] {
            let found = value(given.to_owned());
            assert_eq!(found.constant, constant, "{given}");
            let spelling = (!matches!(constant, Constant::Text(_))).then_some(given);
            assert_eq!(found.spelling.as_deref(), spelling, "{given}");
            assert_eq!(has_suffix(&found), ["1f", "-2.5D"].contains(&given), "{given}");
        }
        let nan = value("NaN".to_owned());
        assert!(matches!(nan.constant, Constant::Real { value, .. } if value.is_nan()), "{nan:?}");
    }
}
