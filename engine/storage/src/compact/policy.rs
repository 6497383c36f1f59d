//! What a plan depends on, and what comes of it.

use std::sync::Arc;

use levada_model::Path;

use crate::{StorageError, TimeRange, catalog::Lives, sealed::SealedFile, tombstone::Tombstones};

/// So many neighbours are merged, and so many unsequence files.
pub(super) const RUN: usize = 4;
/// A file is rewritten for so many deletions that hide values of it.
const DELETIONS: usize = 8;
/// A file is rewritten for deletions that hide such a share of its values.
const SHARE: u64 = 8;
/// A file is rewritten for any deletion that has waited so long, in milliseconds.
const MAX_OVERDUE_MILLIS: i64 = 3_600_000;

/// Files that become others.
#[derive(Debug)]
pub(super) struct Merging {
    /// Sequence files, whole.
    pub(super) sequence: Vec<Arc<SealedFile>>,
    /// Unsequence files, up to `end`.
    pub(super) late: Vec<Arc<SealedFile>>,
    pub(super) end: i64,
    /// Whether sequence files come out, or an unsequence file.
    pub(super) to_sequence: bool,
}

impl Merging {
    pub(super) fn of(sequence: Vec<Arc<SealedFile>>) -> Self {
        Self { sequence, late: Vec::new(), end: i64::MAX, to_sequence: true }
    }

    /// Leaves the file alone that an error is about; says whether it is about one.
    pub(super) fn leave_alone(&self, error: &StorageError) -> bool {
        let (StorageError::Damaged { path, .. } | StorageError::Io { path, .. }) = error else {
            return false;
        };
        let found = self.files().find(|file| file.path == *path);
        found.inspect(|file| file.note_unreadable(error)).is_some()
    }

    /// All files, the sequence files first.
    pub(super) fn files(&self) -> impl Iterator<Item = &Arc<SealedFile>> {
        self.sequence.iter().chain(&self.late)
    }
}

/// What a plan depends on beside the files.
#[derive(Debug)]
pub(super) struct Policy<'a> {
    pub(super) tombstones: &'a Tombstones,
    /// How long rows live.
    pub(super) lives: &'a Arc<Lives>,
    /// The database's path.
    pub(super) database: &'a Path,
    pub(super) now: i64,
    /// Rows before this time have expired.
    pub(super) bound: i64,
    /// Bytes of input.
    pub(super) budget: u64,
    /// Bytes of a file.
    pub(super) size: u64,
    /// Whether all is compacted that can be, rather than what pays.
    pub(super) eager: bool,
    /// Flushes of this place that are under way have this number of write or a later one.
    pub(super) flushing: u64,
}

pub(super) fn bytes(files: &[Arc<SealedFile>]) -> u64 {
    files.iter().map(|file| file.meta.bytes).sum()
}

/// From the first to the last time of some files.
pub(super) fn hull<'a>(files: impl Iterator<Item = &'a Arc<SealedFile>>) -> Option<TimeRange> {
    files.map(|file| file.meta.range).reduce(TimeRange::hull)
}

impl Policy<'_> {
    /// Whether a file is to be rewritten for what is deleted of it.
    pub(super) fn is_due(&self, file: &SealedFile) -> bool {
        let verdicts: Vec<_> = self
            .tombstones
            .iter()
            .filter(|tombstone| file.may_need(tombstone) && tombstone.may_concern(self.database))
            .filter_map(|tombstone| file.verdict(tombstone.seq))
            .filter(|verdict| verdict.hidden > 0)
            .collect();
        let hidden: u64 = verdicts.iter().map(|verdict| verdict.hidden).fold(0, u64::saturating_add);
        let waited = |since: i64| self.now.saturating_sub(since) >= MAX_OVERDUE_MILLIS;
        hidden > 0
            && (self.eager
                || hidden >= file.meta.points / SHARE
                || verdicts.len() >= DELETIONS
                || verdicts.iter().any(|verdict| waited(verdict.since)))
    }
}
