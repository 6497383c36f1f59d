//! Rows that wait, in memory or on disk.

use std::{collections::VecDeque, sync::Arc};

use arrow_buffer::ScalarBuffer;

use super::scratch::{Files, Stored};
use crate::{Batch, Fault};

/// The most rows of a piece on disk.
pub(super) const PIECE_ROWS: usize = 4096;
/// The most bytes of a piece on disk, and of a page, unless one row has more.
pub(super) const PIECE_BYTES: usize = 1 << 20;

/// Some rows in order of time.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    place: Place,
    pub(super) bytes: usize,
    pub(super) last_time: i64,
}

#[derive(Clone, Debug)]
enum Place {
    Memory(Batch),
    Disk(Stored),
}

impl Chunk {
    /// Of rows, which are some.
    pub(super) fn of(batch: Batch) -> Self {
        let last_time = batch.times.last().copied().unwrap_or_default();
        Self { bytes: batch.bytes(), last_time, place: Place::Memory(batch) }
    }

    pub(super) fn rows(&self) -> usize {
        match &self.place {
            Place::Memory(batch) => batch.rows(),
            Place::Disk(stored) => stored.rows(),
        }
    }

    pub(super) fn is_on_disk(&self) -> bool {
        matches!(self.place, Place::Disk(_))
    }

    /// The rows.
    pub(super) fn batch(&self) -> Result<Batch, Fault> {
        match &self.place {
            Place::Memory(batch) => Ok(batch.clone()),
            Place::Disk(stored) => stored.read(),
        }
    }

    /// Some of the rows.
    pub(super) fn batch_of(&self, from: usize, rows: usize) -> Result<Batch, Fault> {
        let batch = self.batch()?;
        Ok(if rows == batch.rows() { batch } else { batch.slice(from, rows) })
    }

    /// The times of all rows.
    pub(super) fn times(&self) -> Result<ScalarBuffer<i64>, Fault> {
        match &self.place {
            Place::Memory(batch) => Ok(batch.times.clone()),
            Place::Disk(stored) => Ok(stored.read()?.times),
        }
    }

    /// Bytes of so many of its rows, where all have the same.
    pub(super) fn bytes_of(&self, rows: usize) -> usize {
        (self.bytes as u128 * rows as u128 / self.rows().max(1) as u128) as usize
    }

    /// Some of the rows: the last ones, or for reading alone.
    pub(super) fn slice(&self, from: usize, rows: usize) -> Self {
        if from == 0 && rows == self.rows() {
            return self.clone();
        }
        match &self.place {
            Place::Memory(batch) => {
                let batch = batch.slice(from, rows);
                Self { bytes: batch.bytes(), last_time: self.last_time, place: Place::Memory(batch) }
            }
            Place::Disk(stored) => {
                let place = Place::Disk(stored.slice(from, rows));
                Self { bytes: self.bytes_of(rows), last_time: self.last_time, place }
            }
        }
    }
}

/// Puts the first rows of some in memory on disk, as one piece: small chunks are joined, large ones divided. How many bytes less are
/// in memory, and the piece.
pub(super) fn store_first(
    chunks: &mut VecDeque<Chunk>,
    files: &mut Files,
    waiting: usize,
) -> Result<Option<(usize, Chunk)>, Fault> {
    let (mut parts, mut rows, mut bytes, mut freed) = (Vec::new(), 0, 0, 0);
    while let Some(chunk) = chunks.front() {
        let room = (PIECE_ROWS - rows).min(fitting(chunk, PIECE_BYTES.saturating_sub(bytes)));
        // One row at least, however large it is.
        let room = if rows == 0 { room.max(1) } else { room };
        let Some(chunk) = (room > 0).then(|| chunks.pop_front()).flatten() else { break };
        freed += chunk.bytes;
        let taken = chunk.rows().min(room);
        if taken < chunk.rows() {
            let rest = chunk.slice(taken, chunk.rows() - taken);
            freed -= rest.bytes;
            chunks.push_front(rest);
        }
        (rows, bytes) = (rows + taken, bytes + chunk.bytes_of(taken));
        parts.push(chunk.batch_of(0, taken)?);
    }
    let Some(types) = parts.first().map(|part| Arc::clone(&part.types)) else { return Ok(None) };
    let batch = if parts.len() == 1 { parts.swap_remove(0) } else { Batch::joined(&parts, &types)? };
    let last_time = batch.times.last().copied().unwrap_or_default();
    let stored = files.put(&batch, waiting)?;
    Ok(Some((freed, Chunk { bytes: batch.bytes(), last_time, place: Place::Disk(stored) })))
}

/// How many rows of a chunk have so many bytes.
pub(super) fn fitting(chunk: &Chunk, bytes: usize) -> usize {
    (bytes as u128 * chunk.rows() as u128 / chunk.bytes.max(1) as u128) as usize
}
