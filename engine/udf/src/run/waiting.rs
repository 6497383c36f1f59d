//! Rows that were pushed and not used up.

use std::{collections::VecDeque, sync::Arc};

use arrow_array::ArrayRef;
use arrow_buffer::ScalarBuffer;
use levada_udf_sdk::{Access, DataType, DisplayWindow};

use super::{
    breaks::Breaks,
    chunk::{Chunk, store_first},
    kept::KeptWindow,
    saved::{Put, Take, damaged},
    scratch::Files,
};
use crate::{Batch, Fault, FaultKind, Spill, Window, arrays, batch::stored_bytes};

/// What an instance is called with.
pub(super) enum Slice {
    Rows(Batch),
    Windows(Batch, Vec<Window>),
    Kept(KeptWindow),
}

/// Where rows have room that memory has not.
struct Room {
    spill: Spill,
    files: Files,
}

/// Rows in order, numbered from the first of the query on.
pub(super) struct Waiting {
    types: Arc<[DataType]>,
    display: DisplayWindow,
    /// Those on disk stand in front.
    chunks: VecDeque<Chunk>,
    /// The number of the first row that is there.
    start: u64,
    /// The number of the next row to come.
    end: u64,
    bytes: usize,
    /// Of these, in memory.
    in_memory: usize,
    room: Option<Room>,
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
            in_memory: 0,
            room: None,
            last_time: None,
            breaks: Breaks::new(access),
            ended: false,
        }
    }

    /// From now on rows that have no room in memory are on disk, and windows that have none are read by pages.
    pub(super) fn make_use_of(&mut self, spill: Spill) {
        let files = Files::new(spill.scratch.clone());
        self.room = Some(Room { spill, files });
    }

    /// Whether rows that have no room in memory have it on disk.
    pub(super) fn has_room(&self) -> bool {
        self.room.is_some()
    }

    /// Puts rows on disk, the oldest first, where those in memory are too many, until they have half the room that there is.
    pub(super) fn make_room(&mut self) -> Result<(), Fault> {
        let Some(room) = self.room.as_mut().filter(|room| self.in_memory > room.spill.memory) else {
            return Ok(());
        };
        if self.bytes as u64 > room.spill.disk {
            let message = format!(
                "rows that wait for their window to be complete: {} bytes, more than the {} that a call may have on disk; in a \
                 server `udf_disk_budget` says how many",
                self.bytes, room.spill.disk
            );
            return Err(Fault::new(FaultKind::MemoryLimit, message));
        }
        let first = self.chunks.partition_point(Chunk::is_on_disk);
        let mut rest = self.chunks.split_off(first);
        while self.in_memory > room.spill.memory / 2
            && let Some((freed, chunk)) = store_first(&mut rest, &mut room.files, self.bytes)?
        {
            self.in_memory -= freed;
            self.bytes = self.bytes - freed + chunk.bytes;
            self.chunks.push_back(chunk);
        }
        self.chunks.append(&mut rest);
        Ok(())
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
        self.add(batch);
        Ok(())
    }

    fn add(&mut self, batch: Batch) {
        let chunk = Chunk::of(batch);
        self.bytes += chunk.bytes;
        self.in_memory += chunk.bytes;
        self.chunks.push_back(chunk);
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    pub(super) fn clear(&mut self) {
        self.chunks.clear();
        self.start = self.end;
        (self.bytes, self.in_memory) = (0, 0);
        self.room = None;
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

    /// Bytes of rows in memory.
    pub(super) fn bytes_in_memory(&self) -> usize {
        self.in_memory
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
    pub(super) fn take(&mut self, rows: usize) -> Result<Option<Batch>, Fault> {
        let Some(chunk) = self.chunks.front() else { return Ok(None) };
        let batch = chunk.batch_of(0, rows.min(chunk.rows()))?;
        self.forget(self.start + batch.rows() as u64);
        Ok(Some(batch))
    }

    /// The time of a row that is there.
    pub(super) fn time(&self, row: u64) -> Result<Option<i64>, Fault> {
        let Some(mut row) = row.checked_sub(self.start) else { return Ok(None) };
        for chunk in &self.chunks {
            if row < chunk.rows() as u64 {
                return Ok(chunk.times()?.get(row as usize).copied());
            }
            row -= chunk.rows() as u64;
        }
        Ok(None)
    }

    /// The first row at `time` or later, looked for from row `from` on; the next to come where there is none.
    pub(super) fn first_at(&self, time: i64, from: u64) -> Result<u64, Fault> {
        let mut start = self.start;
        for chunk in &self.chunks {
            let end = start + chunk.rows() as u64;
            if end > from && chunk.last_time >= time {
                let skip = from.saturating_sub(start) as usize;
                let times = chunk.times()?;
                return Ok(start + (skip + gallop(times.get(skip..).unwrap_or_default(), time)) as u64);
            }
            start = end;
        }
        Ok(self.end)
    }

    /// Whether these rows are more than a call is given at once.
    pub(super) fn are_large(&self, first: u64, last: u64) -> bool {
        let Some(Room { spill, .. }) = self.room.as_ref().filter(|room| self.bytes > room.spill.memory)
        else {
            return false;
        };
        let bytes = self.parts(first, last).map(|(chunk, _, rows)| chunk.bytes_of(rows));
        bytes.sum::<usize>() > spill.memory
    }

    /// These rows, which are there and some, as a window that is read by pages. What is not said of where it begins and ends, its
    /// rows say.
    pub(super) fn kept(
        &self,
        first: u64,
        last: u64,
        begin_end: Option<(i64, i64)>,
    ) -> Result<KeptWindow, Fault> {
        let (begin, end) = match begin_end {
            Some(begin_end) => begin_end,
            None => {
                let time = |row| self.time(row).map(Option::unwrap_or_default);
                (time(first)?, time(last - 1)?)
            }
        };
        let chunks = self.parts(first, last).map(|(chunk, from, rows)| chunk.slice(from, rows));
        Ok(KeptWindow::new(chunks.collect(), begin, end))
    }

    /// The chunks that rows `first..last` are in, and which of their rows: from which on and how many.
    fn parts(&self, first: u64, last: u64) -> impl Iterator<Item = (&Chunk, usize, usize)> {
        let mut start = self.start;
        self.chunks.iter().filter_map(move |chunk| {
            let end = start + chunk.rows() as u64;
            let (from, to) = (first.max(start), last.min(end));
            let part = (from < to).then(|| (chunk, (from - start) as usize, (to - from) as usize));
            start = end;
            part
        })
    }

    /// Rows `first..last`, which are there.
    pub(super) fn batch(&self, first: u64, last: u64) -> Result<Batch, Fault> {
        let parts = self.parts(first, last).map(|(chunk, from, rows)| chunk.batch_of(from, rows));
        let mut parts = parts.collect::<Result<Vec<_>, _>>()?;
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
            let (before, is_on_disk) = (chunk.bytes, chunk.is_on_disk());
            let mut after = 0;
            if drop == rows {
                self.chunks.pop_front();
            } else {
                *chunk = chunk.slice(drop as usize, (rows - drop) as usize);
                after = chunk.bytes;
            }
            self.bytes = self.bytes - before + after;
            if !is_on_disk {
                self.in_memory = self.in_memory - before + after;
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
            self.add(batch);
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
