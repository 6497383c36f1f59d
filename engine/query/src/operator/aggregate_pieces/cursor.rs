//! How far a series was read.

use std::collections::VecDeque;

use arrow_array::{Array, RecordBatch};
use levada_storage::{Piece, PieceIterator, Pieces, RowIterator, StorageError, TimeRange};

use crate::chunk::Chunk;

/// A series between two batches of windows.
#[derive(Default)]
pub(super) enum Cursor {
    #[default]
    Closed,
    Open {
        pieces: PieceIterator,
        /// Pieces that reach into windows to come.
        kept: VecDeque<Piece>,
        /// Bytes reserved for both.
        held: usize,
    },
    Done,
}

impl Cursor {
    /// What was reserved for it, which is no longer.
    pub(super) fn release(&mut self) -> usize {
        match self {
            Self::Open { held, .. } => std::mem::take(held),
            Self::Closed | Self::Done => 0,
        }
    }
}

/// Rows as pieces.
pub(super) struct Scanned {
    rows: RowIterator,
    /// The largest batch as yet: about what is held of the next.
    batch: usize,
}

impl Scanned {
    pub(super) fn new(rows: RowIterator) -> Self {
        Self { rows, batch: 0 }
    }
}

impl Iterator for Scanned {
    type Item = Result<Piece, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.rows.next()?;
        self.batch = self.batch.max(batch.as_ref().map_or(0, batch_bytes));
        Some(batch.map(Piece::Rows))
    }
}

impl Pieces for Scanned {
    fn held_bytes(&self) -> usize {
        self.batch
    }
}

/// Bytes of the rows of a batch, whatever it is cut from.
fn batch_bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum()
}

/// Bytes of a piece.
pub(super) fn piece_bytes(piece: &Piece) -> usize {
    size_of::<Piece>() + if let Piece::Rows(batch) = piece { batch_bytes(batch) } else { 0 }
}

/// From the first to the last time of a piece.
pub(super) fn span(piece: &Piece) -> TimeRange {
    match piece {
        Piece::Summary(summary) => TimeRange { start: summary.start, end: summary.end },
        Piece::Rows(batch) => {
            let ends = Chunk::from_scan(batch).ok().and_then(|rows| {
                let times = rows.times.values();
                Some(TimeRange { start: *times.first()?, end: *times.last()? })
            });
            ends.unwrap_or(TimeRange { start: i64::MAX, end: i64::MIN })
        }
    }
}
