//! Which files to compact next.

use std::sync::Arc;

use crate::{TimeRange, sealed::SealedFile, tombstone::Tombstones};

/// So many sequence files of one level are compacted.
const RUN: usize = 4;
/// So many unsequence files are merged in.
const LATE: usize = 4;
/// A file is rewritten for so many deletions.
const DELETIONS: usize = 8;

/// What is to be done with some files of one place.
#[derive(Debug)]
pub(super) enum Job {
    /// They hold nothing that counts.
    Drop(Vec<Arc<SealedFile>>),
    /// Merge them into one.
    Merge(Vec<Arc<SealedFile>>),
}

/// What a plan depends on beside the files.
#[derive(Debug)]
pub(super) struct Policy<'a> {
    pub(super) tombstones: &'a Tombstones,
    /// Rows before this time have expired.
    pub(super) bound: i64,
    /// Bytes of input.
    pub(super) budget: u64,
    /// Whether all is compacted that can be, rather than what pays.
    pub(super) eager: bool,
}

/// The next job for the files of one place; `None` where nothing is to be done.
pub(super) fn plan(files: &[Arc<SealedFile>], policy: &Policy<'_>) -> Option<Job> {
    let expired: Vec<_> =
        files.iter().filter(|file| file.meta.range.end < policy.bound).map(Arc::clone).collect();
    if !expired.is_empty() {
        return Some(Job::Drop(expired));
    }
    let (mut sequence, mut late): (Vec<_>, Vec<_>) =
        files.iter().map(Arc::clone).partition(|file| file.meta.sequence);
    sequence.sort_by_key(|file| (file.meta.range.start, file.meta.id));
    late.sort_by_key(|file| (file.meta.seq, file.meta.id));
    merge_late(&sequence, &late, policy)
        .or_else(|| merge_run(&sequence, policy))
        .or_else(|| rewrite(&sequence, policy))
        .map(Job::Merge)
}

fn bytes(files: &[Arc<SealedFile>]) -> u64 {
    files.iter().map(|file| file.meta.bytes).sum()
}

/// The oldest unsequence files, and the sequence files they overlap.
fn merge_late(
    sequence: &[Arc<SealedFile>],
    late: &[Arc<SealedFile>],
    policy: &Policy<'_>,
) -> Option<Vec<Arc<SealedFile>>> {
    if late.is_empty() || !policy.eager && late.len() < LATE {
        return None;
    }
    let mut chosen: Option<Vec<_>> = None;
    for count in 1..=late.len() {
        let oldest = &late[..count];
        let range = TimeRange {
            start: oldest.iter().map(|file| file.meta.range.start).min()?,
            end: oldest.iter().map(|file| file.meta.range.end).max()?,
        };
        let overlapped = sequence.iter().filter(|file| file.meta.range.overlaps(range));
        let job: Vec<_> = overlapped.chain(oldest).map(Arc::clone).collect();
        if chosen.is_some() && bytes(&job) > policy.budget {
            break;
        }
        chosen = Some(job);
    }
    chosen
}

/// Neighbours among the sequence files that are worth making one.
fn merge_run(sequence: &[Arc<SealedFile>], policy: &Policy<'_>) -> Option<Vec<Arc<SealedFile>>> {
    let fits = |run: &[Arc<SealedFile>]| bytes(run) <= policy.budget;
    if policy.eager {
        return (0..sequence.len()).find_map(|from| {
            let longest = (from + 2..=sequence.len()).rev().find(|&to| fits(&sequence[from..to]))?;
            Some(sequence[from..longest].to_vec())
        });
    }
    let levels = sequence.iter().map(|file| file.meta.level).max()?;
    (0..=levels).find_map(|level| {
        let same: Vec<_> = sequence.iter().filter(|file| file.meta.level == level).map(Arc::clone).collect();
        same.windows(RUN).find(|run| fits(run)).map(<[_]>::to_vec)
    })
}

/// A file of which much is deleted.
fn rewrite(sequence: &[Arc<SealedFile>], policy: &Policy<'_>) -> Option<Vec<Arc<SealedFile>>> {
    let least = if policy.eager { 1 } else { DELETIONS };
    let touched = |file: &SealedFile| {
        let touches = policy
            .tombstones
            .iter()
            .filter(|tombstone| tombstone.seq > file.meta.seq && tombstone.range.overlaps(file.meta.range));
        touches.count() >= least
    };
    sequence.iter().find(|file| touched(file)).map(|file| vec![Arc::clone(file)])
}
