//! The methods that a script may call on texts and numbers: those of Java that need no other class. Positions and lengths count
//! UTF-16 units, as in Java.

use super::value::{Fault, Outcome, Value, bounded, fits};
use crate::expression::pattern::Pattern;

/// Calls a method.
///
/// # Errors
/// There is no such method with this number of arguments, the value or an argument is null, or an argument has the wrong type.
pub(super) fn call(of: &Value, name: &str, arguments: &[Value]) -> Outcome {
    let none = || {
        let count = arguments.len();
        Fault::wrong(format!(
            "{} has no method `{name}` that is understood with {count} arguments",
            of.named()
        ))
    };
    if matches!(of, Value::Null) || arguments.iter().any(|argument| matches!(argument, Value::Null)) {
        return Err(Fault::Null);
    }
    let given = match (name, arguments) {
        ("toString", []) => Some(Value::Text(of.text())),
        ("equals", [other]) => Some(Value::Truth(of.is(other))),
        _ => match of {
            Value::Text(text) => of_text(text, name, arguments)?,
            Value::Whole(_) | Value::Double(_) => of_number(of, name, arguments)?,
            Value::List(items) => match (name, arguments) {
                ("size" | "length", []) => Some(Value::Whole(of.size())),
                ("isEmpty", []) => Some(Value::Truth(items.is_empty())),
                ("contains", [item]) => Some(Value::Truth(items.iter().any(|each| each.is(item)))),
                _ => None,
            },
            _ => None,
        },
    };
    given.ok_or_else(none)
}

fn of_number(of: &Value, name: &str, arguments: &[Value]) -> Outcome<Option<Value>> {
    Ok(match (name, arguments) {
        ("intValue", []) => Some(Value::Whole(clamped(of.whole()?))),
        ("longValue", []) => Some(Value::Whole(of.whole()?)),
        ("doubleValue", []) => Some(of.clone()),
        ("isNaN", []) => Some(Value::Truth(matches!(of, Value::Double(double) if double.is_nan()))),
        ("compareTo", [other]) => Some(Value::Whole(of.order(other)? as i64)),
        _ => None,
    })
}

/// As Java narrows a number to 32 bits.
fn clamped(whole: i64) -> i64 {
    whole.clamp(i64::from(i32::MIN), i64::from(i32::MAX))
}

fn of_text(text: &str, name: &str, arguments: &[Value]) -> Outcome<Option<Value>> {
    let (truth, whole) = (|truth| Ok(Some(Value::Truth(truth))), |whole| Ok(Some(Value::Whole(whole))));
    let made = |made: String| {
        bounded(made.len())?;
        Ok(Some(Value::Text(made.into())))
    };
    match (name, arguments) {
        ("length" | "size", []) => whole(units(text)),
        ("isEmpty", []) => truth(text.is_empty()),
        ("isBlank", []) => truth(text.trim().is_empty()),
        ("toUpperCase", []) => made(text.to_uppercase()),
        ("toLowerCase", []) => made(text.to_lowercase()),
        ("trim" | "strip", []) => made(text.trim().to_owned()),
        ("contains", [part]) => truth(text.contains(&*part.text())),
        ("startsWith", [part]) => truth(text.starts_with(&*part.text())),
        ("endsWith", [part]) => truth(text.ends_with(&*part.text())),
        ("indexOf", [part]) => whole(text.find(&*part.text()).map_or(-1, |at| units(&text[..at]))),
        ("lastIndexOf", [part]) => whole(text.rfind(&*part.text()).map_or(-1, |at| units(&text[..at]))),
        ("concat", [other]) => made(format!("{text}{}", other.text())),
        ("replace", [from, to]) => {
            let (from, to) = (from.text(), to.text());
            bounded(text.len().saturating_add((text.len() + 1).saturating_mul(to.len())))?;
            made(text.replace(&*from, &to))
        }
        ("repeat", [count]) => {
            let count = usize::try_from(count.whole()?)
                .map_err(|_| Fault::wrong("no text is repeated less than 0 times"))?;
            bounded(text.len().saturating_mul(count))?;
            made(text.repeat(count))
        }
        ("matches", [pattern]) => {
            let pattern = Pattern::of_whole_text(&pattern.text());
            truth(fits(text, &pattern.map_err(|error| Fault::wrong(error.to_string()))?)?)
        }
        ("equalsIgnoreCase", [other]) => truth(text.to_lowercase() == other.text().to_lowercase()),
        ("compareTo", [other]) => whole(compared(text, &other.text())),
        ("hashCode", []) => {
            let hash = text
                .encode_utf16()
                .fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
            whole(i64::from(hash))
        }
        ("substring", [from]) => made(substring(text, from.whole()?, units(text))?),
        ("substring", [from, to]) => made(substring(text, from.whole()?, to.whole()?)?),
        _ => Ok(None),
    }
}

fn units(text: &str) -> i64 {
    if text.is_ascii() { text.len() as i64 } else { text.encode_utf16().count() as i64 }
}

/// The difference of the first units that differ, or of the lengths.
fn compared(left: &str, right: &str) -> i64 {
    let differing = left.encode_utf16().zip(right.encode_utf16()).find(|(left, right)| left != right);
    differing.map_or_else(|| units(left) - units(right), |(left, right)| i64::from(left) - i64::from(right))
}

fn substring(text: &str, from: i64, to: i64) -> Outcome<String> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    let part = range.and_then(|(from, to)| units.get(from..to)).ok_or_else(|| {
        Fault::wrong(format!("a text of {} UTF-16 units has none from {from} to {to}", units.len()))
    })?;
    Ok(String::from_utf16_lossy(part))
}
