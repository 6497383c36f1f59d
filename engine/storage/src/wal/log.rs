//! The log, as the store's other parts have it.

use std::{
    io,
    path::PathBuf,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

use levada_model::Repeats;
use parking_lot::{Condvar, Mutex};

use super::{
    Durable, LogEnd, Synced,
    committer::Committer,
    segment::{Head, Segment},
    shared::{Ending, Shared},
    state::{ClosedSegment, Part, State, WalOptions},
};
use crate::{SAID_EVERY, StorageError, SyncMode, codec::Put, disk::Disk, frame};

/// So many bytes for which nobody waits are written without further delay.
const UNWATCHED: usize = 256 << 10;

/// The log, open for writing.
#[derive(Debug)]
pub(crate) struct Wal {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Wal {
    /// Begins a new segment behind those of before, which have all behind a write, and starts the committer. `progress` is called, without a lock held,
    /// whenever something became durable or failed; `turned` whenever a segment was begun or ended.
    pub(crate) fn start(
        options: WalOptions,
        disk: Arc<dyn Disk>,
        (before, after): (Vec<ClosedSegment>, u64),
        seq: u64,
        (progress, turned): (impl Fn() + Send + 'static, impl Fn() + Send + 'static),
    ) -> Result<Self, StorageError> {
        let (number, len) = before.last().map_or((0, 0), |last| (last.number, last.len));
        let head = Head { number: number + 1, before: number, before_len: len };
        let segment = Segment::create(&*disk, &options.dir, head)
            .map_err(StorageError::io("cannot begin the log in", &options.dir))?;
        let state = State::new(options.sync, seq, (before, after), &segment);
        let interval = match options.sync {
            SyncMode::Interval(interval) => Some(interval),
            SyncMode::Always | SyncMode::Group { .. } => None,
        };
        let dir = options.dir.clone();
        let committer = Committer {
            disk: Arc::clone(&disk),
            options,
            segment: Some(segment),
            last: Head { number: number + 1, before: number, before_len: len },
            owed: Vec::new(),
            written: 0,
            owed_seq: seq,
            segment_seq: seq,
            progress: Box::new(progress),
            turned: Box::new(turned),
            has_turned: false,
            failures: Repeats::new(SAID_EVERY),
        };
        let committer = Mutex::new(committer);
        let shared = Arc::new(Shared { state: Mutex::new(state), work: Condvar::new(), interval, committer });
        let running = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("levada-wal".to_owned())
            .spawn(move || {
                let _ending = Ending(Arc::clone(&running));
                running.run();
            })
            .map_err(StorageError::io("cannot start the committer of", "wal"))?;
        Ok(Self { shared, disk, dir, thread: Mutex::new(Some(thread)) })
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

    /// Appends a record, whose body `put` writes. Numbers must grow. Whoever `may_commit` may be left to write it: see
    /// [`Durable::is_own`].
    pub(crate) fn append(&self, seq: u64, may_commit: bool, put: impl FnOnce(&mut Vec<u8>)) -> Durable {
        let mut state = self.shared.state.lock();
        debug_assert!(seq > state.appended_seq);
        let at = frame::begin(&mut state.buffer);
        state.buffer.put_u64(seq);
        put(&mut state.buffer);
        frame::end(&mut state.buffer, at);
        state.appended_seq = seq;
        let (now, bytes) = (Instant::now(), state.buffer.len());
        let may_be_ready = state.group.add(now, bytes);
        let is_free = self.shared.interval.is_none() && state.owed_bytes == 0 && state.is_well();
        if may_commit && is_free && state.group.is_alone(bytes) {
            return Durable::own(Arc::clone(&self.shared), seq);
        }
        let wakes = match self.shared.interval {
            None => may_be_ready,
            // Who waits for it writes it. The thread does where nobody waits, and syncs.
            Some(_) => {
                let first = state.dirty_since.is_none();
                state.dirty_since.get_or_insert(now);
                first || bytes >= UNWATCHED
            }
        };
        if wakes {
            self.shared.work.notify_one();
        }
        Durable::new(Arc::clone(&self.shared), seq)
    }

    /// Resolves when all up to a number is synced, which is done at once.
    pub(crate) fn synced(&self, seq: u64) -> Durable {
        if self.shared.interval.is_some() {
            self.shared.state.lock().sync_wanted = true;
            self.shared.work.notify_one();
        }
        Durable::synced(Arc::clone(&self.shared), seq)
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

    /// Resolves when all up to a number is synced, or never will be.
    pub(crate) fn when_synced(&self, seq: u64) -> Synced {
        Synced::new(Arc::clone(&self.shared), seq)
    }

    /// Whether nothing will be written any more.
    pub(crate) fn is_ended(&self) -> bool {
        self.shared.state.lock().ended
    }

    /// All writes behind this one are in the log.
    pub(crate) fn after(&self) -> u64 {
        self.shared.state.lock().after
    }

    /// The first segment of this number or a later one, as far as it is synced, if one is begun; and up to which write all is
    /// synced.
    pub(crate) fn part(&self, number: u64) -> (Option<Part>, u64) {
        let state = self.shared.state.lock();
        let closed = state.closed.iter().find(|segment| segment.number >= number).map(|segment| Part {
            number: segment.number,
            path: segment.path.clone(),
            len: segment.len,
            closed: true,
        });
        let current = || Part {
            number: state.current,
            path: super::segment::path(&self.dir, state.current),
            len: state.synced_bytes,
            closed: false,
        };
        let is_begun = state.current >= number && state.current > 0;
        (closed.or_else(|| is_begun.then(current)), state.synced_seq)
    }

    /// The number of the first segment that may have records behind a write.
    pub(crate) fn segment_behind(&self, seq: u64) -> u64 {
        let state = self.shared.state.lock();
        let found = state.closed.iter().find(|segment| segment.last_seq > seq);
        let last = state.closed.back().map_or(0, |segment| segment.number);
        found.map_or(last + 1, |segment| segment.number)
    }

    /// Bytes of the segments that hold something behind one write and nothing behind another.
    pub(crate) fn bytes_between(&self, after: u64, last: u64) -> u64 {
        let state = self.shared.state.lock();
        let between =
            state.closed.iter().filter(|segment| after < segment.last_seq && segment.last_seq <= last);
        between.map(|segment| segment.len).sum()
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

    /// Takes the segments that hold nothing above a number, but for the one that the manifest names; they are to be removed.
    pub(crate) fn detach(&self, seq: u64) -> Vec<ClosedSegment> {
        let mut state = self.shared.state.lock();
        let named = state.named;
        let keep = state.closed.iter().position(|segment| segment.last_seq > seq || segment.number == named);
        let count = keep.unwrap_or(state.closed.len());
        let detached: Vec<_> = state.closed.drain(..count).collect();
        let last = detached.last().map_or(0, |segment| segment.last_seq);
        state.after = state.after.max(last);
        detached
    }

    /// Removes segments that were detached. One that cannot be removed is tried again with those that come next.
    pub(crate) fn remove(&self, detached: Vec<ClosedSegment>) {
        let mut left = Vec::new();
        for segment in detached {
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
