//! How far a pipe has come: `pipes/progress-N.json`.

use std::sync::Arc;

use levada_storage::StorageError;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::document::DocumentFile;

/// How far a pipe has come, here and on the disk. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    document: DocumentFile,
    position: Mutex<Option<u64>>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    /// All changes up to this write are delivered.
    position: u64,
}

impl Progress {
    /// Reads what is stored, if anything is.
    pub(super) fn open(document: DocumentFile) -> Result<Self, StorageError> {
        let stored = document.read::<Stored>()?.map(|stored| stored.position);
        Ok(Self(Arc::new(Inner { document, position: Mutex::new(stored) })))
    }

    /// All changes up to this write are delivered; `None` where what was stored when the pipe began is not.
    pub(super) fn position(&self) -> Option<u64> {
        *self.0.position.lock()
    }

    /// All changes up to a write are delivered. Returns when that is durable. Blocks.
    pub(super) fn save(&self, position: u64) -> Result<(), StorageError> {
        // Whoever saves waits for who saves now, so that an earlier position never replaces a later one.
        let mut known = self.0.position.lock();
        if known.is_some_and(|known| known >= position) {
            return Ok(());
        }
        self.0.document.write(&Stored { version: super::book::VERSION, position })?;
        *known = Some(position);
        Ok(())
    }

    /// The pipe is dropped.
    pub(super) fn remove(&self) -> Result<(), StorageError> {
        self.0.document.remove()
    }
}
