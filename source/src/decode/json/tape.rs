//! A JSON document as a flat list of nodes, borrowed from its bytes.
//!
//! ```text
//!   {"device": "d1", "at": {"time": 7}, "a": 1.5}
//!
//!   0 Object(5)   1 device Text   2 at Object(4)   3 time Int   4 a Number
//!                                 └─ ends before 4
//! ```
//!
//! The list is reused from record to record: a document without escapes in its texts costs no allocation.

use std::{borrow::Cow, fmt};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Objects and lists within each other: more would only serve to exhaust the stack.
const DEEPEST: u32 = 32;

/// A value with its key; elements of lists and the root have an empty key.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) value: Value<'a>,
}

/// A value; containers say where the node behind their last one stands.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Number(f64),
    Text(Cow<'a, str>),
    Object(usize),
    List(usize),
}

/// Reads a whole document; the tape is cleared first.
///
/// # Errors
/// The text is not one JSON document.
pub(super) fn read<'a>(text: &'a str, tape: &mut Vec<Node<'a>>) -> Result<(), String> {
    tape.clear();
    let mut json = serde_json::Deserializer::from_str(text);
    let read =
        NodeSeed { tape, key: Cow::Borrowed(""), depth: 0 }.deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| {
        let hint = if text.contains("NaN") || text.contains("Infinity") {
            "; NaN and Infinity are not JSON: write null, or the word in quotes"
        } else {
            ""
        };
        format!("not JSON: {error}{hint}")
    })
}

/// The nodes directly between two indexes, each with its index.
pub(super) fn children<'t, 'a>(
    tape: &'t [Node<'a>],
    from: usize,
    end: usize,
) -> impl Iterator<Item = (usize, &'t Node<'a>)> + Clone {
    let mut at = from;
    std::iter::from_fn(move || {
        let node = tape.get(at).filter(|_| at < end)?;
        let index = at;
        at = match node.value {
            Value::Object(end) | Value::List(end) => end,
            _ => at + 1,
        };
        Some((index, node))
    })
}

struct NodeSeed<'t, 'a> {
    tape: &'t mut Vec<Node<'a>>,
    key: Cow<'a, str>,
    depth: u32,
}

impl<'a> NodeSeed<'_, 'a> {
    fn push<E>(self, value: Value<'a>) -> Result<(), E> {
        self.tape.push(Node { key: self.key, value });
        Ok(())
    }

    fn deeper<E: Error>(mut self) -> Result<Self, E> {
        self.depth += 1;
        if self.depth > DEEPEST {
            Err(E::custom(format_args!("nested more than {DEEPEST} deep")))
        } else {
            Ok(self)
        }
    }
}

impl<'a> DeserializeSeed<'a> for NodeSeed<'_, 'a> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for NodeSeed<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.push(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.push(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.push(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.push(i64::try_from(value).map_or(Value::Number(value as f64), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.push(Value::Number(value))
    }

    #[inline]
    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<(), E> {
        self.push(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.push(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut elements: S) -> Result<(), S::Error> {
        let Self { tape, key, depth } = self.deeper()?;
        let at = tape.len();
        tape.push(Node { key, value: Value::Null });
        while elements.next_element_seed(NodeSeed { tape, key: Cow::Borrowed(""), depth })?.is_some() {}
        tape[at].value = Value::List(tape.len());
        Ok(())
    }

    fn visit_map<M: MapAccess<'a>>(self, mut members: M) -> Result<(), M::Error> {
        let Self { tape, key, depth } = self.deeper()?;
        let at = tape.len();
        tape.push(Node { key, value: Value::Null });
        while let Some(key) = members.next_key_seed(KeySeed)? {
            members.next_value_seed(NodeSeed { tape, key, depth })?;
        }
        tape[at].value = Value::Object(tape.len());
        Ok(())
    }
}

struct KeySeed;

impl<'a> DeserializeSeed<'a> for KeySeed {
    type Value = Cow<'a, str>;

    #[inline]
    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Cow<'a, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for KeySeed {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    #[inline]
    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
