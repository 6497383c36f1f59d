//! What is known of a node while it runs: its state, its counts, its progress.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use levada_connector_api::{Error, Progress};
use levada_model::SplitName;
use parking_lot::Mutex;
use serde::Serialize;

use crate::tap::Tap;

/// What a node is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// Where readings come from.
    Source,
    /// What changes them.
    Transform,
    /// Where they go.
    Sink,
}

/// How a node is doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "state", content = "error")]
pub enum NodeState {
    /// It has not connected yet.
    Starting,
    /// It works.
    Ready,
    /// The last attempt failed with this error; there will be another.
    Retrying(String),
    /// It has done all it had to do.
    Ended,
    /// It gave up with this error.
    Failed(String),
}

/// A split that a source gave up, with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GivenUp {
    /// Which split.
    pub split: String,
    /// Why.
    pub error: String,
}

/// A node's counts since the pipeline started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Rows that came in: read by a source, received by the others.
    pub rows_in: u64,
    /// Rows that went out: sent on, or delivered by a sink.
    pub rows_out: u64,
    /// Values that are not null among the rows delivered by a sink.
    pub points_out: u64,
    /// Records and rows dead-lettered.
    pub dead: u64,
    /// Records and rows dropped, where the pipeline's `errors` say so.
    pub dropped: u64,
    /// Attempts that failed and were made again.
    pub retries: u64,
    /// Splits that a source gave up.
    pub given_up: u64,
    /// Records that a source read and that gave no value.
    pub empty: u64,
    /// Rows that a transform left out, of which no value went on.
    pub left_out: u64,
}

/// A node as its task, the report and `/ready` see it.
pub(crate) struct Node {
    pub(crate) name: Arc<str>,
    pub(crate) kind: NodeKind,
    pub(crate) tally: Tally,
    pub(crate) tap: Arc<Tap>,
    state: Mutex<NodeState>,
    progress: Mutex<Progress>,
    /// The first few splits that were given up; all of them are counted.
    given_up: Mutex<Vec<GivenUp>>,
}

/// At most this many splits that were given up are told of by name.
const GIVEN_UP_NAMED: usize = 100;

/// [`Counts`] that are counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    rows_in: AtomicU64,
    rows_out: AtomicU64,
    points_out: AtomicU64,
    dead: AtomicU64,
    dropped: AtomicU64,
    retries: AtomicU64,
    given_up: AtomicU64,
    empty: AtomicU64,
    left_out: AtomicU64,
}

impl Node {
    pub(crate) fn new(name: &str, kind: NodeKind) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            kind,
            tally: Tally::default(),
            tap: Arc::default(),
            state: Mutex::new(NodeState::Starting),
            progress: Mutex::default(),
            given_up: Mutex::default(),
        })
    }

    pub(crate) fn state(&self) -> NodeState {
        self.state.lock().clone()
    }

    /// A failure stays: what comes after it is only tidying up.
    pub(crate) fn set_state(&self, state: NodeState) {
        let mut current = self.state.lock();
        if !matches!(*current, NodeState::Failed(_)) {
            *current = state;
        }
    }

    /// Notes a split that the source gave up; whether it is one of those that are told of by name.
    pub(crate) fn give_up(&self, split: &SplitName, error: &Error) -> bool {
        self.tally.given_up.fetch_add(1, Ordering::Relaxed);
        let mut given_up = self.given_up.lock();
        let is_named = given_up.len() < GIVEN_UP_NAMED;
        if is_named {
            given_up.push(GivenUp { split: split.to_string(), error: error.to_string() });
        }
        is_named
    }

    pub(crate) fn given_up(&self) -> Vec<GivenUp> {
        self.given_up.lock().clone()
    }

    pub(crate) fn progress(&self) -> Progress {
        *self.progress.lock()
    }

    pub(crate) fn set_progress(&self, progress: Progress) {
        *self.progress.lock() = progress;
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl Tally {
    pub(crate) fn came_in(&self, rows: usize) {
        self.rows_in.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn went_out(&self, rows: usize, points: usize) {
        self.rows_out.fetch_add(rows as u64, Ordering::Relaxed);
        self.points_out.fetch_add(points as u64, Ordering::Relaxed);
    }

    pub(crate) fn dead(&self, letters: usize) {
        self.dead.fetch_add(letters as u64, Ordering::Relaxed);
    }

    pub(crate) fn dropped(&self, letters: usize) {
        self.dropped.fetch_add(letters as u64, Ordering::Relaxed);
    }

    /// So many records gave no value, in all.
    pub(crate) fn set_empty(&self, records: u64) {
        self.empty.store(records, Ordering::Relaxed);
    }

    pub(crate) fn left_out(&self, rows: usize) {
        self.left_out.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            rows_in: read(&self.rows_in),
            rows_out: read(&self.rows_out),
            points_out: read(&self.points_out),
            dead: read(&self.dead),
            dropped: read(&self.dropped),
            retries: read(&self.retries),
            given_up: read(&self.given_up),
            empty: read(&self.empty),
            left_out: read(&self.left_out),
        }
    }
}
