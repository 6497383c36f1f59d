//! A line that says how long a statement has been running, for people who wait.

use std::{
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use levada_model::Rows;
use tokio::time::{MissedTickBehavior, interval_at};

/// Nothing is said of statements that take less.
const QUIET: Duration = Duration::from_secs(2);
/// How often the line is written anew.
const INTERVAL: Duration = Duration::from_secs(1);

/// Says, on a terminal, how long what is waited for has been running.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    since: Instant,
    shown: bool,
}

impl Progress {
    /// For a statement that begins now; silent where nobody looks.
    pub(super) fn new(interactive: bool) -> Self {
        Self { since: Instant::now(), shown: interactive && stderr().is_terminal() }
    }

    /// Waits for something. The line is gone when it is there.
    pub(super) async fn during<T>(self, work: impl Future<Output = T>) -> T {
        if !self.shown {
            return work.await;
        }
        tokio::pin!(work);
        let mut ticks = interval_at((self.since + QUIET).max(Instant::now()).into(), INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let line = Line::default();
        loop {
            tokio::select! {
                biased;
                done = &mut work => {
                    drop(line);
                    return done;
                }
                _ = ticks.tick() => line.write(self.since.elapsed()),
            }
        }
    }

    /// The same rows, with the line until the first of them come.
    pub(super) fn over(self, rows: Rows) -> Rows {
        let batches = stream::unfold((rows.batches, Some(self)), |(mut batches, waiting)| async move {
            let next = match waiting {
                Some(progress) => progress.during(batches.next()).await,
                None => batches.next().await,
            };
            next.map(|batch| (batch, (batches, None)))
        });
        Rows { batches: batches.boxed(), ..rows }
    }
}

/// The line; dropping it clears it, also where whoever waited was interrupted.
#[derive(Debug, Default)]
struct Line(std::cell::Cell<bool>);

impl Line {
    fn write(&self, elapsed: Duration) {
        self.0.set(true);
        // Nobody is harmed where it cannot be written.
        write!(stderr(), "\r{} s, Ctrl-C ends the statement", elapsed.as_secs()).ok();
        stderr().flush().ok();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if self.0.get() {
            write!(stderr(), "\r\x1b[K").ok();
        }
    }
}
