//! Following an engine: all that is done to it, in order, for a pipe or for a query that goes on.
//!
//! ```text
//!   Engine::changes(reader, from) ─► ChangeFeed
//!        next ─► changes, durable, each once ─► … deliver … ─► settle(position)      persisted by whoever delivers, too
//! ```
//! A pipe gives a name. It begins with [`ChangesFrom::History`], and keeps, where its own progress is kept, the
//! [`Change::position`] that it delivered last once it is past [`levada_storage::ChangeKind::HistoryEnd`]; begun again, it reads
//! [`ChangesFrom::After`] that position. A history that was broken off is read anew. Where the answer is
//! [`StorageError::Behind`], what it lacks is not kept any more, since it stood still for more than
//! [`levada_storage::StorageOptions::changes_bytes`]: then a history behind its position has what is stored, or says that
//! what went meanwhile cannot be told. A query that follows needs no name: [`ChangesFrom::Now`], beside a query of what was there before.
//!
//! A feed costs who writes nothing: it reads the log's files behind them.

use std::sync::Arc;

use levada_model::{SessionError, StatusCode};
use levada_storage::{Change, Changes, ChangesFrom, Storage, StorageError};
use parking_lot::Mutex;
use tokio::task::spawn_blocking;

use crate::EngineError;

/// Changes of an engine, as they become durable. It must be used within a tokio runtime.
#[derive(Debug)]
pub struct ChangeFeed {
    shared: Arc<Mutex<Reading>>,
}

#[derive(Debug)]
struct Reading {
    changes: Changes,
    /// What was read and not given: whoever asked went away.
    ready: Vec<Change>,
}

impl ChangeFeed {
    /// Begins to follow a store: see [`Storage::changes`].
    pub(crate) async fn begin(
        storage: &Storage,
        reader: Option<&str>,
        from: ChangesFrom,
    ) -> Result<Self, EngineError> {
        let (storage, reader) = (storage.clone(), reader.map(str::to_owned));
        let begun = spawn_blocking(move || storage.changes(reader.as_deref(), from));
        let changes = begun.await.map_err(EngineError::Interrupted)??;
        Ok(Self { shared: Arc::new(Mutex::new(Reading { changes, ready: Vec::new() })) })
    }

    /// The changes that come next, of about so many bytes together; waits until there is one. Dropped before it resolves, it
    /// takes nothing away from the next call.
    ///
    /// # Errors
    /// As [`Changes::read`]: what comes next is not kept any more or cannot be read, the engine is closed.
    pub async fn next(&mut self, bytes: usize) -> Result<Vec<Change>, SessionError> {
        loop {
            let (ready, more) = {
                let mut reading = self.shared.lock();
                (std::mem::take(&mut reading.ready), reading.changes.more())
            };
            if !ready.is_empty() {
                return Ok(ready);
            }
            more.await;
            let shared = Arc::clone(&self.shared);
            let read = spawn_blocking(move || {
                let mut reading = shared.lock();
                if reading.ready.is_empty() {
                    reading.ready = reading.changes.read(bytes)?;
                }
                Ok::<_, StorageError>(())
            });
            let broken = |error: tokio::task::JoinError| {
                let message = format!("reading changes was broken off: {error}");
                SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
            };
            read.await.map_err(broken)??;
        }
    }

    /// All changes up to this one were given: see [`Change::position`].
    pub fn position(&self) -> u64 {
        self.shared.lock().changes.position()
    }

    /// Says what was delivered, also while the next changes are awaited.
    pub fn marker(&self) -> FeedMarker {
        FeedMarker(Arc::clone(&self.shared))
    }

    /// Says that all up to a [`Change::position`] was delivered, for a feed with a name: what was kept for that goes.
    pub fn settle(&self, position: u64) {
        self.shared.lock().changes.settle(position);
    }
}

/// The end of a feed at which is said what was delivered.
#[derive(Clone, Debug)]
pub struct FeedMarker(Arc<Mutex<Reading>>);

impl FeedMarker {
    /// See [`ChangeFeed::settle`]. Blocks while the feed reads.
    pub fn settle(&self, position: u64) {
        self.0.lock().changes.settle(position);
    }
}
