//! Joins streams of rows by time: one row for each time that any of them has.
//!
//! ```text
//!   a: 1 2   4        ┌ 1: a -
//!   b:   2 3          ┤ 2: a b      up to the least of the heads' last times, since what comes behind may still
//!                     └ 3: - b      have rows there; 4 waits for the next chunk of b
//! ```

use std::fmt;

use arrow_array::{Array, ArrayRef, Int64Array, UInt32Array, new_null_array};
use arrow_buffer::{BooleanBufferBuilder, NullBuffer, ScalarBuffer};
use arrow_schema::DataType as ArrowType;
use arrow_select::take::take;
use levada_storage::Direction;

use crate::{
    QueryError,
    chunk::{Chunk, Chunks, made_by},
    context::{Budget, Reservation},
};

/// One of the streams that are joined.
pub(crate) struct Input {
    chunks: Chunks,
    types: Vec<ArrowType>,
    head: Option<Chunk>,
    /// The bytes of the chunk the head is the rest of.
    held: usize,
    ended: bool,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("types", &self.types).field("head", &self.head).finish_non_exhaustive()
    }
}

impl Input {
    /// A stream and the types of its columns.
    pub(crate) fn new(chunks: Chunks, types: Vec<ArrowType>) -> Self {
        Self { chunks, types, head: None, held: 0, ended: false }
    }

    /// Makes sure there is a head unless the stream has ended.
    fn fill(&mut self, memory: &mut Reservation) -> Result<(), QueryError> {
        if self.head.is_none() && self.held > 0 {
            memory.shrink(std::mem::take(&mut self.held));
        }
        while self.head.is_none() && !self.ended {
            match self.chunks.next() {
                Some(chunk) => {
                    self.head = Some(chunk?).filter(|chunk| !chunk.is_empty());
                    self.held = self.head.as_ref().map_or(0, Chunk::bytes);
                    memory.grow(self.held)?;
                }
                None => self.ended = true,
            }
        }
        Ok(())
    }

    /// Takes the first rows of the head.
    fn split(&mut self, rows: usize) -> Option<Chunk> {
        let head = self.head.take()?;
        if rows < head.rows() {
            self.head = Some(head.slice(rows, head.rows() - rows));
        }
        (rows > 0).then(|| head.slice(0, rows))
    }
}

/// A join of streams whose times all grow, or all fall.
#[derive(Debug)]
pub(crate) struct Join {
    inputs: Vec<Input>,
    direction: Direction,
    rows: usize,
    memory: Reservation,
}

impl Join {
    /// Chunks have at most about `rows` rows.
    pub(crate) fn new(inputs: Vec<Input>, direction: Direction, rows: usize, budget: &Budget) -> Self {
        let memory = budget.part("rows of many devices side by side");
        Self { inputs, direction, rows: rows.max(1), memory }
    }

    /// Times so that they always grow.
    fn key(&self, time: i64) -> i64 {
        match self.direction {
            Direction::Ascending => time,
            Direction::Descending => !time,
        }
    }

    /// Its rows.
    pub(crate) fn into_chunks(mut self) -> Chunks {
        made_by(move || self.advance())
    }

    fn advance(&mut self) -> Result<Option<Chunk>, QueryError> {
        let memory = &mut self.memory;
        self.inputs.iter_mut().try_for_each(|input| input.fill(memory))?;
        let heads: Vec<&Int64Array> =
            self.inputs.iter().filter_map(|input| input.head.as_ref()).map(|head| &head.times).collect();
        let Some(first) = heads.first() else { return Ok(None) };
        if heads.iter().all(|times| times.values() == first.values()) {
            let rows = first.len();
            let parts = self.inputs.iter_mut().map(|input| input.split(rows)).collect();
            return self.side_by_side(parts).map(Some);
        }
        let bound = self.bound(&heads);
        let mut union: Vec<i64> = Vec::new();
        for times in &heads {
            let rows = times.values().partition_point(|&time| self.key(time) <= bound);
            union.extend(times.values()[..rows].iter().map(|&time| self.key(time)));
        }
        // A stable sort, for it is fast on what is made of sorted runs.
        union.sort();
        union.dedup();
        union.truncate(self.rows);
        let Some(&last) = union.last() else { return Ok(None) };
        let direction = self.direction;
        let parts: Vec<Option<Chunk>> = self
            .inputs
            .iter_mut()
            .map(|input| {
                let rows = input.head.as_ref().map_or(0, |head| {
                    head.times.values().partition_point(|&time| match direction {
                        Direction::Ascending => time <= last,
                        Direction::Descending => !time <= last,
                    })
                });
                input.split(rows)
            })
            .collect();
        union.iter_mut().for_each(|key| *key = self.key(*key));
        self.spread(parts, union).map(Some)
    }

    /// A key up to which every stream's rows are known, and so near that not too many rows lie before it.
    fn bound(&self, heads: &[&Int64Array]) -> i64 {
        let mut quota = self.rows;
        loop {
            let ends = heads.iter().map(|times| self.key(times.value(times.len().min(quota) - 1)));
            let bound = ends.min().unwrap_or(i64::MAX);
            let rows: usize = heads
                .iter()
                .map(|times| times.values().partition_point(|&time| self.key(time) <= bound))
                .sum();
            if quota == 1 || rows <= self.rows.saturating_mul(16) {
                return bound;
            }
            quota /= 2;
        }
    }

    /// Parts that all have the same times, or are not there.
    fn side_by_side(&self, parts: Vec<Option<Chunk>>) -> Result<Chunk, QueryError> {
        let times = parts
            .iter()
            .flatten()
            .next()
            .map(|part| part.times.clone())
            .unwrap_or_else(|| Int64Array::from(Vec::<i64>::new()));
        let mut columns = Vec::new();
        for (input, part) in self.inputs.iter().zip(parts) {
            match part {
                Some(part) => columns.extend(part.columns),
                None => columns.extend(input.types.iter().map(|kind| new_null_array(kind, times.len()))),
            }
        }
        Ok(Chunk { times, columns })
    }

    /// Parts laid out over the times that any of them has.
    fn spread(&self, parts: Vec<Option<Chunk>>, union: Vec<i64>) -> Result<Chunk, QueryError> {
        let mut columns: Vec<ArrayRef> = Vec::new();
        for (input, part) in self.inputs.iter().zip(parts) {
            match part {
                Some(part) if part.rows() == union.len() => columns.extend(part.columns),
                Some(part) => {
                    let places = places(&union, part.times.values());
                    for column in &part.columns {
                        columns.push(take(column, &places, None)?);
                    }
                }
                None => columns.extend(input.types.iter().map(|kind| new_null_array(kind, union.len()))),
            }
        }
        Ok(Chunk { times: Int64Array::from(union), columns })
    }
}

/// For each time of the union the row that has it, or null. Both are sorted the same way and the union has all times.
fn places(union: &[i64], times: &[i64]) -> UInt32Array {
    let mut rows = Vec::with_capacity(union.len());
    let mut found = BooleanBufferBuilder::new(union.len());
    let mut row = 0;
    for &time in union {
        let here = times.get(row) == Some(&time);
        rows.push(if here { row as u32 } else { 0 });
        found.append(here);
        row += usize::from(here);
    }
    UInt32Array::new(ScalarBuffer::from(rows), Some(NullBuffer::new(found.finish())))
}

#[cfg(test)]
mod tests;
