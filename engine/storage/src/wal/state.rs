//! What callers and the committer share.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    time::Instant,
};

use super::{group::Group, segment::Segment, waiters::Waiters};
use crate::{StorageError, SyncMode};

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

/// What callers and the committer share, under one lock.
#[derive(Debug)]
pub(super) struct State {
    /// Records that were appended and not yet taken by the committer.
    pub(super) buffer: Vec<u8>,
    pub(super) group: Group,
    /// Since when something is appended and not synced, where there is an interval for that.
    pub(super) dirty_since: Option<Instant>,
    pub(super) appended_seq: u64,
    /// All up to here is acknowledged.
    pub(super) acked_seq: u64,
    /// All up to here is synced.
    pub(super) synced_seq: u64,
    pub(super) failure: Option<Failure>,
    pub(super) waiters: Waiters,
    /// Who waits until something is synced.
    pub(super) followers: Waiters,
    pub(super) closed: VecDeque<ClosedSegment>,
    /// All writes behind this one are in the segments, or on their way.
    pub(super) after: u64,
    /// How much of the current segment is synced.
    pub(super) synced_bytes: u64,
    pub(super) current_bytes: u64,
    /// Bytes that were taken and are not acknowledged.
    pub(super) owed_bytes: usize,
    /// The segment that is being written; 0 where the next is not begun yet.
    pub(super) current: u64,
    /// The segment that the manifest names as the newest: it must not go before another is named.
    pub(super) named: u64,
    pub(super) rotate: bool,
    pub(super) hurry: bool,
    /// Somebody waits for a sync, who would otherwise wait for the interval.
    pub(super) sync_wanted: bool,
    pub(super) ending: bool,
    /// The committer is gone: what is not acknowledged now never will be.
    pub(super) ended: bool,
}

/// Why the log cannot be written.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: io::ErrorKind,
    /// The system's number of it, where it has one.
    pub(super) number: Option<i32>,
    pub(super) message: String,
    pub(super) path: PathBuf,
    pub(super) since: Instant,
}

impl Failure {
    pub(super) fn new(error: &io::Error, path: &Path) -> Self {
        let (kind, number, message) = (error.kind(), error.raw_os_error(), error.to_string());
        Self { kind, number, message, path: path.to_owned(), since: Instant::now() }
    }

    pub(super) fn error(&self) -> StorageError {
        let again = || io::Error::new(self.kind, self.message.clone());
        let error = self.number.map_or_else(again, io::Error::from_raw_os_error);
        StorageError::io("cannot write to the log", &self.path)(error)
    }
}

impl State {
    pub(super) fn new(
        sync: SyncMode,
        seq: u64,
        (before, after): (Vec<ClosedSegment>, u64),
        current: &Segment,
    ) -> Self {
        Self {
            buffer: Vec::new(),
            group: Group::new(sync),
            dirty_since: None,
            appended_seq: seq,
            acked_seq: seq,
            synced_seq: seq,
            failure: None,
            waiters: Waiters::default(),
            followers: Waiters::default(),
            closed: before.into(),
            after,
            synced_bytes: current.len,
            current_bytes: current.len,
            owed_bytes: 0,
            current: current.number,
            named: 0,
            rotate: false,
            hurry: false,
            sync_wanted: false,
            ending: false,
            ended: false,
        }
    }

    /// Whether the log is open, and could be written the last time.
    pub(super) fn is_well(&self) -> bool {
        self.failure.is_none() && !self.ending && !self.ended
    }

    /// Whether the record of a number is durable, or is known not to be; `None` while that is open.
    pub(super) fn outcome(&self, seq: u64, until_synced: bool) -> Option<Result<(), StorageError>> {
        if seq <= if until_synced { self.synced_seq } else { self.acked_seq } {
            return Some(Ok(()));
        }
        match &self.failure {
            Some(failure) => Some(Err(failure.error())),
            None if self.ended => Some(Err(StorageError::Closed)),
            None => None,
        }
    }
}

impl State {
    /// Whether waiting until a number is synced is over.
    pub(super) fn is_synced(&self, seq: u64) -> bool {
        self.ended || seq <= self.synced_seq
    }
}

/// A segment as far as it is synced.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    /// Bytes that are synced, its head included.
    pub(crate) len: u64,
    /// Whether nothing comes behind them.
    pub(crate) closed: bool,
}
