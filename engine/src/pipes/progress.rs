//! How far a pipe has come: `pipes/progress-N.json`, and with what was stored when it began, `pipes/history-N.json`.

use std::sync::Arc;

use levada_model::Path;
use levada_storage::{HistoryMark, StorageError};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::book::VERSION;
use crate::document::DocumentFile;

/// How far a pipe has come, here and on the disk. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    document: DocumentFile,
    history: DocumentFile,
    stored: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    progress: Option<Stored>,
    mark: Option<StoredMark>,
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

/// See [`HistoryMark`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredMark {
    version: u32,
    until: u64,
    in_files: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<(u32, i64)>,
    device: String,
    /// What is sent, and where to: for anything else the mark says nothing.
    of: String,
    /// What the receiver's engine is known by: another has nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    receiver: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lost: Option<String>,
}

impl Progress {
    /// Reads what is stored of the pipe of a number, if anything is, in a folder of which this is a document.
    pub(super) fn open(beside: &DocumentFile, id: u64) -> Result<Self, StorageError> {
        let document = beside.beside(format!("progress-{id}.json"));
        let history = beside.beside(format!("history-{id}.json"));
        let mark = history.read::<StoredMark>()?;
        history.check_version(mark.as_ref().map_or(0, |mark| mark.version), VERSION)?;
        let stored = Mutex::new(Known { progress: document.read::<Stored>()?, mark });
        Ok(Self(Arc::new(Inner { document, history, stored })))
    }

    /// All changes up to this write are delivered; `None` where what was stored when the pipe began is not.
    pub(super) fn position(&self) -> Option<u64> {
        self.0.stored.lock().progress.as_ref().map(|stored| stored.position)
    }

    /// How far what is stored is delivered to a receiver, where that was broken off; `of` says what is sent, and where to.
    pub(super) fn mark(&self, receiver: Option<&str>, of: &str) -> Option<HistoryMark> {
        let known = self.0.stored.lock();
        let position = known.progress.as_ref().map_or(0, |stored| stored.position);
        let mark = known.mark.as_ref();
        let mark = mark.filter(|mark| mark.receiver.as_deref() == receiver && mark.of == of)?;
        if mark.until <= position {
            return None;
        }
        let device = Path::parse(&mark.device).ok()?;
        Some(HistoryMark { until: mark.until, in_files: mark.in_files, place: mark.place, device })
    }

    /// What was lost, as it was saved.
    pub(super) fn lost(&self) -> Option<String> {
        let known = self.0.stored.lock();
        let lost = known.progress.as_ref().and_then(|stored| stored.lost.clone());
        lost.or_else(|| known.mark.as_ref().and_then(|mark| mark.lost.clone()))
    }

    /// All changes up to a write are delivered, but for what was lost. Returns when that is durable. Blocks.
    pub(super) fn save(
        &self,
        position: u64,
        lost: impl FnOnce() -> Option<String>,
    ) -> Result<(), StorageError> {
        // Whoever saves waits for who saves now, so that what is older never replaces what is newer.
        let mut known = self.0.stored.lock();
        let (lost, before) = (lost(), known.progress.as_ref());
        if before.is_some_and(|known| known.position >= position && known.lost == lost) {
            return Ok(());
        }
        let position = before.map_or(position, |known| known.position.max(position));
        self.store(&mut known, Stored { version: VERSION, position, lost })?;
        if known.mark.as_ref().is_some_and(|mark| mark.until <= position) {
            self.remove_mark(&mut known)?;
        }
        Ok(())
    }

    /// What is stored is delivered to a receiver as far as a mark says, but for what was lost. Returns when that is durable. Blocks.
    pub(super) fn save_mark(
        &self,
        mark: HistoryMark,
        (receiver, of): (Option<String>, String),
        lost: impl FnOnce() -> Option<String>,
    ) -> Result<(), StorageError> {
        let mut known = self.0.stored.lock();
        let HistoryMark { until, in_files, place, device } = mark;
        let device = device.as_str().to_owned();
        let lost = lost();
        self.store_mark(
            &mut known,
            StoredMark { version: VERSION, until, in_files, place, device, of, receiver, lost },
        )
    }

    /// What was lost was told for long enough. Returns when that is durable. Blocks.
    pub(super) fn forget_lost(&self) -> Result<(), StorageError> {
        let mut known = self.0.stored.lock();
        if let Some(stored) = known.progress.clone().filter(|stored| stored.lost.is_some()) {
            self.store(&mut known, Stored { lost: None, ..stored })?;
        }
        if let Some(mark) = known.mark.clone().filter(|mark| mark.lost.is_some()) {
            self.store_mark(&mut known, StoredMark { lost: None, ..mark })?;
        }
        Ok(())
    }

    fn store(&self, known: &mut Known, stored: Stored) -> Result<(), StorageError> {
        self.0.document.write(&stored)?;
        known.progress = Some(stored);
        Ok(())
    }

    fn store_mark(&self, known: &mut Known, mark: StoredMark) -> Result<(), StorageError> {
        self.0.history.write(&mark)?;
        known.mark = Some(mark);
        Ok(())
    }

    fn remove_mark(&self, known: &mut Known) -> Result<(), StorageError> {
        self.0.history.remove()?;
        known.mark = None;
        Ok(())
    }

    /// The pipe is dropped.
    pub(super) fn remove(&self) -> Result<(), StorageError> {
        self.0.document.remove().and(self.0.history.remove())
    }
}
