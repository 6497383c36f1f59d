//! Floating-point numbers as text, the way Java prints them: what users' tools show, and what `cast(x as TEXT)` gives.

use std::fmt::Write as _;

/// `Double.toString`: `1.5`, `1.0E10`, `1.0E-5`, `NaN`, `Infinity`.
pub(crate) fn double(value: f64) -> String {
    text(
        value.is_nan(),
        value.is_sign_negative(),
        value.abs(),
        &digits(format!("{:e}", value.abs()), format!("{:.1e}", value.abs())),
        value.is_infinite(),
    )
}

/// `Float.toString`.
pub(crate) fn float(value: f32) -> String {
    text(
        value.is_nan(),
        value.is_sign_negative(),
        f64::from(value.abs()),
        &digits(format!("{:e}", value.abs()), format!("{:.1e}", value.abs())),
        value.is_infinite(),
    )
}

/// The shortest digits that read back as the number. Where that is one, Java takes the two that are closest: the least
/// double is `4.9E-324`.
fn digits(shortest: String, of_two: String) -> String {
    let is_one = !shortest.contains('.');
    if is_one && of_two.contains('.') && !of_two.contains(".0") { of_two } else { shortest }
}

/// From digits: `1.5e10`.
fn text(nan: bool, negative: bool, size: f64, scientific: &str, infinite: bool) -> String {
    if nan {
        return "NaN".to_owned();
    }
    let mut out = String::with_capacity(24);
    if negative {
        out.push('-');
    }
    if infinite {
        out.push_str("Infinity");
        return out;
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if size == 0.0 {
        out.push_str("0.0");
    } else if (1e-3..1e7).contains(&size) {
        decimal(&mut out, &digits, exponent);
    } else {
        let rest = digits.get(1..).filter(|rest| !rest.is_empty()).unwrap_or("0");
        // Writing to a String does not fail.
        write!(out, "{}.{rest}E{exponent}", &digits[..1]).unwrap_or_default();
    }
    out
}

/// Digits with their point after the first, moved by an exponent from -3 to 6.
fn decimal(out: &mut String, digits: &str, exponent: i32) {
    match usize::try_from(exponent) {
        Ok(exponent) => {
            let whole = exponent + 1;
            for at in 0..whole.max(digits.len()) {
                if at == whole {
                    out.push('.');
                }
                out.push(digits.as_bytes().get(at).map_or('0', |&digit| char::from(digit)));
            }
            if digits.len() <= whole {
                out.push_str(".0");
            }
        }
        Err(_) => {
            out.push_str("0.");
            (1..exponent.unsigned_abs()).for_each(|_| out.push('0'));
            out.push_str(digits);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_java_prints_them() {
        for (value, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-2.5, "-2.5"),
            (1e10, "1.0E10"),
            (9_999_999_999.0, "9.999999999E9"),
            (9_999_999.5, "9999999.5"),
            (1e7, "1.0E7"),
            (0.001, "0.001"),
            (0.000_99, "9.9E-4"),
            (123.456, "123.456"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double(value), expected);
        }
        assert_eq!(float(1.234_567_9), "1.2345679");
        assert_eq!(float(0.1), "0.1");
    }
}
