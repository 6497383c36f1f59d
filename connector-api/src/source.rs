//! Where readings come from.

use async_trait::async_trait;
use levada_model::{Checkpoint, SplitName, SplitPosition};

use crate::{Batch, Error, Result};

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

/// A split that the other side has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitState {
    /// Its name.
    pub split: SplitName,
    /// The first position there is, where that is known.
    pub first: Option<u64>,
    /// The position behind the last record, where that is known.
    pub end: Option<u64>,
    /// The first position that the source has not committed, where it has a memory of its own (a consumer group).
    pub committed: Option<u64>,
    /// Where reading goes on, where the source has more to go by than what is stored.
    pub next: Option<u64>,
}

/// A point of every split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// The first record there is.
    Earliest,
    /// Behind the last record there is.
    Latest,
    /// The first record of this time, in milliseconds, or a later.
    Time(i64),
}

/// Where readings come from.
///
/// The runtime owns a source and calls it from one task: `connect` once, then `next` and `settle` in turn, then `close`
/// once (also after an error).
#[async_trait]
pub trait Source: Send {
    /// What the runtime has to know.
    fn capabilities(&self) -> SourceCapabilities;

    /// For splits that some of its sinks keep a position of, and others know nothing of: the first position that one of them
    /// lacks. A source with a memory of its own goes on no further than that, unless another process read the split since.
    /// Called before `connect` and before `splits`.
    fn limit(&mut self, _: &Checkpoint) {}

    /// Opens connections and finds the beginning. `stored` holds, for splits of this source that the sink keeps
    /// positions of, the first position that is not stored. It counts also where a memory of the source's own (a consumer group)
    /// is further on, since the rows are where their positions are; unless another process read the split since.
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

    /// The splits there are now, each with what the source itself remembers of it. Called where nothing is read, by
    /// somebody who looks at positions, instead of `connect`. `stored` is as for `connect`: unless a source knows better,
    /// its splits are those of which something is stored.
    ///
    /// # Errors
    /// The other side does not answer.
    async fn splits(&mut self, stored: &Checkpoint) -> Result<Vec<SplitState>> {
        let state = |split: &SplitName| SplitState {
            split: split.clone(),
            first: None,
            end: None,
            committed: None,
            next: None,
        };
        Ok(stored.keys().map(state).collect())
    }

    /// The positions at a point of splits. Called as `splits` is.
    ///
    /// # Errors
    /// The other side does not answer, or the source knows positions of the beginning only.
    async fn locate(&mut self, point: Point, splits: &[SplitName]) -> Result<Vec<SplitPosition>> {
        if point != Point::Earliest {
            let message =
                "this source can be set to `earliest` or to a position, SPLIT=N; it knows no other points";
            return Err(Error::config(message));
        }
        Ok(splits.iter().map(|split| SplitPosition { split: split.clone(), position: 0 }).collect())
    }

    /// Sets what the source itself remembers; nothing unless it has a memory of its own. Called as `splits` is.
    ///
    /// # Errors
    /// The other side does not answer, or somebody is reading.
    async fn reset(&mut self, _: &[SplitPosition]) -> Result<()> {
        Ok(())
    }

    /// A split's name without what tells it from others of its name (the id of a topic), for people who type it.
    fn short_name(&self, split: &str) -> String {
        split.to_owned()
    }

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
