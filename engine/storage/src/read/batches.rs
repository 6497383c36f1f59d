//! Blocks as record batches of a fair size.

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use levada_model::DataType;

use super::merge::{Merge, block_rows};
use crate::{
    Direction, StorageError,
    block::{Block, concat},
};

/// Blocks smaller than this are put together.
const SMALL_BLOCK_ROWS: usize = 1024;

/// What a merge gives, as batches.
pub(super) struct Batches {
    merge: Merge,
    schema: SchemaRef,
    types: Vec<DataType>,
    direction: Direction,
    /// A batch has at most so many rows.
    rows: usize,
    /// What goes out next.
    ready: Option<Block>,
    failed: bool,
}

impl Batches {
    pub(super) fn new(merge: Merge, schema: SchemaRef, direction: Direction) -> Self {
        let types = merge.types().to_vec();
        let rows = block_rows(types.len());
        Self { merge, schema, types, direction, rows, ready: None, failed: false }
    }

    /// Bytes it holds while nobody pulls.
    pub(super) fn held_bytes(&self) -> usize {
        self.merge.held_bytes() + self.ready.iter().map(Block::bytes).sum::<usize>()
    }

    fn fill(&mut self) -> Result<(), StorageError> {
        let mut small: Vec<Block> = Vec::new();
        let mut rows = 0;
        while let Some(block) = self.merge.next()? {
            rows += block.rows();
            small.push(block);
            if rows >= SMALL_BLOCK_ROWS.min(self.rows) {
                break;
            }
        }
        if self.direction == Direction::Descending {
            small.reverse();
        }
        self.ready = concat(small, &self.types);
        Ok(())
    }

    /// Takes the next rows of what is ready.
    fn cut(&mut self) -> Option<Block> {
        let block = self.ready.take()?;
        let (rows, taken) = (block.rows(), self.rows.min(block.rows()));
        if taken == rows {
            return Some(block);
        }
        let (ready, left) = match self.direction {
            Direction::Ascending => (block.slice(0, taken), block.slice(taken, rows - taken)),
            Direction::Descending => (block.slice(rows - taken, taken), block.slice(0, rows - taken)),
        };
        self.ready = Some(left);
        Some(ready)
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_none()
            && !self.failed
            && let Err(error) = self.fill()
        {
            self.failed = true;
            return Some(Err(error));
        }
        let block = self.cut()?;
        Some(Ok(block.to_batch(&self.schema, self.direction == Direction::Descending)))
    }
}
