//! A write as a future.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use levada_model::Write;

use crate::{
    Inserted, StorageError,
    store::{By, Store},
};

/// A write that waits for its turn and for room; see [`Storage::insert_when_ready`](crate::Storage::insert_when_ready).
#[derive(Debug)]
pub struct Insert {
    store: Arc<Store>,
    write: Option<Write>,
    by: By,
    /// Its place in the queue.
    ticket: Option<u64>,
}

impl Insert {
    /// By anybody, until more is said.
    pub(super) fn new(store: Arc<Store>, write: Write) -> Self {
        Self { store, write: Some(write), by: By::ANYBODY, ticket: None }
    }

    /// With `true`, rows of series that are not there are rejected, where the store would make the series.
    #[must_use]
    pub fn known_series_alone(mut self, alone: bool) -> Self {
        self.by.makes = !alone;
        self
    }

    /// With `true`, who waits may be left to write and sync the log: see [`Durable::is_own`](crate::Durable::is_own).
    #[must_use]
    pub fn committed_by_caller(mut self, may_commit: bool) -> Self {
        self.by.may_commit = may_commit;
        self
    }
}

impl Future for Insert {
    type Output = Result<Inserted, StorageError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let store = Arc::clone(&self.store);
        let Poll::Ready(turn) = store.admission.poll_turn(&mut self.ticket, || store.has_room(), context)
        else {
            return Poll::Pending;
        };
        let core = store.core.lock();
        drop(turn);
        let write = self.write.take().ok_or(StorageError::Closed);
        Poll::Ready(write.and_then(|write| store.insert(core, write, self.by)))
    }
}

impl Drop for Insert {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.store.admission.leave(ticket);
        }
    }
}
