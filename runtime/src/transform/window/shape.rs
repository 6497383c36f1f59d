//! Which windows a time is in.

/// Where windows lie, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Windows of a size, one each `slide`, which divides the size; the first that begins at `offset` sets the grid.
    Panes { size: i64, slide: i64, offset: i64 },
    /// As long as rows are less than this apart.
    Session { gap: i64 },
}

/// The times from `start` to before `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

impl Span {
    /// Whether it is closed for a device that has sent a time.
    pub(super) fn is_closed(self, watermark: Option<i64>, lateness: i64) -> bool {
        watermark.is_some_and(|watermark| self.end.saturating_add(lateness) <= watermark)
    }
}

impl Shape {
    /// The end of the rows from `from` on that are in the same windows, and are late or not together.
    pub(super) fn run(self, times: &[i64], from: usize, watermark: Option<i64>, lateness: i64) -> usize {
        let Some(&first) = times.get(from) else { return from };
        let rest = times.get(from + 1..).unwrap_or_default();
        let length = match self {
            Self::Panes { slide, offset, .. } => {
                let pane = pane_of(first, slide, offset);
                rest.iter().position(|&time| pane_of(time, slide, offset) != pane)
            }
            Self::Session { gap } => {
                let is_late = |time: i64| {
                    Span { start: time, end: time.saturating_add(gap) }.is_closed(watermark, lateness)
                };
                let mut last = first;
                rest.iter().position(|&time| {
                    let follows =
                        time >= last && time < last.saturating_add(gap) && is_late(time) == is_late(first);
                    last = time;
                    !follows
                })
            }
        };
        length.map_or(times.len(), |length| from + 1 + length)
    }

    /// The windows that rows of such a run are in, from the earliest on; of a session, the one that they make by themselves.
    pub(super) fn windows(self, first: i64, last: i64) -> impl Iterator<Item = Span> {
        let (start, step, count, size) = match self {
            Self::Panes { size, slide, offset } => {
                let start = pane_of(first, slide, offset).saturating_mul(slide).saturating_add(offset);
                let count = size / slide;
                (start.saturating_sub((count - 1).saturating_mul(slide)), slide, count, size)
            }
            Self::Session { gap } => (first, 0, 1, last.saturating_sub(first).saturating_add(gap)),
        };
        (0..count).map(move |at| {
            let start = start.saturating_add(at.saturating_mul(step));
            Span { start, end: start.saturating_add(size) }
        })
    }

    pub(super) fn is_session(self) -> bool {
        matches!(self, Self::Session { .. })
    }
}

fn pane_of(time: i64, slide: i64, offset: i64) -> i64 {
    time.saturating_sub(offset).div_euclid(slide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_in_as_many_windows_as_slides_make_a_size() {
        let spans = |shape: Shape, time| {
            shape.windows(time, time).map(|span| (span.start, span.end)).collect::<Vec<_>>()
        };
        let tumbling = Shape::Panes { size: 10, slide: 10, offset: 0 };
        assert_eq!(
            [spans(tumbling, 0), spans(tumbling, 9), spans(tumbling, -1)],
            [[(0, 10)], [(0, 10)], [(-10, 0)]]
        );
        let hopping = Shape::Panes { size: 30, slide: 10, offset: 3 };
        assert_eq!(spans(hopping, 3), [(-17, 13), (-7, 23), (3, 33)]);
        assert_eq!(spans(hopping, 2), [(-27, 3), (-17, 13), (-7, 23)]);
        let times = [3, 12, 13, 14, 2];
        assert_eq!([0, 2, 4].map(|from| hopping.run(&times, from, None, 0)), [2, 4, 5]);
        for time in [i64::MIN, i64::MAX] {
            assert_eq!(spans(hopping, time).len(), 3, "it ends");
        }
    }

    #[test]
    fn a_session_ends_where_rows_are_apart_or_go_back() {
        let session = Shape::Session { gap: 5 };
        let times = [0, 4, 8, 13, 12, 20];
        assert_eq!([0, 3, 4, 5].map(|from| session.run(&times, from, None, 0)), [3, 4, 5, 6]);
        assert_eq!(session.windows(0, 8).collect::<Vec<_>>(), [Span { start: 0, end: 13 }]);
        // 0 and 4 are late where 9 has been sent, and 8 is not.
        assert_eq!([0, 2].map(|from| session.run(&times, from, Some(9), 0)), [2, 3]);
    }
}
