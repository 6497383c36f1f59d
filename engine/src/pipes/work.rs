//! A pipe as whoever runs it sees it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use levada_model::{Path, PathPattern, SessionError};
use levada_storage::{Clock, HistoryMark, Storage, StorageError};
use parking_lot::Mutex;
use tokio::task::spawn_blocking;

use super::{Origins, PipeDefinition, Pipes, progress::Progress, reader, writers::Writers};
use crate::{FeedMarker, error::panicked};

/// How a pipe is doing, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PipeMessage {
    /// As it should.
    #[default]
    Normal,
    /// Something was lost or is late; the pipe goes on.
    Warn(String),
    /// Nothing can be sent though the receiver answers: somebody has to look into it. The pipe tries now and then.
    Error(String),
}

/// A pipe of this process, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipeInfo {
    /// Its name.
    pub name: String,
    /// Whether it is started.
    pub running: bool,
    /// Values delivered since the process began.
    pub points: u64,
    /// Bytes of rows delivered since the process began, as they are in memory.
    pub bytes: u64,
    /// Values that the receiver rejected since the process began.
    pub rejected: u64,
    /// Writes that are not delivered yet, about one for each row of a device.
    pub lag_writes: u64,
    /// Values that are not delivered yet, about: of those writes and, while it sends what was stored when it began, of sealed files.
    pub lag_points: u64,
    /// Bytes of the log that are kept for it.
    pub lag_bytes: u64,
    /// For how long something has been waiting to be delivered, in milliseconds.
    pub lag_ms: u64,
    /// How it is doing.
    pub message: PipeMessage,
}

/// What is known of a pipe beside its definition.
#[derive(Debug)]
pub(super) struct Status {
    pub(super) progress: Progress,
    message: Mutex<Messages>,
    points: AtomicU64,
    bytes: AtomicU64,
    rejected: AtomicU64,
    /// Values of what was stored when it began that are not delivered, about.
    stored: AtomicU64,
    /// When something was read that is not delivered yet, in milliseconds since 1970 UTC; 0 where all is.
    waiting_since: AtomicI64,
}

#[derive(Debug, Default)]
struct Messages {
    now: PipeMessage,
    /// What was lost since the pipe was started.
    lost: Option<String>,
}

impl Status {
    pub(super) fn new(progress: Progress) -> Self {
        let message = Mutex::new(Messages { lost: progress.lost(), ..Messages::default() });
        Self {
            progress,
            message,
            points: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            waiting_since: AtomicI64::new(0),
        }
    }

    /// The pipe's task begins. What was lost is still told.
    pub(super) fn begin(&self) {
        self.message.lock().now = PipeMessage::Normal;
    }

    /// What was lost is not told any more. Returns when that is durable. Blocks.
    pub(super) fn forget_lost(&self) -> Result<(), StorageError> {
        self.message.lock().lost = None;
        self.progress.forget_lost()
    }

    pub(super) fn say(&self, message: PipeMessage) {
        self.message.lock().now = message;
    }

    /// What is told of the pipe: of what was lost, if nothing worse is.
    pub(super) fn message(&self) -> PipeMessage {
        let messages = self.message.lock();
        match (&messages.now, &messages.lost) {
            (PipeMessage::Normal, Some(lost)) => PipeMessage::Warn(lost.clone()),
            (now, _) => now.clone(),
        }
    }
}

/// A pipe as whoever runs it sees it.
#[derive(Debug)]
pub struct PipeWork {
    pub(super) storage: Storage,
    clock: Arc<dyn Clock>,
    engine: String,
    pub(super) definition: PipeDefinition,
    pub(super) status: Arc<Status>,
    pub(super) writers: Writers,
    /// The last write before the pipe was started for the first time.
    pub(super) began: u64,
}

impl PipeWork {
    pub(super) fn new(pipes: &Pipes, definition: PipeDefinition, status: Arc<Status>, began: u64) -> Self {
        let (storage, clock) = (pipes.storage.clone(), Arc::clone(&pipes.clock));
        let (engine, writers) = (pipes.engine(), pipes.writers.clone());
        Self { storage, clock, engine, definition, status, writers, began }
    }

    /// Which pipe.
    pub fn definition(&self) -> &PipeDefinition {
        &self.definition
    }

    /// All changes up to this write are delivered, and that is durable; `None` where what was stored when the pipe began is not.
    pub fn position(&self) -> Option<u64> {
        self.status.progress.position()
    }

    /// The databases that may have series which are sent.
    pub fn databases(&self) -> Vec<Path> {
        let all = PathPattern::parse("root.**").expect("a pattern");
        let all = self.storage.catalog().databases(&all).into_iter().map(|database| database.path);
        all.filter(|path| self.definition.selection.may_have_below(path)).collect()
    }

    /// Which engines have sent here what is stored now.
    pub fn origins(&self) -> Origins {
        self.writers.origins()
    }

    /// What this engine is known by to others.
    pub fn engine(&self) -> String {
        self.engine.clone()
    }

    /// All changes of a feed up to a position are delivered. When it returns, that is durable, and what was kept for it may go.
    ///
    /// # Errors
    /// It could not be stored: it does not count.
    pub async fn settle(&self, feed: &FeedMarker, position: u64) -> Result<(), SessionError> {
        let (status, feed) = (Arc::clone(&self.status), feed.clone());
        let settled = spawn_blocking(move || {
            status.progress.save(position, || status.message.lock().lost.clone())?;
            feed.settle(position);
            Ok::<_, StorageError>(())
        });
        Ok(settled.await.map_err(panicked)??)
    }

    /// What is stored is delivered to a receiver as far as a mark says. When it returns, that is durable: after a crash it goes on there.
    ///
    /// # Errors
    /// It could not be stored: it does not count.
    pub async fn settle_history(
        &self,
        mark: HistoryMark,
        receiver: Option<String>,
    ) -> Result<(), SessionError> {
        let (status, of) = (Arc::clone(&self.status), self.history_of());
        let settled = spawn_blocking(move || {
            status.progress.save_mark(mark, (receiver, of), || status.message.lock().lost.clone())
        });
        Ok(settled.await.map_err(panicked)??)
    }

    /// What of what is stored is sent, and where to.
    pub(super) fn history_of(&self) -> String {
        let PipeDefinition { selection, target, history_back, .. } = &self.definition;
        format!("{selection:?} to {target:?}, back: {history_back}")
    }

    /// How the pipe is doing.
    pub fn say(&self, message: PipeMessage) {
        self.status.say(message);
    }

    /// Something is lost, and that is told until the pipe is started again.
    pub fn lost(&self, what: String) {
        tracing::warn!(pipe = self.definition.name, "{what}");
        self.status.message.lock().lost = Some(what);
    }

    /// Rows were delivered.
    pub fn delivered(&self, points: usize, bytes: usize) {
        self.status.points.fetch_add(points as u64, Ordering::Relaxed);
        self.status.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.of_stored(points);
    }

    /// The receiver rejected values.
    pub fn rejected(&self, points: usize) {
        self.status.rejected.fetch_add(points as u64, Ordering::Relaxed);
        self.of_stored(points);
    }

    /// All that was stored when the pipe began is sent.
    pub fn history_sent(&self) {
        self.status.stored.store(0, Ordering::Relaxed);
    }

    /// What is stored is to be sent.
    pub(super) fn history_begins(&self) {
        self.status.stored.store(self.storage.stats().file_points, Ordering::Relaxed);
    }

    fn of_stored(&self, points: usize) {
        let less = |stored: u64| Some(stored.saturating_sub(points as u64));
        self.status.stored.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok();
    }

    /// Whether something was read that is not delivered.
    pub fn waiting(&self, waits: bool) {
        let since = &self.status.waiting_since;
        match waits {
            false => since.store(0, Ordering::Relaxed),
            // Where something waits already, it has done so for longer.
            true => drop(since.compare_exchange(0, self.clock.now(), Ordering::Relaxed, Ordering::Relaxed)),
        }
    }

    /// What waited is delivered, and what was read meanwhile waits since a moment, in milliseconds since 1970 UTC.
    pub fn waiting_since(&self, moment: i64) {
        self.status.waiting_since.store(moment, Ordering::Relaxed);
    }

    /// The moment, in milliseconds since 1970 UTC.
    pub fn now(&self) -> i64 {
        self.clock.now()
    }
}

impl Pipes {
    /// All pipes that send from here.
    pub(crate) fn infos(&self) -> Vec<PipeInfo> {
        let (book, readers, now) = (self.book(), self.storage.readers(), self.clock.now());
        let live = self.live.lock();
        let of = |(name, pipe): (&String, &super::book::StoredPipe)| {
            let status = &live.get(&pipe.id)?.status;
            let name_of_reader = reader(pipe.id);
            let hold = readers.iter().find(|each| each.name.as_deref() == Some(&name_of_reader));
            let since = status.waiting_since.load(Ordering::Relaxed);
            let lag = if since == 0 { 0 } else { now.saturating_sub(since).max(0) };
            Some(PipeInfo {
                name: name.clone(),
                running: pipe.running,
                points: status.points.load(Ordering::Relaxed),
                bytes: status.bytes.load(Ordering::Relaxed),
                rejected: status.rejected.load(Ordering::Relaxed),
                lag_writes: hold.map_or(0, |hold| hold.behind),
                lag_points: status.stored.load(Ordering::Relaxed) + hold.map_or(0, |hold| hold.points),
                lag_bytes: hold.map_or(0, |hold| hold.log_bytes + hold.file_bytes),
                lag_ms: u64::try_from(lag).unwrap_or_default(),
                message: status.message(),
            })
        };
        book.pipes.iter().filter_map(of).collect()
    }
}
