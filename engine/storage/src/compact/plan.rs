//! Which files to compact next.

use std::sync::Arc;

use super::{
    late::{fold_late, merge_late},
    policy::{Merging, Policy, RUN, bytes},
};
use crate::sealed::SealedFile;

/// What is to be done with some files of one place.
#[derive(Debug)]
pub(super) enum Job {
    /// They hold nothing that counts.
    Drop(Vec<Arc<SealedFile>>),
    /// Some become others.
    Merge(Merging),
}

/// The next job for the files of one place; `None` where nothing is to be done.
pub(super) fn plan(files: &[Arc<SealedFile>], policy: &Policy<'_>) -> Option<Job> {
    let is_expired = |file: &SealedFile| file.meta.range.end < policy.bound;
    // What an unsequence file overwrote would come back with a longer life of rows.
    let may_go = |file: &SealedFile| {
        let mut stay = files.iter().filter(|other| !is_expired(other));
        file.meta.sequence || !stay.any(|other| other.meta.range.overlaps(file.meta.range))
    };
    let expired: Vec<_> =
        files.iter().filter(|file| is_expired(file) && may_go(file)).map(Arc::clone).collect();
    if !expired.is_empty() {
        return Some(Job::Drop(expired));
    }
    let (mut sequence, mut late): (Vec<_>, Vec<_>) =
        files.iter().map(Arc::clone).partition(|file| file.meta.sequence);
    sequence.sort_by_key(|file| (file.meta.range.start, file.meta.id));
    late.sort_by_key(|file| (file.meta.seq, file.meta.id));
    // What cannot be read stays as it is: other sequence files share no rows with it, but whatever unsequence files would be
    // merged into, or with, may.
    if files.iter().any(|file| file.is_unreadable()) {
        sequence.retain(|file| !file.is_unreadable());
        late.clear();
    }
    merge_late(&sequence, &late, policy)
        .or_else(|| fold_late(&late, policy))
        .or_else(|| merge_run(&sequence, policy).map(Merging::of))
        .or_else(|| {
            let rewritten = sequence.iter().find(|file| policy.is_due(file) || policy.is_outlived(file))?;
            Some(Merging::of(vec![Arc::clone(rewritten)]))
        })
        .map(Job::Merge)
}

/// Neighbours among the sequence files that are worth making one: of those that are, the smallest.
fn merge_run(sequence: &[Arc<SealedFile>], policy: &Policy<'_>) -> Option<Vec<Arc<SealedFile>>> {
    let fits = |run: &[Arc<SealedFile>]| bytes(run) <= policy.budget.min(policy.size);
    if policy.eager {
        return (0..sequence.len()).find_map(|from| {
            let longest = (from + 2..=sequence.len()).take_while(|&to| fits(&sequence[from..to])).last()?;
            Some(sequence[from..longest].to_vec())
        });
    }
    // The largest may be half of it: so every value comes into a file that is twice as large as the one it was in.
    let pays = |run: &&[Arc<SealedFile>]| {
        let largest = run.iter().map(|file| file.meta.bytes).max().unwrap_or(0);
        fits(run) && largest <= bytes(run) / 2
    };
    sequence.windows(RUN).filter(pays).min_by_key(|run| bytes(run)).map(<[_]>::to_vec)
}
