//! Which pipes and sinks there are, as the disk keeps them: `pipes/pipes.json` in the data folder.

use std::collections::BTreeMap;

use levada_sql::ast::Attributes;
use serde::{Deserialize, Serialize};

/// The version that is written, and the newest that is read.
pub(super) const VERSION: u32 = 1;

/// Keys and values, as they were written.
pub(super) type Pairs = Vec<(String, String)>;

/// Pipes and sinks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    pub(super) version: u32,
    /// What this engine is known by to those it sends to; no two have the same.
    pub(super) engine: String,
    /// The number of the next pipe.
    pub(super) next: u64,
    pub(super) sinks: BTreeMap<String, StoredSink>,
    pub(super) pipes: BTreeMap<String, StoredPipe>,
}

/// `create pipesink`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredSink {
    pub(super) attributes: Pairs,
}

/// `create pipe`
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredPipe {
    /// No two pipes have the same, one after the other neither.
    pub(super) id: u64,
    /// Milliseconds since 1970 UTC.
    pub(super) created: i64,
    pub(super) running: bool,
    /// The last write before it was started for the first time: what came since is owed to the receiver, also where what was stored is
    /// withheld. The log is kept for the pipe from there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) began: Option<u64>,
    pub(super) body: StoredBody,
}

/// What a pipe sends, and where to.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub(super) enum StoredBody {
    ToSink { sink: String, start: Option<i64>, deletions: bool },
    With { source: Pairs, processor: Pairs, sink: Pairs },
}

impl std::fmt::Debug for StoredPipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredPipe")
            .field("id", &self.id)
            .field("running", &self.running)
            .finish_non_exhaustive()
    }
}

impl Book {
    /// Nothing yet.
    pub(super) fn new(engine: String) -> Self {
        Self { version: VERSION, engine, next: 1, sinks: BTreeMap::new(), pipes: BTreeMap::new() }
    }

    /// The pipe that uses a sink, if one does.
    pub(super) fn user_of(&self, sink: &str) -> Option<&str> {
        let uses =
            |pipe: &StoredPipe| matches!(&pipe.body, StoredBody::ToSink { sink: own, .. } if own == sink);
        self.pipes.iter().find(|(_, pipe)| uses(pipe)).map(|(name, _)| name.as_str())
    }
}

/// Keys in small letters, without the words before them that say which part they are of.
pub(super) fn normal(attributes: Attributes) -> Pairs {
    const PREFIXES: [&str; 5] = ["source.", "extractor.", "processor.", "sink.", "connector."];
    let key = |key: String| {
        let key = key.to_ascii_lowercase();
        let bare = PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix));
        bare.map_or(key.clone(), str::to_owned)
    };
    let mut pairs: Pairs = Vec::new();
    for (given, value) in attributes.0 {
        let given = key(given);
        // Of a key that comes twice, the last counts.
        pairs.retain(|(known, _)| *known != given);
        pairs.push((given, value));
    }
    pairs
}
