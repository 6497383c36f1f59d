//! A sealed file as the store holds it.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use levada_tsfile::{TsFileError, TsFileReader};

use super::{
    bytes::{FileBytes, SUMS},
    folder::{DataFolder, Slot},
};
use crate::{
    StorageError, TimeRange,
    codec::{Malformed, Put, Take},
    memtable::Place,
};

/// What the manifest says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileMeta {
    /// Never used again.
    pub(crate) id: u64,
    pub(crate) place: Place,
    pub(crate) sequence: bool,
    /// The last write of which it may hold rows: deletions of a higher number are not in it yet.
    pub(crate) seq: u64,
    /// The first and last time of its rows.
    pub(crate) range: TimeRange,
    pub(crate) bytes: u64,
    pub(crate) points: u64,
    /// How often its rows were compacted.
    pub(crate) level: u8,
}

impl FileMeta {
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.put_u64(self.id);
        bytes.put_u32(self.place.database);
        bytes.put_i64(self.place.partition);
        bytes.put_u8(u8::from(self.sequence));
        bytes.put_u64(self.seq);
        bytes.put_i64(self.range.start);
        bytes.put_i64(self.range.end);
        bytes.put_u64(self.bytes);
        bytes.put_u64(self.points);
        bytes.put_u8(self.level);
    }

    pub(crate) fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            id: from.u64()?,
            place: Place { database: from.u32()?, partition: from.i64()? },
            sequence: from.flag()?,
            seq: from.u64()?,
            range: TimeRange { start: from.i64()?, end: from.i64()? },
            bytes: from.u64()?,
            points: from.u64()?,
            level: from.u8()?,
        })
    }
}

/// A sealed file. It is opened when it is first read, and removed when it was made obsolete and nobody holds it any more.
#[derive(Debug)]
pub(crate) struct SealedFile {
    pub(crate) meta: FileMeta,
    pub(crate) path: PathBuf,
    folder: Arc<DataFolder>,
    slot: Arc<Slot>,
    obsolete: AtomicBool,
}

impl SealedFile {
    pub(crate) fn new(meta: FileMeta, folder: &Arc<DataFolder>) -> Self {
        Self {
            meta,
            path: folder.file(meta.place, meta.id),
            folder: Arc::clone(folder),
            slot: Arc::default(),
            obsolete: AtomicBool::new(false),
        }
    }

    /// Its reader.
    pub(crate) fn reader(&self) -> Result<Arc<TsFileReader<FileBytes>>, StorageError> {
        let reader = {
            let mut slot = self.slot.lock();
            if let Some(reader) = &*slot {
                return Ok(Arc::clone(reader));
            }
            let bytes = FileBytes::open(&*self.folder.disk, &self.path);
            let bytes = bytes.map_err(StorageError::io("cannot open", &self.path))?;
            let reader = TsFileReader::open(bytes).map_err(|error| self.explain(error, None))?;
            Arc::clone(slot.insert(Arc::new(reader)))
        };
        self.folder.opened(&self.slot);
        Ok(reader)
    }

    /// An error of the format as one that names this file.
    pub(crate) fn error(&self, error: TsFileError) -> StorageError {
        let damage = self.slot.lock().as_ref().and_then(|reader| reader.inner().damage());
        self.explain(error, damage)
    }

    fn explain(&self, error: TsFileError, damage: Option<u64>) -> StorageError {
        let path = self.path.clone();
        match error {
            TsFileError::Io { source, offset, .. } if source.kind() == std::io::ErrorKind::InvalidData => {
                let offset = damage.unwrap_or(offset);
                StorageError::Damaged { path, offset, reason: source.to_string() }
            }
            TsFileError::Io { what, source, .. } => StorageError::Io { what, path, source },
            TsFileError::Damaged { offset, reason } => StorageError::Damaged { path, offset, reason },
            other => StorageError::Damaged { path, offset: 0, reason: other.to_string() },
        }
    }

    /// The manifest has it no more: it is removed when the last that holds it lets go.
    pub(crate) fn retire(&self) {
        self.obsolete.store(true, Ordering::Release);
    }
}

impl Drop for SealedFile {
    fn drop(&mut self) {
        if !self.obsolete.load(Ordering::Acquire) {
            return;
        }
        for path in [self.path.clone(), self.path.with_extension(SUMS)] {
            // What is left behind is removed when the store is opened the next time.
            if let Err(error) = self.folder.disk.remove(&path) {
                tracing::warn!(path = %path.display(), %error, "cannot remove a file that is not needed any more");
            }
        }
    }
}
