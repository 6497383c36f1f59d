//! Windows that are larger than what a call is given at once.

use std::sync::Arc;

use levada_udf_sdk::{Failure, Page, PageColumn, Pages};

use super::chunk::{Chunk, PIECE_BYTES, fitting};
use crate::{Fault, FaultKind, arrays};

/// A window that is larger than what a call is given at once: its rows are read by pages. They stay where they are as long as it is
/// there.
#[derive(Clone, Debug)]
pub struct KeptWindow {
    parts: Arc<[Part]>,
    rows: usize,
    begin: i64,
    end: i64,
}

#[derive(Debug)]
struct Part {
    /// The number of its first row in the window.
    first: usize,
    chunk: Chunk,
}

impl KeptWindow {
    /// Of chunks, of which none is empty.
    pub(super) fn new(chunks: Vec<Chunk>, begin: i64, end: i64) -> Self {
        let mut rows = 0;
        let part = |chunk: Chunk| {
            let first = rows;
            rows += chunk.rows();
            Part { first, chunk }
        };
        let parts = chunks.into_iter().map(part).collect();
        Self { parts, rows, begin, end }
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether it has no rows; it has some.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Where it begins.
    pub fn begin(&self) -> i64 {
        self.begin
    }

    /// Where it ends.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// Rows from one on: `most` or fewer, one at least.
    ///
    /// # Errors
    /// There is no such row, or it cannot be read.
    pub fn read(&self, first: usize, most: usize) -> Result<Page, Fault> {
        if first >= self.rows {
            let message = format!("row {first} of a window was read that has {}", self.rows);
            return Err(Fault::new(FaultKind::WrongOutput, message));
        }
        // The last part that begins at the row or before.
        let part = &self.parts[self.parts.partition_point(|part| part.first <= first) - 1];
        let from = first - part.first;
        let rows = most.min(fitting(&part.chunk, PIECE_BYTES)).max(1).min(part.chunk.rows() - from);
        let batch = part.chunk.batch_of(from, rows)?;
        let columns = batch.columns.iter().zip(&*batch.types).map(|(array, &data_type)| {
            let (values, validity) = arrays::to_buffer(array, data_type);
            PageColumn { data_type, values, validity }
        });
        let page = Page::new(batch.times.to_vec(), columns.collect());
        page.ok_or_else(|| {
            Fault::new(FaultKind::WrongOutput, "an input's column is not as long as the times")
        })
    }
}

impl Pages for KeptWindow {
    fn rows(&self) -> usize {
        self.rows
    }

    fn page(&self, first: usize, most: usize) -> Result<Page, Failure> {
        self.read(first, most).map_err(|fault| Failure::new(fault.message))
    }
}
