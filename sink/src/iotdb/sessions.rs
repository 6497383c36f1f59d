//! The session of a sink.

use std::{fmt, sync::Arc};

use levada_connector_api::{
    Error, Result, Retry, StoreTarget, Stores,
    model::{Session, SessionError, StatusCode},
};
use parking_lot::Mutex;

/// The session: it takes any number of writes at once, and applies those of a device in the order in which they were begun. One
/// that was lost is opened again.
pub(super) struct Sessions {
    stores: Arc<dyn Stores>,
    target: StoreTarget,
    session: Mutex<Option<Arc<dyn Session>>>,
    /// Held while a session is opened, so that two writes do not open two.
    opening: tokio::sync::Mutex<()>,
}

impl Sessions {
    /// No session is open yet.
    pub(super) fn new(stores: Arc<dyn Stores>, target: StoreTarget) -> Self {
        Self { stores, target, session: Mutex::default(), opening: tokio::sync::Mutex::default() }
    }

    /// Whether the store is in this process.
    pub(super) fn embedded(&self) -> bool {
        matches!(self.target, StoreTarget::Embedded { .. })
    }

    /// The session. Ready at the first poll where it is open.
    pub(super) async fn get(&self) -> Result<Arc<dyn Session>> {
        if let Some(session) = self.session.lock().clone() {
            return Ok(session);
        }
        let _opening = self.opening.lock().await;
        if let Some(session) = self.session.lock().clone() {
            return Ok(session);
        }
        let session = self.stores.open(&self.target).await?;
        *self.session.lock() = Some(Arc::clone(&session));
        Ok(session)
    }

    /// The error of a request, for the runtime. A session that the other side does not know any more is let go: another
    /// attempt gets a new one.
    pub(super) fn failed(&self, taken: &Arc<dyn Session>, error: SessionError) -> Error {
        let lost = !self.embedded() && error.code == StatusCode::NOT_LOGIN;
        if lost {
            let mut session = self.session.lock();
            if session.as_ref().is_some_and(|session| Arc::ptr_eq(session, taken)) {
                *session = None;
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

    /// Closes the session.
    pub(super) async fn close(&self) -> Result<()> {
        let session = self.session.lock().take();
        match session {
            Some(session) => session.close().await.map_err(|error| Error::from(error).with("store", self)),
            None => Ok(()),
        }
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
