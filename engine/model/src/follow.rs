//! Following a store: rows as they are stored.

use std::{fmt, sync::Arc};

use async_trait::async_trait;

use crate::{SessionError, Tablet};

/// Where following begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FollowFrom {
    /// With all that is stored, and then with what comes.
    Everything,
    /// Behind a [`Followed::position`]. Where the store has not kept what came since, with everything.
    Behind(u64),
}

/// Rows that were stored in one write, or some of those that were stored before.
#[derive(Clone, Debug)]
pub struct Followed {
    /// Whoever has these rows and all before them goes on behind this position. `None` while that is not so: what was stored before
    /// comes in no order of writes, and is read anew where its reading was broken off.
    pub position: Option<u64>,
    /// In whose name they were written, where positions came with them.
    pub owner: Option<Arc<str>>,
    /// The rows; none where something else was done to the store.
    pub tablets: Vec<Tablet>,
}

/// A store that is followed. Rows that are deleted are not told of; what was written over comes as it was written, or as it is now.
#[async_trait]
pub trait Follow: fmt::Debug + Send {
    /// The rows that are stored next, once they are durable; waits until there are some. Cancel safe.
    ///
    /// # Errors
    /// The store is closed, or cannot be read. A transient error says that the store has not kept what comes next: follow it
    /// again.
    async fn next(&mut self) -> Result<Followed, SessionError>;

    /// All up to a position is settled: the store need not keep it any more for this reader.
    fn settle(&self, position: u64);
}
