//! One dead letter, and its line in the file.
//!
//! ```json
//! {"time":"2026-11-21T10:00:00.123Z","pipeline":"plant-a","node":"readings","stage":"decode","error":"…","attempts":1,
//!  "split":"readings/sensors/3","position":4711,"text":"{\"device\": …"}
//! ```
//!
//! Of a record of several lines, or of an array, of which some are rejected, each of these has a letter of its own, which holds that line
//! or element alone; `split` and `position` are those of the record, and the reason says which line or element it was. A record is `text` where it is UTF-8 and `base64` otherwise, byte for byte; `text` is null where a message has no value at
//! all. A Kafka message has its time as `timestamp`, its `key` and its `headers`, pairs of name and value, in their order. Keys
//! and values that are no UTF-8 are `{"base64": "…"}`. A row that came from no record (a simulated
//! sensor's) is a `row` with its device, time, values and the types of these.

use std::{sync::Arc, time::SystemTime};

use arrow_array::Array as _;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use foldhash::{HashMap, HashMapExt};
use levada_connector_api::{Batch, Readings, RecordRef, Rejection};
use levada_model::{SplitName, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// Where a record or row was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stage {
    /// It could not be made into rows.
    Decode,
    /// A transform cannot handle it.
    Transform,
    /// A sink will never take it.
    Write,
}

/// A record or row that no sink will have.
#[derive(Clone, Debug)]
pub(crate) struct Letter {
    /// When it was rejected.
    pub(crate) time: SystemTime,
    /// By which node.
    pub(crate) node: Arc<str>,
    /// Doing what.
    pub(crate) stage: Stage,
    /// Why.
    pub(crate) error: String,
    /// After how many attempts.
    pub(crate) attempts: u64,
    /// What it is.
    pub(crate) content: Content,
}

/// What was rejected.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// A record as it came.
    Record(RecordRef),
    /// A row that came from no record.
    Row(Map<String, Json>),
}

/// What all letters of one rejection have in common.
#[derive(Clone, Debug)]
pub(crate) struct Circumstances<'a> {
    /// When.
    pub(crate) time: SystemTime,
    /// By which node.
    pub(crate) node: &'a Arc<str>,
    /// Doing what.
    pub(crate) stage: Stage,
    /// After how many attempts.
    pub(crate) attempts: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    pipeline: &'a str,
    node: &'a str,
    stage: &'static str,
    error: &'a str,
    attempts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    split: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Bytes<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(&'a str, Option<Bytes<'a>>)>,
    /// Null where there is no value.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    row: Option<&'a Map<String, Json>>,
}

/// Bytes as a text where they are one.
#[derive(Serialize)]
#[serde(untagged)]
enum Bytes<'a> {
    Text(&'a str),
    Other { base64: String },
}

impl<'a> Bytes<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text),
            Err(_) => Self::Other { base64: BASE64_STANDARD.encode(bytes) },
        }
    }
}

impl Stage {
    /// The stage as a word, for letters and metric labels.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Transform => "transform",
            Self::Write => "write",
        }
    }
}

/// Where a letter has so many bytes of reasons, further ones of the same record are left out.
const MOST_REASONS: usize = 1_000;

impl Letter {
    /// Another row of the record was rejected, too.
    fn also(&mut self, error: &str) {
        if self.error.len() < MOST_REASONS && !self.error.split("; ").any(|known| known == error) {
            self.error.push_str("; ");
            self.error.push_str(error);
        }
    }

    /// Where the record came from.
    pub(crate) fn origin(&self) -> Option<(&SplitName, u64)> {
        match &self.content {
            Content::Record(record) => record.origin(),
            Content::Row(_) => None,
        }
    }

    /// Appends its line.
    pub(super) fn write(&self, pipeline: &str, lines: &mut Vec<u8>) {
        let time = jiff::Timestamp::try_from(self.time).unwrap_or_default();
        let mut line = Line {
            time: format!("{time:.3}"),
            pipeline,
            node: &self.node,
            stage: self.stage.name(),
            error: &self.error,
            attempts: self.attempts,
            split: self.origin().map(|(split, _)| split.as_str()),
            position: self.origin().map(|(_, position)| position),
            timestamp: None,
            key: None,
            headers: Vec::new(),
            text: None,
            base64: None,
            row: None,
        };
        match &self.content {
            Content::Record(record) => line.record(record),
            Content::Row(row) => line.row = Some(row),
        }
        serde_json::to_writer(&mut *lines, &line).expect("texts and numbers are always JSON");
        lines.push(b'\n');
    }
}

impl<'a> Line<'a> {
    fn record(&mut self, record: &'a RecordRef) {
        match std::str::from_utf8(record.bytes()) {
            Ok(text) => self.text = Some(Some(text)),
            Err(_) => self.base64 = Some(BASE64_STANDARD.encode(record.bytes())),
        }
        let Some(envelope) = record.envelope() else { return };
        if !envelope.has_value {
            self.text = Some(None);
        }
        let time = envelope.time.and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
        self.timestamp = time.map(|time| format!("{time:.3}"));
        self.key = envelope.key.map(Bytes::new);
        self.headers = envelope.headers().map(|(name, value)| (name, value.map(Bytes::new))).collect();
    }
}

impl Circumstances<'_> {
    fn letter(&self, error: &str, content: Content) -> Letter {
        Letter {
            time: self.time,
            node: Arc::clone(self.node),
            stage: self.stage,
            error: error.to_owned(),
            attempts: self.attempts,
            content,
        }
    }
}

/// The letter of a record that was rejected as a whole.
pub(crate) fn of_record(record: RecordRef, error: &str, circumstances: &Circumstances<'_>) -> Letter {
    circumstances.letter(error, Content::Record(record))
}

/// Rows that a sink rejected.
#[derive(Debug, Default)]
pub(crate) struct LetterRows {
    /// Their letters: one for each record or part of one, or for each row that came from none.
    pub(crate) letters: Vec<Letter>,
    /// How many rows.
    pub(crate) rows: usize,
    /// Their values that are not null.
    pub(crate) points: usize,
}

/// The letters of rows that a sink rejected.
pub(crate) fn of_rejections(
    batch: &Batch,
    rejections: &[Rejection],
    circumstances: &Circumstances<'_>,
) -> LetterRows {
    let mut rejected = LetterRows::default();
    // Where the letter of a record is.
    let mut seen: HashMap<(SplitName, u64, usize), usize> = HashMap::new();
    let mut reject = |readings: &Readings, row: usize, error: &str| {
        if row >= readings.tablet.rows() {
            return;
        }
        rejected.rows += 1;
        let columns = readings.tablet.columns();
        rejected.points += columns.iter().filter(|column| column.values.is_valid(row)).count();
        let content = match readings.record(row) {
            Some(record) => {
                let origin =
                    record.origin().map(|(split, position)| (split.clone(), position, record.offset()));
                let next = rejected.letters.len();
                let known = origin.map(|origin| *seen.entry(origin).or_insert(next)).filter(|&at| at < next);
                if let Some(letter) = known.and_then(|at| rejected.letters.get_mut(at)) {
                    letter.also(error);
                    return;
                }
                Content::Record(record)
            }
            None => Content::Row(row_as_json(readings, row)),
        };
        rejected.letters.push(circumstances.letter(error, content));
    };
    for rejection in rejections {
        let Some(readings) = batch.readings.get(rejection.readings) else { continue };
        match &rejection.rows {
            Some(rows) => rows.iter().for_each(|&row| reject(readings, row as usize, &rejection.error)),
            None => (0..readings.tablet.rows()).for_each(|row| reject(readings, row, &rejection.error)),
        }
    }
    rejected
}

/// A row, with its device, time, values and the types of these.
pub(crate) fn row_as_json(readings: &Readings, row: usize) -> Map<String, Json> {
    let tablet = &readings.tablet;
    let (mut values, mut types) = (Map::new(), Map::new());
    for column in tablet.columns() {
        if let Some(value) = column.value(row) {
            values.insert(column.name.to_string(), value_as_json(&value));
            // The type of a value as it was written is for the store to say.
            if column.written().is_none() {
                types.insert(column.name.to_string(), value.data_type().name().into());
            }
        }
    }
    let mut line = Map::new();
    line.insert("device".to_owned(), tablet.device().as_str().into());
    line.insert("time".to_owned(), tablet.times().value(row).into());
    line.insert("values".to_owned(), Json::Object(values));
    line.insert("types".to_owned(), Json::Object(types));
    line
}

/// Numbers that JSON cannot hold become texts: `"NaN"`.
fn value_as_json(value: &Value) -> Json {
    match value {
        Value::Boolean(value) => (*value).into(),
        Value::Int32(value) => (*value).into(),
        Value::Int64(value) | Value::Timestamp(value) => (*value).into(),
        Value::Float(value) if value.is_finite() => (*value).into(),
        Value::Double(value) if value.is_finite() => (*value).into(),
        Value::Text(value) | Value::String(value) => value.as_str().into(),
        other => other.to_string().into(),
    }
}
