//! Blocks as record batches of a fair size.

use std::collections::VecDeque;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use levada_model::DataType;

use super::{BLOCK_ROWS, Block, concat, merge::Merge};
use crate::{Direction, StorageError};

/// Blocks smaller than this are put together.
const SMALL: usize = 1024;

/// What a merge gives, as batches.
pub(super) struct Batches {
    merge: Merge,
    schema: SchemaRef,
    types: Vec<DataType>,
    direction: Direction,
    /// Cut, and in the order in which they go out.
    ready: VecDeque<Block>,
    failed: bool,
}

impl Batches {
    pub(super) fn new(merge: Merge, schema: SchemaRef, direction: Direction) -> Self {
        let types = merge.types().to_vec();
        Self { merge, schema, types, direction, ready: VecDeque::new(), failed: false }
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
            if rows >= SMALL {
                break;
            }
        }
        if self.direction == Direction::Descending {
            small.reverse();
        }
        let Some(block) = concat(small, &self.types) else { return Ok(()) };
        let starts = (0..block.rows()).step_by(BLOCK_ROWS);
        let parts = starts.map(|from| block.slice(from, BLOCK_ROWS.min(block.rows() - from)));
        match self.direction {
            Direction::Ascending => self.ready.extend(parts),
            Direction::Descending => self.ready.extend(parts.rev()),
        }
        Ok(())
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty()
            && !self.failed
            && let Err(error) = self.fill()
        {
            self.failed = true;
            return Some(Err(error));
        }
        let block = self.ready.pop_front()?;
        Some(Ok(block.to_batch(&self.schema, self.direction == Direction::Descending)))
    }
}
