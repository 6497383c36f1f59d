//! Engines whose pipes have ever sent here: `pipes/writers.json`.

use std::{collections::BTreeSet, sync::Arc};

use levada_model::StatusCode;
use levada_storage::StorageError;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};

use crate::document::DocumentFile;

/// The version that is written, and the newest that is read.
const VERSION: u32 = 1;

/// The longest name of an engine, in bytes: none that is known has more than 36.
const LONGEST_NAME: usize = 256;
/// So many engines are known at most.
const MOST_ENGINES: usize = 1 << 16;

/// The engines whose pipes have ever sent here, here and on the disk. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Writers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    document: DocumentFile,
    known: RwLock<BTreeSet<String>>,
    /// Held while the document is replaced.
    storing: Mutex<()>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: u32,
    engines: BTreeSet<String>,
}

impl Writers {
    /// Reads which are known; none where nothing is stored.
    ///
    /// # Errors
    /// The document cannot be read, or is damaged.
    pub(super) fn open(document: DocumentFile) -> Result<Self, StorageError> {
        let stored = document.read::<Stored>()?;
        if let Some(stored) = &stored {
            document.check_version(stored.version, VERSION)?;
        }
        let known = RwLock::new(stored.map(|stored| stored.engines).unwrap_or_default());
        Ok(Self(Arc::new(Inner { document, known, storing: Mutex::new(()) })))
    }

    /// Whether an engine's pipes have ever sent here.
    pub(super) fn has(&self, engine: &str) -> bool {
        self.0.known.read().contains(engine)
    }

    /// Whether all of these are known.
    pub(super) fn has_all(&self, engines: &[String]) -> bool {
        let known = self.0.known.read();
        engines.iter().all(|engine| known.contains(engine))
    }

    /// Pipes of these engines begin to send. Returns when it is durable. Blocks.
    ///
    /// # Errors
    /// It could not be stored, a name is too long, or there are too many: nothing may be taken from them.
    pub(super) fn remember(&self, engines: Vec<String>) -> Result<(), StorageError> {
        let rejected = |message| Err(StorageError::rejected(StatusCode::ILLEGAL_PARAMETER, message));
        if let Some(long) = engines.iter().map(String::len).find(|length| *length > LONGEST_NAME) {
            return rejected(format!(
                "the name of an engine that sends has {long} bytes, and may have {LONGEST_NAME}"
            ));
        }
        let _storing = self.0.storing.lock();
        let mut all = self.0.known.read().clone();
        all.extend(engines);
        if all.len() > MOST_ENGINES {
            return rejected(format!("{MOST_ENGINES} engines have sent here, and no more are taken"));
        }
        let stored = Stored { version: VERSION, engines: all };
        self.0.document.write(&stored)?;
        *self.0.known.write() = stored.engines;
        Ok(())
    }
}
