//! The session of a query source.

use std::{fmt, sync::Arc};

use levada_connector_api::{
    Error, Result, Retry, StoreTarget, Stores,
    model::{Session, SessionError, StatusCode},
};
use parking_lot::Mutex;

/// A store, and the session with it. One that was lost is opened again.
pub(super) struct Place {
    stores: Arc<dyn Stores>,
    target: StoreTarget,
    session: Mutex<Option<Arc<dyn Session>>>,
    /// Held while a session is opened, so that two parts do not open two.
    opening: tokio::sync::Mutex<()>,
}

impl Place {
    /// No session is open yet.
    pub(super) fn new(stores: Arc<dyn Stores>, target: StoreTarget) -> Self {
        Self { stores, target, session: Mutex::default(), opening: tokio::sync::Mutex::default() }
    }

    /// The session.
    pub(super) async fn session(&self) -> Result<Arc<dyn Session>> {
        if let Some(session) = self.session.lock().clone() {
            return Ok(session);
        }
        let _opening = self.opening.lock().await;
        if let Some(session) = self.session.lock().clone() {
            return Ok(session);
        }
        self.target.exists()?;
        let session = self.stores.open(&self.target).await?;
        *self.session.lock() = Some(Arc::clone(&session));
        Ok(session)
    }

    /// The error of a request. A session that the other side does not know any more is let go: another attempt opens one.
    pub(super) fn failed(&self, error: SessionError) -> Error {
        let lost = error.code == StatusCode::NOT_LOGIN;
        if lost {
            *self.session.lock() = None;
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

/// Which store: a folder, or nodes in order of their names.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            StoreTarget::Embedded { folder, .. } => folder.display().fmt(f),
            StoreTarget::Nodes { nodes, .. } => {
                let mut nodes: Vec<_> = nodes.iter().map(String::as_str).collect();
                nodes.sort_unstable();
                f.write_str(&nodes.join(", "))
            }
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("target", &self.target).finish_non_exhaustive()
    }
}
