//! What the tasks of one pipeline have in common.

use std::{future::Future, sync::Arc, time::Duration};

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{
    node::{Node, NodeState},
    rejections::Rejections,
    retry::Chance,
};

/// How long connectors may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// For connecting, once; then it is tried again.
    pub connect: Duration,
    /// For writing a batch, once; then it is tried again.
    pub write: Duration,
    /// For closing; then what is open is left behind.
    pub close: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            write: Duration::from_secs(120),
            close: Duration::from_secs(10),
        }
    }
}

/// What the tasks of one pipeline have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) pipeline: Arc<str>,
    /// Read no more; finish what was read.
    pub(crate) stop: CancellationToken,
    /// Finish nothing.
    pub(crate) abort: CancellationToken,
    pub(crate) rejections: Rejections,
    pub(crate) deadlines: Deadlines,
    pub(crate) chance: Chance,
    /// All tasks have ended and everything is closed.
    pub(crate) ended: CancellationToken,
    /// The error that ended the pipeline: the first one.
    failure: Mutex<Option<Error>>,
}

impl Shared {
    pub(crate) fn new(
        pipeline: Arc<str>,
        rejections: Rejections,
        deadlines: Deadlines,
        chance: Chance,
    ) -> Self {
        let [stop, abort, ended] = std::array::from_fn(|_| CancellationToken::new());
        Self { pipeline, stop, abort, rejections, deadlines, chance, ended, failure: Mutex::default() }
    }

    /// A node cannot go on: the pipeline stops.
    pub(crate) fn fail(&self, node: &Node, error: Error) {
        if error.kind() == ErrorKind::Cancelled {
            return;
        }
        error!(pipeline = %self.pipeline, node = %node.name, kind = error.kind().name(), %error, "failed");
        node.set_state(NodeState::Failed(error.to_string()));
        let is_named = error.context().iter().any(|(key, _)| *key == "node");
        let error = if is_named { error } else { error.with("node", &node.name) };
        self.failure.lock().get_or_insert(error);
        self.stop.cancel();
    }

    /// A task panicked: a fault of ours, or of a connector's.
    pub(crate) fn panicked(&self, panic: &tokio::task::JoinError) {
        let error = Error::bug(format!("a task of the pipeline failed: {panic}"));
        error!(pipeline = %self.pipeline, %error, "failed");
        self.failure.lock().get_or_insert(error);
        self.stop.cancel();
    }

    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.failure.lock().take()
    }
}

/// An attempt with a deadline.
pub(crate) async fn within<T>(limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::new(
            ErrorKind::Timeout,
            Domain::External,
            Retry::Later,
            format!("no answer within {}", levada_connector_api::Interval(limit)),
        )),
    }
}

/// An attempt with a deadline, which is called off when `end` comes.
pub(crate) async fn within_or<T>(
    end: &CancellationToken,
    limit: Duration,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    end.run_until_cancelled(within(limit, work)).await.unwrap_or_else(|| Err(Error::cancelled()))
}

/// Waits until a moment, or for ever.
pub(crate) async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
