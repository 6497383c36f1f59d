//! `like` and `regexp`.

use std::sync::Arc;

use arrow_array::{Array, BooleanArray, StringArray, cast::AsArray};
use arrow_buffer::BooleanBuffer;

use super::{Values, pattern::Pattern};
use crate::QueryError;

/// What texts are matched against.
#[derive(Clone, Debug)]
pub(crate) enum Matcher {
    /// `like 'abc'`
    Exact(String),
    /// `like 'abc%'`
    Prefix(String),
    /// `like '%abc'`
    Suffix(String),
    /// `like '%abc%'`
    Infix(String),
    /// Anything else.
    Regex(Pattern),
}

impl Matcher {
    /// The whole text fits: `%` is any run of characters, `_` is one; there is no escape.
    pub(crate) fn like(pattern: &str) -> Result<Self, QueryError> {
        let inner = pattern.trim_matches('%');
        if !inner.contains(['%', '_']) {
            let (front, back) = (pattern.starts_with('%'), pattern.len() > 1 && pattern.ends_with('%'));
            let text = inner.to_owned();
            return Ok(match (front, back) {
                _ if !pattern.contains('%') => Self::Exact(text),
                (true, true) => Self::Infix(text),
                (true, false) if inner.is_empty() => Self::Infix(text),
                (true, false) => Self::Suffix(text),
                (false, _) => Self::Prefix(text),
            });
        }
        let mut regex = String::from("(?s)^");
        for character in pattern.chars() {
            match character {
                '%' => regex.push_str(".*"),
                '_' => regex.push('.'),
                other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
        }
        regex.push('$');
        Self::regexp(&regex)
    }

    /// The expression is found anywhere in the text.
    pub(crate) fn regexp(pattern: &str) -> Result<Self, QueryError> {
        Ok(Self::Regex(Pattern::new(pattern)?))
    }

    fn fits(&self, text: &str) -> Result<bool, QueryError> {
        Ok(match self {
            Self::Exact(whole) => text == whole,
            Self::Prefix(start) => text.starts_with(start.as_str()),
            Self::Suffix(end) => text.ends_with(end.as_str()),
            Self::Infix(part) => text.contains(part.as_str()),
            Self::Regex(pattern) => pattern.is_found_in(text)?,
        })
    }
}

pub(crate) fn matches(matcher: &Matcher, values: &Values) -> Result<Values, QueryError> {
    let texts = values.array().as_string::<i32>();
    let result = test(texts, |text| matcher.fits(text))?;
    Ok(Values::of_kernel(Arc::new(result), &[values]))
}

/// A truth for every text; null for null.
pub(crate) fn test(
    texts: &StringArray,
    holds: impl Fn(&str) -> Result<bool, QueryError>,
) -> Result<BooleanArray, QueryError> {
    let mut failed = None;
    let bits = BooleanBuffer::collect_bool(texts.len(), |row| {
        if failed.is_some() || texts.is_null(row) {
            return false;
        }
        holds(texts.value(row)).unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(BooleanArray::new(bits, texts.nulls().cloned())),
    }
}
