//! How far a source was read: positions within splits.
//!
//! A *split* is a part of a source whose records have one order: a Kafka partition, a file, a time range of a query. A position
//! is a number that grows along it (an offset, a line, a byte); the source defines its meaning.

use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use serde::{Deserialize, Serialize};

/// The name of a split, unique within a pipeline: `readings/sensors/3` is partition 3 of topic `sensors`, as read by
/// the source named `readings`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SplitName(Arc<str>);

impl SplitName {
    /// Creates a split name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// The name as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SplitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SplitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for SplitName {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// The half-open range of a split's positions that a batch holds.
///
/// Ranges of successive batches of a split touch: a gap in the source's own numbers (a compacted Kafka topic) belongs to the
/// range before or after it. A range that runs backward, from `n + 1` to `n`, sets the stored position to `n`, whatever it was
/// before: this is how a user reads again from there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitRange {
    /// Which split.
    pub split: SplitName,
    /// From the first position held to the one after the last.
    pub range: Range<u64>,
}

/// The next position to read of a split; everything before it is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitPosition {
    /// Which split.
    pub split: SplitName,
    /// The first position that is not settled.
    pub position: u64,
}

/// For every split, the first position that is not settled.
pub type Checkpoint = BTreeMap<SplitName, u64>;
