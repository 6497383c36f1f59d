//! The future that tells when a write is durable.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::shared::Shared;
use crate::{StorageError, wait::block_on};

/// Resolves when what it was handed out for is durable under the store's [`crate::SyncMode`]. Needs no executor of its own;
/// may be dropped at any time, which changes nothing but that nobody learns of it.
#[derive(Debug)]
pub struct Durable {
    // Without a log there is nothing to wait for.
    log: Option<Arc<Shared>>,
    seq: u64,
    ticket: Option<u64>,
    /// It was polled: somebody sees to it that the record is written.
    is_asked: bool,
    /// The thread was not told of the record: see [`Durable::is_own`].
    is_own: bool,
    /// A sync is waited for, whatever the mode.
    until_synced: bool,
}

impl Durable {
    pub(super) fn new(log: Arc<Shared>, seq: u64) -> Self {
        Self { log: Some(log), seq, ticket: None, is_asked: false, is_own: false, until_synced: false }
    }

    /// One whose holder writes its record; the thread was not told of it.
    pub(super) fn own(log: Arc<Shared>, seq: u64) -> Self {
        let mut durable = Self::new(log, seq);
        durable.is_own = true;
        durable
    }

    /// One that resolves when it is synced too.
    pub(super) fn synced(log: Arc<Shared>, seq: u64) -> Self {
        Self { log: Some(log), seq, ticket: None, is_asked: false, is_own: false, until_synced: true }
    }

    /// One that has resolved.
    pub(crate) fn already() -> Self {
        Self { log: None, seq: 0, ticket: None, is_asked: true, is_own: false, until_synced: false }
    }

    /// Whether nobody else writes with this one, so that its holder had best write and sync the log with [`Durable::commit`]: that saves
    /// waking a thread, and being woken by it. Who polls or drops it leaves that to the thread.
    pub fn is_own(&self) -> bool {
        self.is_own && !self.is_asked
    }

    /// Writes the record and syncs the log, where [`Durable::is_own`] says so and nobody else is at it. Blocks; what came of it
    /// the future says.
    pub fn commit(&mut self) {
        if let Some(log) = self.log.as_ref().filter(|_| self.is_own()) {
            log.write_now(true);
            self.is_asked = true;
        }
    }

    /// Blocks the thread until it is durable.
    ///
    /// # Errors
    /// It is not: the log could not be written. It may become durable later, so it must be taken for neither.
    pub fn wait(self) -> Result<(), StorageError> {
        block_on(self)
    }
}

impl Future for Durable {
    type Output = Result<(), StorageError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(log) = self.log.clone() else {
            return Poll::Ready(Ok(()));
        };
        let mut state = log.state.lock();
        let mut outcome = state.outcome(self.seq, self.until_synced);
        if outcome.is_none() && !self.is_asked && log.interval.is_some() {
            drop(state);
            log.write_now(false);
            state = log.state.lock();
            outcome = state.outcome(self.seq, self.until_synced);
        } else if self.is_own() {
            log.work.notify_one();
        }
        self.is_asked = true;
        match outcome {
            Some(outcome) => {
                if let Some(ticket) = self.ticket.take() {
                    state.waiters.forget(self.seq, ticket);
                }
                Poll::Ready(outcome)
            }
            None => {
                let ticket = state.waiters.register(self.seq, self.ticket, context.waker());
                self.ticket = Some(ticket);
                Poll::Pending
            }
        }
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        let Some(log) = &self.log else { return };
        if let Some(ticket) = self.ticket {
            log.state.lock().waiters.forget(self.seq, ticket);
        }
        if !self.is_asked && (log.interval.is_some() || self.is_own) {
            log.work.notify_one();
        }
    }
}

/// Resolves when all up to a write is synced, or nothing will be any more. May be dropped at any time.
#[derive(Debug)]
pub(crate) struct Synced {
    log: Arc<Shared>,
    seq: u64,
    ticket: Option<u64>,
}

impl Synced {
    pub(super) fn new(log: Arc<Shared>, seq: u64) -> Self {
        Self { log, seq, ticket: None }
    }
}

impl Future for Synced {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let log = Arc::clone(&self.log);
        let mut state = log.state.lock();
        if state.is_synced(self.seq) {
            return Poll::Ready(());
        }
        let ticket = state.followers.register(self.seq, self.ticket, context.waker());
        self.ticket = Some(ticket);
        Poll::Pending
    }
}

impl Drop for Synced {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.log.state.lock().followers.forget(self.seq, ticket);
        }
    }
}
