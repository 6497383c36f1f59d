//! Where readings go.

use std::time::Duration;

use async_trait::async_trait;
use levada_model::Checkpoint;

use crate::{Batch, Result};

/// What the runtime has to know of a sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SinkCapabilities {
    /// How many writes may be under way at once; 1 keeps their order.
    pub max_in_flight: usize,
    /// Positions are stored with the rows: [`Sink::checkpoint`] gives them back after a restart.
    pub checkpoints: bool,
    /// Rows stay when the run is over. A source whose rows all go to sinks that keep nothing begins at its beginning.
    pub lasting: bool,
    /// How long [`Sink::close`] may take, where it has work that grows with what was written.
    pub closing: Option<Duration>,
}

impl Default for SinkCapabilities {
    fn default() -> Self {
        Self { max_in_flight: 1, checkpoints: false, lasting: true, closing: None }
    }
}

/// What became of a batch that the sink took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Rows that will never be taken; all others are delivered.
    pub rejected: Vec<Rejection>,
    /// Values of rejected rows that were delivered all the same: others of the same row were not.
    pub beside: usize,
}

/// Rows of a batch that a sink will never take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// Index in [`Batch::readings`].
    pub readings: usize,
    /// Indexes of the rows, ascending; all rows where `None`.
    pub rows: Option<Vec<u32>>,
    /// Why.
    pub error: String,
}

/// Where readings go.
///
/// The runtime calls `connect` once, then `write` up to [`SinkCapabilities::max_in_flight`] times at once, then `close`
/// once when no write is under way.
#[async_trait]
pub trait Sink: Send + Sync {
    /// What the runtime has to know; read once, before `connect`.
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities::default()
    }

    /// Opens connections and prepares the other side.
    ///
    /// # Errors
    /// A transient error is tried again with backoff on the same object.
    async fn connect(&self) -> Result<()>;

    /// The positions stored by earlier writes of the same pipeline and node, after `connect`.
    ///
    /// # Errors
    /// As `connect`.
    async fn checkpoint(&self) -> Result<Checkpoint> {
        Ok(Checkpoint::new())
    }

    /// Delivers a batch. When it returns, all rows but the rejected are as durable as the sink promises.
    ///
    /// Dropping the future leaves open whether it was delivered. The runtime calls again with the same batch after a
    /// transient error, so delivering twice must do no harm that the sink's documentation does not name.
    ///
    /// # Errors
    /// Nothing is known of any row of the batch: a transient error is tried again, any other ends the pipeline.
    async fn write(&self, batch: &Batch) -> Result<Delivery>;

    /// Makes everything delivered final (files renamed into place) and lets go. Bounded by a deadline.
    ///
    /// # Errors
    /// Something delivered is not where it should be.
    async fn close(&self) -> Result<()>;
}
