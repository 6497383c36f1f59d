//! The sessions of a sink.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use levada_connector_api::{
    Error, Result, Retry, StoreTarget, Stores,
    model::{Session, SessionError, StatusCode},
};
use parking_lot::Mutex;

/// Sessions, taken in turn. One that was lost is opened again when its turn comes.
pub(super) struct Sessions {
    stores: Arc<dyn Stores>,
    target: StoreTarget,
    slots: Vec<Mutex<Option<Arc<dyn Session>>>>,
    turn: AtomicUsize,
    /// Held while a session is opened, so that two writes do not open one slot twice.
    opening: tokio::sync::Mutex<()>,
}

/// A session and the slot it is from.
#[derive(Debug)]
pub(super) struct Taken {
    slot: usize,
    pub(super) session: Arc<dyn Session>,
}

impl Sessions {
    /// `count` sessions with nodes; one with the embedded engine, which applies writes in the order in which they were
    /// begun and takes any number at once.
    pub(super) fn new(stores: Arc<dyn Stores>, target: StoreTarget, count: usize) -> Self {
        let count = if matches!(target, StoreTarget::Embedded { .. }) { 1 } else { count.max(1) };
        Self {
            stores,
            target,
            slots: (0..count).map(|_| Mutex::default()).collect(),
            turn: AtomicUsize::new(0),
            opening: tokio::sync::Mutex::default(),
        }
    }

    /// Whether the store is in this process.
    pub(super) fn embedded(&self) -> bool {
        matches!(self.target, StoreTarget::Embedded { .. })
    }

    /// Opens those that are not open.
    pub(super) async fn open_all(&self) -> Result<()> {
        for slot in 0..self.slots.len() {
            self.take(slot).await?;
        }
        Ok(())
    }

    /// The next in turn. Ready at the first poll where the session is open.
    pub(super) async fn next(&self) -> Result<Taken> {
        self.take(self.turn.fetch_add(1, Ordering::Relaxed) % self.slots.len()).await
    }

    /// The first, for statements.
    pub(super) async fn first(&self) -> Result<Taken> {
        self.take(0).await
    }

    async fn take(&self, slot: usize) -> Result<Taken> {
        if let Some(session) = self.slots[slot].lock().clone() {
            return Ok(Taken { slot, session });
        }
        let _opening = self.opening.lock().await;
        let open = self.slots[slot].lock().clone();
        let session = match open {
            Some(session) => session,
            None => {
                let session = self.stores.open(&self.target).await?;
                *self.slots[slot].lock() = Some(Arc::clone(&session));
                session
            }
        };
        Ok(Taken { slot, session })
    }

    /// The error of a request, for the runtime. A session that the other side does not know any more, or that lost it, is let
    /// go: another attempt gets a new one.
    pub(super) fn failed(&self, taken: &Taken, error: SessionError) -> Error {
        let lost = !self.embedded() && matches!(error.code, StatusCode::NOT_LOGIN | StatusCode::NOT_READY);
        if lost {
            let mut slot = self.slots[taken.slot].lock();
            if slot.as_ref().is_some_and(|session| Arc::ptr_eq(session, &taken.session)) {
                *slot = None;
            }
        }
        let error = Error::from(error);
        let error = if lost && error.retry() == Retry::Never {
            Error::connection(format!("the session was lost: {error}")).caused_by(error)
        } else {
            error
        };
        error.with("store", self)
    }

    /// Closes all; every one is tried.
    pub(super) async fn close(&self) -> Result<()> {
        let mut result = Ok(());
        for slot in &self.slots {
            let session = slot.lock().take();
            if let Some(session) = session
                && let Err(error) = session.close().await
                && result.is_ok()
            {
                result = Err(Error::from(error).with("store", self));
            }
        }
        result
    }
}

/// Which store: a folder, or nodes.
impl fmt::Display for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            StoreTarget::Embedded { folder, .. } => folder.display().fmt(f),
            StoreTarget::Nodes { nodes, .. } => f.write_str(&nodes.join(", ")),
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("target", &self.target).finish_non_exhaustive()
    }
}
