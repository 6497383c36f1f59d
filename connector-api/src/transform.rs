//! What happens to readings on the way.
//!
//! ```text
//!   batch ──apply──▶ Transform ──emit──▶ Emitter ──▶ runtime: positions, receipts, queues
//!                        ▲   │
//!             tick, finish   └── save ──▶ state, durable before what was emitted is sent on
//! ```
//!
//! What a transform keeps from one batch to the next is said by [`Holds`], before anything runs:
//!
//! | | a batch is settled when | after a crash |
//! | --- | --- | --- |
//! | [`Holds::Nothing`] | what was emitted of it is delivered | it is read again |
//! | [`Holds::Rows`] | all its rows were emitted and are delivered | it is read again, as are those behind it |
//! | [`Holds::State`] | what was emitted is delivered, and the rest is in the saved state | the state is restored, and reading goes on behind it |

mod emitter;

use std::time::Instant;

use async_trait::async_trait;

use crate::{Batch, Error, Result};

pub use emitter::{Emitted, Emitter};

/// What a transform keeps from one call to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Holds {
    /// Nothing that matters: all that becomes of a batch is emitted when it is applied.
    #[default]
    Nothing,
    /// Rows, for a short time. Nothing is saved: a batch whose rows are held stays unsettled, and so do all behind it.
    Rows,
    /// State that later output depends on: rows, or what was computed from them. The runtime saves it together with the positions
    /// of the input that it was computed from.
    State,
}

/// Changes batches on their way. Called from one task: batches in order, one call at a time.
///
/// Positions are the runtime's: a batch comes without them.
#[async_trait]
pub trait Transform: Send {
    /// For [`Holds::Nothing`]: gets what a batch needs from elsewhere (a store), before it is applied; for most there is nothing to do.
    /// It may be dropped before it is ready, and is then not called again for this batch.
    ///
    /// # Errors
    /// A transient error is tried again with backoff, with the same batch.
    async fn prepare(&mut self, batch: &Batch) -> Result<()> {
        let _ = batch;
        Ok(())
    }

    /// Takes a batch. What goes on is given to `out`; a row that is not counts as settled. A record that cannot be handled is
    /// rejected there.
    ///
    /// # Errors
    /// The transform itself cannot go on; bad rows are no error.
    fn apply(&mut self, batch: Batch, out: &mut Emitter) -> Result<()>;

    /// For [`Holds::Rows`]: the number ([`Emitter::input`]) of the oldest batch that has rows held. Asked after each call.
    fn oldest_held(&self) -> Option<u64> {
        None
    }

    /// For [`Holds::Rows`]: whether no batch is wanted until rows have been emitted. Whoever says so has a [`Transform::tick_at`].
    fn is_full(&self) -> bool {
        false
    }

    /// When [`Transform::tick`] is to be called at the latest; `None` for not at all. Asked after each call.
    fn tick_at(&self) -> Option<Instant> {
        None
    }

    /// The time asked for has come ([`Emitter::now`]), and no batch waits. Not called while what was emitted waits to be sent on.
    ///
    /// # Errors
    /// As [`Transform::apply`].
    fn tick(&mut self, out: &mut Emitter) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// Nothing more will come: everything that is held is emitted. Called once, as the last. For one with saved state it is
    /// [`Transform::stop`] where the run is only stopped.
    ///
    /// # Errors
    /// As [`Transform::apply`].
    fn finish(&mut self, out: &mut Emitter) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// For [`Holds::State`]: the run begins, and it is `now`. What was saved is restored; the times that it waits for are counted from
    /// now on. Called once, before the first batch.
    fn begin(&mut self, now: Instant) {
        let _ = now;
    }

    /// For [`Holds::State`]: appends the state, or of what changed since the last call, where `whole` is not set. What was emitted
    /// before is delivered exactly if the state is.
    ///
    /// # Errors
    /// The transform cannot go on.
    fn save(&mut self, whole: bool, state: &mut Vec<u8>) -> Result<()> {
        let _ = (whole, state);
        Ok(())
    }

    /// For [`Holds::State`]: the run is stopped, and the next goes on from the state. What no state can hold is emitted. Called
    /// once, instead of [`Transform::finish`], and before the last [`Transform::save`].
    ///
    /// # Errors
    /// As [`Transform::apply`].
    fn stop(&mut self, out: &mut Emitter) -> Result<()> {
        let _ = out;
        Ok(())
    }

    /// For [`Holds::State`]: takes what [`Transform::save`] gave: the last whole state, then each change since, in order. Called
    /// before [`Transform::begin`].
    ///
    /// # Errors
    /// It was saved with other options, or by another version. The message says what to do.
    fn restore(&mut self, state: &[u8]) -> Result<()> {
        match state {
            [] => Ok(()),
            _ => Err(Error::bug("this transform has no state, and cannot take one")),
        }
    }
}
