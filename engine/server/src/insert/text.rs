//! Records whose values are texts, as the statements that insert them.

use levada_model::SessionError;

use super::{Record, device, measurement};
use crate::{sql::quoted as quoted_text, status::malformed};

/// The statement that inserts a record; `None` where all its values are null. What a text is, its look says where there is no
/// series as yet: a number, a truth value, bytes, or a text.
///
/// # Errors
/// Names are not legal, or there are more or fewer values than measurements.
pub(crate) fn statement(
    record: &Record<'_, &[String]>,
    aligned: bool,
) -> Result<Option<String>, SessionError> {
    if record.measurements.len() != record.values.len() {
        let message =
            format!("{} measurements and {} values", record.measurements.len(), record.values.len());
        return Err(malformed(message));
    }
    let mut names = String::new();
    let mut values = String::new();
    for (name, value) in record.measurements.iter().zip(record.values) {
        if value.eq_ignore_ascii_case("null") {
            continue;
        }
        names.push_str(", ");
        names.push_str(&measurement(name)?);
        values.push_str(", ");
        values.push_str(&literal(value));
    }
    if names.is_empty() {
        return Ok(None);
    }
    let aligned = if aligned { " aligned" } else { "" };
    let (device, time) = (device(record.device)?, record.time);
    Ok(Some(format!("insert into {device}(time{names}){aligned} values ({time}{values})")))
}

fn literal(value: &str) -> String {
    let boolean = value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false");
    if boolean || is_number(value) || is_bytes(value) {
        return value.to_owned();
    }
    // Quotes around a text are none of it.
    let quoted = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    quoted_text(quoted('\'').or_else(|| quoted('"')).unwrap_or(value))
}

/// `-12`, `1.5`, `2e-3`.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|first: char| first.is_ascii_digit())
        && digits.ends_with(|last: char| last.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'-'))
        && text.parse::<f64>().is_ok()
}

/// `X'00ff'`.
fn is_bytes(text: &str) -> bool {
    let digits = text.strip_prefix(['X', 'x']).and_then(|rest| rest.strip_prefix('\'')?.strip_suffix('\''));
    digits.is_some_and(|digits| digits.len() % 2 == 0 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_literals_of_what_they_look_like() {
        let texts = ["1", "-2.5e3", "TRUE", "X'0f'", "it's", "'quoted'", "1f", "2024-01-02", "."];
        let literals = texts.map(literal);
        let expected = ["1", "-2.5e3", "TRUE", "X'0f'", "'it''s'", "'quoted'", "'1f'", "'2024-01-02'", "'.'"];
        assert_eq!(literals, expected);
    }

    #[test]
    fn a_record_becomes_a_statement_without_its_nulls() {
        let names = ["a", "`b c`", "d"].map(str::to_owned);
        let values = ["1", "x', 'y", "null"].map(str::to_owned);
        let record = Record { device: "root.d", time: 5, measurements: &names, values: &values[..] };
        let sql = statement(&record, true).expect("legal");
        let expected = "insert into root.d(time, a, `b c`) aligned values (5, 1, 'x'', ''y')";
        assert_eq!(sql.as_deref(), Some(expected));
        let none = ["null"; 3].map(str::to_owned);
        assert_eq!(statement(&Record { values: &none[..], ..record.clone() }, false).expect("legal"), None);
        assert!(statement(&Record { device: "root.d; drop", ..record }, false).is_err());
    }
}
