//! Windows of time: where each begins and ends, and the time its row has.
//!
//! ```text
//!   [s, e), interval 3, step 2:   s ──────▶ e
//!                                 [──)            label s
//!                                   [──)          label s + 2
//!                                     [─)         label s + 4, cut by e
//! ```

use jiff::{Span, Timestamp, tz::TimeZone};
use levada_sql::ast::{Duration, TimeWindows, WindowBounds};
use levada_storage::TimeRange;

use crate::QueryError;

/// A window: the times in it, and the time of its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) range: TimeRange,
    pub(crate) label: i64,
}

/// A row of windows, from the first on or from the last.
#[derive(Clone, Debug)]
pub(crate) struct WindowSequence {
    bounds: WindowBounds,
    interval: Duration,
    step: Duration,
    zone: TimeZone,
    /// The number of the next window; `None` at the end.
    next: Option<i64>,
    backwards: bool,
    /// Just one window, which has no bounds of its own.
    whole: Option<Window>,
}

impl WindowSequence {
    /// One window that holds everything.
    pub(crate) fn whole(range: TimeRange) -> Self {
        Self {
            bounds: WindowBounds { start: 0, end: 0, left_closed: true },
            interval: Duration::default(),
            step: Duration::default(),
            zone: TimeZone::UTC,
            next: Some(0),
            backwards: false,
            whole: Some(Window { range, label: 0 }),
        }
    }

    /// The windows of `GROUP BY ([start, end), interval, step)`, checked.
    pub(crate) fn new(windows: &TimeWindows, zone: &TimeZone) -> Result<Self, QueryError> {
        let Some(bounds) = windows.bounds else {
            return Err(QueryError::semantic(
                "GROUP BY TIME needs a range of time, such as `group by ([0, 1000), 10ms)`",
            ));
        };
        let step = windows.step.unwrap_or(windows.interval);
        if !is_positive(windows.interval) {
            return Err(QueryError::semantic(
                "The second parameter time interval should be a positive integer.",
            ));
        }
        if !is_positive(step) {
            return Err(QueryError::semantic(
                "The third parameter time slidingStep should be a positive integer.",
            ));
        }
        if bounds.start >= bounds.end {
            return Err(QueryError::semantic("Start time should be smaller than endTime in GroupBy"));
        }
        let (interval, zone) = (windows.interval, zone.clone());
        Ok(Self { bounds, interval, step, zone, next: Some(0), backwards: false, whole: None })
    }

    /// The same windows, the last one first.
    pub(crate) fn backwards(self) -> Self {
        let next = if self.whole.is_some() { self.next } else { self.last_number() };
        Self { next, backwards: true, ..self }
    }

    /// Whether the last window comes first.
    pub(crate) const fn is_backwards(&self) -> bool {
        self.backwards
    }

    /// The number of the last window. Starts grow with the number, so it is found by halves.
    fn last_number(&self) -> Option<i64> {
        let begins = |number: i64| self.start(number).is_some();
        if !begins(0) {
            return None;
        }
        let (mut is, mut not) = (0i64, 1i64);
        while begins(not) {
            if not == i64::MAX {
                return Some(not);
            }
            is = not;
            not = not.saturating_mul(2);
        }
        while not - is > 1 {
            let middle = is + (not - is) / 2;
            if begins(middle) { is = middle } else { not = middle }
        }
        Some(is)
    }

    /// Where a window begins; `None` where there is none of that number.
    fn start(&self, number: i64) -> Option<i64> {
        self.offset(number, false).filter(|&start| start < self.bounds.end)
    }

    /// Whether it is one window of all there is.
    pub(crate) const fn is_whole(&self) -> bool {
        self.whole.is_some()
    }

    /// All times that some window may hold.
    pub(crate) fn range(&self) -> TimeRange {
        if let Some(whole) = self.whole {
            return whole.range;
        }
        self.closed(self.bounds.start, self.bounds.end)
    }

    /// From where and how wide stretches are that lie in no window by half; `None` where months are in play.
    pub(crate) fn panes(&self) -> Option<(i64, i64)> {
        if self.whole.is_some() || self.interval.months != 0 || self.step.months != 0 {
            return None;
        }
        let shift = i64::from(!self.bounds.left_closed);
        Some((self.bounds.start.saturating_add(shift), gcd(self.interval.millis, self.step.millis)))
    }

    /// Ends of a half-open stretch as the times in it.
    fn closed(&self, start: i64, end: i64) -> TimeRange {
        if self.bounds.left_closed {
            TimeRange { start, end: end.saturating_sub(1) }
        } else {
            TimeRange { start: start.saturating_add(1), end }
        }
    }

    /// The time so many steps, and once the interval or not, behind the start; `None` beyond the end of time.
    fn offset(&self, steps: i64, with_interval: bool) -> Option<i64> {
        let once = i64::from(with_interval);
        let months = self.step.months.checked_mul(steps)?.checked_add(self.interval.months * once)?;
        let millis =
            self.step.millis.checked_mul(steps)?.checked_add(self.interval.millis.checked_mul(once)?)?;
        add_months(self.bounds.start, months, &self.zone)?.checked_add(millis)
    }
}

impl Iterator for WindowSequence {
    type Item = Window;

    fn next(&mut self) -> Option<Window> {
        let number = self.next?;
        if let Some(whole) = self.whole {
            self.next = None;
            return Some(whole);
        }
        let Some(start) = self.start(number) else {
            self.next = None;
            return None;
        };
        self.next = if self.backwards { number.checked_sub(1) } else { number.checked_add(1) };
        self.next = self.next.filter(|&next| next >= 0);
        let end = self.offset(number, true).unwrap_or(i64::MAX).min(self.bounds.end);
        let label = if self.bounds.left_closed { start } else { end };
        Some(Window { range: self.closed(start, end), label })
    }
}

fn is_positive(duration: Duration) -> bool {
    duration.months >= 0 && duration.millis >= 0 && !duration.is_zero()
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

/// The same day and hour so many months later in a time zone; the month's last day where it has no such day.
pub(crate) fn add_months(time: i64, months: i64, zone: &TimeZone) -> Option<i64> {
    if months == 0 {
        return Some(time);
    }
    let months = i32::try_from(months).ok()?;
    let zoned = Timestamp::from_millisecond(time).ok()?.to_zoned(zone.clone());
    Some(zoned.checked_add(Span::new().try_months(months).ok()?).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn windows(
        start: i64,
        end: i64,
        left_closed: bool,
        interval: Duration,
        step: Option<Duration>,
    ) -> Vec<(i64, i64, i64)> {
        let windows = TimeWindows { bounds: Some(WindowBounds { start, end, left_closed }), interval, step };
        let sequence = WindowSequence::new(&windows, &TimeZone::UTC).expect("legal");
        sequence.map(|window| (window.range.start, window.range.end, window.label)).collect()
    }

    #[test]
    fn the_last_window_is_cut_by_the_end() {
        let ms = Duration::from_millis;
        assert_eq!(windows(0, 10, true, ms(4), None), [(0, 3, 0), (4, 7, 4), (8, 9, 8)]);
        assert_eq!(windows(0, 10, false, ms(4), None), [(1, 4, 4), (5, 8, 8), (9, 10, 10)]);
        assert_eq!(windows(0, 6, true, ms(3), Some(ms(2))), [(0, 2, 0), (2, 4, 2), (4, 5, 4)]);
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let january_31 = 1_706_659_200_000;
        let starts: Vec<i64> =
            windows(january_31, 1_717_200_000_000, true, Duration { months: 1, millis: 0 }, None)
                .into_iter()
                .map(|window| window.0)
                .collect();
        assert_eq!(
            starts,
            [1_706_659_200_000, 1_709_164_800_000, 1_711_843_200_000, 1_714_435_200_000, 1_717_113_600_000]
        );
    }

    #[test]
    fn windows_backwards_are_windows_reversed() {
        let (ms, month) = (Duration::from_millis, Duration { months: 1, millis: 0 });
        let day = 86_400_000;
        for (start, end, interval, step) in [
            (0, 10, ms(4), None),
            (-7, 10, ms(3), Some(ms(2))),
            (0, 10, ms(2), Some(ms(5))),
            (0, 1, ms(1), None),
            (30 * day, 400 * day, month, None),
            (30 * day, 31 * day, month, Some(ms(day))),
            (i64::MAX - 5, i64::MAX, ms(4), None),
        ] {
            for left_closed in [true, false] {
                let bounds = Some(WindowBounds { start, end, left_closed });
                let windows = TimeWindows { bounds, interval, step };
                let forwards = WindowSequence::new(&windows, &TimeZone::UTC).expect("legal");
                let mut reversed: Vec<Window> = forwards.clone().collect();
                reversed.reverse();
                assert_eq!(forwards.backwards().collect::<Vec<_>>(), reversed);
            }
        }
    }

    #[test]
    fn the_last_of_endless_windows_is_found_at_once() {
        let bounds = Some(WindowBounds { start: 0, end: i64::MAX, left_closed: true });
        let windows = TimeWindows { bounds, interval: Duration::from_millis(1), step: None };
        let sequence = WindowSequence::new(&windows, &TimeZone::UTC).expect("legal");
        assert_eq!(sequence.backwards().next().map(|window| window.label), Some(i64::MAX - 1));
    }

    #[test]
    fn windows_at_the_end_of_time_end() {
        let ms = Duration::from_millis;
        assert_eq!(windows(i64::MAX - 5, i64::MAX, true, ms(4), None).len(), 2);
    }
}
