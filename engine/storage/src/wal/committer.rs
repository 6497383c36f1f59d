//! Group commit: one thread writes and syncs what many callers append.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    task::Waker,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::{
    Durable, LogEnd,
    durable::Waiters,
    group::Group,
    segment::{Head, Segment},
};
use crate::{StorageError, SyncMode, codec::Put, disk::Disk, frame};

/// How often a write that failed is tried again by itself.
const RETRY: Duration = Duration::from_millis(100);

/// With so many bytes that are not synced, the interval mode syncs early: until then they are kept in memory.
const UNSYNCED: usize = 16 << 20;

/// How the log is kept.
#[derive(Clone, Debug)]
pub(crate) struct WalOptions {
    pub(crate) dir: PathBuf,
    pub(crate) sync: SyncMode,
    pub(crate) segment_bytes: u64,
}

/// A segment that is not written any more.
#[derive(Clone, Debug)]
pub(crate) struct ClosedSegment {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    pub(crate) last_seq: u64,
    pub(crate) len: u64,
}

/// What callers and the committer share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    work: Condvar,
}

#[derive(Debug)]
pub(super) struct State {
    /// Records that were appended and not yet taken by the committer.
    buffer: Vec<u8>,
    group: Group,
    appended_seq: u64,
    /// All up to here is acknowledged.
    acked_seq: u64,
    /// All up to here is synced.
    synced_seq: u64,
    failure: Option<Failure>,
    pub(super) waiters: Waiters,
    closed: VecDeque<ClosedSegment>,
    current_bytes: u64,
    /// Bytes that were taken and are not acknowledged.
    owed_bytes: usize,
    /// The segment that is being written; 0 where the next is not begun yet.
    current: u64,
    /// The segment that the manifest names as the newest: it must not go before another is named.
    named: u64,
    rotate: bool,
    hurry: bool,
    ending: bool,
    /// The committer is gone: what is not acknowledged now never will be.
    ended: bool,
}

#[derive(Clone, Debug)]
struct Failure {
    kind: io::ErrorKind,
    message: String,
    path: PathBuf,
    since: Instant,
}

impl Failure {
    fn new(error: &io::Error, path: &Path) -> Self {
        let (kind, message, path) = (error.kind(), error.to_string(), path.to_owned());
        Self { kind, message, path, since: Instant::now() }
    }

    fn error(&self) -> StorageError {
        StorageError::io("cannot write to the log", &self.path)(io::Error::new(
            self.kind,
            self.message.clone(),
        ))
    }
}

impl State {
    fn new(sync: SyncMode, seq: u64, before: Vec<ClosedSegment>, current: &Segment) -> Self {
        Self {
            buffer: Vec::new(),
            group: Group::new(sync),
            appended_seq: seq,
            acked_seq: seq,
            synced_seq: seq,
            failure: None,
            waiters: Waiters::default(),
            closed: before.into(),
            current_bytes: current.len,
            owed_bytes: 0,
            current: current.number,
            named: 0,
            rotate: false,
            hurry: false,
            ending: false,
            ended: false,
        }
    }

    /// Whether the record of a number is durable, or is known not to be; `None` while that is open.
    pub(super) fn outcome(&self, seq: u64) -> Option<Result<(), StorageError>> {
        if seq <= self.acked_seq {
            return Some(Ok(()));
        }
        match &self.failure {
            Some(failure) => Some(Err(failure.error())),
            None if self.ended => Some(Err(StorageError::Closed)),
            None => None,
        }
    }
}

/// The log, open for writing.
#[derive(Debug)]
pub(crate) struct Wal {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Wal {
    /// Begins a new segment behind those of before, and starts the committer. `progress` is called, without a lock held,
    /// whenever something became durable or failed; `turned` whenever a segment was begun or ended.
    pub(crate) fn start(
        options: WalOptions,
        disk: Arc<dyn Disk>,
        before: Vec<ClosedSegment>,
        seq: u64,
        (progress, turned): (impl Fn() + Send + 'static, impl Fn() + Send + 'static),
    ) -> Result<Self, StorageError> {
        let (number, len) = before.last().map_or((0, 0), |last| (last.number, last.len));
        let head = Head { number: number + 1, before: number, before_len: len };
        let segment = Segment::create(&*disk, &options.dir, head)
            .map_err(StorageError::io("cannot begin the log in", &options.dir))?;
        let state = State::new(options.sync, seq, before, &segment);
        let shared = Arc::new(Shared { state: Mutex::new(state), work: Condvar::new() });
        let committer = Committer {
            shared: Arc::clone(&shared),
            disk: Arc::clone(&disk),
            options,
            segment: Some(segment),
            last: Head { number: number + 1, before: number, before_len: len },
            owed: Vec::new(),
            written: 0,
            owed_seq: seq,
            segment_seq: seq,
            dirty_since: None,
            progress: Box::new(progress),
            turned: Box::new(turned),
            has_turned: false,
        };
        let thread = thread::Builder::new()
            .name("levada-wal".to_owned())
            .spawn(move || {
                let _ending = Ending(Arc::clone(&committer.shared));
                committer.run();
            })
            .map_err(StorageError::io("cannot start the committer of", "wal"))?;
        Ok(Self { shared, disk, thread: Mutex::new(Some(thread)) })
    }

    /// Whether writes can be taken; tries again at once where they could not.
    ///
    /// # Errors
    /// Why they cannot.
    pub(crate) fn ready(&self) -> Result<(), StorageError> {
        let mut state = self.shared.state.lock();
        if state.ending || state.ended {
            return Err(StorageError::Closed);
        }
        let Some(failure) = &state.failure else { return Ok(()) };
        let error = failure.error();
        state.hurry = true;
        self.shared.work.notify_one();
        Err(error)
    }

    /// Appends a record, whose body `put` writes. Numbers must grow.
    pub(crate) fn append(&self, seq: u64, put: impl FnOnce(&mut Vec<u8>)) -> Durable {
        let mut state = self.shared.state.lock();
        debug_assert!(seq > state.appended_seq);
        let at = frame::begin(&mut state.buffer);
        state.buffer.put_u64(seq);
        put(&mut state.buffer);
        frame::end(&mut state.buffer, at);
        state.appended_seq = seq;
        let bytes = state.buffer.len();
        if state.group.add(Instant::now(), bytes) {
            self.shared.work.notify_one();
        }
        Durable::new(Arc::clone(&self.shared), seq)
    }

    /// Resolves when all up to a number is acknowledged.
    pub(crate) fn reached(&self, seq: u64) -> Durable {
        Durable::new(Arc::clone(&self.shared), seq)
    }

    /// Bytes appended that are not written; none where they cannot be, since nobody should wait for that.
    pub(crate) fn backlog(&self) -> usize {
        let state = self.shared.state.lock();
        if state.failure.is_some() { 0 } else { state.buffer.len() + state.owed_bytes }
    }

    /// All up to this number is acknowledged.
    pub(crate) fn acked_seq(&self) -> u64 {
        self.shared.state.lock().acked_seq
    }

    /// All up to this number is synced.
    pub(crate) fn synced_seq(&self) -> u64 {
        self.shared.state.lock().synced_seq
    }

    /// What must be there of the log from now on.
    pub(crate) fn end(&self) -> LogEnd {
        let state = self.shared.state.lock();
        LogEnd { segment: state.current, seq: state.synced_seq }
    }

    /// Tells what the manifest says of the log's end.
    pub(crate) fn noted(&self, end: LogEnd) {
        self.shared.state.lock().named = end.segment;
    }

    /// Bytes of the segments.
    pub(crate) fn bytes(&self) -> u64 {
        let state = self.shared.state.lock();
        state.current_bytes + state.closed.iter().map(|segment| segment.len).sum::<u64>()
    }

    /// What comes next goes to a new segment.
    pub(crate) fn rotate(&self) {
        self.shared.state.lock().rotate = true;
    }

    /// Removes the segments that hold nothing above a number, but for the one that the manifest names. A segment that cannot be removed is tried again with the
    /// next call.
    pub(crate) fn free(&self, seq: u64) {
        let freed: Vec<ClosedSegment> = {
            let mut state = self.shared.state.lock();
            let named = state.named;
            let keep =
                state.closed.iter().position(|segment| segment.last_seq > seq || segment.number == named);
            let count = keep.unwrap_or(state.closed.len());
            state.closed.drain(..count).collect()
        };
        let mut left = Vec::new();
        for segment in freed {
            match self.disk.remove(&segment.path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    tracing::warn!(path = %segment.path.display(), %error, "cannot remove a log segment");
                    left.push(segment);
                }
            }
        }
        let mut state = self.shared.state.lock();
        left.into_iter().rev().for_each(|segment| state.closed.push_front(segment));
    }

    /// Writes and syncs what is left, and ends the committer.
    pub(crate) fn close(&self) -> Result<(), StorageError> {
        let Some(thread) = self.thread.lock().take() else { return Ok(()) };
        self.shared.state.lock().ending = true;
        self.shared.work.notify_one();
        if thread.join().is_err() {
            return Err(StorageError::Closed);
        }
        let state = self.shared.state.lock();
        match &state.failure {
            Some(failure) => Err(failure.error()),
            None => Ok(()),
        }
    }
}

impl Drop for Wal {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the log could not be closed");
        }
    }
}

/// Tells those who wait that the committer is gone, however it went.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        let wakers = {
            let mut state = self.0.state.lock();
            state.ended = true;
            state.waiters.take(u64::MAX)
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

/// The thread's own part.
struct Committer {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    options: WalOptions,
    /// `None` where the last was given up or is full.
    segment: Option<Segment>,
    /// The head of the segment that was begun last.
    last: Head,
    /// Records that were taken and are not synced: after a failed sync they are written again elsewhere.
    owed: Vec<u8>,
    /// So many bytes of them are in the current segment.
    written: usize,
    owed_seq: u64,
    /// The last number in the current segment.
    segment_seq: u64,
    /// Since when something is written and not synced.
    dirty_since: Option<Instant>,
    progress: Box<dyn Fn() + Send>,
    turned: Box<dyn Fn() + Send>,
    /// A segment was begun or ended, and nobody was told.
    has_turned: bool,
}

enum Turn {
    Commit,
    Sync,
    End,
}

impl Committer {
    fn run(mut self) {
        loop {
            let turn = self.wait();
            let result = match turn {
                Turn::End if self.owed.is_empty() => return,
                Turn::Commit => self.commit(false),
                Turn::Sync | Turn::End => self.commit(true),
            };
            let failed = result.is_err();
            self.tell(result);
            if failed && matches!(turn, Turn::End) {
                return;
            }
        }
    }

    /// Waits for something to do, and takes what was appended.
    fn wait(&mut self) -> Turn {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.state.lock();
        loop {
            let now = Instant::now();
            let mut until = match self.options.sync {
                SyncMode::Interval(interval) => self.dirty_since.map(|since| since + interval),
                _ => None,
            };
            let due = until.is_some_and(|until| until <= now);
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
                self.take(&mut state);
                return turn;
            }
            match until {
                Some(until) => {
                    shared.work.wait_until(&mut state, until);
                }
                None => shared.work.wait(&mut state),
            }
        }
    }

    /// Takes what was appended.
    fn take(&mut self, state: &mut State) {
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
        state.current = 0;
        self.has_turned = true;
        state.current_bytes = 0;
    }

    /// Writes what is owed, and syncs it where the mode or `sync` asks for that.
    fn commit(&mut self, sync: bool) -> Result<(), Failure> {
        if self.written < self.owed.len() {
            self.write()?;
        }
        let interval = matches!(self.options.sync, SyncMode::Interval(_));
        if interval && !sync && self.owed.len() < UNSYNCED {
            self.dirty_since.get_or_insert_with(Instant::now);
            return Ok(());
        }
        self.sync()?;
        self.dirty_since = None;
        self.written = 0;
        self.owed.clear();
        if self.owed.capacity() > 16 << 20 {
            self.owed = Vec::new();
        }
        self.segment_seq = self.owed_seq;
        if self.segment.as_ref().is_some_and(|segment| segment.len >= self.options.segment_bytes) {
            let shared = Arc::clone(&self.shared);
            self.close_segment(&mut shared.state.lock());
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), Failure> {
        if self.segment.is_none() {
            self.begin_segment()?;
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
                    self.give_up();
                }
                Err(failure)
            }
        }
    }

    fn begin_segment(&mut self) -> Result<(), Failure> {
        let dir: &Path = &self.options.dir;
        let (before, before_len) = {
            let state = self.shared.state.lock();
            state.closed.back().map_or((0, 0), |segment| (segment.number, segment.len))
        };
        // A number is never used twice, also where making the file failed.
        self.last = Head { number: self.last.number + 1, before, before_len };
        let segment =
            Segment::create(&*self.disk, dir, self.last).map_err(|error| Failure::new(&error, dir))?;
        self.shared.state.lock().current = segment.number;
        self.segment = Some(segment);
        self.has_turned = true;
        Ok(())
    }

    /// Gives the current segment up: only what was synced of it will be read, and what was not is owed again.
    fn give_up(&mut self) {
        if let Some(mut segment) = self.segment.take() {
            segment.len -= self.written as u64;
            self.written = 0;
            let shared = Arc::clone(&self.shared);
            self.retire(&mut shared.state.lock(), &segment);
        }
    }

    fn sync(&mut self) -> Result<(), Failure> {
        let Some(segment) = &mut self.segment else { return Ok(()) };
        let Err(error) = segment.sync() else { return Ok(()) };
        let failure = Failure::new(&error, &segment.path);
        // Nobody knows what is in the file now, and a second sync that succeeds would say nothing: the system may have
        // forgotten what it could not write.
        self.give_up();
        Err(failure)
    }

    /// Tells those who wait.
    fn tell(&mut self, result: Result<(), Failure>) {
        let wakers: Vec<Waker> = {
            let mut state = self.shared.state.lock();
            match result {
                Ok(()) => {
                    state.failure = None;
                    state.owed_bytes = 0;
                    state.acked_seq = self.owed_seq;
                    state.group.synced();
                    if self.owed.is_empty() {
                        state.synced_seq = self.owed_seq;
                    }
                    state.current_bytes = self.segment.as_ref().map_or(0, |segment| segment.len);
                    state.waiters.take(self.owed_seq)
                }
                Err(failure) => {
                    tracing::error!(
                        path = %failure.path.display(), error = failure.message, "the log cannot be written"
                    );
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
