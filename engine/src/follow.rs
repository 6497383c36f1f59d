//! What a session's follower gets: the rows among the changes of an engine.

use std::collections::VecDeque;

use async_trait::async_trait;
use levada_model::{Follow, FollowFrom, Followed, SessionError, StatusCode};
use levada_storage::{Change, ChangeKind, ChangesFrom, StorageError};

use crate::{ChangeFeed, Engine, EngineError};

/// About so many bytes of changes are read at once.
const BYTES: usize = 1 << 20;

/// Begins to follow an engine.
///
/// # Errors
/// As [`levada_storage::Storage::changes`], but that what is not kept any more is read from the beginning.
pub(crate) async fn begin(
    engine: &Engine,
    reader: &str,
    from: FollowFrom,
) -> Result<Box<dyn Follow>, SessionError> {
    let everything = ChangesFrom::History { after: 0 };
    let (begun, is_past_history) = match from {
        FollowFrom::Everything => (engine.changes(Some(reader), everything).await, false),
        FollowFrom::Behind(position) => {
            match engine.changes(Some(reader), ChangesFrom::After(position)).await {
                Err(EngineError::Storage(StorageError::Behind { .. })) => {
                    (engine.changes(Some(reader), everything).await, false)
                }
                begun => (begun, true),
            }
        }
    };
    Ok(Box::new(Follower { feed: begun?, is_past_history, ready: VecDeque::new() }))
}

#[derive(Debug)]
struct Follower {
    feed: ChangeFeed,
    is_past_history: bool,
    /// What was read and not given.
    ready: VecDeque<Followed>,
}

impl Follower {
    fn take(&mut self, change: Change) {
        let (owner, tablets) = match change.kind {
            ChangeKind::Rows { owner, tablets } => (owner, tablets),
            ChangeKind::HistoryEnd => {
                self.is_past_history = true;
                (None, Vec::new())
            }
            _ if self.is_past_history => (None, Vec::new()),
            _ => return,
        };
        let position = self.is_past_history.then_some(change.position);
        self.ready.push_back(Followed { position, owner, tablets });
    }
}

#[async_trait]
impl Follow for Follower {
    async fn next(&mut self) -> Result<Followed, SessionError> {
        loop {
            if let Some(followed) = self.ready.pop_front() {
                return Ok(followed);
            }
            let changes = self.feed.next(BYTES).await.map_err(|error| {
                let transient = error.transient || error.code == StatusCode::ILLEGAL_PARAMETER;
                SessionError { transient, ..error }
            })?;
            for change in changes {
                self.take(change);
            }
        }
    }

    fn settle(&self, position: u64) {
        self.feed.settle(position);
    }
}
