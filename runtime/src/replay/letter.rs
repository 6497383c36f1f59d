//! A dead letter, read back from its line.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::tz::TimeZone;
use levada_connector_api::{BatchBuilder, FieldValue};
use levada_model::{DataType, Kind, Moment, Path, SplitName, convert::Given};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value as Json};

use super::Key;

/// A dead letter.
#[derive(Debug)]
pub(super) struct Letter {
    /// When it was rejected, in milliseconds.
    pub(super) time: i64,
    pub(super) pipeline: String,
    pub(super) node: String,
    pub(super) error: String,
    pub(super) content: Content,
}

/// What was rejected.
#[derive(Debug)]
pub(super) enum Content {
    Record(Record),
    Row(Row),
}

/// A record as it came.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) split: SplitName,
    pub(super) position: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) envelope: Option<Envelope>,
}

/// What came with a record.
#[derive(Debug)]
pub(super) struct Envelope {
    pub(super) key: Option<Vec<u8>>,
    pub(super) time: Option<i64>,
    pub(super) has_value: bool,
    pub(super) headers: Vec<(String, Option<Vec<u8>>)>,
}

/// A row that came from no record.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) device: String,
    pub(super) time: i64,
    pub(super) values: Vec<(String, Cell)>,
}

/// A value of a row.
#[derive(Debug)]
pub(super) enum Cell {
    Boolean(bool),
    Int32(i32),
    Int64(i64),
    Float(f32),
    Double(f64),
    Text(String),
    Str(String),
    Timestamp(i64),
    Date(i32),
    Blob(Vec<u8>),
    /// Its type is for the store to say.
    Written(Kind, String),
}

#[derive(Deserialize)]
struct Line {
    time: String,
    pipeline: String,
    node: String,
    error: String,
    split: Option<String>,
    position: Option<u64>,
    timestamp: Option<String>,
    key: Option<Bytes>,
    #[serde(default)]
    headers: Vec<(String, Option<Bytes>)>,
    #[serde(default, deserialize_with = "present")]
    text: Option<Option<String>>,
    base64: Option<String>,
    row: Option<RowLine>,
}

#[derive(Deserialize)]
struct RowLine {
    device: String,
    time: i64,
    values: Map<String, Json>,
    #[serde(default)]
    types: Map<String, Json>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Other { base64: String },
}

/// Tells a text that is null from one that is not there.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl Bytes {
    fn bytes(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Other { base64 } => decoded(&base64),
        }
    }
}

fn decoded(base64: &str) -> Result<Vec<u8>, String> {
    BASE64_STANDARD.decode(base64).map_err(|error| format!("`base64` is none: {error}"))
}

impl Letter {
    /// Reads a line.
    ///
    /// # Errors
    /// It is no dead letter.
    pub(super) fn read(line: &[u8]) -> Result<Self, String> {
        let line: Line = serde_json::from_slice(line).map_err(|error| format!("no dead letter: {error}"))?;
        let Line { time, pipeline, node, error, row, .. } = &line;
        let (time, pipeline, node, error) = (millis(time)?, pipeline.clone(), node.clone(), error.clone());
        let content = match row {
            Some(_) => Content::Row(line.row.map(RowLine::row).transpose()?.ok_or("no row")?),
            None => Content::Record(line.record()?),
        };
        Ok(Self { time, pipeline, node, error, content })
    }

    /// With which others it is sent.
    pub(super) fn key(&self) -> Key {
        let source = match &self.content {
            // A split begins with the name of its source, which holds no slash.
            Content::Record(record) => record.split.as_str().split('/').next().map(str::to_owned),
            Content::Row(_) => None,
        };
        Key { node: self.node.clone(), source }
    }
}

impl Line {
    fn record(self) -> Result<Record, String> {
        let Self { split, position, timestamp, key, headers, text, base64, .. } = self;
        let (split, position) = split.zip(position).ok_or("no dead letter: neither a record nor a row")?;
        let has_value = text != Some(None);
        let bytes = match (text, base64) {
            (Some(text), None) => text.unwrap_or_default().into_bytes(),
            (None, Some(base64)) => decoded(&base64)?,
            _ => return Err("no dead letter: one of `text` and `base64` says what the record is".to_owned()),
        };
        let key = key.map(Bytes::bytes).transpose()?;
        let headers = headers
            .into_iter()
            .map(|(name, value)| Ok((name, value.map(Bytes::bytes).transpose()?)))
            .collect::<Result<Vec<_>, String>>()?;
        let time = timestamp.as_deref().map(millis).transpose()?;
        let is_bare = key.is_none() && time.is_none() && headers.is_empty() && has_value;
        let envelope = (!is_bare).then_some(Envelope { key, time, has_value, headers });
        Ok(Record { split: SplitName::new(split), position, bytes, envelope })
    }
}

impl RowLine {
    fn row(self) -> Result<Row, String> {
        let Self { device, time, values, types } = self;
        Path::parse(&device).map_err(|error| format!("`row.device`: {error}"))?;
        let cell = |(name, value): (String, Json)| {
            let wrong = || format!("`row.values.{name}`: {value} is no value of its type");
            if name.is_empty() {
                return Err("`row.values`: a measurement's name is empty".to_owned());
            }
            let cell = match types.get(&name) {
                None => untyped(&value),
                Some(known) => known.as_str().and_then(|known| typed(&value, known.parse().ok()?)),
            };
            Ok((name.clone(), cell.ok_or_else(wrong)?))
        };
        let values = values.into_iter().map(cell).collect::<Result<_, String>>()?;
        let row = Row { device, time, values };
        // What no batch takes is told here, with the letter's line, and not when it is sent among others.
        row.put(&mut BatchBuilder::new()).map_err(|error| format!("`row`: {error}"))?;
        Ok(row)
    }
}

fn untyped(value: &Json) -> Option<Cell> {
    Some(match value {
        Json::Bool(value) => Cell::Boolean(*value),
        Json::Number(number) => Cell::Written(Kind::Number, number.to_string()),
        Json::String(text) => Cell::Written(Kind::Text, text.clone()),
        _ => return None,
    })
}

fn typed(value: &Json, data_type: DataType) -> Option<Cell> {
    let text = || value.as_str();
    // Numbers that JSON cannot hold are texts.
    let double = || value.as_f64().or_else(|| text()?.parse().ok());
    Some(match data_type {
        DataType::Boolean => Cell::Boolean(value.as_bool()?),
        DataType::Int32 => Cell::Int32(i32::try_from(value.as_i64()?).ok()?),
        DataType::Int64 => Cell::Int64(value.as_i64()?),
        DataType::Timestamp => Cell::Timestamp(value.as_i64()?),
        DataType::Float => Cell::Float(double()? as f32),
        DataType::Double => Cell::Double(double()?),
        DataType::Text => Cell::Text(text()?.to_owned()),
        DataType::String => Cell::Str(text()?.to_owned()),
        DataType::Date => Cell::Date(Given::Text(text()?).date(&TimeZone::UTC).ok()?),
        DataType::Blob => Cell::Blob(Given::Text(text()?).blob().ok()?.into_owned()),
    })
}

/// A time in milliseconds.
fn millis(text: &str) -> Result<i64, String> {
    let time: jiff::Timestamp = text.parse().map_err(|_| format!("`{text}` is no time"))?;
    Ok(time.as_millisecond())
}

impl Row {
    /// Puts it into a builder, as a row that came from no record.
    pub(super) fn put(&self, rows: &mut BatchBuilder) -> Result<(), String> {
        let fields: Vec<_> = self.values.iter().map(|(name, cell)| (name.as_str(), cell.field())).collect();
        let placed = rows.row_at(&self.device, Moment::of_millis(self.time), &fields);
        placed.map(drop).map_err(|error| error.to_string())
    }
}

impl Cell {
    /// As a field of a row.
    fn field(&self) -> FieldValue<'_> {
        match self {
            Self::Boolean(value) => FieldValue::Boolean(*value),
            Self::Int32(value) => FieldValue::Int32(*value),
            Self::Int64(value) => FieldValue::Int64(*value),
            Self::Float(value) => FieldValue::Float(*value),
            Self::Double(value) => FieldValue::Double(*value),
            Self::Text(value) => FieldValue::Text(value),
            Self::Str(value) => FieldValue::String(value),
            Self::Timestamp(value) => FieldValue::Timestamp(*value),
            Self::Date(value) => FieldValue::Date(*value),
            Self::Blob(value) => FieldValue::Blob(value),
            Self::Written(kind, value) => FieldValue::Written(*kind, value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#""time":"2026-11-21T10:00:00.123Z","pipeline":"p","node":"n","stage":"write","error":"e","attempts":1"#;

    fn read(rest: &str) -> Result<Letter, String> {
        Letter::read(format!("{{{HEAD},{rest}}}").as_bytes())
    }

    #[test]
    fn a_record_comes_back_byte_for_byte_with_what_came_with_it() {
        let letter = read(
            r#""split":"in/t/0","position":7,"timestamp":"2026-11-21T09:00:00.001Z","key":{"base64":"/wA="},"headers":[["h","v"],["n",null]],"base64":"/wA=""#,
        );
        let letter = letter.expect("a letter");
        assert_eq!(letter.key(), Key { node: "n".to_owned(), source: Some("in".to_owned()) });
        let Content::Record(record) = letter.content else { panic!("a record") };
        assert_eq!((record.bytes, record.position), (vec![0xff, 0], 7));
        let envelope = record.envelope.expect("an envelope");
        assert_eq!((envelope.key, envelope.has_value), (Some(vec![0xff, 0]), true));
        assert_eq!(envelope.headers, [("h".to_owned(), Some(b"v".to_vec())), ("n".to_owned(), None)]);
        let tombstone = read(r#""split":"in/t/0","position":7,"key":"k","text":null"#).expect("a letter");
        let Content::Record(record) = tombstone.content else { panic!("a record") };
        assert!(!record.envelope.expect("an envelope").has_value);
    }

    #[test]
    fn a_row_comes_back_with_its_types() {
        let letter = read(
            r#""row":{"device":"root.d","time":-1,"values":{"a":"NaN","b":"2026-02-03","c":9007199254740993,"d":5},"types":{"a":"FLOAT","b":"DATE","c":"INT64"}}"#,
        );
        let Content::Row(row) = letter.expect("a letter").content else { panic!("a row") };
        let values: Vec<_> = row.values.iter().map(|(_, cell)| cell.field()).collect();
        assert!(matches!(values[0], FieldValue::Float(value) if value.is_nan()), "{values:?}");
        assert_eq!(values[1..3], [FieldValue::Date(20_260_203), FieldValue::Int64(9_007_199_254_740_993)]);
        assert_eq!(values[3], FieldValue::Written(Kind::Number, "5"));
    }

    #[test]
    fn what_is_no_letter_says_why() {
        for (rest, why) in [
            (r#""split":"in/t/0","position":7"#, "one of `text` and `base64`"),
            (r#""text":"a""#, "neither a record nor a row"),
            (r#""split":"s","position":1,"base64":"?""#, "`base64` is none"),
            (r#""row":{"device":"root..d","time":1,"values":{}}"#, "`row.device`"),
            (
                r#""row":{"device":"root.d","time":1,"values":{"a":"x"},"types":{"a":"INT32"}}"#,
                "`row.values.a`",
            ),
            (
                r#""row":{"device":"root.d","time":1,"values":{"a":"0xzz"},"types":{"a":"BLOB"}}"#,
                "`row.values.a`",
            ),
            (r#""row":{"device":"root.d","time":1,"values":{"a":1,"`a`":2}}"#, "`row`: "),
        ] {
            let error = read(rest).expect_err(rest);
            assert!(error.contains(why), "{error}");
        }
        assert!(Letter::read(b"{\"time\":1}").is_err());
    }
}
