//! Requests in doubt: a server failed at them, and they may be the cause.
//!
//! A server that hangs up, fails internally or says no more than that it failed (see [`StatusCode::is_vague`]) may be in temporary
//! trouble, as at its start, or may have met a request that it can never take.
//! Only time tells them apart. The write is therefore repeated unchanged, until a request has failed [`MIN_FAILURES`] times and
//! [`patience`](super::PoolOptions::patience) is over, in which time without a server does not count (see [`Trouble`]). From then on its requests are divided like rejected ones. Failed parts
//! are remembered until the write ends, as a server that a part brings down needs some time after each.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, Hasher},
    time::Duration,
};

use foldhash::fast::RandomState;
use levada_model::{SessionError, StatusCode, Tablet};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Trouble;

/// A request that failed fewer times than this is not divided.
const MIN_FAILURES: u32 = 5;
/// How many writes may be in doubt at once; the one longest in doubt is forgotten first.
const MAX_WRITES: usize = 64;

/// The requests of a pool that are in doubt.
#[derive(Debug, Default)]
pub(super) struct Doubts {
    /// By the write's key, then the request's.
    writes: Mutex<HashMap<u64, Doubted>>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Doubted {
    since: Instant,
    trouble: Trouble,
    strikes: HashMap<u64, u32>,
    given_up: HashMap<u64, (StatusCode, String)>,
}

impl Doubts {
    /// Whether there are any.
    pub(super) fn is_empty(&self) -> bool {
        self.writes.lock().is_empty()
    }

    /// The key of a write, the same each time it is written.
    pub(super) fn key<'a>(&self, tablets: impl Iterator<Item = (usize, &'a Tablet)>) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        for (index, tablet) in tablets {
            (index, tablet.device()).hash(&mut hasher);
            tablet.times().values().hash(&mut hasher);
            tablet.columns().iter().for_each(|column| column.name.hash(&mut hasher));
        }
        hasher.finish()
    }

    /// Why a request is no longer sent, if it was given up.
    pub(super) fn given_up(&self, write: u64, request: u64) -> Option<SessionError> {
        let writes = self.writes.lock();
        let (code, message) = writes.get(&write)?.given_up.get(&request)?;
        Some(SessionError::new(*code, message.clone()))
    }

    /// Records that a server failed at a request; returns whether the request is given up. A part of a doubted request is given
    /// up at its first failure, or at its second if the server is `gone` since, as the first may be a coincidence.
    pub(super) fn failed(
        &self,
        (write, request): (u64, u64),
        error: &SessionError,
        part: bool,
        gone: bool,
        patience: Duration,
        now: Instant,
    ) -> bool {
        let mut writes = self.writes.lock();
        if writes.len() >= MAX_WRITES && !writes.contains_key(&write) {
            let oldest = writes.iter().min_by_key(|(_, doubted)| doubted.since).map(|(key, _)| *key);
            oldest.map(|key| writes.remove(&key));
        }
        let doubted = writes.entry(write).or_insert_with(|| Doubted {
            since: now,
            trouble: Trouble::default(),
            strikes: HashMap::new(),
            given_up: HashMap::new(),
        });
        doubted.trouble.failed(now, patience);
        let strikes = doubted.strikes.entry(request).or_default();
        *strikes += 1;
        let sure = match (part, gone) {
            (true, false) => true,
            (true, true) => *strikes > 1,
            (false, _) => *strikes >= MIN_FAILURES && doubted.trouble.is_over(patience),
        };
        if !sure {
            return false;
        }
        doubted.strikes.remove(&request);
        doubted.given_up.insert(request, (error.code, error.message.clone()));
        true
    }

    /// A write has ended.
    pub(super) fn forget(&self, write: u64) {
        self.writes.lock().remove(&write);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Whether a request is given up that fails after these waits.
    fn given_up(waits: &[u64]) -> bool {
        let (doubts, mut now) = (Doubts::default(), Instant::now());
        let error = SessionError::new(StatusCode::EXECUTE_STATEMENT_ERROR, "in trouble");
        waits.iter().any(|wait| {
            now += Duration::from_secs(*wait);
            doubts.failed((1, 2), &error, false, false, PATIENCE, now)
        })
    }

    #[test]
    fn a_server_that_is_back_after_a_long_outage_may_be_in_trouble_for_a_while() {
        assert!(!given_up(&[0, 3_600, 1, 1, 2, 2, 2]));
    }

    #[test]
    fn what_fails_each_time_is_given_up_after_patience() {
        assert!(!given_up(&[0, 10, 10, 10, 10]) && given_up(&[0, 10, 10, 10, 10, 10, 10]));
        assert!(given_up(&[0, 600, 600, 600, 600]), "each failure brings the server down for long");
    }
}
