//! Waiting for a server that says that it is not ready.

use std::time::Duration;

use levada_model::{SessionError, StatusCode};
use tokio::time::{Instant, sleep};

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_secs(2);

/// How long a statement has waited.
#[derive(Debug)]
pub(super) struct Readiness {
    within: Duration,
    began: Option<Instant>,
    pause: Duration,
}

impl Readiness {
    /// Nothing was waited for yet.
    pub(super) fn new(within: Duration) -> Self {
        Self { within, began: None, pause: FIRST_PAUSE }
    }

    /// Whether a server's answer is one that is waited for.
    pub(super) fn waits_for(&self, error: &SessionError) -> bool {
        error.code == StatusCode::NOT_READY && error.transient && !self.within.is_zero()
    }

    /// Waits before the statement is sent again. Cancel safe.
    ///
    /// # Errors
    /// It was waited for long enough.
    pub(super) async fn wait(&mut self, error: SessionError) -> Result<(), SessionError> {
        let began = *self.began.get_or_insert_with(Instant::now);
        let left = self.within.saturating_sub(began.elapsed());
        if left.is_zero() {
            let message = format!("{} (the server has said so for {:?})", error.message, self.within);
            return Err(SessionError { message, ..error });
        }
        tracing::debug!(%error, "the server is not ready; the statement is sent again");
        sleep(self.pause.min(left)).await;
        self.pause = (2 * self.pause).min(MAX_PAUSE);
        Ok(())
    }

    /// No server can be reached: that is waited for only where one has said that it is not ready, and may restart.
    ///
    /// # Errors
    /// None has, or it was waited for long enough.
    pub(super) async fn unanswered(&mut self, error: SessionError) -> Result<(), SessionError> {
        match self.began.is_some() && self.waits_for(&error) {
            true => self.wait(error).await,
            false => Err(error),
        }
    }
}
