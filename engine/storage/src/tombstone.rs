//! Deletions that files and memtables do not yet reflect.

use std::sync::Arc;

use levada_model::{Path, PathPattern};

use crate::{
    TimeRange,
    catalog_op::{put_patterns, take_patterns},
    codec::{Malformed, Put, Take},
};

/// Values within the range, of series a pattern matches, that came with a write before `seq`, are gone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tombstone {
    pub(crate) seq: u64,
    pub(crate) patterns: Arc<[PathPattern]>,
    pub(crate) range: TimeRange,
}

impl Tombstone {
    /// Whether a series it is about can be in a database.
    pub(crate) fn may_concern(&self, database: &Path) -> bool {
        let nodes: Vec<&str> = database.nodes().collect();
        self.patterns.iter().any(|pattern| pattern.may_match_below(&nodes))
    }
}

/// A deletion as one series sees it: its values within the range are gone that came with a write before `seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hidden {
    pub(crate) seq: u64,
    pub(crate) range: TimeRange,
}

/// Deletions in the order of their numbers. A clone is a snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tombstones(Arc<Vec<Arc<Tombstone>>>);

impl Tombstones {
    /// Adds a deletion; those it covers are dropped.
    pub(crate) fn push(&mut self, tombstone: Tombstone) {
        let all = Arc::make_mut(&mut self.0);
        all.retain(|old| old.patterns != tombstone.patterns || !tombstone.range.covers(old.range));
        all.push(Arc::new(tombstone));
    }

    /// The number of the last one.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.0.last().map(|tombstone| tombstone.seq)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Tombstone> {
        self.0.iter().map(|tombstone| &**tombstone)
    }

    /// Keeps those for which `keep` holds; says whether any went.
    pub(crate) fn retain(&mut self, keep: impl Fn(&Tombstone) -> bool) -> bool {
        if self.0.iter().all(|tombstone| keep(tombstone)) {
            return false;
        }
        Arc::make_mut(&mut self.0).retain(|tombstone| keep(tombstone));
        true
    }

    /// What of a series is gone.
    pub(crate) fn of_series(&self, device: &Path, measurement: &str) -> Vec<Hidden> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let nodes: Vec<&str> = device.nodes().chain([measurement]).collect();
        self.iter()
            .filter(|tombstone| tombstone.patterns.iter().any(|pattern| pattern.matches_nodes(&nodes)))
            .map(|tombstone| Hidden { seq: tombstone.seq, range: tombstone.range })
            .collect()
    }

    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.put_len(self.0.len());
        for tombstone in self.iter() {
            bytes.put_u64(tombstone.seq);
            bytes.put_i64(tombstone.range.start);
            bytes.put_i64(tombstone.range.end);
            put_patterns(bytes, &tombstone.patterns);
        }
    }

    pub(crate) fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let all = (0..from.count(25)?)
            .map(|_| {
                let seq = from.u64()?;
                let range = TimeRange { start: from.i64()?, end: from.i64()? };
                Ok(Arc::new(Tombstone { seq, range, patterns: take_patterns(from)?.into() }))
            })
            .collect::<Result<Vec<_>, Malformed>>()?;
        Ok(Self(Arc::new(all)))
    }
}
