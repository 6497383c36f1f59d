//! One JSON object, with its values as they are written.

use std::{borrow::Cow, fmt};

use anyhow::{anyhow, bail};
use levada_model::convert::Given;
use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// Objects and lists within each other, at most: as many as the decoder `json` takes.
const DEEPEST: usize = 32;

/// A value as it is written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Null,
    /// A text, without its quotes.
    Text(Cow<'a, str>),
    /// `true` or `false`.
    Boolean(&'a str),
    /// All its digits.
    Number(&'a str),
    /// A number that is written as a text, without the quotes: the line gives its series a type of numbers.
    Said(Cow<'a, str>),
    /// An object or a list.
    Other(&'a str),
}

impl<'a> Token<'a> {
    fn new(raw: &'a str) -> anyhow::Result<Self> {
        Ok(match raw.as_bytes().first() {
            Some(b'"') => match raw.get(1..raw.len() - 1).filter(|inner| !inner.contains('\\')) {
                Some(inner) => Self::Text(Cow::Borrowed(inner)),
                None => Self::Text(Cow::Owned(serde_json::from_str(raw)?)),
            },
            Some(b't' | b'f') => Self::Boolean(raw),
            Some(b'n') => Self::Null,
            Some(b'{' | b'[') => Self::Other(raw),
            _ => Self::Number(raw),
        })
    }

    /// As it is converted.
    pub(super) fn given(&self) -> Given<'_> {
        match self {
            Self::Number(digits) => Given::Number(digits),
            Self::Said(digits) => Given::Number(digits),
            Self::Boolean(word) => Given::Boolean(*word == "true", word),
            Self::Text(text) => Given::Text(text),
            Self::Other(text) => Given::Text(text),
            Self::Null => Given::Text(""),
        }
    }

    /// What is written, of a text without its quotes.
    pub(super) fn text(&self) -> Cow<'a, str> {
        match self {
            Self::Null => Cow::Borrowed(""),
            Self::Text(text) | Self::Said(text) => text.clone(),
            Self::Boolean(text) | Self::Number(text) | Self::Other(text) => Cow::Borrowed(text),
        }
    }
}

/// The members of an object, in order.
#[derive(Debug)]
pub(super) struct Object;

impl Object {
    /// Reads the object that a text is.
    ///
    /// # Errors
    /// It is none, or a key stands in it twice.
    pub(super) fn parse(text: &str) -> anyhow::Result<Vec<(Cow<'_, str>, Token<'_>)>> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let raw = deserializer.deserialize_map(Members).and_then(|raw| deserializer.end().map(|()| raw));
        let raw = raw.map_err(|error| anyhow!("it is no JSON object: {error}"))?;
        let mut members: Vec<(Cow<'_, str>, Token<'_>)> = Vec::with_capacity(raw.len());
        for (key, value) in raw {
            members.push((key, Token::new(value.get())?));
        }
        let mut keys: Vec<&str> = members.iter().map(|(key, _)| &**key).collect();
        keys.sort_unstable();
        if let Some(twice) = keys.array_windows().find(|[one, other]| one == other) {
            bail!("the key `{}` stands twice in it", twice[0]);
        }
        Ok(members)
    }
}

/// The values below one that is an object or a list, each under the name that the keys above it make: `outer_inner`, `list_0`, as
/// the decoder `json` names them. `visit` gets values that are neither.
///
/// # Errors
/// They are nested too deep, a key stands twice in an object, or `visit` says so.
pub(super) fn flatten<'a>(
    name: &str,
    raw: &'a str,
    visit: &mut dyn FnMut(&str, Token<'a>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    below(name, raw, 1, visit)
}

fn below<'a>(
    name: &str,
    raw: &'a str,
    depth: usize,
    visit: &mut dyn FnMut(&str, Token<'a>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if depth >= DEEPEST {
        bail!("it is nested more than {DEEPEST} deep");
    }
    let members: Vec<(Cow<'a, str>, Token<'a>)> = if raw.starts_with('{') {
        Object::parse(raw)?
    } else {
        let elements: Vec<&RawValue> = serde_json::from_str(raw)?;
        let element =
            |(nth, raw): (usize, &'a RawValue)| Ok((nth.to_string().into(), Token::new(raw.get())?));
        elements.into_iter().enumerate().map(element).collect::<anyhow::Result<_>>()?
    };
    for (key, token) in members {
        let name = format!("{name}_{key}");
        match token {
            Token::Other(inner) => below(&name, inner, depth + 1, visit)?,
            token => visit(&name, token)?,
        }
    }
    Ok(())
}

struct Members;

impl<'a> Visitor<'a> for Members {
    type Value = Vec<(Cow<'a, str>, &'a RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut members = Vec::new();
        while let Some(Key(key)) = map.next_key()? {
            members.push((key, map.next_value()?));
        }
        Ok(members)
    }
}

/// A key, borrowed where it holds no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_what_is_written() {
        let object = Object::parse(
            r#" {"a": 1E5, "b\n":"x\"y", "c":null,"d":[1, 2],"e":9223372036854775808,"f":true} "#,
        );
        let object = object.expect("an object");
        let texts: Vec<(&str, Cow<'_, str>)> =
            object.iter().map(|(key, token)| (&**key, token.text())).collect();
        let expected = [
            ("a", "1E5"),
            ("b\n", "x\"y"),
            ("c", ""),
            ("d", "[1, 2]"),
            ("e", "9223372036854775808"),
            ("f", "true"),
        ];
        assert_eq!(texts, expected.map(|(key, text)| (key, Cow::Borrowed(text))));
    }

    #[test]
    fn values_below_others_are_named_by_all_keys_above_them() {
        let mut found = Vec::new();
        let raw = r#"{"b":{"c":1,"d":null},"l":[true,[],{"x":"y"}],"e":{}}"#;
        let mut visit = |name: &str, token: Token<'_>| {
            found.push(format!("{name}={}", token.text()));
            Ok(())
        };
        flatten("a", raw, &mut visit).expect("an object");
        assert_eq!(found, ["a_b_c=1", "a_b_d=", "a_l_0=true", "a_l_2_x=y"]);
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        let error = flatten("a", &deep, &mut |_, _| Ok(())).expect_err("too deep").to_string();
        assert!(error.contains("more than 32 deep"), "{error}");
    }

    #[test]
    fn what_is_no_object_says_so() {
        for (text, reason) in [
            ("[1]", "an object"),
            ("{\"a\":1", "EOF"),
            ("{\"a\":1} 2", "trailing"),
            ("{\"a\":NaN}", "expected value"),
            ("{\"a\":1,\"b\":2,\"a\":3}", "`a` stands twice"),
        ] {
            let error = Object::parse(text).expect_err(text).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
