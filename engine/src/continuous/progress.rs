//! How far each continuous query has come, as the disk keeps it: `continuous/progress.json` in the data folder.
//!
//! Runs that end at the same time are stored together: who waits for the file finds there what was to be stored.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use levada_model::SessionError;
use levada_storage::StorageError;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::document::DocumentFile;

const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    /// The moment of the next run, by the number of the query.
    next: BTreeMap<u64, i64>,
}

/// Where it is stored. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    file: DocumentFile,
    /// How often something was to be stored.
    asked: Arc<AtomicU64>,
    stored: Arc<Mutex<Stored>>,
}

#[derive(Debug, Default)]
struct Stored {
    /// Up to which time of asking it is.
    until: u64,
    /// Then the folder is another's.
    is_closed: bool,
}

impl Progress {
    /// Reads what is stored.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub(super) fn open(file: DocumentFile) -> Result<(Self, BTreeMap<u64, i64>), StorageError> {
        let document =
            file.read::<Document>()?.unwrap_or(Document { version: VERSION, next: BTreeMap::new() });
        file.check_version(document.version, VERSION)?;
        Ok((Self { file, asked: Arc::default(), stored: Arc::default() }, document.next))
    }

    /// Stores the next moment of each query, which `next` tells when it is about to be written. Returns when they are durable. Blocks.
    ///
    /// # Errors
    /// They could not be stored, or `next` does not know them.
    pub(super) fn store(
        &self,
        next: impl FnOnce() -> Result<BTreeMap<u64, i64>, SessionError>,
    ) -> Result<(), SessionError> {
        let wanted = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut stored = self.stored.lock();
        if stored.is_closed || stored.until >= wanted {
            return Ok(());
        }
        let until = self.asked.load(Ordering::Acquire);
        self.file.write(&Document { version: VERSION, next: next()? })?;
        stored.until = until;
        Ok(())
    }

    /// Stores nothing any more. Blocks while something is being stored.
    pub(super) fn close(&self) {
        self.stored.lock().is_closed = true;
    }
}
