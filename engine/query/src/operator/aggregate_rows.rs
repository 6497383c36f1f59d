//! Aggregates of rows that had to be read: filtered, computed, joined.
//!
//! Rows and windows come in order of time, the oldest or the newest first. A window is finished, and its group given out, as
//! soon as a row behind it is seen; windows that overlap are open at the same time.

use std::{collections::VecDeque, fmt, ops::Range, sync::Arc};

use arrow_array::Int64Array;

use crate::{
    Cancellation, QueryError,
    aggregate::{Accumulator, Aggregate, InputRows},
    chunk::{Chunk, Chunks, made_by},
    window::{Window, WindowSequence},
};

/// How many windows are opened at once.
const OPEN: usize = 1024;

/// An aggregate with where its inputs are among the columns: for each series that belongs to it, one stretch.
#[derive(Clone, Debug)]
pub(crate) struct RowAggregate {
    pub(crate) aggregate: Aggregate,
    pub(crate) inputs: Vec<Range<usize>>,
}

/// Feeds some rows of a chunk into a group of every aggregate.
pub(crate) fn feed(
    aggregates: &[RowAggregate],
    accumulators: &mut [Box<dyn Accumulator>],
    group: usize,
    chunk: &Chunk,
    range: &Range<usize>,
) -> Result<(), QueryError> {
    for (aggregate, accumulator) in aggregates.iter().zip(accumulators) {
        for columns in &aggregate.inputs {
            let rows = InputRows { times: chunk.times.values(), inputs: &chunk.columns[columns.clone()] };
            accumulator.rows(group, rows, range.clone())?;
        }
    }
    Ok(())
}

/// Aggregates of rows by windows of time; a row for each window.
pub(crate) struct AggregateRows {
    input: Chunks,
    aggregates: Vec<RowAggregate>,
    accumulators: Vec<Box<dyn Accumulator>>,
    windows: WindowSequence,
    /// Whether a last column says where each window ends.
    ends: bool,
    /// Windows that rows may still come for; their groups are numbered from the front.
    open: VecDeque<Window>,
    /// The rows being worked on, and how many of the open windows have had theirs.
    current: Option<(Chunk, usize)>,
    input_ended: bool,
    cancellation: Cancellation,
}

impl fmt::Debug for AggregateRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AggregateRows").field("windows", &self.windows).finish_non_exhaustive()
    }
}

impl AggregateRows {
    pub(crate) fn new(
        input: Chunks,
        aggregates: Vec<RowAggregate>,
        windows: WindowSequence,
        cancellation: Cancellation,
    ) -> Self {
        let accumulators = aggregates.iter().map(|each| each.aggregate.accumulator()).collect();
        Self {
            input,
            aggregates,
            accumulators,
            windows,
            ends: false,
            open: VecDeque::new(),
            current: None,
            input_ended: false,
            cancellation,
        }
    }

    /// With a last column that says where each window ends, or without.
    pub(crate) fn with_ends(self, ends: bool) -> Self {
        Self { ends, ..self }
    }

    /// Its rows.
    pub(crate) fn into_chunks(mut self) -> Chunks {
        made_by(move || self.advance())
    }

    fn advance(&mut self) -> Result<Option<Chunk>, QueryError> {
        self.open_more(OPEN.saturating_sub(self.open.len()));
        loop {
            if self.open.is_empty() {
                return Ok(None);
            }
            // Windows may go on for ever behind the last row.
            self.cancellation.check()?;
            if self.current.is_none() && !self.input_ended {
                match self.input.next().transpose()? {
                    Some(chunk) if chunk.is_empty() => continue,
                    Some(chunk) => self.current = Some((chunk, 0)),
                    None => self.input_ended = true,
                }
            }
            let finished = match self.current.take() {
                None => self.open.len(),
                Some((chunk, fed)) => self.work(chunk, fed)?,
            };
            if finished > 0 {
                return self.finish(finished).map(Some);
            }
            if self.current.is_some() {
                // Rows reach behind the open windows, or these overlap so much that none is finished.
                let before = self.open.len();
                self.open_more(OPEN);
                if self.open.len() == before {
                    self.current = None;
                }
            }
        }
    }

    /// Opens more windows, where there are more.
    fn open_more(&mut self, windows: usize) {
        self.open.extend(self.windows.by_ref().take(windows));
        let groups = self.open.len();
        self.accumulators.iter_mut().for_each(|each| each.reserve(groups));
    }

    /// Feeds a chunk into the open windows from number `fed` on. Gives how many windows no row can come for any more.
    fn work(&mut self, chunk: Chunk, fed: usize) -> Result<usize, QueryError> {
        let times = chunk.times.values();
        let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return Ok(0) };
        let order = Order { backwards: self.windows.is_backwards() };
        for (group, window) in self.open.iter().enumerate().skip(fed) {
            if order.ends_before(window, first) {
                continue;
            }
            if order.begins_behind(window, last) {
                break;
            }
            let from = times.partition_point(|&time| order.begins_behind(window, time));
            let to = times.partition_point(|&time| !order.ends_before(window, time));
            if from < to {
                feed(&self.aggregates, &mut self.accumulators, group, &chunk, &(from..to))?;
            }
        }
        let behind = self.open.back().is_some_and(|window| order.begins_behind(window, last));
        let finished = self.open.iter().take_while(|window| order.has_ended(window, last)).count();
        if !behind {
            // Windows that are not open yet may have rows in the chunk.
            self.current = Some((chunk, self.open.len()));
        }
        Ok(finished)
    }

    fn finish(&mut self, windows: usize) -> Result<Chunk, QueryError> {
        let (times, ends): (Vec<i64>, Vec<i64>) =
            self.open.drain(..windows).map(|window| (window.label, window.range.end)).unzip();
        let mut columns =
            self.accumulators.iter_mut().map(|each| each.finish(windows)).collect::<Result<Vec<_>, _>>()?;
        if self.ends {
            columns.push(Arc::new(Int64Array::from(ends)));
        }
        if let Some((_, fed)) = &mut self.current {
            *fed = fed.saturating_sub(windows);
        }
        Ok(Chunk { times: times.into(), columns })
    }
}

/// What comes before what.
#[derive(Clone, Copy, Debug)]
struct Order {
    backwards: bool,
}

impl Order {
    /// Whether a window's rows all come before those of a time.
    fn ends_before(self, window: &Window, time: i64) -> bool {
        if self.backwards { window.range.start > time } else { window.range.end < time }
    }

    /// Whether a window's rows all come behind those of a time.
    fn begins_behind(self, window: &Window, time: i64) -> bool {
        if self.backwards { window.range.end < time } else { window.range.start > time }
    }

    /// Whether no row behind that of a time is in a window.
    fn has_ended(self, window: &Window, time: i64) -> bool {
        if self.backwards { window.range.start >= time } else { window.range.end <= time }
    }
}
