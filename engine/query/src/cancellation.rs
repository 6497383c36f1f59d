//! The end of a query that nobody waits for.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::QueryError;

/// Says that nobody wants a query's rows any more. Clones are one and the same.
///
/// What makes rows of a query (scans, windows, look-ups of last points) asks before each batch; operators that only pull
/// from others end with them. Whoever asks for rows of a cancelled query gets [`QueryError::Cancelled`].
#[derive(Clone, Debug, Default)]
pub struct Cancellation(Arc<AtomicBool>);

impl Cancellation {
    /// Ends the query at the next batch. There is no way back.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether [`Cancellation::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    /// Fails where the query is to end.
    pub(crate) fn check(&self) -> Result<(), QueryError> {
        if self.is_cancelled() { Err(QueryError::Cancelled) } else { Ok(()) }
    }
}
