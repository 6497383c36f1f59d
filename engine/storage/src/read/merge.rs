//! Rows of several sources, by time; where two have a value of one time, that of the later source counts.
//!
//! ```text
//!   older  ──██████████──────        bound: up to here every source that is loaded has been seen,
//!   newer  ───────█████████──               and those that are not begin behind it
//!                      ▲ bound       so rows up to the bound can go out
//! ```
//! Where only one source has rows up to the bound they go out as they are, without a copy. A source of one column gives blocks of
//! one column: a device of thousands of plain series costs what they hold, not the square of their number.

mod weave;

use std::cmp::Reverse;

use levada_model::DataType;

use crate::{
    Direction, StorageError, TimeRange,
    block::{BLOCK_ROWS, Block},
    sealed::{FileMeta, SealedFile},
};
use weave::{Part, Woven};

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

impl Rank {
    /// That of rows of a file, at a place in it.
    pub(crate) fn of(file: &SealedFile, at: usize) -> Self {
        let FileMeta { sequence, seq, id, .. } = file.meta;
        if sequence { Self::Sequence } else { Self::Unsequence(seq, id, at as u64) }
    }
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
    columns: Columns,
    current: Option<Block>,
}

/// Which columns the blocks of a source have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    /// A place for each that is wanted.
    All,
    /// One alone, and its place among those that are wanted.
    One(usize),
}

impl Input {
    /// A source of all columns that are wanted.
    pub(crate) fn new(rank: Rank, source: impl Source + 'static) -> Self {
        Self { rank, source: Box::new(source), columns: Columns::All, current: None }
    }

    /// A source of one column; `place` says which of those that are wanted it is.
    pub(crate) fn of_column(rank: Rank, place: usize, source: impl Source + 'static) -> Self {
        Self { rank, source: Box::new(source), columns: Columns::One(place), current: None }
    }
}

/// Merges sources.
pub(crate) struct Merge {
    inputs: Vec<Input>,
    direction: Direction,
    types: Vec<DataType>,
    /// Rows that are known, and go out next.
    woven: Option<Woven>,
}

/// Values of a block that is put together, about: a block of many columns has the fewer rows.
const VALUES: usize = 1 << 20;

/// A block has at least so many rows, however many columns.
const LEAST_ROWS: usize = 64;

/// How many rows a block of so many columns has at most.
pub(super) fn block_rows(columns: usize) -> usize {
    (VALUES / columns.max(1)).clamp(LEAST_ROWS, BLOCK_ROWS)
}

impl Merge {
    pub(crate) fn new(mut inputs: Vec<Input>, direction: Direction, types: Vec<DataType>) -> Self {
        inputs.sort_by_key(|input| input.rank);
        Self { inputs, direction, types, woven: None }
    }

    pub(crate) fn types(&self) -> &[DataType] {
        &self.types
    }

    /// The next rows; blocks follow each other in the direction of the merge.
    pub(crate) fn next(&mut self) -> Result<Option<Block>, StorageError> {
        loop {
            while let Some(woven) = &mut self.woven {
                match woven.next(self.direction, &self.types) {
                    Some(block) => {
                        if let Some(block) = block.without_empty_rows() {
                            return Ok(Some(block));
                        }
                    }
                    None => self.woven = None,
                }
            }
            let Some(bound) = self.load()? else { return Ok(None) };
            let ready: Vec<Part> =
                self.inputs.iter_mut().filter_map(|input| self.direction.split(input, bound)).collect();
            self.inputs.retain(|input| input.current.is_some() || input.source.range().is_some());
            self.woven = Some(Woven::new(ready, self.types.len()));
        }
    }

    /// Bytes it holds between two calls.
    pub(crate) fn held_bytes(&self) -> usize {
        let held = |input: &Input| input.source.held_bytes() + input.current.as_ref().map_or(0, Block::bytes);
        self.inputs.iter().map(held).sum::<usize>() + self.woven.as_ref().map_or(0, Woven::bytes)
    }

    /// Loads what is needed, and gives the bound; `None` at the end.
    fn load(&mut self) -> Result<Option<i64>, StorageError> {
        let direction = self.direction;
        let mut bound = direction.bound(self.inputs.iter().filter_map(|input| input.current.as_ref()));
        // In the order in which they begin: so none is loaded that begins behind the bound.
        let mut unloaded: Vec<(i64, usize)> = self
            .inputs
            .iter()
            .enumerate()
            .filter(|(_, input)| input.current.is_none())
            .filter_map(|(at, input)| Some((direction.begin(input.source.range()?), at)))
            .collect();
        match direction {
            Direction::Ascending => unloaded.sort_unstable(),
            Direction::Descending => unloaded.sort_unstable_by_key(|&(begin, at)| (Reverse(begin), at)),
        }
        for (begin, at) in unloaded {
            if bound.is_some_and(|bound| direction.is_behind(begin, bound)) {
                break;
            }
            let input = &mut self.inputs[at];
            input.current = input.source.next(direction)?;
            bound = direction.bound_with(bound, input.current.as_ref());
        }
        Ok(bound)
    }
}

impl Direction {
    /// Up to where all loaded blocks have been seen.
    fn bound<'a>(self, blocks: impl Iterator<Item = &'a Block>) -> Option<i64> {
        blocks.fold(None, |bound, block| self.bound_with(bound, Some(block)))
    }

    /// The bound once another block is loaded.
    fn bound_with(self, bound: Option<i64>, block: Option<&Block>) -> Option<i64> {
        let Some(block) = block else { return bound };
        Some(match self {
            Self::Ascending => bound.map_or(block.last(), |bound| bound.min(block.last())),
            Self::Descending => bound.map_or(block.first(), |bound| bound.max(block.first())),
        })
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
    fn split(self, input: &mut Input, bound: i64) -> Option<Part> {
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
        Some(Part { columns: input.columns, block: ready? })
    }
}
