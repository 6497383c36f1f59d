//! Group commit: one thread writes and syncs what many callers append. Where writing alone is waited for, whoever waits
//! first does it, rather than waking the thread and being woken by it.

use std::{fmt, path::Path, sync::Arc, task::Waker, time::Instant};

use levada_model::Repeats;
use parking_lot::Mutex;

use super::{
    segment::{Head, Segment},
    state::{ClosedSegment, Failure, State, WalOptions},
};
use crate::{SAID_EVERY, SyncMode, disk::Disk};

/// With so many bytes that are not synced, the interval mode syncs early: until then they are kept in memory.
const UNSYNCED: usize = 16 << 20;

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer").field("segment", &self.segment).finish_non_exhaustive()
    }
}

/// What writes the log. The thread has it while it has something to do, and so has whoever writes for themselves.
pub(super) struct Committer {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) options: WalOptions,
    /// `None` where the last was given up or is full.
    pub(super) segment: Option<Segment>,
    /// The head of the segment that was begun last.
    pub(super) last: Head,
    /// Records that were taken and are not synced: after a failed sync they are written again elsewhere.
    pub(super) owed: Vec<u8>,
    /// So many bytes of them are in the current segment.
    pub(super) written: usize,
    pub(super) owed_seq: u64,
    /// The last number in the current segment.
    pub(super) segment_seq: u64,
    pub(super) progress: Box<dyn Fn() + Send>,
    pub(super) turned: Box<dyn Fn() + Send>,
    /// A segment was begun or ended, and nobody was told.
    pub(super) has_turned: bool,
    /// Attempts that failed.
    pub(super) failures: Repeats,
}

impl Committer {
    /// Whether so many bytes are written to the current segment, and nothing is synced after it.
    pub(super) fn has_room_for(&self, bytes: usize) -> bool {
        self.owed.len() + bytes < UNSYNCED && self.segment.is_some()
    }

    /// Takes what was appended.
    pub(super) fn take(&mut self, state: &mut State) {
        state.hurry = false;
        state.group.take(state.buffer.len());
        if self.owed.is_empty() {
            std::mem::swap(&mut self.owed, &mut state.buffer);
        } else {
            self.owed.append(&mut state.buffer);
        }
        state.owed_bytes = self.owed.len() - self.written;
        self.owed_seq = state.appended_seq;
        if state.rotate && self.written == 0 {
            state.rotate = false;
            self.close_segment(state);
        }
    }

    /// Ends the current segment, where it holds anything.
    fn close_segment(&mut self, state: &mut State) {
        if self.segment.as_ref().is_none_or(|segment| segment.len <= super::segment::HEAD as u64) {
            return;
        }
        if let Some(segment) = self.segment.take() {
            self.retire(state, &segment);
        }
    }

    fn retire(&mut self, state: &mut State, segment: &Segment) {
        state.closed.push_back(ClosedSegment {
            number: segment.number,
            path: segment.path.clone(),
            last_seq: self.segment_seq,
            len: segment.len,
        });
        (state.current, state.synced_bytes) = (0, 0);
        self.has_turned = true;
        state.current_bytes = 0;
    }

    /// Writes what is owed, and syncs it where the mode or `sync` asks for that.
    pub(super) fn commit(&mut self, state: &Mutex<State>, sync: bool) -> Result<(), Failure> {
        if self.written < self.owed.len() {
            self.write(state)?;
        }
        if matches!(self.options.sync, SyncMode::Interval(_)) && !sync && self.owed.len() < UNSYNCED {
            return Ok(());
        }
        self.sync(state)?;
        self.written = 0;
        self.owed.clear();
        if self.owed.capacity() > 16 << 20 {
            self.owed = Vec::new();
        }
        self.segment_seq = self.owed_seq;
        if self.segment.as_ref().is_some_and(|segment| segment.len >= self.options.segment_bytes) {
            self.close_segment(&mut state.lock());
        }
        Ok(())
    }

    fn write(&mut self, state: &Mutex<State>) -> Result<(), Failure> {
        if self.segment.is_none() {
            self.begin_segment(state)?;
        }
        let Some(segment) = &mut self.segment else { return Ok(()) };
        match segment.write(&self.owed[self.written..]) {
            Ok(()) => {
                self.written = self.owed.len();
                Ok(())
            }
            Err((error, lost)) => {
                let failure = Failure::new(&error, &segment.path);
                if lost {
                    self.give_up(state);
                }
                Err(failure)
            }
        }
    }

    fn begin_segment(&mut self, state: &Mutex<State>) -> Result<(), Failure> {
        let dir: &Path = &self.options.dir;
        let (before, before_len) = {
            let state = state.lock();
            state.closed.back().map_or((0, 0), |segment| (segment.number, segment.len))
        };
        // A number is never used twice, also where making the file failed.
        self.last = Head { number: self.last.number + 1, before, before_len };
        let segment =
            Segment::create(&*self.disk, dir, self.last).map_err(|error| Failure::new(&error, dir))?;
        {
            let mut state = state.lock();
            (state.current, state.synced_bytes) = (segment.number, segment.len);
        }
        self.segment = Some(segment);
        self.has_turned = true;
        Ok(())
    }

    /// Gives the current segment up: only what was synced of it will be read, and what was not is owed again.
    fn give_up(&mut self, state: &Mutex<State>) {
        if let Some(mut segment) = self.segment.take() {
            segment.len -= self.written as u64;
            self.written = 0;
            self.retire(&mut state.lock(), &segment);
        }
    }

    fn sync(&mut self, state: &Mutex<State>) -> Result<(), Failure> {
        let Some(segment) = &mut self.segment else { return Ok(()) };
        let Err(error) = segment.sync() else { return Ok(()) };
        let failure = Failure::new(&error, &segment.path);
        // Nobody knows what is in the file now, and a second sync that succeeds would say nothing: the system may have
        // forgotten what it could not write.
        self.give_up(state);
        Err(failure)
    }

    /// Tells those who wait.
    pub(super) fn tell(&mut self, state: &Mutex<State>, result: Result<(), Failure>) {
        let wakers: Vec<Waker> = {
            let mut state = state.lock();
            match result {
                Ok(()) => {
                    if state.failure.take().is_some() {
                        self.failures = Repeats::new(SAID_EVERY);
                        tracing::info!("the log is written again");
                    }
                    state.owed_bytes = 0;
                    state.acked_seq = self.owed_seq;
                    state.group.synced();
                    state.current_bytes = self.segment.as_ref().map_or(0, |segment| segment.len);
                    let mut wakers = state.waiters.take(self.owed_seq);
                    if self.owed.is_empty() {
                        // What was appended meanwhile is as old as its first record.
                        state.dirty_since = state.group.since();
                        state.synced_seq = self.owed_seq;
                        state.synced_bytes = state.current_bytes;
                        wakers.extend(state.followers.take(self.owed_seq));
                    }
                    wakers
                }
                Err(failure) => {
                    if let Some(attempts) = self.failures.note(1, Instant::now()) {
                        tracing::error!(
                            path = %failure.path.display(), error = failure.message, attempts,
                            "the log cannot be written; trying again"
                        );
                    }
                    state.failure = Some(failure);
                    state.waiters.take(u64::MAX)
                }
            }
        };
        wakers.into_iter().for_each(Waker::wake);
        (self.progress)();
        if std::mem::take(&mut self.has_turned) {
            (self.turned)();
        }
    }
}
