//! Following an engine: all that is done to it, in order, for a pipe or for a query that goes on.
//!
//! ```text
//!   Engine::changes(reader, from) ─► ChangeFeed
//!        next ─► changes, durable, each once ─► … deliver … ─► settle(position)      persisted by whoever delivers, too
//! ```
//! A pipe gives a name. It begins with [`ChangesFrom::History`], and keeps, where its own progress is kept, the
//! [`Change::position`] that it delivered last once it is past [`levada_storage::ChangeKind::HistoryEnd`]; begun again, it reads
//! [`ChangesFrom::After`] that position. A history that was broken off is read anew, or by pipes from where it was. Where the answer is
//! [`StorageError::Behind`], what it lacks is not kept any more, since it stood still for more than
//! [`levada_storage::StorageOptions::changes_bytes`]: then a history behind its position has what is stored, or says that
//! what went meanwhile cannot be told. A query that follows needs no name: [`ChangesFrom::Now`], beside a query of what was there before.
//!
//! A feed costs who writes nothing: it reads the log's files behind them. It reads on threads that may block; nothing else of it waits for
//! the disk.

use std::{mem::replace, time::Duration};

use levada_model::{SessionError, StatusCode};
use levada_storage::{Change, Changes, ChangesFrom, ChunksOf, HistoryMark, Settler, Storage, StorageError};
use tokio::{
    task::{JoinHandle, spawn_blocking},
    time::sleep,
};

use crate::EngineError;

/// How often, and how far apart, a feed is asked for that another still has.
const LEAVING_TRIES: usize = 100;
const LEAVING: Duration = Duration::from_millis(20);

/// Changes of an engine, as they become durable. It must be used within a tokio runtime.
#[derive(Debug)]
pub struct ChangeFeed {
    reader: Reader,
    settler: Settler,
    position: u64,
}

/// What is stored, for a reader that goes on where it was when it is broken off.
#[derive(Clone, Debug)]
pub(crate) struct HistoryFeed {
    /// What of it comes as chunks.
    pub(crate) chunks: Option<ChunksOf>,
    /// What has come before.
    pub(crate) done: Option<HistoryMark>,
}

/// A reader, and what it found.
type Read = (Box<Changes>, Result<Vec<Change>, StorageError>);

#[derive(Debug)]
enum Reader {
    /// It waits for more.
    Waits(Box<Changes>),
    /// It reads, also while nobody waits for it.
    Reads(JoinHandle<Read>),
    /// A read was broken off, and the reader is gone with it.
    Gone,
}

impl ChangeFeed {
    /// Begins to follow a store: see [`Storage::changes`] and [`Storage::history`]. One that was dropped just now ends with the read that is under way: whoever
    /// comes by the same name waits a while for that.
    pub(crate) async fn begin(
        storage: &Storage,
        reader: Option<&str>,
        (from, history): (ChangesFrom, Option<HistoryFeed>),
    ) -> Result<Self, EngineError> {
        let mut left = LEAVING_TRIES;
        loop {
            let (storage, reader, history) = (storage.clone(), reader.map(str::to_owned), history.clone());
            let begun = spawn_blocking(move || match history {
                Some(HistoryFeed { chunks, done }) => {
                    storage.history(reader.as_deref(), from, (chunks, done))
                }
                None => storage.changes(reader.as_deref(), from),
            });
            match begun.await.map_err(EngineError::Interrupted)? {
                Err(StorageError::BeingRead { .. }) if left > 0 => {
                    left -= 1;
                    sleep(LEAVING).await;
                }
                changes => {
                    let changes = changes?;
                    let (settler, position) = (changes.settler(), changes.position());
                    return Ok(Self { reader: Reader::Waits(Box::new(changes)), settler, position });
                }
            }
        }
    }

    /// The changes that come next, of about so many bytes together; waits until there is one. Dropped before it resolves, it
    /// takes nothing away from the next call, which gives what is being read.
    ///
    /// # Errors
    /// As [`Changes::read`]: what comes next is not kept any more or cannot be read, the engine is closed.
    pub async fn next(&mut self, bytes: usize) -> Result<Vec<Change>, SessionError> {
        loop {
            match &mut self.reader {
                Reader::Waits(changes) => {
                    changes.more().await;
                    if let Reader::Waits(mut changes) = replace(&mut self.reader, Reader::Gone) {
                        let read = spawn_blocking(move || {
                            let read = changes.read(bytes);
                            (changes, read)
                        });
                        self.reader = Reader::Reads(read);
                    }
                }
                Reader::Reads(read) => {
                    let read = read.await;
                    self.reader = Reader::Gone;
                    let (changes, found) = read.map_err(|error| broken(&error))?;
                    self.position = changes.position();
                    self.reader = Reader::Waits(changes);
                    let found = found?;
                    if !found.is_empty() {
                        return Ok(found);
                    }
                }
                Reader::Gone => return Err(broken(&"a read before was")),
            }
        }
    }

    /// All changes up to this one were given: see [`Change::position`].
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Says what was delivered, also while the next changes are awaited.
    pub fn marker(&self) -> FeedMarker {
        FeedMarker(self.settler.clone())
    }

    /// Says that all up to a [`Change::position`] was delivered, for a feed with a name: what was kept for that goes.
    pub fn settle(&self, position: u64) {
        self.settler.settle(position);
    }
}

fn broken(error: &dyn std::fmt::Display) -> SessionError {
    let message = format!("reading changes was broken off: {error}");
    SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, message)
}

/// The end of a feed at which is said what was delivered.
#[derive(Clone, Debug)]
pub struct FeedMarker(Settler);

impl FeedMarker {
    /// See [`ChangeFeed::settle`].
    pub fn settle(&self, position: u64) {
        self.0.settle(position);
    }
}
