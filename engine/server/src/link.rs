//! A connection that is a pipe's.

use levada_engine::{Received, Sender};

use crate::transfer::Transfer;

/// That a connection is a pipe's.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// That it is listed, once for each database.
    pub(crate) received: Vec<Received>,
    /// What it has sent in part; `None` where it is a pipe of this program.
    pub(crate) transfer: Option<Transfer>,
}

/// With so many databases a connection is listed at most.
const MOST_LISTED: usize = 4096;

impl Link {
    /// Whether the connection needs no line more for a database.
    pub(crate) fn is_listed(&self, sender: &Sender, database: &str) -> bool {
        self.received.len() >= MOST_LISTED || self.received.iter().any(|each| each.is_of(sender, database))
    }
}
