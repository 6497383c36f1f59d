//! What the tasks of one pipeline have in common.

use std::{future::Future, sync::Arc, time::Duration};

use levada_config::RetryPolicy;
use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    node::{Node, NodeState},
    rejections::Rejections,
    retry::{Attempts, Chance},
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

/// Waits until a moment, or for ever.
pub(crate) async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Attempts of a node at one thing: says how long to wait after each, and tells people.
#[derive(Debug)]
pub(crate) struct Patience<'a> {
    shared: &'a Shared,
    node: &'a Node,
    what: &'static str,
    attempts: Attempts,
}

impl<'a> Patience<'a> {
    pub(crate) fn new(shared: &'a Shared, node: &'a Node, what: &'static str, policy: RetryPolicy) -> Self {
        Self { shared, node, what, attempts: Attempts::new(policy, shared.chance.clone()) }
    }

    /// How long to wait after an attempt that failed.
    ///
    /// # Errors
    /// The error itself, where trying again does not help or the time for it is over.
    pub(crate) fn after(&mut self, error: Error) -> Result<Duration> {
        if !error.is_transient() {
            return Err(error);
        }
        let Some(wait) = self.attempts.failed(Instant::now()) else {
            return Err(error.with("attempts", self.attempts.count()));
        };
        self.node.tally.retried();
        self.node.set_state(NodeState::Retrying(error.to_string()));
        let attempts = self.attempts.count();
        // The first failure, and then ever more rarely.
        if attempts.is_power_of_two() {
            warn!(
                pipeline = %self.shared.pipeline, node = %self.node.name, kind = error.kind().name(), %error, attempts,
                "cannot {}; trying again", self.what
            );
        }
        Ok(wait)
    }

    /// An attempt worked.
    pub(crate) fn worked(&mut self) {
        let attempts = self.attempts.count();
        if attempts > 0 {
            info!(pipeline = %self.shared.pipeline, node = %self.node.name, attempts, "can {} again", self.what);
            self.attempts.worked();
            self.node.set_state(NodeState::Ready);
        }
    }

    /// Waits after an attempt that failed.
    ///
    /// # Errors
    /// As [`Patience::after`]; the pipeline is aborted.
    pub(crate) async fn pause(&mut self, error: Error) -> Result<()> {
        let wait = self.after(error)?;
        tokio::select! {
            () = self.shared.abort.cancelled() => Err(Error::cancelled()),
            () = sleep(wait) => Ok(()),
        }
    }

    /// How many attempts were made, the one that worked among them.
    pub(crate) fn made(&self) -> u64 {
        self.attempts.count() + 1
    }
}
