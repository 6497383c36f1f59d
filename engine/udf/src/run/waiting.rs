//! Rows that were pushed and not used up.

use std::{collections::VecDeque, sync::Arc};

use arrow_array::ArrayRef;
use arrow_buffer::ScalarBuffer;
use levada_udf_sdk::{Access, DataType, DisplayWindow};

use super::{
    breaks::Breaks,
    saved::{Put, Take, damaged},
};
use crate::{Batch, Fault, Window, arrays, batch::stored_bytes};

/// What an instance is called with.
pub(super) enum Slice {
    Rows(Batch),
    Windows(Batch, Vec<Window>),
}

/// Rows in order, numbered from the first of the query on.
pub(super) struct Waiting {
    types: Arc<[DataType]>,
    display: DisplayWindow,
    chunks: VecDeque<Batch>,
    /// The number of the first row that is there.
    start: u64,
    /// The number of the next row to come.
    end: u64,
    bytes: usize,
    /// The time of the last row that came, waiting or not.
    last_time: Option<i64>,
    /// Where sessions and states change.
    pub(super) breaks: Breaks,
    ended: bool,
}

impl Waiting {
    pub(super) fn new(types: Arc<[DataType]>, access: &Access) -> Self {
        Self {
            types,
            display: access.display(),
            chunks: VecDeque::new(),
            start: 0,
            end: 0,
            bytes: 0,
            last_time: None,
            breaks: Breaks::new(access),
            ended: false,
        }
    }

    /// Adds rows that have a value at least and are within the display window.
    pub(super) fn push(&mut self, times: ScalarBuffer<i64>, columns: Vec<ArrayRef>) -> Result<(), Fault> {
        let mut batch = Batch { times, columns, types: Arc::clone(&self.types) };
        batch.check()?;
        if let Some((kept, _)) = batch.with_values()? {
            batch = kept;
        }
        let first = self.display.begin.map_or(0, |begin| batch.times.partition_point(|&time| time < begin));
        let last =
            self.display.end.map_or(batch.rows(), |end| batch.times.partition_point(|&time| time < end));
        if first >= last {
            return Ok(());
        }
        if last - first < batch.rows() {
            batch = batch.slice(first, last - first);
        }
        self.breaks.see(&batch, self.end);
        self.last_time = batch.times.last().copied();
        self.end += batch.rows() as u64;
        self.bytes += batch.bytes();
        self.chunks.push_back(batch);
        Ok(())
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn clear(&mut self) {
        self.chunks.clear();
        self.start = self.end;
        self.bytes = 0;
    }

    /// The numbers of the first row that is there and of the next to come.
    pub(super) fn range(&self) -> (u64, u64) {
        (self.start, self.end)
    }

    /// The types of the columns.
    pub(super) fn types(&self) -> &Arc<[DataType]> {
        &self.types
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of the rows that are there when they are stored; of texts an upper bound.
    pub(super) fn stored_bytes(&self) -> usize {
        stored_bytes(&self.types, (self.end - self.start) as usize, || self.bytes)
    }

    /// The number of the next row to come.
    pub(super) fn rows_so_far(&self) -> u64 {
        self.end
    }

    /// The time of the last row that came.
    pub(super) fn last_time(&self) -> Option<i64> {
        self.last_time
    }

    /// The first rows, at most so many; they are used up.
    pub(super) fn take(&mut self, rows: usize) -> Option<Batch> {
        let chunk = self.chunks.front()?;
        let batch = if chunk.rows() <= rows { chunk.clone() } else { chunk.slice(0, rows) };
        self.forget(self.start + batch.rows() as u64);
        Some(batch)
    }

    /// The time of a row that is there.
    pub(super) fn time(&self, mut row: u64) -> Option<i64> {
        row = row.checked_sub(self.start)?;
        for chunk in &self.chunks {
            if row < chunk.rows() as u64 {
                return Some(chunk.times[row as usize]);
            }
            row -= chunk.rows() as u64;
        }
        None
    }

    /// The first row at `time` or later, looked for from row `from` on; the next to come where there is none.
    pub(super) fn first_at(&self, time: i64, from: u64) -> u64 {
        let mut start = self.start;
        for chunk in &self.chunks {
            let end = start + chunk.rows() as u64;
            if end > from && chunk.times.last().is_some_and(|&last| last >= time) {
                let skip = from.saturating_sub(start) as usize;
                return start + (skip + gallop(&chunk.times[skip..], time)) as u64;
            }
            start = end;
        }
        self.end
    }

    /// Rows `first..last`, which are there.
    pub(super) fn batch(&self, first: u64, last: u64) -> Result<Batch, Fault> {
        let mut parts = Vec::new();
        let mut start = self.start;
        for chunk in &self.chunks {
            let end = start + chunk.rows() as u64;
            let (from, to) = (first.max(start), last.min(end));
            if from < to {
                let whole = from == start && to == end;
                let part = || chunk.slice((from - start) as usize, (to - from) as usize);
                parts.push(if whole { chunk.clone() } else { part() });
            }
            start = end;
        }
        match parts.len() {
            0 => Ok(self.none()),
            1 => Ok(parts.swap_remove(0)),
            _ => Batch::joined(&parts, &self.types),
        }
    }

    /// Uses up the rows before one.
    pub(super) fn forget(&mut self, before: u64) {
        while let Some(chunk) = self.chunks.front_mut() {
            let rows = chunk.rows() as u64;
            let drop = before.saturating_sub(self.start).min(rows);
            if drop == 0 {
                return;
            }
            self.bytes -= chunk.bytes();
            if drop == rows {
                self.chunks.pop_front();
            } else {
                *chunk = chunk.slice(drop as usize, (rows - drop) as usize);
                self.bytes += chunk.bytes();
            }
            self.start += drop;
        }
    }

    /// Puts the rows, or those from one on, and what was seen last.
    pub(super) fn save(&self, put: &mut Put, from: Option<u64>) -> Result<(), Fault> {
        put.count(self.start);
        put.count(self.end);
        put.maybe(self.last_time);
        self.breaks.save(put);
        let from = from.map(|from| from.max(self.start));
        from.iter().for_each(|&from| put.count(from));
        put.rows(&self.batch(from.unwrap_or(self.start), self.end)?);
        Ok(())
    }

    /// Takes what [`Waiting::save`] put: all, where no row has come, or what has changed since.
    pub(super) fn restore(&mut self, take: &mut Take<'_>, is_change: bool) -> Result<(), Fault> {
        let (start, end) = (take.count()?, take.count()?);
        let before = self.last_time;
        self.last_time = take.maybe()?;
        self.breaks.restore(take)?;
        // The rows before this one are there, or are used up.
        let from = if is_change { take.count()? } else { start };
        let known = if is_change { self.end } else { start };
        let batch = take.rows(&self.types)?;
        let increase = batch.times.windows(2).all(|pair| pair[0] < pair[1])
            && batch.times.first().is_none_or(|&first| before.is_none_or(|before| before < first));
        let is_last = match batch.times.last() {
            Some(&last) => self.last_time == Some(last),
            None => !is_change || from > known || self.last_time == before,
        };
        let fits = start >= self.start && from == known.max(start);
        if !fits || end.checked_sub(from) != Some(batch.rows() as u64) || !increase || !is_last {
            return Err(damaged());
        }
        self.forget(start);
        (self.start, self.end) = (start, end);
        if batch.rows() > 0 {
            self.bytes += batch.bytes();
            self.chunks.push_back(batch);
        }
        Ok(())
    }

    fn none(&self) -> Batch {
        let columns = self.types.iter().map(|&each| arrow_array::new_empty_array(&arrays::arrow_type(each)));
        Batch { times: Vec::new().into(), columns: columns.collect(), types: Arc::clone(&self.types) }
    }
}

/// How many times at the front are before `time`: looked for in steps that double, as it is mostly near.
fn gallop(times: &[i64], time: i64) -> usize {
    let mut step = 1;
    while step < times.len() && times[step] < time {
        step *= 2;
    }
    let from = step / 2;
    let to = times.len().min(step + 1);
    from + times[from..to].partition_point(|&each| each < time)
}
