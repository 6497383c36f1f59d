//! Rows of several sources, by time; where two have a value of one time, that of the later source counts.
//!
//! ```text
//!   older  ──██████████──────        bound: up to here every source that is loaded has been seen,
//!   newer  ───────█████████──               and those that are not begin behind it
//!                      ▲ bound       so rows up to the bound can go out
//! ```
//! Where only one source has rows up to the bound they go out as they are, without a copy.

use std::cmp::Reverse;

use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_select::{interleave::interleave, zip::zip};
use levada_model::DataType;

use super::Block;
use crate::{Direction, StorageError, TimeRange};

/// Which source is the later: the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// These share no time with each other.
    Sequence,
    /// By number of write, then of file, then place in the file.
    Unsequence(u64, u64, u64),
    /// By age.
    Memory(usize),
}

/// Gives blocks in the order of their times, or in the reverse order; within a block times always ascend.
pub(crate) trait Source: Send {
    /// A range that has all times that are still to come; `None` where none are.
    fn range(&self) -> Option<TimeRange>;

    /// The next block.
    fn next(&mut self, direction: Direction) -> Result<Option<Block>, StorageError>;

    /// Bytes read and not given yet.
    fn held_bytes(&self) -> usize {
        0
    }
}

/// A source with what it is to a merge.
pub(crate) struct Input {
    pub(crate) rank: Rank,
    pub(crate) source: Box<dyn Source>,
    current: Option<Block>,
}

impl Input {
    pub(crate) fn new(rank: Rank, source: impl Source + 'static) -> Self {
        Self { rank, source: Box::new(source), current: None }
    }
}

/// Merges sources.
pub(crate) struct Merge {
    inputs: Vec<Input>,
    direction: Direction,
    types: Vec<DataType>,
}

impl Merge {
    pub(crate) fn new(mut inputs: Vec<Input>, direction: Direction, types: Vec<DataType>) -> Self {
        inputs.sort_by_key(|input| input.rank);
        Self { inputs, direction, types }
    }

    pub(crate) fn types(&self) -> &[DataType] {
        &self.types
    }

    /// The next rows; blocks follow each other in the direction of the merge.
    pub(crate) fn next(&mut self) -> Result<Option<Block>, StorageError> {
        loop {
            let Some(bound) = self.load()? else { return Ok(None) };
            let ready: Vec<Block> =
                self.inputs.iter_mut().filter_map(|input| self.direction.split(input, bound)).collect();
            self.inputs.retain(|input| input.current.is_some() || input.source.range().is_some());
            if let Some(block) = weave(ready, &self.types).and_then(Block::without_empty_rows) {
                return Ok(Some(block));
            }
        }
    }

    /// Bytes it holds between two calls.
    pub(crate) fn held_bytes(&self) -> usize {
        let held = |input: &Input| input.source.held_bytes() + input.current.as_ref().map_or(0, Block::bytes);
        self.inputs.iter().map(held).sum()
    }

    /// Loads what is needed, and gives the bound; `None` at the end.
    fn load(&mut self) -> Result<Option<i64>, StorageError> {
        loop {
            let loaded = self.inputs.iter().filter_map(|input| input.current.as_ref());
            let bound = self.direction.bound(loaded);
            let direction = self.direction;
            let begins = |input: &Input| input.source.range().map(|range| direction.begin(range));
            let unloaded =
                self.inputs.iter_mut().filter(|input| input.current.is_none() && begins(input).is_some());
            let next = match direction {
                Direction::Ascending => unloaded.min_by_key(|input| begins(input)),
                Direction::Descending => unloaded.min_by_key(|input| begins(input).map(Reverse)),
            };
            let Some(next) = next else { return Ok(bound) };
            let behind =
                begins(next).zip(bound).is_some_and(|(begin, bound)| direction.is_behind(begin, bound));
            if behind {
                return Ok(bound);
            }
            next.current = next.source.next(direction)?;
        }
    }
}

impl Direction {
    /// Up to where all loaded blocks have been seen.
    fn bound<'a>(self, blocks: impl Iterator<Item = &'a Block>) -> Option<i64> {
        match self {
            Self::Ascending => blocks.map(Block::last).min(),
            Self::Descending => blocks.map(Block::first).max(),
        }
    }

    fn begin(self, range: TimeRange) -> i64 {
        match self {
            Self::Ascending => range.start,
            Self::Descending => range.end,
        }
    }

    fn is_behind(self, time: i64, bound: i64) -> bool {
        match self {
            Self::Ascending => time > bound,
            Self::Descending => time < bound,
        }
    }

    /// Takes the rows up to the bound from an input.
    fn split(self, input: &mut Input, bound: i64) -> Option<Block> {
        let block = input.current.take()?;
        let rows = block.rows();
        let at = match self {
            Self::Ascending => block.times.partition_point(|&time| time <= bound),
            Self::Descending => block.times.partition_point(|&time| time < bound),
        };
        let part = |from: usize, to: usize| (from < to).then(|| block.slice(from, to - from));
        let (ready, rest) = match self {
            Self::Ascending => (part(0, at), part(at, rows)),
            Self::Descending => (part(at, rows), part(0, at)),
        };
        input.current = rest;
        ready
    }
}

/// Blocks as one, each time once; of later blocks the values count. `types` are those of the columns.
pub(crate) fn weave(mut blocks: Vec<Block>, types: &[DataType]) -> Option<Block> {
    if blocks.len() <= 1 {
        return blocks.pop();
    }
    let first = &blocks[0].times;
    if blocks[1..].iter().all(|block| block.times.ptr_eq(first) || block.times == *first) {
        return Some(overlay(blocks, types.len()));
    }
    let mut entries: Vec<(i64, u32, u32)> = Vec::with_capacity(blocks.iter().map(Block::rows).sum());
    for (index, block) in blocks.iter().enumerate() {
        entries.extend(block.times.iter().zip(0..).map(|(&time, row)| (time, index as u32, row)));
    }
    // Runs that ascend already are merged, not sorted anew.
    entries.sort();
    let times: Vec<i64> = entries.chunk_by(|a, b| a.0 == b.0).map(|same| same[0].0).collect();
    let columns = types.iter().enumerate().map(|(column, data_type)| {
        let given = |(_, index, _): &(i64, u32, u32)| blocks[*index as usize].columns[column].as_ref();
        blocks.iter().any(|block| block.columns[column].is_some()).then(|| {
            let null = new_null_array(&data_type.arrow(), 1);
            let arrays: Vec<&dyn Array> = blocks
                .iter()
                .map(|block| block.columns[column].as_ref().unwrap_or(&null) as &dyn Array)
                .chain([&null as &dyn Array])
                .collect();
            let picks: Vec<(usize, usize)> = entries
                .chunk_by(|a, b| a.0 == b.0)
                .map(|same| {
                    let valid = |entry: &&(i64, u32, u32)| {
                        given(entry).is_some_and(|array| array.is_valid(entry.2 as usize))
                    };
                    let found = same.iter().rev().find(valid);
                    found.map_or((blocks.len(), 0), |(_, index, row)| (*index as usize, *row as usize))
                })
                .collect();
            interleave(&arrays, &picks).expect("a column has one type in all sources")
        })
    });
    Some(Block { columns: columns.collect(), times: times.into() })
}

/// Blocks of the same times as one.
fn overlay(blocks: Vec<Block>, columns: usize) -> Block {
    let mut merged: Vec<Option<ArrayRef>> = vec![None; columns];
    let times = blocks[0].times.clone();
    for block in blocks {
        for (older, newer) in merged.iter_mut().zip(block.columns) {
            *older = match (older.take(), newer) {
                (older, None) => older,
                (Some(older), Some(newer)) if newer.null_count() > 0 => {
                    let valid = newer.nulls().map(|nulls| nulls.inner().clone());
                    let valid = valid.map(|valid| arrow_array::BooleanArray::new(valid, None));
                    Some(match valid {
                        Some(valid) => {
                            zip(&valid, &newer, &older).expect("a column has one type in all sources")
                        }
                        None => newer,
                    })
                }
                (_, newer) => newer,
            };
        }
    }
    Block { times, columns: merged }
}
