//! Which continuous queries there are, as the disk keeps them: `continuous/queries.json` in the data folder.

use std::collections::BTreeMap;

use levada_sql::ast::{CqPolicy, CqSchedule};
use serde::{Deserialize, Serialize};

/// The version that is written, and the newest that is read.
pub(super) const VERSION: u32 = 1;

/// Continuous queries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    pub(super) version: u32,
    /// The number of the next query.
    pub(super) next: u64,
    /// By their names.
    pub(super) queries: BTreeMap<String, StoredCq>,
}

impl Default for Book {
    fn default() -> Self {
        Self { version: VERSION, next: 1, queries: BTreeMap::new() }
    }
}

/// A continuous query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredCq {
    /// No two have the same, one after the other neither.
    pub(super) id: u64,
    /// The statement that made it, as it was written.
    pub(super) sql: String,
    /// Who made it.
    pub(super) user: String,
    pub(super) user_id: u64,
    /// The time zone that it was made in.
    pub(super) zone: String,
    /// The moment of its first run, in milliseconds since 1970 UTC.
    pub(super) begins: i64,
    pub(super) schedule: StoredSchedule,
}

/// A schedule, whose moments are no longer those of the statement where that says `now()`. All are milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredSchedule {
    every: i64,
    boundary: i64,
    from: i64,
    to: i64,
    policy: StoredPolicy,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredPolicy {
    Blocked,
    Discard,
}

impl From<CqSchedule> for StoredSchedule {
    fn from(schedule: CqSchedule) -> Self {
        let CqSchedule { every, boundary, from, to, policy } = schedule;
        let policy = match policy {
            CqPolicy::Blocked => StoredPolicy::Blocked,
            CqPolicy::Discard => StoredPolicy::Discard,
        };
        Self { every, boundary, from, to, policy }
    }
}

impl From<StoredSchedule> for CqSchedule {
    fn from(schedule: StoredSchedule) -> Self {
        let StoredSchedule { every, boundary, from, to, policy } = schedule;
        let policy = match policy {
            StoredPolicy::Blocked => CqPolicy::Blocked,
            StoredPolicy::Discard => CqPolicy::Discard,
        };
        Self { every, boundary, from, to, policy }
    }
}
