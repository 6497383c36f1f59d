//! What becomes of unsequence files.
//!
//! ```text
//!   unsequence        ▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂
//!                       ▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂▂
//!   sequence      ▆▆▆▆▆▆▆ ▆▆▆▆▆▆▆│▆▆▆▆▆▆ ▆▆▆▆▆▆▆     as many as the budget allows
//!                                ▲ end: behind it, both unsequence files go on
//! ```

use std::sync::Arc;

use super::policy::{Merging, Policy, RUN, bytes, hull};
use crate::{TimeRange, sealed::SealedFile};

/// Unsequence files are merged in where they have a value for so many that are rewritten.
const SHARE: u64 = 8;

/// A step of merging unsequence files in goes at least such a share of the way.
const STEPS: i128 = 16;

/// The next step of merging unsequence files (by age) into sequence files (by time), where it pays.
pub(super) fn merge_late(
    sequence: &[Arc<SealedFile>],
    late: &[Arc<SealedFile>],
    policy: &Policy<'_>,
) -> Option<Merging> {
    let all = hull(late.iter())?;
    let overlapped = || sequence.iter().filter(|file| file.meta.range.overlaps(all));
    let forced = policy.eager || late.iter().any(|file| policy.is_due(file));
    if !forced {
        let points = |files: &mut dyn Iterator<Item = &Arc<SealedFile>>| -> u64 {
            files.map(|file| file.meta.points).sum()
        };
        let pays = points(&mut late.iter()).saturating_mul(SHARE) >= points(&mut overlapped());
        if late.len() < RUN || !pays {
            return None;
        }
    }
    // A step goes some way, so that there are not too many of them where sequence files overlap.
    let least = (i128::from(all.start) + (i128::from(all.end) - i128::from(all.start)) / STEPS) as i64;
    let mut end = all.end;
    let mut taken: Vec<Arc<SealedFile>> = Vec::new();
    for file in overlapped() {
        let reached = TimeRange { start: all.start, end: file.meta.range.end };
        let input = bytes(&taken) + file.meta.bytes + share(late, reached);
        // Those that have the first times have to be taken, or nothing would come of it.
        if file.meta.range.start > least && input > policy.budget {
            end = file.meta.range.start - 1;
            break;
        }
        taken.push(Arc::clone(file));
    }
    // Unsequence files may be too much, too. But what has to be rewritten of sequence files, however large, is not rewritten
    // for a sliver.
    let left = policy.budget.saturating_sub(bytes(&taken)).max(policy.budget / 2).max(1);
    let within = share(late, TimeRange { start: all.start, end });
    if within > left {
        let width = i128::from(end) - i128::from(all.start);
        let part = width * i128::from(left) / i128::from(within);
        end = i64::try_from(i128::from(all.start) + part).unwrap_or(end);
        taken.retain(|file| file.meta.range.start <= end);
    }
    let late = late.iter().filter(|file| file.meta.range.start <= end).map(Arc::clone).collect();
    Some(Merging { sequence: taken, late, end, to_sequence: true })
}

/// Bytes of files within a range, about.
fn share(files: &[Arc<SealedFile>], range: TimeRange) -> u64 {
    files
        .iter()
        .map(|file| {
            let own = file.meta.range;
            let width = |range: TimeRange| (i128::from(range.end) - i128::from(range.start) + 1).max(0);
            let both = own.intersect(range);
            (i128::from(file.meta.bytes) * width(both) / width(own).max(1)) as u64
        })
        .sum()
}

/// Unsequence files that follow each other in age and are worth making one: so their number stays small where it does not pay
/// to merge them in.
pub(super) fn fold_late(late: &[Arc<SealedFile>], policy: &Policy<'_>) -> Option<Merging> {
    let pays = |run: &[Arc<SealedFile>]| {
        let largest = run.iter().map(|file| file.meta.bytes).max().unwrap_or(0);
        bytes(run) <= policy.budget.min(policy.size) && largest <= bytes(run) / 2
    };
    // What comes out has the number of the last that goes in, and must be older than all that are newer than that.
    let keeps_order = |from: usize| {
        let last = late[from + RUN - 1].meta.seq;
        last < policy.flushing && late.get(from + RUN).is_none_or(|next| last < next.meta.seq)
    };
    let froms = (0..(late.len() + 1).saturating_sub(RUN)).filter(|&from| keeps_order(from));
    let run =
        froms.map(|from| &late[from..from + RUN]).filter(|run| pays(run)).min_by_key(|run| bytes(run))?;
    Some(Merging { sequence: Vec::new(), late: run.to_vec(), end: i64::MAX, to_sequence: false })
}
