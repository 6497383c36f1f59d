//! Where one file that comes out ends and the next begins.

use crate::TimeRange;

/// Ranges of time, one behind the other, that have about the same share of the bytes of `files` each; the first and the last are
/// open. A cut is put where a file begins, if one begins nearby, since then no chunk is cut.
pub(super) fn slices(files: &[(TimeRange, u64)], parts: u64) -> Vec<TimeRange> {
    let total: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    let near = total / parts.max(1) / 4;
    let mut cuts: Vec<i64> = (1..parts)
        .map(|part| {
            let wanted = (u128::from(total) * u128::from(part) / u128::from(parts)) as u64;
            let beginnings = files.iter().map(|(range, _)| range.start);
            let off = |at: i64| before(files, at).abs_diff(wanted);
            let nearest = beginnings.min_by_key(|at| off(*at)).filter(|at| off(*at) <= near);
            nearest.unwrap_or_else(|| time_of(files, wanted))
        })
        .collect();
    cuts.sort_unstable();
    cuts.dedup();
    // A cut has something on either side.
    cuts.retain(|cut| *cut != i64::MIN && (1..total).contains(&before(files, *cut)));
    let starts = std::iter::once(i64::MIN).chain(cuts.iter().copied());
    let ends = cuts.iter().map(|cut| cut - 1).chain([i64::MAX]);
    starts.zip(ends).map(|(start, end)| TimeRange { start, end }).collect()
}

/// Bytes before a time, if all are spread evenly over their files' ranges.
fn before(files: &[(TimeRange, u64)], at: i64) -> u64 {
    files
        .iter()
        .map(|(range, bytes)| {
            let width = i128::from(range.end) - i128::from(range.start) + 1;
            let part = (i128::from(at) - i128::from(range.start)).clamp(0, width);
            (i128::from(*bytes) * part / width.max(1)) as u64
        })
        .sum()
}

/// The first time before which there are so many bytes.
fn time_of(files: &[(TimeRange, u64)], wanted: u64) -> i64 {
    let (mut low, mut high) = (i64::MIN, i64::MAX);
    while low < high {
        let middle = ((i128::from(low) + i128::from(high)).div_euclid(2)) as i64;
        if before(files, middle) >= wanted {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::slices;
    use crate::TimeRange;

    fn range(start: i64, end: i64) -> TimeRange {
        TimeRange { start, end }
    }

    #[test]
    fn slices_cover_all_times_and_have_equal_shares() {
        assert_eq!(slices(&[(range(0, 999), 1000)], 1), [TimeRange::ALL]);
        let four = slices(&[(range(0, 999), 1000)], 4);
        assert_eq!(four, [range(i64::MIN, 249), range(250, 499), range(500, 749), range(750, i64::MAX)]);
    }

    #[test]
    fn a_cut_is_where_a_file_begins_if_that_is_near() {
        let files = [(range(0, 99), 100), (range(110, 210), 110), (range(50, 60), 1)];
        assert_eq!(slices(&files, 2), [range(i64::MIN, 109), range(110, i64::MAX)]);
    }

    #[test]
    fn what_has_one_time_is_not_cut() {
        assert_eq!(slices(&[(range(7, 7), 1 << 40)], 5), [TimeRange::ALL]);
        assert_eq!(slices(&[(TimeRange::ALL, 10)], 2).len(), 2);
    }
}
