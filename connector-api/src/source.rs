//! Where readings come from.

use async_trait::async_trait;
use levada_model::{Checkpoint, SplitPosition};

use crate::{Batch, Result};

/// What the runtime has to know of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceCapabilities {
    /// It ends by itself.
    pub bounded: bool,
    /// After a restart it can read again from a position that was settled: nothing is lost by kill -9.
    pub replayable: bool,
    /// No position has to be remembered for it: what is settled it commits somewhere itself (a consumer group) and goes on
    /// there after a restart, or every run is a new beginning (simulated sensors). The positions of any other are remembered by
    /// the runtime, where its rows reach a lasting sink that stores none.
    pub remembers: bool,
}

/// How far a source is, for people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Records read since it was connected.
    pub read: u64,
    /// Records there will be in all, where that is known: what a progress bar is made of.
    pub total: Option<u64>,
    /// Records that are waiting at the other side, where that is known.
    pub lag: Option<u64>,
}

/// Where readings come from.
///
/// The runtime owns a source and calls it from one task: `connect` once, then `next` and `settle` in turn, then `close`
/// once (also after an error).
#[async_trait]
pub trait Source: Send {
    /// What the runtime has to know.
    fn capabilities(&self) -> SourceCapabilities;

    /// Opens connections and finds the beginning. `stored` holds, for splits of this source that the sink keeps
    /// positions of, the first position that is not stored; a source that has a memory of its own (a consumer group)
    /// takes the later of the two.
    ///
    /// # Errors
    /// A transient error is tried again with backoff on the same object.
    async fn connect(&mut self, stored: &Checkpoint) -> Result<()>;

    /// The next batch, `None` at the end. Waits while there is nothing; does not wait for a batch to fill up for more
    /// than some milliseconds.
    ///
    /// **Cancel safe**: where the future is dropped before it is ready, nothing is lost.
    ///
    /// # Errors
    /// After a transient error the runtime calls again, with backoff.
    ///
    /// An error that [gives a split up](crate::Error::giving_up) is for a fault of one split that will not heal: a file
    /// that is broken or gone, a partition that this user may not read, a codec that this build lacks. The runtime notes
    /// it and calls again at once. The source has handed out all it could read of the split before; of its positions it
    /// hands out no more until it is connected anew, so that the next run begins where this one had to leave. A bounded
    /// source ends when no other split is left; the run is then told from one that read everything. Each split is given
    /// up once.
    ///
    /// Any other error ends the pipeline.
    async fn next(&mut self) -> Result<Option<Batch>>;

    /// All before these positions is settled for good: commit it. Positions of a split only grow, unless the split went
    /// away and came back. Called often (many times a second) and after the last batch was settled; a source that
    /// commits over the network does so at intervals of its own, and for certain in `close`.
    ///
    /// # Errors
    /// A failed commit is logged and made good by the next.
    async fn settle(&mut self, settled: &[SplitPosition]) -> Result<()>;

    /// How far it is.
    fn progress(&self) -> Progress {
        Progress::default()
    }

    /// Commits what was settled and lets go of everything. The runtime bounds it with a deadline.
    ///
    /// # Errors
    /// The last commit failed: what it held will be read again.
    async fn close(&mut self) -> Result<()>;
}
