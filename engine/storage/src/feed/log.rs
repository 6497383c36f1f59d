//! Reads the log's records as they become durable.

use std::sync::Arc;

use crate::{
    StorageError,
    codec::Take,
    disk::{Disk, ReadFile},
    frame::{self, Frame, Frames},
    wal::{self, Op, Part, Wal},
};

/// So many bytes are read at once, or a record, where that is longer.
const READ_BYTES: u64 = 256 << 10;

/// A larger buffer is let go of.
const KEPT_BYTES: usize = 4 << 20;

/// A record.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) first: u64,
    /// The number of its last write.
    pub(super) seq: u64,
    pub(super) op: Op,
    /// Its length in the log.
    pub(super) bytes: usize,
}

/// A place in the log.
#[derive(Debug)]
pub(super) struct LogReader {
    disk: Arc<dyn Disk>,
    /// The segment, and how much of it was given.
    segment: u64,
    offset: u64,
    open: Option<(Part, Arc<dyn ReadFile>)>,
    /// Bytes of the segment from some offset on.
    buffer: Vec<u8>,
    from: u64,
    /// All up to this write was given.
    seq: u64,
    /// All up to this write was synced when that was asked last.
    synced: u64,
}

impl LogReader {
    /// Begins behind a write.
    pub(super) fn new(disk: Arc<dyn Disk>, wal: &Wal, after: u64) -> Self {
        Self {
            disk,
            segment: wal.segment_behind(after),
            offset: wal::HEAD as u64,
            open: None,
            buffer: Vec::new(),
            from: 0,
            seq: after,
            synced: 0,
        }
    }

    /// All up to this write was given.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// The next record that is synced; `None` where there is none yet. After an error the same place is read again.
    ///
    /// # Errors
    /// A segment cannot be read, or is damaged; the next record is not the one that follows.
    pub(super) fn next(&mut self, wal: &Wal) -> Result<Option<Record>, StorageError> {
        loop {
            self.refresh(wal)?;
            let Some((part, file)) = &self.open else { return self.at_end() };
            if self.offset >= part.len {
                if !part.closed {
                    return self.at_end();
                }
                (self.segment, self.offset) = (part.number + 1, wal::HEAD as u64);
                continue;
            }
            let payload = fill(&mut self.buffer, &mut self.from, self.offset, part, &**file)?;
            let damaged = |reason: &str| damage(part, self.offset, reason);
            let mut from = Take(payload);
            let parsed = from.u64().ok().and_then(|seq| Some((seq, Op::parse(&mut from).ok()?)));
            let (seq, op) = parsed.ok_or_else(|| damaged("a record of the log cannot be understood"))?;
            let first = op.first_seq(seq);
            if first > self.seq.saturating_add(1) {
                return Err(StorageError::Behind { after: self.seq, kept: first.saturating_sub(1) });
            }
            let bytes = frame::HEAD + payload.len();
            self.offset += bytes as u64;
            // What the reader has; also a record that comes a second time, which does not count.
            if seq > self.seq {
                self.seq = seq;
                return Ok(Some(Record { first, seq, op, bytes }));
            }
        }
    }

    /// There is nothing to be read: that is so only where nothing is missing.
    fn at_end(&self) -> Result<Option<Record>, StorageError> {
        if self.seq < self.synced {
            // Where the log could not be written, files may have been; or what there was is not kept any more.
            return Err(StorageError::Behind { after: self.seq, kept: self.synced });
        }
        Ok(None)
    }

    /// Opens the segment to be read, and asks how far it is synced, where that is not known.
    fn refresh(&mut self, wal: &Wal) -> Result<(), StorageError> {
        if let Some((part, _)) = &self.open
            && part.number == self.segment
            && (self.offset < part.len || part.closed)
        {
            return Ok(());
        }
        let before = self.open.take();
        let (part, synced) = wal.part(self.segment);
        self.synced = synced;
        let Some(part) = part else { return Ok(()) };
        let file = match before {
            Some((open, file)) if open.number == part.number => file,
            _ => {
                if self.buffer.capacity() > KEPT_BYTES {
                    self.buffer = Vec::new();
                }
                self.buffer.clear();
                self.disk.open(&part.path).map_err(StorageError::io("cannot open", &part.path))?
            }
        };
        if part.number != self.segment {
            (self.segment, self.offset) = (part.number, wal::HEAD as u64);
        }
        self.open = Some((part, file));
        Ok(())
    }
}

fn damage(part: &Part, offset: u64, reason: &str) -> StorageError {
    StorageError::Damaged { path: part.path.clone(), offset, reason: reason.to_owned() }
}

/// The payload of the record at an offset; reads what the buffer does not have of it.
fn fill<'a>(
    buffer: &'a mut Vec<u8>,
    from: &mut u64,
    offset: u64,
    part: &Part,
    file: &dyn ReadFile,
) -> Result<&'a [u8], StorageError> {
    let left = part.len - offset;
    let mut wanted = frame::HEAD as u64;
    for _ in 0..2 {
        if wanted > left {
            return Err(damage(part, offset, "a record of the log is cut off"));
        }
        let has = offset >= *from && offset + wanted <= *from + buffer.len() as u64;
        if !has {
            let len = usize::try_from(left.min(wanted.max(READ_BYTES))).unwrap_or(usize::MAX);
            if wanted <= READ_BYTES && buffer.capacity() > KEPT_BYTES {
                *buffer = Vec::new();
            }
            buffer.clear();
            buffer.resize(len, 0);
            *from = offset;
            if let Err(error) = file.read_exact_at(buffer, offset) {
                buffer.clear();
                return Err(StorageError::io("cannot read", &part.path)(error));
            }
        }
        let at = usize::try_from(offset - *from).unwrap_or(usize::MAX);
        let length = frame::length(buffer.get(at..).unwrap_or_default());
        let length = length.ok_or_else(|| damage(part, offset, "there is no record of the log"))?;
        wanted = length as u64;
    }
    let at = usize::try_from(offset - *from).unwrap_or(usize::MAX);
    let end = at.saturating_add(usize::try_from(wanted).unwrap_or(usize::MAX)).min(buffer.len());
    match Frames::new(&buffer[..end], at).next() {
        Some(Frame::Record { payload, .. }) => Ok(payload),
        _ => Err(damage(part, offset, "a record of the log is damaged")),
    }
}
