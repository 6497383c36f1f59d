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
    stored: Mutex<Option<Stored>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    /// All changes up to this write are delivered.
    position: u64,
    /// What was lost of them since the pipe was started, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost: Option<String>,
}

impl Progress {
    /// Reads what is stored, if anything is.
    pub(super) fn open(document: DocumentFile) -> Result<Self, StorageError> {
        let stored = Mutex::new(document.read::<Stored>()?);
        Ok(Self(Arc::new(Inner { document, stored })))
    }

    /// All changes up to this write are delivered; `None` where what was stored when the pipe began is not.
    pub(super) fn position(&self) -> Option<u64> {
        self.0.stored.lock().as_ref().map(|stored| stored.position)
    }

    /// What was lost, as it was saved.
    pub(super) fn lost(&self) -> Option<String> {
        self.0.stored.lock().as_ref().and_then(|stored| stored.lost.clone())
    }

    /// All changes up to a write are delivered, but for what was lost. Returns when that is durable. Blocks.
    pub(super) fn save(
        &self,
        position: u64,
        lost: impl FnOnce() -> Option<String>,
    ) -> Result<(), StorageError> {
        // Whoever saves waits for who saves now, so that what is older never replaces what is newer.
        let mut known = self.0.stored.lock();
        let lost = lost();
        if known.as_ref().is_some_and(|known| known.position >= position && known.lost == lost) {
            return Ok(());
        }
        let position = known.as_ref().map_or(position, |known| known.position.max(position));
        self.store(&mut known, Stored { version: super::book::VERSION, position, lost })
    }

    /// What was lost was told for long enough. Returns when that is durable. Blocks.
    pub(super) fn forget_lost(&self) -> Result<(), StorageError> {
        let mut known = self.0.stored.lock();
        match known.clone() {
            Some(stored) if stored.lost.is_some() => self.store(&mut known, Stored { lost: None, ..stored }),
            _ => Ok(()),
        }
    }

    fn store(&self, known: &mut Option<Stored>, stored: Stored) -> Result<(), StorageError> {
        self.0.document.write(&stored)?;
        *known = Some(stored);
        Ok(())
    }

    /// The pipe is dropped.
    pub(super) fn remove(&self) -> Result<(), StorageError> {
        self.0.document.remove()
    }
}
