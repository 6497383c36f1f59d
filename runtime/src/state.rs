//! States of transforms, saved with the positions that they stand for.
//!
//! ```text
//!   holding task ── save version 7 ──▶ journal, synced ──▶ batch: rows, mark `window/state` 6..7 ──▶ sinks
//!        ▲                                                                                              │
//!        └── input receipts ◀── note "7 is settled", synced ◀── ledger of the task ◀── delivered ◀──────┘
//! ```
//!
//! What is emitted goes on only when the state that it leaves behind is durable, together with a mark: the version, as a range of
//! a split of its own. A sink that stores positions stores the mark in the same step as the rows; so after a crash it says which
//! state goes with what it holds, and that state says from where to read on. For a sink that stores none, the journal notes what
//! it has delivered before the source may settle it.
//!
//! Where several are behind, a sink may be behind a transform with state that has the rows in its own. What is emitted is in the
//! journal there, too: the run goes on where that transform stands, and the sink gets the very same rows again. To make them anew,
//! of the same input, would not do: what the clock had a part in would be others.

mod emitted;
mod journal;
mod record;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use levada_connector_api::{Error, Result};
use levada_model::{Checkpoint, SplitName};
use parking_lot::Mutex;

use crate::disk::Disk;

pub(crate) use self::{
    journal::{Emissions, Found, Journal, Recovered},
    record::{Behind, Member, Targets},
};

/// What was emitted with a version, as bytes.
pub(crate) use self::emitted::{decode as emitted_of, encode as bytes_of};

/// The split that stands for a transform's states.
pub(crate) fn split(node: &str) -> SplitName {
    SplitName::new(format!("{node}/state"))
}

/// The transform whose states a split stands for; `None` for any other split.
pub(crate) fn node_of(split: &SplitName) -> Option<&str> {
    split.as_str().strip_suffix("/state").filter(|node| !node.is_empty() && !node.contains('/'))
}

/// The folder of a transform's states, within the pipeline's.
pub(crate) fn folder(state_dir: &Path, node: &str) -> PathBuf {
    state_dir.join(format!("{node}.state"))
}

/// What states there are of a transform. Blocks.
///
/// # Errors
/// They cannot be read.
pub(crate) fn look(folder: &Path) -> Result<Found> {
    Found::look(folder).map_err(|error| cannot("read", folder, error))
}

/// The transforms of a pipeline that something is kept of in its folder. Blocks.
///
/// # Errors
/// It cannot be read.
pub(crate) fn kept(state_dir: &Path, pipeline: &str) -> Result<Vec<String>> {
    let read = || {
        let listed = match std::fs::read_dir(state_dir) {
            // Whoever writes there says that it is no folder.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Vec::new());
            }
            listed => listed?,
        };
        let mut nodes = Vec::new();
        for entry in listed {
            let path = entry?.path();
            let node = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".state"));
            if let Some(node) = node.filter(|_| path.is_dir())
                && Found::look(&path)?.is_held_by(pipeline)
            {
                nodes.push(node.to_owned());
            }
        }
        nodes.sort_unstable();
        Ok(nodes)
    };
    read().map_err(|error| cannot("read", state_dir, error))
}

/// Lets go of all that is kept of a transform. Blocks.
///
/// # Errors
/// The folder cannot be removed.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(cannot("remove", folder, error)),
        _ => Ok(()),
    }
}

/// Begins anew with no state, behind these positions. Blocks.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn begin(folder: &Path, positions: &Checkpoint, last: u64) -> Result<()> {
    Journal::begin(folder, positions, last, Behind::default())
        .map(drop)
        .map_err(|error| cannot("write", folder, error))
}

/// The journal of a transform that runs.
#[derive(Debug)]
pub(crate) struct States {
    folder: PathBuf,
    journal: Arc<Mutex<Journal>>,
    /// The sinks that store no positions, which the journal has to note for; `None` where there are none.
    pub(crate) notes: Option<Targets>,
    /// What is emitted is kept, too.
    pub(crate) keeps_emitted: bool,
    disk: Disk,
}

impl States {
    pub(crate) fn new(
        folder: PathBuf,
        journal: Journal,
        notes: Option<Targets>,
        keeps_emitted: bool,
        disk: Disk,
    ) -> Self {
        Self { folder, journal: Arc::new(Mutex::new(journal)), notes, keeps_emitted, disk }
    }

    /// Whether the next state is to be a whole one.
    pub(crate) fn wants_whole(&self) -> bool {
        self.journal.lock().wants_whole()
    }

    /// Saves a version, with what was emitted where that is kept: durable when it returns.
    ///
    /// # Errors
    /// It cannot be written; it may be tried again with the same.
    pub(crate) async fn save(
        &self,
        version: u64,
        whole: bool,
        positions: &Checkpoint,
        state: &Arc<Vec<u8>>,
        emitted: Option<&Arc<Vec<u8>>>,
    ) -> Result<()> {
        let (positions, state, emitted) = (positions.clone(), Arc::clone(state), emitted.cloned());
        self.run(move |journal| {
            journal.save(version, whole, &positions, &state, emitted.as_ref().map(|emitted| &emitted[..]))
        })
        .await
    }

    /// All up to a version is delivered: notes it where nobody else does, and lets go of what nobody will ask for.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) async fn settled(&self, version: u64) -> Result<()> {
        let notes = self.notes.clone();
        self.run(move |journal| journal.settled(version, notes)).await
    }

    async fn run(&self, work: impl FnOnce(&mut Journal) -> io::Result<()> + Send + 'static) -> Result<()> {
        let (journal, disk, folder) = (Arc::clone(&self.journal), self.disk.clone(), self.folder.clone());
        let write = move || disk.admits(&folder).and_then(|()| work(&mut journal.lock()));
        let done = tokio::task::spawn_blocking(write).await;
        let done = done.map_err(|error| Error::bug(error.to_string()))?;
        done.map_err(|error| cannot("write", &self.folder, error))
    }
}

/// The system did not do as asked with a folder of states.
pub(crate) fn cannot(what: &str, folder: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot {what} the state in {}", folder.display()), error)
}
