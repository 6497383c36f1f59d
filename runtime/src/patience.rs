//! What a node tries until it works: people are told how it goes.

use std::time::Duration;

use levada_config::RetryPolicy;
use levada_connector_api::{Error, Result};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    node::{Node, NodeState},
    retry::Attempts,
    shared::Shared,
};

/// Attempts of a node at one thing.
#[derive(Debug)]
pub(crate) struct Patience<'a> {
    at: Place<'a>,
    attempts: Attempts,
}

/// Who tries what.
#[derive(Clone, Copy, Debug)]
struct Place<'a> {
    shared: &'a Shared,
    node: &'a Node,
    what: &'static str,
}

impl<'a> Patience<'a> {
    /// No attempt has been made yet. What is tried follows "cannot" in the log.
    pub(crate) fn new(shared: &'a Shared, node: &'a Node, what: &'static str, policy: RetryPolicy) -> Self {
        let attempts = Attempts::new(policy, shared.chance.clone());
        Self { at: Place { shared, node, what }, attempts }
    }

    /// Waits after an attempt that failed. Cancel safe.
    ///
    /// # Errors
    /// The error itself, where trying again does not help or the time for it is over; cancelled, where `end` comes first.
    pub(crate) async fn pause(&mut self, end: &CancellationToken, error: Error) -> Result<()> {
        let at = self.at;
        let waited = self.attempts.pause(error, |error, attempts| at.tell(error, attempts));
        end.run_until_cancelled(waited).await.unwrap_or_else(|| Err(Error::cancelled()))
    }

    /// How long to wait after an attempt that failed, for those that have other things to do meanwhile.
    ///
    /// # Errors
    /// The error itself, where trying again does not help or the time for it is over.
    pub(crate) fn after(&mut self, error: Error) -> Result<Duration> {
        let (wait, error) = self.attempts.after(error)?;
        self.at.tell(&error, self.attempts.count());
        Ok(wait)
    }

    /// How many attempts have failed since one worked.
    pub(crate) fn failures(&self) -> u64 {
        self.attempts.count()
    }

    /// An attempt worked.
    pub(crate) fn worked(&mut self) {
        let attempts = self.attempts.count();
        if attempts > 0 {
            let Place { shared, node, what } = self.at;
            info!(pipeline = %shared.pipeline, node = %node.name, attempts, "can {what} again");
            self.attempts.worked();
            node.set_state(NodeState::Ready);
        }
    }
}

impl Place<'_> {
    /// An attempt failed, and another will be made.
    fn tell(self, error: &Error, attempts: u64) {
        let Self { shared, node, what } = self;
        node.tally.retried();
        node.set_state(NodeState::Retrying(error.to_string()));
        // The first failure, and then ever more rarely.
        if attempts.is_power_of_two() {
            warn!(
                pipeline = %shared.pipeline, node = %node.name, kind = error.kind().name(), %error, attempts,
                "cannot {what}; trying again"
            );
        }
    }
}
