//! The keys of a document: of its top, and of every node beside the component's.
//!
//! Each is a plain struct; checking, defaults, the document's schema, the reference and skeletons are made from it.

use std::{path::PathBuf, time::Duration};

use levada_connector_api::{BatchLimits, ComponentKind, Interval, Options};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::settings::{ErrorSettings, LogSettings, QueueLimits, RetryPolicy, TestCase};

/// A pipeline: where readings come from, what changes them, and where they go.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TopKeys {
    /// The pipeline's name, for metrics, logs and the state folder. The file's name without its ending where not given.
    #[schemars(regex(pattern = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"))]
    pub(crate) name: Option<String>,
    /// What becomes of readings that cannot be decoded or stored. `errors: stop` is short for `errors: {on_error: stop}`.
    pub(crate) errors: ErrorSettings,
    /// Where the pipeline keeps what it has to remember from one run to the next.
    #[schemars(example = "./state")]
    pub(crate) state_dir: Option<PathBuf>,
    /// How long a stop waits for what is under way before it gives up.
    pub(crate) grace: Interval,
    /// Where `/metrics`, `/ready` and `/ping` are served, as `host:port`. Nowhere where not given.
    #[schemars(extend("format" = "address"), example = "127.0.0.1:9464")]
    pub(crate) http: Option<String>,
    /// How much is logged and in which form.
    pub(crate) log: LogSettings,
    /// Tests of the pipeline, run by `levada test` without touching the world.
    pub(crate) tests: Vec<TestCase>,
}

impl Default for TopKeys {
    fn default() -> Self {
        Self {
            name: None,
            errors: ErrorSettings::default(),
            state_dir: None,
            grace: Interval(Duration::from_secs(30)),
            http: None,
            log: LogSettings::default(),
            tests: Vec::new(),
        }
    }
}

/// The keys of a source beside its component and `decode`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SourceKeys {
    /// What may wait behind this node.
    pub(crate) queue: QueueLimits,
}

/// The keys of a transform beside its component.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TransformKeys {
    /// The sources and transforms whose readings this node gets.
    #[schemars(length(min = 1))]
    pub(crate) inputs: Vec<String>,
    /// What may wait behind this node.
    #[serde(default)]
    pub(crate) queue: QueueLimits,
}

/// The keys of a sink beside its component and `encode`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SinkKeys {
    /// The sources and transforms whose readings this node gets.
    #[schemars(length(min = 1))]
    pub(crate) inputs: Vec<String>,
    /// When a batch is full and is written.
    #[serde(default)]
    pub(crate) batch: BatchLimits,
    /// How a write that failed is made again.
    #[serde(default)]
    pub(crate) retry: RetryPolicy,
}

/// The sections that hold nodes, each with the kind of its nodes and what it is for.
pub(crate) const SECTIONS: [(&str, ComponentKind, &str); 3] = [
    ("sources", ComponentKind::Source, "Where readings come from: nodes by name."),
    ("transforms", ComponentKind::Transform, "What changes readings on the way: nodes by name."),
    ("sinks", ComponentKind::Sink, "Where readings go: nodes by name."),
];

/// The schema of the keys that a node of a kind has beside its component.
pub(crate) fn schema_of_kind(kind: ComponentKind) -> Value {
    match kind {
        ComponentKind::Source | ComponentKind::Decoder => schema_of::<SourceKeys>(),
        ComponentKind::Transform => schema_of::<TransformKeys>(),
        ComponentKind::Sink | ComponentKind::Encoder => schema_of::<SinkKeys>(),
    }
}

/// A schema that stands by itself.
pub(crate) fn schema_of<T: Options>() -> Value {
    T::schema().to_value()
}
