//! Parts that overlap are read together.

use std::collections::VecDeque;

use crate::TimeRange;

/// Takes the first of some parts, which stand in the order of their first times, with those that overlap it, directly or
/// through others; none where there are none.
pub(crate) fn next_cluster<T>(parts: &mut VecDeque<T>, range: impl Fn(&T) -> TimeRange) -> Vec<T> {
    let Some(first) = parts.pop_front() else { return Vec::new() };
    let mut end = range(&first).end;
    let mut cluster = vec![first];
    while let Some(next) = parts.pop_front_if(|next| range(next).start <= end) {
        end = end.max(range(&next).end);
        cluster.push(next);
    }
    cluster
}

/// Whether ranges follow each other without overlapping.
pub(crate) fn in_order(mut ranges: impl Iterator<Item = TimeRange>) -> bool {
    let mut end = None;
    ranges.all(|range| end.replace(range.end).is_none_or(|end| end < range.start))
}
