//! A connection that is a pipe's.

use levada_engine::Received;

use crate::transfer::Transfer;

/// That a connection is a pipe's.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// That it is listed, once for each database.
    pub(crate) received: Vec<Received>,
    /// What it has sent in part; `None` where it is a pipe of this program.
    pub(crate) transfer: Option<Transfer>,
}
