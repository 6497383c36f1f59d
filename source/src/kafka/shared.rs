//! What the reading thread and the runtime's task both see.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use levada_connector_api::{Progress, model::Checkpoint};
use parking_lot::{Mutex, MutexGuard};

/// Shared between the thread that reads and the source.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// For each split, the first position that is not settled, as far as is known.
    pub(super) settled: Mutex<Checkpoint>,
    /// How many faults the task was given by the thread, and how many of them it knew of when it asked for more.
    pub(super) faults: AtomicU64,
    pub(super) asked: AtomicU64,
    /// The thread shall end.
    pub(super) stop: AtomicBool,
    pub(super) read: AtomicU64,
    pub(super) total: AtomicU64,
    pub(super) lag: AtomicU64,
}

impl Shared {
    pub(super) fn progress(&self, bounded: bool) -> Progress {
        let get = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Progress {
            read: get(&self.read),
            total: bounded.then(|| get(&self.total)),
            lag: Some(get(&self.lag)),
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// The lock is only held for look-ups, never while something waits.
pub(super) fn lock(settled: &Mutex<Checkpoint>) -> MutexGuard<'_, Checkpoint> {
    settled.lock()
}
