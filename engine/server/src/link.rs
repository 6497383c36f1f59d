//! A connection that is a pipe's.

use levada_engine::Received;

/// That a connection is a pipe's.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// That it is listed, once for each database.
    pub(crate) received: Vec<Received>,
}
