//! Cuts rows into windows, many for each call.

use levada_udf_sdk::Access;

use super::{
    BATCH,
    saved::{Put, Take, damaged},
    waiting::{Slice, Waiting},
};
use crate::{Batch, Fault, Window};

/// Where long gaps are left out: so many empty windows in a row are still given.
const MOST_EMPTY: i128 = 1000;

/// Where the next window begins.
pub(super) struct Cutter {
    kind: Kind,
    /// A window that was found and did not fit into the last call.
    held: Option<Found>,
}

enum Kind {
    Time {
        interval: i64,
        step: i64,
        /// No window begins here or later.
        end: Option<i64>,
        /// Where the next one begins; that of the first row where `None`.
        next: Option<i64>,
        /// The first row that may be in the next window.
        row: u64,
        /// There are no more.
        done: bool,
        /// Whether more than [`MOST_EMPTY`] empty ones in a row are left out.
        leaps: bool,
    },
    Size {
        size: u64,
        step: u64,
        /// The first row of the next window.
        row: u64,
    },
    /// By [`super::breaks`]; the first row of the next window.
    Breaks(u64),
}

/// A window by the numbers of its rows.
#[derive(Clone, Copy)]
struct Found {
    first: u64,
    last: u64,
    /// Windows of time say where they begin and end, others as their rows do.
    begin_end: Option<(i64, i64)>,
}

impl Cutter {
    pub(super) fn new(access: &Access) -> Self {
        let kind = match *access {
            Access::SlidingTime { interval, step, display } => {
                let (end, next) = (display.end, display.begin);
                Kind::Time { interval, step, end, next, row: 0, done: false, leaps: false }
            }
            Access::SlidingSize { size, step, .. } => {
                Kind::Size { size: size as u64, step: step as u64, row: 0 }
            }
            Access::Session { .. } | Access::State { .. } | Access::RowByRow => Kind::Breaks(0),
        };
        Self { kind, held: None }
    }

    /// From now on, more than [`MOST_EMPTY`] empty windows in a row are left out.
    pub(super) fn leave_gaps_out(&mut self) {
        if let Kind::Time { leaps, .. } = &mut self.kind {
            *leaps = true;
        }
    }

    /// Puts where the next window begins.
    pub(super) fn save(&self, put: &mut Put) {
        match self.kind {
            Kind::Time { next, row, done, .. } => {
                put.maybe(next);
                put.count(row);
                put.byte(u8::from(done));
            }
            Kind::Size { row, .. } | Kind::Breaks(row) => put.count(row),
        }
        put.byte(u8::from(self.held.is_some()));
        if let Some(Found { first, last, begin_end }) = self.held {
            put.count(first);
            put.count(last);
            put.maybe(begin_end.map(|(begin, _)| begin));
            put.maybe(begin_end.map(|(_, end)| end));
        }
    }

    /// Takes what [`Cutter::save`] put, before or behind the first row.
    pub(super) fn restore(&mut self, take: &mut Take<'_>, is_before_rows: bool) -> Result<(), Fault> {
        match &mut self.kind {
            Kind::Time { next, row, done, .. } => {
                let begun = take.maybe()?;
                if is_before_rows && begun != *next {
                    return Err(damaged());
                }
                *next = begun;
                *row = take.count()?;
                *done = take.byte()? == 1;
            }
            Kind::Size { row, .. } | Kind::Breaks(row) => *row = take.count()?,
        }
        self.held = None;
        if take.byte()? == 1 {
            let (first, last) = (take.count()?, take.count()?);
            let begin_end = take.maybe()?.zip(take.maybe()?);
            self.held = Some(Found { first, last, begin_end });
        }
        Ok(())
    }

    /// Whether it can have been saved beside these rows.
    pub(super) fn fits(&self, waiting: &Waiting) -> bool {
        let (start, end) = waiting.range();
        let held =
            self.held.is_none_or(|Found { first, last, .. }| start <= first && first <= last && last <= end);
        let next = match self.kind {
            // Each window has a row at least.
            Kind::Breaks(row) => {
                let mut breaks = waiting.breaks.at.iter();
                row <= end && breaks.try_fold(row, |row, &at| (row < at && at <= end).then_some(at)).is_some()
            }
            // It is not complete, nor behind rows that are to come: windows would be given that nobody waits for, without end.
            Kind::Time { interval, step, next: Some(next), done: false, .. } => {
                waiting.last_time().is_none_or(|last| {
                    next.checked_add(interval).is_none_or(|end| end > last)
                        && next <= last.saturating_add(step)
                })
            }
            _ => true,
        };
        held && self.kind.needed() >= start && next
    }

    /// The first of these rows with which a window is complete, if they came next and no window is complete before; `None` where
    /// there is none among them.
    pub(super) fn completes(&self, waiting: &Waiting, batch: &Batch) -> Option<usize> {
        let first = match self.kind {
            // No window is to come, and so no row waits.
            Kind::Time { done: true, .. } => Some(0),
            Kind::Time { interval, next, .. } => {
                let end = next.or(batch.times.first().copied())?.checked_add(interval)?;
                Some(batch.times.partition_point(|&time| time < end))
            }
            Kind::Size { size, row, .. } => {
                let missing = row.saturating_add(size).saturating_sub(waiting.rows_so_far());
                usize::try_from(missing.saturating_sub(1)).ok()
            }
            Kind::Breaks(_) => waiting.breaks.first_in(batch),
        };
        first.filter(|&row| row < batch.rows())
    }

    /// Whether a window is complete when it has so many rows, whatever they are.
    pub(super) fn counts_rows(&self) -> bool {
        matches!(self.kind, Kind::Size { .. })
    }

    /// Windows that are complete, and the rows they are of; or one that is too large to be given whole. `None` where there are none
    /// as yet.
    pub(super) fn cut(&mut self, waiting: &mut Waiting) -> Result<Option<Slice>, Fault> {
        let first = match self.held.take() {
            Some(held) => Some(held),
            None => self.kind.next(waiting)?,
        };
        let Some(first) = first else {
            waiting.forget(self.kind.needed());
            return Ok(None);
        };
        if waiting.are_large(first.first, first.last) {
            let window = waiting.kept(first.first, first.last, first.begin_end)?;
            waiting.forget(self.kind.needed());
            return Ok(Some(Slice::Kept(window)));
        }
        // Windows that overlap share the rows of a call. As many are taken as the rows of one call hold, or of a window that is
        // larger than that, twice its rows.
        let most = (2 * (first.last - first.first)).max(BATCH as u64);
        let mut found = vec![first];
        let (mut low, mut high) = (first.first, first.last);
        while found.len() < BATCH {
            let Some(next) = self.kind.next(waiting)? else { break };
            let is_empty = next.first == next.last;
            let (next_low, next_high) = match (is_empty, low == high) {
                (true, _) => (low, high),
                (false, true) => (next.first, next.last),
                (false, false) => (low.min(next.first), high.max(next.last)),
            };
            if next_high - next_low > most || waiting.are_large(next_low, next_high) {
                self.held = Some(next);
                break;
            }
            (low, high) = (next_low, next_high);
            found.push(next);
        }
        let batch = waiting.batch(low, high)?;
        let windows = found.iter().map(|found| found.within(&batch, low)).collect();
        waiting
            .forget(self.held.map_or_else(|| self.kind.needed(), |held| held.first.min(self.kind.needed())));
        Ok(Some(Slice::Windows(batch, windows)))
    }
}

impl Found {
    /// As a window of a batch whose first row has number `low`.
    fn within(&self, batch: &Batch, low: u64) -> Window {
        if self.first == self.last {
            let (begin, end) = self.begin_end.unwrap_or_default();
            return Window { first: 0, last: 0, begin, end };
        }
        let (first, last) = ((self.first - low) as usize, (self.last - low) as usize);
        let (begin, end) = self.begin_end.unwrap_or_else(|| (batch.times[first], batch.times[last - 1]));
        Window { first, last, begin, end }
    }
}

impl Kind {
    /// The first row that a later window may need.
    fn needed(&self) -> u64 {
        match *self {
            Self::Time { done: true, .. } => u64::MAX,
            Self::Time { row, .. } | Self::Size { row, .. } | Self::Breaks(row) => row,
        }
    }

    fn next(&mut self, waiting: &mut Waiting) -> Result<Option<Found>, Fault> {
        if let Self::Time { .. } = self {
            while self.leap(waiting)? {}
            return self.next_of_time(waiting);
        }
        Ok(self.next_of_rows(waiting))
    }

    fn next_of_rows(&mut self, waiting: &mut Waiting) -> Option<Found> {
        let so_far = waiting.rows_so_far();
        match self {
            Self::Time { .. } => None,
            Self::Size { size, step, row } => {
                let first = *row;
                let last = first.saturating_add(*size);
                if last > so_far && (!waiting.is_ended() || first >= so_far) {
                    return None;
                }
                *row = first.saturating_add(*step);
                Some(Found { first, last: last.min(so_far), begin_end: None })
            }
            Self::Breaks(row) => {
                let first = *row;
                let rest = (waiting.is_ended() && first < so_far).then_some(so_far);
                let last = waiting.breaks.at.pop_front().or(rest)?;
                *row = last;
                Some(Found { first, last, begin_end: None })
            }
        }
    }

    /// Goes beyond empty windows, up to the one that the next row is in or before, or beyond the last where no row is left: where
    /// there are too many and they are left out. Which they are depends on the rows alone, not on how they were pushed.
    fn leap(&mut self, waiting: &Waiting) -> Result<bool, Fault> {
        let Self::Time { interval, step, end, next, row, done, leaps: true } = self else {
            return Ok(false);
        };
        let Some(begin) = next.filter(|_| !*done) else { return Ok(false) };
        let first = waiting.first_at(begin, *row)?;
        // Where the last empty one begins at the latest.
        let last = match (waiting.time(first)?, *end) {
            (Some(time), _) => i128::from(time) - i128::from(*interval),
            (None, Some(end)) if waiting.is_ended() => i128::from(end) - 1,
            _ => return Ok(false),
        };
        let (begin, step) = (i128::from(begin), i128::from(*step));
        let empty = (last - begin).div_euclid(step) + 1;
        if empty <= MOST_EMPTY {
            return Ok(false);
        }
        match i64::try_from(begin + empty * step) {
            Ok(begin) => {
                *next = Some(begin);
                *row = waiting.first_at(begin, first)?;
            }
            Err(_) => *done = true,
        }
        Ok(true)
    }

    fn next_of_time(&mut self, waiting: &Waiting) -> Result<Option<Found>, Fault> {
        let Self::Time { interval, step, end, next, row, done, .. } = self else { return Ok(None) };
        let Some(last_time) = waiting.last_time() else { return Ok(None) };
        let first_time = if next.is_none() { waiting.time(*row)? } else { None };
        *next = next.or(first_time);
        let Some(begin) = *next else { return Ok(None) };
        if *done || end.is_some_and(|end| begin >= end) {
            *done = true;
            return Ok(None);
        }
        // An end beyond what a time can be is behind all rows.
        let natural = begin.checked_add(*interval);
        let window_end = natural.unwrap_or(i64::MAX).min(end.unwrap_or(i64::MAX));
        let (first, last) = if last_time < window_end || natural.is_none() && end.is_none() {
            if !waiting.is_ended() {
                return Ok(None);
            }
            // Without an end of its own the query's ends with the last row.
            if end.is_none() && begin > last_time {
                *done = true;
                return Ok(None);
            }
            (waiting.first_at(begin, *row)?, waiting.rows_so_far())
        } else {
            let first = waiting.first_at(begin, *row)?;
            (first, waiting.first_at(window_end, first)?)
        };
        match begin.checked_add(*step) {
            Some(begin) => {
                *next = Some(begin);
                // The rows before the next window are in none. Where one follows the other it begins behind the last row of this.
                *row = if begin < window_end { waiting.first_at(begin, first)? } else { last };
            }
            None => *done = true,
        }
        Ok(Some(Found { first, last, begin_end: Some((begin, window_end)) }))
    }
}
