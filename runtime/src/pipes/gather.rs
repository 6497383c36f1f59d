//! How long a pipe waits for more to come before it reads on, so that what comes close together is sent in one request.
//!
//! A request costs both ends the same however little it brings: wake-ups, a write of the receiver's log and its sync. Under load there would be one for
//! each write or two, on cores that whoever writes here may need. So what comes on the heels of a larger lot is gathered for a moment. What
//! comes after a pause, and a single row, is sent at once; nor does anything wait while a pipe has to catch up.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far apart lots are read under load.
const APART: Duration = Duration::from_millis(25);

/// So many bytes at once are load.
const LOAD_BYTES: usize = 32 << 10;
/// And so many changes, however small.
const LOAD_CHANGES: usize = 64;

/// The moment before which nothing is read.
#[derive(Debug, Default)]
pub(super) struct Gathering(Option<Instant>);

impl Gathering {
    /// A lot was read at `now`, of so many bytes and changes, and `most` bytes are read at once.
    pub(super) fn read(now: Instant, bytes: usize, changes: usize, most: usize) -> Self {
        let is_load = bytes >= LOAD_BYTES || changes >= LOAD_CHANGES;
        // Where as much was there as is read at once, more is there already.
        let is_behind = bytes >= most / 2;
        Self((is_load && !is_behind).then(|| now + APART))
    }

    /// Waits until it is time to read. Cancel safe: it is the same moment for whoever waits again.
    pub(super) async fn wait(&self) {
        if let Some(until) = self.0 {
            sleep_until(until).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 4 << 20;

    async fn waited(bytes: usize, changes: usize) -> Duration {
        let began = Instant::now();
        Gathering::read(began, bytes, changes, MOST).wait().await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_behind_a_larger_lot_is_gathered() {
        assert!(waited(LOAD_BYTES, 1).await >= APART);
        assert!(waited(1_000, LOAD_CHANGES).await >= APART);
    }

    #[tokio::test(start_paused = true)]
    async fn neither_single_rows_nor_a_pipe_that_is_behind_wait() {
        assert_eq!(waited(100, 1).await, Duration::ZERO);
        assert_eq!(waited(LOAD_BYTES - 1, LOAD_CHANGES - 1).await, Duration::ZERO);
        assert_eq!(waited(MOST, 1_000).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_that_sending_took_is_not_waited_again() {
        let gathering = Gathering::read(Instant::now(), LOAD_BYTES, 1, MOST);
        tokio::time::advance(2 * APART).await;
        let began = Instant::now();
        gathering.wait().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
