//! The values of a script, and how one becomes another.

use std::{cmp::Ordering, fmt, sync::Arc};

use crate::expression::{java_number, pattern::Pattern};

/// Bytes that a text may have.
const MOST_BYTES: usize = 1 << 20;

/// A value of a script.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Truth(bool),
    /// A number that was written without a point, and what is computed of such.
    Whole(i64),
    Double(f64),
    Text(Arc<str>),
    List(Arc<[Value]>),
}

/// Why a script gives nothing.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// It computes with what is null.
    Null,
    /// The reason.
    Wrong(String),
}

impl Fault {
    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub(super) fn wrong(why: impl Into<String>) -> Self {
        Self::Wrong(why.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("it computes with null"),
            Self::Wrong(why) => f.write_str(why),
        }
    }
}

pub(super) type Outcome<T = Value> = Result<T, Fault>;

/// Two numbers, brought to what they have in common.
pub(super) enum Pair {
    Whole(i64, i64),
    Double(f64, f64),
}

impl Value {
    /// What it is, for errors.
    pub(super) fn named(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Truth(_) => "a truth value",
            Self::Whole(_) | Self::Double(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
        }
    }

    /// Whether a condition takes it for true: numbers but 0 and NaN, texts but the empty one and "false".
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Truth(truth) => *truth,
            Self::Whole(whole) => *whole != 0,
            Self::Double(double) => *double != 0.0 && !double.is_nan(),
            Self::Text(text) => !text.is_empty() && &**text != "false",
            Self::List(_) => true,
        }
    }

    /// As a text.
    pub(super) fn text(&self) -> Arc<str> {
        match self {
            Self::Null => "null".into(),
            Self::Truth(truth) => truth.to_string().into(),
            Self::Whole(whole) => whole.to_string().into(),
            Self::Double(double) => java_number::double(*double).into(),
            Self::Text(text) => Arc::clone(text),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(|item| item.text().to_string()).collect();
                format!("[{}]", items.join(", ")).into()
            }
        }
    }

    /// As a number: truth values are 0 and 1, texts what they say.
    pub(super) fn number(&self) -> Outcome<Self> {
        match self {
            Self::Whole(_) | Self::Double(_) => Ok(self.clone()),
            Self::Truth(truth) => Ok(Self::Whole(i64::from(*truth))),
            Self::Text(text) => parsed(text).ok_or_else(|| Fault::wrong(format!("`{text}` is no number"))),
            Self::Null => Err(Fault::Null),
            Self::List(_) => Err(Fault::wrong("a list is no number")),
        }
    }

    /// As a whole number; what stands behind the point is cut off.
    pub(super) fn whole(&self) -> Outcome<i64> {
        Ok(match self.number()? {
            Self::Double(double) => double as i64,
            Self::Whole(whole) => whole,
            _ => 0,
        })
    }

    /// Whether there is nothing of it: null, 0, an empty text or list.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Truth(_) => false,
            Self::Whole(_) | Self::Double(_) => !self.is_true(),
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
        }
    }

    /// How many UTF-16 units or items it has; 0 of anything else.
    pub(super) fn size(&self) -> i64 {
        match self {
            Self::Text(text) => text.encode_utf16().count() as i64,
            Self::List(items) => items.len() as i64,
            _ => 0,
        }
    }

    /// Whether it is the same value of the same type: what lists are searched with.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole(left), Self::Whole(right)) => left == right,
            (Self::Double(left), Self::Double(right)) => left == right,
            (Self::Truth(left), Self::Truth(right)) => left == right,
            (Self::Text(left), Self::Text(right)) => left == right,
            (Self::Null, Self::Null) => true,
            _ => false,
        }
    }

    /// `==`: numbers by what they are worth, null to null alone.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Null, _) | (_, Self::Null) => false,
            (Self::List(left), Self::List(right)) => {
                left.len() == right.len() && left.iter().zip(&**right).all(|(left, right)| left.is(right))
            }
            (Self::Truth(left), right) | (right, Self::Truth(left)) => *left == right.is_true(),
            _ => self.order(other).is_ok_and(Ordering::is_eq),
        }
    }

    /// Which of the two comes first: numbers by what they are worth, also where a text says one; all else as texts.
    pub(super) fn order(&self, other: &Self) -> Outcome<Ordering> {
        if matches!(self, Self::Null) || matches!(other, Self::Null) {
            return Err(Fault::Null);
        }
        let are_texts = matches!((self, other), (Self::Text(_), Self::Text(_)));
        if !are_texts && let (Ok(left), Ok(right)) = (self.number(), other.number()) {
            return Ok(match pair(&left, &right)? {
                Pair::Whole(left, right) => left.cmp(&right),
                // As Java compares them: NaN is equal to itself, and greater than all others.
                Pair::Double(left, right) => {
                    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
                }
            });
        }
        Ok(self.text().encode_utf16().cmp(other.text().encode_utf16()))
    }
}

/// Two values as numbers.
pub(super) fn pair(left: &Value, right: &Value) -> Outcome<Pair> {
    Ok(match (left.number()?, right.number()?) {
        (Value::Whole(left), Value::Whole(right)) => Pair::Whole(left, right),
        (left, right) => Pair::Double(double(&left), double(&right)),
    })
}

fn double(number: &Value) -> f64 {
    match number {
        Value::Whole(whole) => *whole as f64,
        Value::Double(double) => *double,
        _ => f64::NAN,
    }
}

/// The number that a text says.
fn parsed(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse() {
        return Some(Value::Whole(whole));
    }
    // Rust reads `inf` too, which Java does not.
    let looks =
        text.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '+' | '.' | 'N'));
    looks.then(|| text.parse().ok().map(Value::Double)).flatten()
}

/// A text may have so many bytes.
pub(super) fn bounded(bytes: usize) -> Outcome<()> {
    match bytes <= MOST_BYTES {
        true => Ok(()),
        false => Err(Fault::wrong(format!("it makes a text of more than {MOST_BYTES} bytes"))),
    }
}

/// Whether a text fits a pattern.
pub(super) fn fits(text: &str, pattern: &Pattern) -> Outcome<bool> {
    pattern.is_found_in(text).map_err(|error| Fault::wrong(error.to_string()))
}
