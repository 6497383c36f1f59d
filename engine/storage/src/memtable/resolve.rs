//! Rows in the order in which they came become rows in the order of their times.

use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_select::interleave::interleave;
use levada_model::DataType;

use super::{DeviceRows, Named, group::GroupRows};
use crate::{
    TimeRange,
    block::{BLOCK_ROWS, Block},
    tombstone::Hidden,
};

/// A device's rows of one memtable, sorted, each time once: the last value written of each column.
#[derive(Debug)]
pub(crate) enum Resolved {
    /// They came so.
    AsTheyCame(Vec<Block>),
    /// They did not; which row gives which value.
    Sorted(Sorted),
}

/// The order of the rows; values are picked when a block is asked for.
#[derive(Debug)]
pub(crate) struct Sorted {
    /// All rows, by time and then by age.
    entries: Vec<Entry>,
    /// For each time that has a value: it, and the first of its rows among the entries.
    times: Vec<(i64, u32)>,
    /// For each chunk, and each column, which of the column's arrays it is.
    slots: Vec<Vec<Option<u32>>>,
    /// For each column: its arrays, a null last.
    arrays: Vec<Vec<ArrayRef>>,
    hidden: Vec<Vec<Hidden>>,
}

impl Resolved {
    pub(crate) fn blocks(&self) -> usize {
        match self {
            Self::AsTheyCame(blocks) => blocks.len(),
            Self::Sorted(sorted) => sorted.times.len().div_ceil(BLOCK_ROWS),
        }
    }

    /// The first and last time of a block.
    pub(crate) fn block_range(&self, index: usize) -> TimeRange {
        let (start, end) = match self {
            Self::AsTheyCame(blocks) => (blocks[index].first(), blocks[index].last()),
            Self::Sorted(Sorted { times, .. }) => {
                let end = times.len().min((index + 1) * BLOCK_ROWS);
                (times[index * BLOCK_ROWS].0, times[end - 1].0)
            }
        };
        TimeRange { start, end }
    }

    pub(crate) fn block(&self, index: usize) -> Block {
        match self {
            Self::AsTheyCame(blocks) => blocks[index].clone(),
            Self::Sorted(sorted) => {
                let from = index * BLOCK_ROWS;
                let to = sorted.times.len().min(from + BLOCK_ROWS);
                let times = &sorted.times[from..to];
                let columns = sorted.arrays.iter().enumerate().map(|(column, arrays)| {
                    let picks = || times.iter().map(|(_, first)| sorted.pick(*first as usize, column));
                    let null = (arrays.len() - 1, 0);
                    (arrays.len() > 1).then(|| {
                        let picks: Vec<_> = picks().map(|pick| pick.unwrap_or(null)).collect();
                        let arrays: Vec<&dyn Array> = arrays.iter().map(|array| &**array).collect();
                        interleave(&arrays, &picks).expect("arrays of a column have one type")
                    })
                });
                let columns = columns.collect();
                Block { columns, times: times.iter().map(|(time, _)| *time).collect::<Vec<_>>().into() }
            }
        }
    }
}

/// Sorts a device's rows within a range, of writes up to `seq`. `hidden` has the deletions that concern each column.
pub(crate) fn resolve(
    rows: &DeviceRows,
    wanted: &[Named],
    range: TimeRange,
    seq: u64,
    hidden: &[Vec<Hidden>],
) -> Resolved {
    if let [group] = &rows.groups[..]
        && group.sorted
        && hidden.iter().all(Vec::is_empty)
    {
        return Resolved::AsTheyCame(as_they_came(group, wanted.len(), range, seq));
    }
    Resolved::Sorted(sort(rows, wanted, range, seq, hidden))
}

/// How many of a group's rows came with writes up to `seq`.
fn visible(group: &GroupRows, seq: u64) -> usize {
    let marks = group.marks.partition_point(|(marked, _)| *marked <= seq);
    group.marks.get(marks).map_or(group.rows, |(_, row)| *row)
}

fn as_they_came(group: &GroupRows, columns: usize, range: TimeRange, seq: u64) -> Vec<Block> {
    let mut left = visible(group, seq);
    let mut blocks = Vec::with_capacity(group.chunks.len());
    for chunk in &group.chunks {
        if left == 0 {
            break;
        }
        let rows = left.min(chunk.times.len());
        left -= rows;
        let mut block = Block { times: chunk.times.slice(0, rows), columns: vec![None; columns] };
        for (place, array) in group.places.iter().zip(&chunk.columns) {
            block.columns[*place] = Some(array.slice(0, rows));
        }
        let Some(block) = block.within(range).and_then(Block::without_empty_rows) else { continue };
        for from in (0..block.rows()).step_by(BLOCK_ROWS) {
            blocks.push(block.slice(from, BLOCK_ROWS.min(block.rows() - from)));
        }
    }
    blocks
}

/// A row, and where it is.
#[derive(Clone, Copy, Debug)]
struct Entry {
    time: i64,
    seq: u64,
    chunk: u32,
    row: u32,
}

fn sort(rows: &DeviceRows, wanted: &[Named], range: TimeRange, seq: u64, hidden: &[Vec<Hidden>]) -> Sorted {
    let mut entries = Vec::new();
    // For each chunk, and each wanted column, which of the column's arrays it is.
    let mut slots: Vec<Vec<Option<u32>>> = Vec::new();
    let mut arrays: Vec<Vec<ArrayRef>> = vec![Vec::new(); wanted.len()];
    for group in &rows.groups {
        collect(group, range, seq, slots.len(), &mut entries);
        for chunk in &group.chunks {
            let mut slot = vec![None; wanted.len()];
            for (place, array) in group.places.iter().zip(&chunk.columns) {
                slot[*place] = Some(arrays[*place].len() as u32);
                arrays[*place].push(array.clone());
            }
            slots.push(slot);
        }
    }
    for (arrays, (_, data_type)) in arrays.iter_mut().zip(wanted) {
        arrays.push(null_of(*data_type));
    }
    entries.sort_unstable_by_key(|entry| (entry.time, entry.seq, entry.chunk, entry.row));
    let mut sorted = Sorted { entries, times: Vec::new(), slots, arrays, hidden: hidden.to_vec() };
    sorted.times = sorted.live_times();
    sorted
}

fn null_of(data_type: DataType) -> ArrayRef {
    new_null_array(&data_type.arrow(), 1)
}

fn collect(group: &GroupRows, range: TimeRange, seq: u64, first_chunk: usize, entries: &mut Vec<Entry>) {
    let visible = visible(group, seq);
    let (mut at, mut mark) = (0, 0);
    for (chunk, rows) in group.chunks.iter().enumerate() {
        for (row, &time) in rows.times.iter().enumerate() {
            if at == visible {
                return;
            }
            while group.marks.get(mark + 1).is_some_and(|(_, from)| *from <= at) {
                mark += 1;
            }
            at += 1;
            if range.contains(time) {
                let seq = group.marks[mark].0;
                entries.push(Entry { time, seq, chunk: (first_chunk + chunk) as u32, row: row as u32 });
            }
        }
    }
}

impl Sorted {
    /// Each time at which some column has a value.
    fn live_times(&self) -> Vec<(i64, u32)> {
        // Where nothing is null or deleted, and columns came together, there is no need to look.
        let dense = self.hidden.iter().all(Vec::is_empty)
            && self.arrays.iter().flat_map(|arrays| arrays.split_last()).any(|(_, arrays)| {
                arrays.len() == self.slots.len() && arrays.iter().all(|array| array.null_count() == 0)
            });
        let mut first = 0;
        let mut times = Vec::new();
        for same in self.entries.chunk_by(|a, b| a.time == b.time) {
            if dense || (0..self.arrays.len()).any(|column| self.pick(first, column).is_some()) {
                times.push((same[0].time, first as u32));
            }
            first += same.len();
        }
        times
    }

    /// Array and row of the value that counts for a column at the time whose rows begin at an entry; `None` where there is none.
    fn pick(&self, first: usize, column: usize) -> Option<(usize, usize)> {
        let (arrays, hidden) = (&self.arrays[column], &self.hidden[column]);
        let time = self.entries[first].time;
        let same = self.entries[first..].iter().take_while(|entry| entry.time == time);
        let mut found = None;
        for entry in same {
            let Some(array) = self.slots[entry.chunk as usize][column] else { continue };
            let (array, row) = (array as usize, entry.row as usize);
            let gone = hidden.iter().any(|hidden| entry.seq < hidden.seq && hidden.range.contains(time));
            if !gone && arrays[array].is_valid(row) {
                found = Some((array, row));
            }
        }
        found
    }
}
