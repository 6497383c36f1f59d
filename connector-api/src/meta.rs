//! What comes with a record beside its bytes, by name: `@key`, `@topic`, `@headers.site`.
//!
//! | name | of a Kafka message | type |
//! | --- | --- | --- |
//! | `@key` | its key | TEXT |
//! | `@topic` | its topic | TEXT |
//! | `@partition` | its partition | INT64 |
//! | `@offset` | its offset | INT64 |
//! | `@timestamp` | its time | TIMESTAMP |
//! | `@headers.NAME` | its last header of that name | TEXT |

use std::{borrow::Cow, fmt, ops::Range, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

/// Something that comes with a record beside its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Meta {
    /// The key of a message.
    Key,
    /// The topic of a message.
    Topic,
    /// The number of the partition that a message lies in.
    Partition,
    /// The place of a message in its partition.
    Offset,
    /// The time of a message.
    Timestamp,
    /// The header of a name.
    Header(String),
}

/// A value of a [`Meta`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetaValue<'a> {
    /// Bytes, a text as a rule.
    Bytes(&'a [u8]),
    /// A whole number.
    Integer(i64),
    /// A time, in milliseconds.
    Time(i64),
}

const HEADERS: &str = "headers.";

impl FromStr for Meta {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.strip_prefix('@').unwrap_or_default();
        match name {
            "key" => Ok(Self::Key),
            "topic" => Ok(Self::Topic),
            "partition" => Ok(Self::Partition),
            "offset" => Ok(Self::Offset),
            "timestamp" => Ok(Self::Timestamp),
            _ => match name.strip_prefix(HEADERS) {
                Some(header) if !header.is_empty() => Ok(Self::Header(header.to_owned())),
                _ => Err(format!(
                    "`{text}` does not come with a record: write @key, @topic, @partition, @offset, @timestamp or @headers.NAME"
                )),
            },
        }
    }
}

impl fmt::Display for Meta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => f.write_str("@key"),
            Self::Topic => f.write_str("@topic"),
            Self::Partition => f.write_str("@partition"),
            Self::Offset => f.write_str("@offset"),
            Self::Timestamp => f.write_str("@timestamp"),
            Self::Header(name) => write!(f, "@{HEADERS}{name}"),
        }
    }
}

impl<'de> Deserialize<'de> for Meta {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Meta {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Meta".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = r"^@(key|topic|partition|offset|timestamp|headers\..+)$";
        json_schema!({"type": "string", "pattern": pattern, "examples": ["@key"]})
    }
}

impl<'a> MetaValue<'a> {
    /// The text, where the value is one.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Bytes(bytes) => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
            Self::Integer(number) | Self::Time(number) => Some(Cow::Owned(number.to_string())),
        }
    }
}

/// The values of one record, in the order in which they were asked for. Keeps its memory.
#[derive(Debug, Default)]
pub(crate) struct Known {
    bytes: Vec<u8>,
    values: Vec<Option<Held>>,
}

#[derive(Clone, Debug)]
enum Held {
    Bytes(Range<usize>),
    Integer(i64),
    Time(i64),
}

impl Known {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.values.clear();
    }

    pub(crate) fn add(&mut self, value: Option<MetaValue<'_>>) {
        let held = value.map(|value| match value {
            MetaValue::Bytes(bytes) => {
                let from = self.bytes.len();
                self.bytes.extend_from_slice(bytes);
                Held::Bytes(from..self.bytes.len())
            }
            MetaValue::Integer(number) => Held::Integer(number),
            MetaValue::Time(time) => Held::Time(time),
        });
        self.values.push(held);
    }

    pub(crate) fn get(&self, index: usize) -> Option<MetaValue<'_>> {
        match self.values.get(index)?.clone()? {
            Held::Bytes(range) => self.bytes.get(range).map(MetaValue::Bytes),
            Held::Integer(number) => Some(MetaValue::Integer(number)),
            Held::Time(time) => Some(MetaValue::Time(time)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_printed() {
        for name in ["@key", "@topic", "@partition", "@offset", "@timestamp", "@headers.a.b c"] {
            assert_eq!(name.parse::<Meta>().map(|meta| meta.to_string()), Ok(name.to_owned()));
        }
        for wrong in ["", "@", "key", "@keys", "@headers", "@headers.", "$.key"] {
            assert!(wrong.parse::<Meta>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn values_are_given_back_by_their_place() {
        let mut known = Known::default();
        known.add(Some(MetaValue::Bytes(b"a")));
        known.add(None);
        known.add(Some(MetaValue::Bytes(b"\xff")));
        known.add(Some(MetaValue::Time(7)));
        assert_eq!(known.get(0), Some(MetaValue::Bytes(b"a")));
        assert_eq!((known.get(1), known.get(4)), (None, None));
        assert_eq!(known.get(2).map(MetaValue::text), Some(None));
        assert_eq!(known.get(3).and_then(MetaValue::text).as_deref(), Some("7"));
    }
}
