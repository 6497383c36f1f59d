//! A JSON document as a flat list of nodes, borrowed from its bytes.
//!
//! ```text
//!   {"device": "d1", "at": {"time": 7}, "a": 1.50}
//!
//!   0 Object(5)   1 device Text   2 at Object(4)   3 time Number 7   4 a Number 1.50
//!                                 └─ ends before 4
//! ```
//!
//! Numbers stay the characters that they are: their type is not known yet. The list is reused from record to record: a
//! document without escapes in its texts costs no allocation.

use std::{borrow::Cow, ops::Range};

use levada_connector_api::{
    FieldValue,
    model::{DataType, Moment},
};

use super::scan::{Scanner, Wrong};

/// Objects and lists within each other: more would only serve to exhaust memory.
pub(in crate::decode) const DEEPEST: usize = 32;
/// What the usual parser of JSON says of a number beyond its own bounds, which is well formed.
const OUT_OF_RANGE: &str = "number out of range";

/// A value with its key; elements of lists and the root have an empty key.
#[derive(Debug)]
pub(in crate::decode) struct Node<'a> {
    pub(in crate::decode) key: Cow<'a, str>,
    pub(in crate::decode) value: Value<'a>,
}

/// A value; containers say where the node behind their last one stands.
#[derive(Debug)]
pub(in crate::decode) enum Value<'a> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'a str),
    Text(Cow<'a, str>),
    Object(usize),
    List(usize),
    /// From here on, of a record that is no JSON and whose values have types.
    Int32(i32),
    Int64(i64),
    Float(f32),
    Double(f64),
    /// As `yyyymmdd`.
    Date(i32),
    Bytes(&'a [u8]),
    /// A text of this type, which is no number whatever it reads like.
    Characters(DataType, &'a str),
    Time(Moment),
    /// The digits of a number, which were made.
    Digits(Box<str>),
}

impl<'a> Value<'a> {
    /// A value that has a type.
    pub(super) fn typed(&self) -> Option<FieldValue<'a>> {
        Some(match self {
            Self::Int32(number) => FieldValue::Int32(*number),
            Self::Int64(number) => FieldValue::Int64(*number),
            Self::Float(number) => FieldValue::Float(*number),
            Self::Double(number) => FieldValue::Double(*number),
            Self::Date(date) => FieldValue::Date(*date),
            Self::Bytes(bytes) => FieldValue::Blob(bytes),
            Self::Characters(DataType::String, text) => FieldValue::String(text),
            Self::Characters(_, text) => FieldValue::Text(text),
            Self::Time(moment) => FieldValue::Timestamp(moment.millis()),
            _ => return None,
        })
    }

    /// A whole number that has a type.
    pub(super) fn whole(&self) -> Option<i64> {
        match self {
            Self::Int32(number) => Some((*number).into()),
            Self::Int64(number) => Some(*number),
            _ => None,
        }
    }
}

/// Reads a whole document; the tape is cleared first. Where the document is a list, `elements` says which bytes of the text each of
/// its elements is; it is empty otherwise.
///
/// # Errors
/// The text is not one JSON document.
pub(super) fn read<'a>(
    text: &'a str,
    tape: &mut Vec<Node<'a>>,
    elements: &mut Vec<Range<usize>>,
) -> Result<(), String> {
    tape.clear();
    elements.clear();
    let mut reader = Reader { scan: Scanner::new(text), open: [0; DEEPEST], depth: 0, elements };
    reader.document(tape).map_err(|wrong| match wrong {
        Wrong::Deep => format!("not JSON: nested more than {DEEPEST} deep"),
        Wrong::Syntax => format!("not JSON: {}{}", position(text, reader.scan.at), hint(text)),
    })
}

/// What is wrong, and at which line and column, as the usual parser of JSON says it.
fn position(text: &str, at: usize) -> String {
    match serde_json::from_str::<serde_json::Value>(text).map_err(|error| error.to_string()) {
        Err(error) if !error.starts_with(OUT_OF_RANGE) => error,
        _ => format!("the byte at {at} was not expected"),
    }
}

fn hint(text: &str) -> &'static str {
    if text.contains("NaN") || text.contains("Infinity") {
        "; NaN and Infinity are not JSON: write null, or the word in quotes"
    } else {
        ""
    }
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

/// Reads a document byte by byte.
struct Reader<'a, 'e> {
    scan: Scanner<'a>,
    /// The nodes of the objects and lists that are not closed yet.
    open: [u32; DEEPEST],
    depth: usize,
    /// The bytes of the elements of the root, where it is a list.
    elements: &'e mut Vec<Range<usize>>,
}

impl<'a> Reader<'a, '_> {
    fn document(&mut self, tape: &mut Vec<Node<'a>>) -> Result<(), Wrong> {
        let mut key = Cow::Borrowed("");
        loop {
            // A value stands here, or the end of an empty list or object.
            self.value(std::mem::take(&mut key), tape)?;
            // What follows it: ends, then a comma and the next value, or nothing.
            loop {
                let Some(open) = self.depth.checked_sub(1).and_then(|top| self.open.get(top)) else {
                    return if self.scan.is_through() { Ok(()) } else { Err(Wrong::Syntax) };
                };
                let open = *open as usize;
                let begun = tape.len() == open + 1;
                let is_object = matches!(tape[open].value, Value::Object(_));
                let is_root_list = open == 0 && !is_object;
                if let Some(element) = self.elements.last_mut().filter(|_| is_root_list && !begun) {
                    element.end = self.scan.at;
                }
                let byte = self.scan.next_byte()?;
                if byte == if is_object { b'}' } else { b']' } {
                    let end = tape.len();
                    tape[open].value = if is_object { Value::Object(end) } else { Value::List(end) };
                    self.depth -= 1;
                    continue;
                }
                match (begun, byte) {
                    (true, _) => self.scan.at -= 1,
                    (false, b',') => {}
                    (false, _) => return Err(self.scan.back()),
                }
                if is_object {
                    key = self.scan.key()?;
                } else if is_root_list {
                    self.scan.space();
                    self.elements.push(self.scan.at..self.scan.at);
                }
                break;
            }
        }
    }

    /// A value, or the beginning of an object or a list.
    #[inline]
    fn value(&mut self, key: Cow<'a, str>, tape: &mut Vec<Node<'a>>) -> Result<(), Wrong> {
        // The frequent values are made where they stay: one that is put together first is copied before it is complete in memory,
        // which the processor waits for.
        let value = match self.scan.next_byte()? {
            b'"' => {
                let text = self.scan.string()?;
                tape.push(Node { key, value: Value::Text(text) });
                return Ok(());
            }
            b'-' | b'0'..=b'9' => {
                let digits = self.scan.number()?;
                tape.push(Node { key, value: Value::Number(digits) });
                return Ok(());
            }
            b'{' => self.opened(tape.len(), Value::Object(0))?,
            b'[' => self.opened(tape.len(), Value::List(0))?,
            b't' => self.scan.word("true").map(|()| Value::Bool(true))?,
            b'f' => self.scan.word("false").map(|()| Value::Bool(false))?,
            b'n' => self.scan.word("null").map(|()| Value::Null)?,
            _ => return Err(self.scan.back()),
        };
        tape.push(Node { key, value });
        Ok(())
    }

    fn opened(&mut self, at: usize, value: Value<'a>) -> Result<Value<'a>, Wrong> {
        // A record has fewer bytes than 32 bits count.
        *self.open.get_mut(self.depth).ok_or(Wrong::Deep)? = u32::try_from(at).map_err(|_| Wrong::Syntax)?;
        self.depth += 1;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The document that a node and those below it are.
    fn shown(tape: &[Node<'_>], at: usize) -> String {
        let inner = |end: usize, with_keys: bool| {
            let each = children(tape, at + 1, end).map(|(at, node)| {
                let value = shown(tape, at);
                if with_keys { format!("{:?}:{value}", node.key) } else { value }
            });
            each.collect::<Vec<_>>().join(",")
        };
        match &tape[at].value {
            Value::Null => "null".to_owned(),
            Value::Bool(truth) => truth.to_string(),
            Value::Number(digits) => (*digits).to_owned(),
            Value::Text(text) => format!("{text:?}"),
            Value::Object(end) => format!("{{{}}}", inner(*end, true)),
            Value::List(end) => format!("[{}]", inner(*end, false)),
            typed => unreachable!("{typed:?} is not of JSON"),
        }
    }

    fn read_back(text: &str) -> Result<String, String> {
        let mut tape = Vec::new();
        read(text, &mut tape, &mut Vec::new())?;
        let end = match tape[0].value {
            Value::Object(end) | Value::List(end) => end,
            _ => 1,
        };
        assert_eq!(end, tape.len(), "{text}");
        Ok(shown(&tape, 0))
    }

    #[test]
    fn the_bytes_of_each_element_of_a_list_are_known() {
        let elements = |text: &'static str| {
            // What was there before goes.
            let (mut tape, mut elements) = (Vec::new(), Vec::from_iter(std::iter::once(7..9)));
            read(text, &mut tape, &mut elements).expect("JSON");
            elements.into_iter().map(|bytes| &text[bytes]).collect::<Vec<_>>()
        };
        assert_eq!(
            elements(" [ {\"a\": [1, 2]} ,[3 , [4]],\n 5 ,\"x,y\", null , {} ,[]\t] "),
            ["{\"a\": [1, 2]}", "[3 , [4]]", "5", "\"x,y\"", "null", "{}", "[]"]
        );
        assert_eq!(elements("[ ]"), [""; 0]);
        assert_eq!(elements("{\"a\":[1,2]}"), [""; 0], "a list that is not the document");
    }

    #[test]
    fn a_document_is_read_with_its_numbers_as_they_are() {
        for (text, expected) in [
            (" {\"a\" : 1.50 , \"b\":[ ] ,\"c\":{}}\n", r#"{"a":1.50,"b":[],"c":{}}"#),
            (r#"[[1],[{"x":-0}],1E5,"q\"\u00e9"]"#, "[[1],[{\"x\":-0}],1E5,\"q\\\"é\"]"),
            ("2882429806056571124", "2882429806056571124"),
            ("1e-400", "1e-400"),
            ("[1e400,-1E+999]", "[1e400,-1E+999]"),
            ("null", "null"),
        ] {
            assert_eq!(read_back(text).as_deref(), Ok(expected));
        }
        let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read_back(&deep(DEEPEST)).is_ok());
        assert!(read_back(&deep(DEEPEST + 1)).expect_err("too deep").contains("nested more than"));
        let error = read_back(r#"{"a":1e400,"b":}"#).expect_err("no JSON");
        assert_eq!(error, "not JSON: the byte at 15 was not expected");
        let error = read_back(r#"{"a": NaN}"#).expect_err("no JSON");
        assert!(error.contains("at line 1 column") && error.contains("in quotes"), "{error}");
    }

    proptest! {
        #[test]
        fn what_is_json_is_what_the_usual_parser_says(
            loose in "[\\[\\]{}\",:0-9a-b.eE+\\- tn\\\\]{0,24}",
            close in "(\\{\"a\":|\\[|\"|-|0|1|\\.5|e[+-]?7|true|fals|null|,|:|\\]|\\}| |\\\\n|\\\\u00e9|\n){0,12}",
        ) {
            for text in [loose, close] {
                let usual = serde_json::from_str::<serde_json::Value>(&text);
                prop_assume!(!usual.as_ref().is_err_and(|error| error.to_string().starts_with(OUT_OF_RANGE)));
                prop_assert_eq!(read_back(&text).is_ok(), usual.is_ok(), "{}", text);
            }
        }
    }
}
