//! Rows in the order in which they came become rows in the order of their times.

use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_select::interleave::interleave;
use levada_model::DataType;

use super::{DeviceRows, Named, group::GroupRows};
use crate::{
    TimeRange,
    read::{BLOCK_ROWS, Block},
};

/// A deletion as one series sees it: its values within the range are gone that came with a write before `seq`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hidden {
    pub(crate) seq: u64,
    pub(crate) range: TimeRange,
}

/// A device's rows of one memtable, sorted, each time once: the last value written of each column.
#[derive(Debug)]
pub(crate) enum Resolved {
    /// They came so.
    AsTheyCame(Vec<Block>),
    /// They did not; which row gives which value.
    Sorted(Sorted),
}

#[derive(Debug)]
pub(crate) struct Sorted {
    times: Vec<i64>,
    /// For each column: its arrays, a null last.
    arrays: Vec<Vec<ArrayRef>>,
    /// For each column and row: array and row in it.
    picks: Vec<Vec<(usize, usize)>>,
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
                (times[index * BLOCK_ROWS], times[end - 1])
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
                let columns = sorted.arrays.iter().zip(&sorted.picks).map(|(arrays, picks)| {
                    let arrays: Vec<&dyn Array> = arrays.iter().map(|array| &**array).collect();
                    (arrays.len() > 1).then(|| {
                        interleave(&arrays, &picks[from..to]).expect("arrays of a column have one type")
                    })
                });
                Block { columns: columns.collect(), times: sorted.times[from..to].to_vec().into() }
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
#[derive(Clone, Copy)]
struct Entry {
    time: i64,
    seq: u64,
    chunk: u32,
    row: u32,
}

fn sort(rows: &DeviceRows, wanted: &[Named], range: TimeRange, seq: u64, hidden: &[Vec<Hidden>]) -> Sorted {
    let mut entries = Vec::new();
    // For each chunk, and each wanted column, which of the column's arrays it is.
    let mut slots: Vec<Vec<Option<usize>>> = Vec::new();
    let mut arrays: Vec<Vec<ArrayRef>> = vec![Vec::new(); wanted.len()];
    for group in &rows.groups {
        collect(group, range, seq, slots.len(), &mut entries);
        for chunk in &group.chunks {
            let mut slot = vec![None; wanted.len()];
            for (place, array) in group.places.iter().zip(&chunk.columns) {
                slot[*place] = Some(arrays[*place].len());
                arrays[*place].push(array.clone());
            }
            slots.push(slot);
        }
    }
    for (arrays, (_, data_type)) in arrays.iter_mut().zip(wanted) {
        arrays.push(null_of(*data_type));
    }
    entries.sort_unstable_by_key(|entry| (entry.time, entry.seq, entry.chunk, entry.row));
    let mut sorted = Sorted { times: Vec::new(), picks: vec![Vec::new(); wanted.len()], arrays };
    for same in entries.chunk_by(|a, b| a.time == b.time) {
        pick(same, &slots, hidden, &mut sorted);
    }
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

/// Picks the values of one time from all rows that have it; no row where there is no value.
fn pick(same: &[Entry], slots: &[Vec<Option<usize>>], hidden: &[Vec<Hidden>], sorted: &mut Sorted) {
    let mut any = false;
    for (column, picks) in sorted.picks.iter_mut().enumerate() {
        let arrays = &sorted.arrays[column];
        let gone = |entry: &Entry| {
            hidden[column].iter().any(|hidden| entry.seq < hidden.seq && hidden.range.contains(entry.time))
        };
        let found = same.iter().rev().find_map(|entry| {
            let array = slots[entry.chunk as usize][column]?;
            let row = entry.row as usize;
            (arrays[array].is_valid(row) && !gone(entry)).then_some((array, row))
        });
        any |= found.is_some();
        picks.push(found.unwrap_or((arrays.len() - 1, 0)));
    }
    if any {
        sorted.times.push(same[0].time);
    } else {
        for picks in &mut sorted.picks {
            picks.pop();
        }
    }
}
