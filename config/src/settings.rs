//! The keys of a pipeline document that are not a component's: one plain struct each, from which parsing, defaults,
//! schema and reference are made.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use levada_connector_api::{ByteSize, Interval};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What may wait in front of the next node; the node before it waits when this is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QueueLimits {
    /// Rows that may wait.
    #[schemars(range(min = 1))]
    pub rows: usize,
    /// Bytes of memory that what waits may hold.
    pub bytes: ByteSize,
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self { rows: 100_000, bytes: ByteSize(32 << 20) }
    }
}

/// How an attempt that failed is made again: after `initial`, then `multiplier` times as long, up to `max_interval`,
/// each time shortened or lengthened by chance so that many do not come back at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryPolicy {
    /// The wait before the second attempt.
    pub initial: Interval,
    /// By how much each wait is longer than the one before.
    #[schemars(range(min = 1.0, max = 100.0))]
    pub multiplier: f64,
    /// The longest wait.
    pub max_interval: Interval,
    /// How long to go on after the first failure before the pipeline stops with the error; for ever where not given.
    pub max_elapsed: Option<Interval>,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            initial: Interval(Duration::from_millis(200)),
            multiplier: 2.0,
            max_interval: Interval(Duration::from_secs(30)),
            max_elapsed: None,
        }
    }
}

/// What happens to a record that cannot be decoded, or a row that a sink will never take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// It goes to the dead letters, and the pipeline goes on.
    #[default]
    DeadLetter,
    /// It is counted and logged, and the pipeline goes on.
    Drop,
    /// The pipeline stops with an error, and nothing behind it is committed.
    Stop,
}

/// What becomes of readings that cannot be decoded or stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ErrorSettings {
    /// What happens to a record that cannot be decoded, or a row that a sink will never take.
    pub on_error: OnError,
    /// Where dead letters go.
    pub dead_letter: DeadLetterSettings,
}

/// Where dead letters go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeadLetterSettings {
    /// A file of JSON lines that is appended to: the record's bytes, where it came from, which node rejected it, why, and
    /// after how many attempts. `dead-letters.jsonl` in the pipeline's state folder where not given.
    pub file: Option<PathBuf>,
}

/// How much is logged and in which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// The least level that is logged.
    pub level: LogLevel,
    /// The form of a line.
    pub format: LogFormat,
}

/// The least level that is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What stopped something.
    Error,
    /// And what should be looked at.
    Warn,
    /// And what happened.
    #[default]
    Info,
    /// And how.
    Debug,
    /// And everything else.
    Trace,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A test of the pipeline, run by `levada test` without touching the world.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCase {
    /// What the test states.
    pub name: String,
    /// Records by source: text is taken as it is, anything else as JSON.
    pub input: BTreeMap<String, Vec<Value>>,
    /// Rows expected by node (at a sink: those it is given): objects with `device`, `time` and the measurements.
    #[serde(default)]
    pub expect: BTreeMap<String, Vec<Value>>,
    /// How many records or rows are rejected.
    #[serde(default)]
    pub rejected: u64,
}
