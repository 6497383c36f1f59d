//! The options of the source.

use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr, time::Duration};

use levada_connector_api::{BatchLimits, ByteSize, Interval, Meta, Problem};
use levada_kafka::{Properties, brokers};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{TextList, decode::date_time};

mod properties;

/// Which topics are read, and how.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KafkaOptions {
    /// Brokers to begin with, `host:port`, in one text with commas or as a list.
    #[schemars(example = "127.0.0.1:9092")]
    pub brokers: TextList,
    /// Topics by name; one that begins with `^` is a regular expression that names are searched for.
    #[schemars(example = ["sensors"])]
    pub topics: TextList,
    /// The consumer group. Its members share the partitions; it remembers how far they are.
    #[schemars(example = &"levada")]
    pub group: String,
    /// Where to begin in a partition of which nothing is committed: `earliest`, `latest`, or a time.
    #[serde(default)]
    pub start: KafkaPoint,
    /// Where to end: `latest` for what stands there at the start of the run, or a time. Never, unless given.
    #[serde(default)]
    #[schemars(example = &"latest")]
    pub end: Option<KafkaPoint>,
    /// How large batches are at most, and how long messages wait for one to fill.
    #[serde(default = "default_batch")]
    pub batch: BatchLimits,
    /// How long, when a partition is taken away, to wait until all that was read of it is settled.
    #[serde(default = "default_handover")]
    pub handover: Interval,
    /// Memory for messages that are fetched ahead.
    #[serde(default = "default_ahead")]
    pub ahead: ByteSize,
    /// What becomes of a topic that was deleted and made anew, which positions of the old one say nothing of: the source
    /// fails, or reads the new topic from its start.
    #[serde(default)]
    pub recreated: Recreated,
    /// What becomes of messages without a value, which in compacted topics say that a key is gone.
    #[serde(default)]
    pub tombstones: Tombstones,
    /// Whether a message's headers are kept with its rows, for the dead letter of one that the sink rejects. Reading them takes
    /// about a tenth of the time that reading a message takes. Those of a message that cannot be decoded are kept in any case.
    #[serde(default)]
    pub keep_headers: bool,
    /// What comes with messages, as measurements of all their rows: `@key`, `@topic`, `@partition`, `@offset`, `@timestamp`,
    /// `@headers.NAME`. The decoder `json` takes them as device and time, too.
    #[serde(default)]
    #[schemars(example = serde_json::json!({"site": "@headers.site"}))]
    pub metadata: BTreeMap<String, Meta>,
    /// Properties passed to librdkafka as they are: TLS, SASL, and whatever else it knows. `sasl.mechanism` is `PLAIN`,
    /// `SCRAM-SHA-256` or `SCRAM-SHA-512`. Certificates of authorities are searched for where the system keeps them, unless
    /// `ssl.ca.location` names a file.
    #[serde(default)]
    pub properties: Properties,
}

fn default_batch() -> BatchLimits {
    BatchLimits { rows: 10_000, bytes: ByteSize(4 << 20), linger: Interval(Duration::from_millis(20)) }
}

fn default_handover() -> Interval {
    Interval(Duration::from_secs(20))
}

fn default_ahead() -> ByteSize {
    ByteSize(32 << 20)
}

/// What becomes of a topic that was made anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recreated {
    /// The source fails.
    #[default]
    Error,
    /// The new topic is read from its start.
    Earliest,
}

/// What becomes of messages without a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Tombstones {
    /// They are dead-lettered.
    #[default]
    DeadLetter,
    /// They are passed over.
    Ignore,
}

/// A point in a partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KafkaPoint {
    /// The first message there is.
    #[default]
    Earliest,
    /// Behind the last message there is.
    Latest,
    /// The first message of this time, in milliseconds, or a later.
    Time(i64),
}

impl FromStr for KafkaPoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            other => other
                .parse()
                .ok()
                .or_else(|| date_time(other))
                .filter(|time| *time >= 0)
                .map(Self::Time)
                .ok_or_else(|| {
                    format!(
                        "`{other}` is neither `earliest` nor `latest` nor a time, as in 2026-05-01T12:00:00Z"
                    )
                }),
        }
    }
}

impl fmt::Display for KafkaPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Earliest => f.write_str("earliest"),
            Self::Latest => f.write_str("latest"),
            Self::Time(time) => time.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for KafkaPoint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Millis(i64),
            Text(String),
        }
        match Given::deserialize(deserializer)? {
            Given::Millis(time) => time.to_string().parse(),
            Given::Text(text) => text.parse(),
        }
        .map_err(D::Error::custom)
    }
}

impl JsonSchema for KafkaPoint {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "KafkaPoint".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{"enum": ["earliest", "latest"]}, {"type": "string", "format": "date-time"}, {"type": "integer", "minimum": 0}],
        })
    }
}

impl KafkaOptions {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = brokers::problems(&self.brokers);
        let topics = self.topics.as_slice();
        if topics.is_empty() || topics.iter().any(|text| text.trim().is_empty()) {
            problems.push(Problem::new("topics", "none is given, or one is empty"));
        }
        for topic in topics.iter().filter(|topic| topic.starts_with('^')) {
            if let Err(error) = regex::Regex::new(topic) {
                problems.push(Problem::new("topics", error.to_string()));
            }
        }
        if self.group.is_empty() {
            problems.push(Problem::new("group", "the name is empty"));
        }
        if self.metadata.contains_key("") {
            problems.push(Problem::new("metadata", "a measurement's name is empty"));
        }
        if self.end == Some(KafkaPoint::Earliest) {
            problems
                .push(Problem::new("end", "`latest` or a time; at `earliest` there is nothing before it"));
        }
        problems.extend(properties::problems(self));
        problems
    }
}
