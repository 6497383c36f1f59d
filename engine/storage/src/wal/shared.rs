//! Who writes the log and when: the thread or, where writing alone is waited for, whoever waits first. Where a sync is waited for, a
//! writer without company may do both.

use std::{
    sync::Arc,
    task::Waker,
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{committer::Committer, state::State};

/// How often a write that failed is tried again by itself.
const RETRY: Duration = Duration::from_millis(100);

/// What callers and the committer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) work: Condvar,
    /// How often the log is synced, where writes are acknowledged before: then whoever waits for a write may write it.
    pub(super) interval: Option<Duration>,
    /// To be had before the state, where both are.
    pub(super) committer: Mutex<Committer>,
}

/// Tells those who wait that the committer is gone, however it went.
pub(super) struct Ending(pub(super) Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        let wakers = {
            let mut state = self.0.state.lock();
            state.ended = true;
            let mut wakers = state.waiters.take(u64::MAX);
            wakers.extend(state.followers.take(u64::MAX));
            wakers
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

enum Turn {
    Commit,
    Sync,
    End,
}

impl Shared {
    /// The thread: writes and syncs until the log ends.
    pub(super) fn run(&self) {
        loop {
            let turn = self.wait();
            let mut committer = self.committer.lock();
            {
                let mut state = self.state.lock();
                state.sync_wanted &= matches!(turn, Turn::Commit);
                committer.take(&mut state);
            }
            let result = match turn {
                Turn::End if committer.owed.is_empty() => return,
                Turn::Commit => committer.commit(&self.state, false),
                Turn::Sync | Turn::End => committer.commit(&self.state, true),
            };
            let failed = result.is_err();
            committer.tell(&self.state, result);
            if failed && matches!(turn, Turn::End) {
                return;
            }
        }
    }

    /// Waits for something to do.
    fn wait(&self) -> Turn {
        let mut state = self.state.lock();
        loop {
            let now = Instant::now();
            let mut until = self.interval.and_then(|interval| Some(state.dirty_since? + interval));
            let due = state.sync_wanted || until.is_some_and(|until| until <= now);
            let turn = if state.ending {
                Some(Turn::End)
            } else if let Some(failure) = &state.failure {
                let retry = failure.since + RETRY;
                until = Some(retry);
                (state.hurry || retry <= now).then_some(Turn::Sync)
            } else if due {
                Some(Turn::Sync)
            } else if let Some(ready) = state.group.ready(state.buffer.len()) {
                until = Some(until.map_or(ready, |until| until.min(ready)));
                (ready <= now).then_some(Turn::Commit)
            } else {
                None
            };
            if let Some(turn) = turn {
                return turn;
            }
            match until {
                Some(until) => {
                    self.work.wait_until(&mut state, until);
                }
                None => self.work.wait(&mut state),
            }
        }
    }

    /// Writes what was appended where nobody else is at it; otherwise has the thread do it. So it does where more than writing is to
    /// be done, unless the caller `may_sync`.
    pub(super) fn write_now(&self, may_sync: bool) {
        let Some(mut committer) = self.committer.try_lock() else {
            // Who has it may have taken what was there before.
            self.work.notify_one();
            return;
        };
        {
            let mut state = self.state.lock();
            let syncs = state.rotate || !committer.has_room_for(state.buffer.len());
            if !state.is_well() || syncs && !may_sync {
                drop(state);
                self.work.notify_one();
                return;
            }
            if state.buffer.is_empty() {
                return;
            }
            committer.take(&mut state);
        }
        let result = committer.commit(&self.state, false);
        let failed = result.is_err();
        committer.tell(&self.state, result);
        if failed {
            // The thread tries again, and may be waiting for the end of an interval.
            self.work.notify_one();
        }
    }
}
