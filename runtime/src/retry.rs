//! Trying again: exponential backoff with jitter, here and nowhere else.
//!
//! ```text
//!   connect, read, write, look up, save ──▶ crate::patience ─┐   what a node tries: tells its state, its counts and the log
//!   dead letters, pipes ─────────────────────────────────────┴▶ Attempts   whether to try again, and the wait before
//! ```
//!
//! The growth of the intervals is the `backoff` crate's. It is unmaintained, so nothing of it shows outside this file; its
//! own randomness is switched off, and the jitter is drawn from a generator that was handed in, so a seed replays.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use backoff::{SystemClock, backoff::Backoff as _, exponential::ExponentialBackoff};
use levada_config::RetryPolicy;
use levada_connector_api::{Error, Result};
use tokio::time::{Instant, sleep};

/// By how much an interval is shortened or lengthened by chance.
const JITTER: f64 = 0.3;

/// A source of chance for jitter: the same seed gives the same numbers in the same order. Clones share it.
#[derive(Clone, Debug)]
pub struct Chance(Arc<AtomicU64>);

/// The attempts at one thing.
#[derive(Debug)]
pub(crate) struct Attempts {
    policy: RetryPolicy,
    intervals: ExponentialBackoff<SystemClock>,
    chance: Chance,
    failed: u64,
    first_failure: Option<Instant>,
}

impl Chance {
    /// A generator from a seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    /// A number from 0 up to, but not including, 1 (SplitMix64).
    fn draw(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut mixed = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Attempts {
    /// No attempt has been made yet.
    pub(crate) fn new(policy: RetryPolicy, chance: Chance) -> Self {
        let initial = policy.initial.0.max(Duration::from_millis(1));
        let intervals = ExponentialBackoff {
            current_interval: initial,
            initial_interval: initial,
            randomization_factor: 0.0,
            multiplier: policy.multiplier.max(1.0),
            max_interval: policy.max_interval.0.max(initial),
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        Self { policy, intervals, chance, failed: 0, first_failure: None }
    }

    /// How long to wait after an attempt that failed at `now`: no longer than until it is time to give up, and `None` when it is.
    pub(crate) fn failed(&mut self, now: Instant) -> Option<Duration> {
        self.failed += 1;
        let first = *self.first_failure.get_or_insert(now);
        let elapsed = now.duration_since(first);
        let left = self.policy.max_elapsed.map(|most| most.0.saturating_sub(elapsed));
        if left.is_some_and(|left| left.is_zero()) {
            return None;
        }
        let interval = self.intervals.next_backoff().unwrap_or(self.policy.max_interval.0);
        let jittered = interval.as_secs_f64() * (1.0 - JITTER + 2.0 * JITTER * self.chance.draw());
        let wait = Duration::try_from_secs_f64(jittered).unwrap_or(interval);
        Some(left.map_or(wait, |left| wait.min(left)))
    }

    /// Waits after an attempt that failed. `told` hears of the failure, and how many there are by now. Cancel safe.
    ///
    /// # Errors
    /// The failure itself, where trying again does not help or the time for it is over.
    pub(crate) async fn pause(&mut self, error: Error, told: impl FnOnce(&Error, u64)) -> Result<()> {
        let (wait, error) = self.after(error)?;
        told(&error, self.failed);
        sleep(wait).await;
        Ok(())
    }

    /// How long to wait after a failure, which is given back.
    ///
    /// # Errors
    /// The failure itself, where trying again does not help or the time for it is over.
    pub(crate) fn after(&mut self, error: Error) -> Result<(Duration, Error)> {
        if !error.is_transient() {
            return Err(error);
        }
        match self.failed(Instant::now()) {
            Some(wait) => Ok((wait, error)),
            None => Err(error.with("attempts", self.failed)),
        }
    }

    /// An attempt worked: the next failure is a first one again.
    pub(crate) fn worked(&mut self) {
        if self.failed > 0 {
            self.failed = 0;
            self.first_failure = None;
            self.intervals.reset();
        }
    }

    /// How many attempts have failed since one worked.
    pub(crate) fn count(&self) -> u64 {
        self.failed
    }
}

#[cfg(test)]
mod tests {
    use levada_connector_api::Interval;

    use super::*;

    fn policy(max_elapsed: Option<u64>) -> RetryPolicy {
        RetryPolicy {
            initial: Interval(Duration::from_millis(100)),
            multiplier: 2.0,
            max_interval: Interval(Duration::from_millis(1_000)),
            max_elapsed: max_elapsed.map(|seconds| Interval(Duration::from_secs(seconds))),
        }
    }

    #[tokio::test]
    async fn waits_grow_to_the_longest_and_shrink_again_after_success() {
        let mut attempts = Attempts::new(policy(None), Chance::seeded(7));
        let now = Instant::now();
        for expected in [100.0, 200.0, 400.0, 800.0, 1_000.0, 1_000.0] {
            let waited = attempts.failed(now).expect("for ever").as_secs_f64() * 1e3;
            assert!((expected * 0.69..=expected * 1.31).contains(&waited), "{waited} for {expected}");
        }
        assert_eq!(attempts.count(), 6);
        attempts.worked();
        assert!(attempts.failed(now).expect("for ever") <= Duration::from_millis(131));
    }

    #[tokio::test]
    async fn it_gives_up_when_the_time_is_over() {
        let mut attempts = Attempts::new(policy(Some(10)), Chance::seeded(7));
        let now = Instant::now();
        assert!(attempts.failed(now).is_some());
        assert!(attempts.failed(now + Duration::from_secs(9)).is_some());
        assert!(attempts.failed(now + Duration::from_secs(10)).is_none());
    }

    #[tokio::test]
    async fn no_wait_goes_beyond_the_time_to_give_up() {
        for seed in 0..50 {
            let mut attempts = Attempts::new(policy(Some(3)), Chance::seeded(seed));
            let begun = Instant::now();
            let mut now = begun;
            while let Some(wait) = attempts.failed(now) {
                now += wait;
            }
            assert_eq!(now - begun, Duration::from_secs(3), "seed {seed}");
        }
    }

    #[tokio::test]
    async fn the_same_seed_waits_the_same() {
        let waits = |seed| {
            let mut attempts = Attempts::new(policy(None), Chance::seeded(seed));
            (0..5).map(|_| attempts.failed(Instant::now())).collect::<Vec<_>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
