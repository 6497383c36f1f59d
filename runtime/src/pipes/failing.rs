//! What is done about failures: waits, and what people are told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use levada_config::RetryPolicy;
use levada_connector_api::Interval;
use levada_engine::{PipeMessage, PipeWork};
use levada_model::SessionError;
use levada_rpc::Trouble;
use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use super::PATIENCE;
use crate::{Chance, retry::Attempts};

/// The waits of a receiver that cannot be reached, or is in trouble.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const MAX_WAIT: Duration = Duration::from_secs(1);
/// The wait after all retries.
const SLOW: Duration = Duration::from_secs(2);
/// The wait where somebody has to change something.
const REJECTED: Duration = Duration::from_secs(5);

/// The failures of a pipe since something worked.
pub(super) struct Failing<'a> {
    work: &'a PipeWork,
    retries: Arc<AtomicU32>,
    attempts: Attempts,
    /// The failures of which only time tells whose fault they are.
    vague: Trouble,
}

impl<'a> Failing<'a> {
    pub(super) fn new(work: &'a PipeWork, retries: Arc<AtomicU32>, chance: Chance) -> Self {
        let policy = RetryPolicy {
            initial: Interval(FIRST_WAIT),
            multiplier: 2.0,
            max_interval: Interval(MAX_WAIT),
            max_elapsed: None,
        };
        Self { work, retries, attempts: Attempts::new(policy, chance), vague: Trouble::default() }
    }

    /// Something failed: tells people, where it does not pass soon, and waits.
    pub(super) async fn failed(&mut self, error: &SessionError) {
        let now = Instant::now();
        let wait = self.attempts.failed(now).unwrap_or(MAX_WAIT);
        if error.code.is_vague() {
            self.vague.failed(now, PATIENCE);
        }
        let (count, most) = (self.attempts.count(), u64::from(self.retries.load(Ordering::Relaxed)));
        let pipe = &self.work.definition().name;
        let message = &error.message;
        if !error.transient {
            if count == 1 {
                warn!(
                    pipe,
                    code = error.code.0,
                    reason = message,
                    "a pipe is rejected: it tries again every few seconds"
                );
            }
            self.work
                .say(PipeMessage::Error(format!("{message}; STOP PIPE, put it right, and START PIPE again")));
            sleep(REJECTED).await;
        } else if count > most {
            if count == most + 1 {
                warn!(pipe, attempts = count, reason = message, "a pipe cannot send: it goes on trying");
            }
            self.work
                .say(PipeMessage::Warn(format!("{message}; {count} attempts failed, and it goes on trying")));
            sleep(SLOW).await;
        } else {
            sleep(wait).await;
        }
    }

    /// Whether the receiver has failed without a word about why for longer than a server takes to come to itself. The time in
    /// which it was away does not count.
    pub(super) fn is_for_long(&self) -> bool {
        self.vague.is_over(PATIENCE)
    }

    /// Something worked.
    pub(super) fn worked(&mut self) {
        let count = self.attempts.count();
        if count == 0 {
            return;
        }
        if count > u64::from(self.retries.load(Ordering::Relaxed)) {
            info!(pipe = self.work.definition().name, "a pipe sends again");
        }
        self.attempts.worked();
        self.vague = Trouble::default();
        self.work.say(PipeMessage::Normal);
    }
}
