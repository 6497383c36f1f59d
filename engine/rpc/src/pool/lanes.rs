//! Lanes: they keep the rows of a device in order.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use levada_model::Path;
use tokio::sync::Mutex;

/// As many lanes as there are sessions; each writes one thing at a time.
pub(super) struct Lanes {
    lanes: Vec<Mutex<()>>,
    hasher: FixedState,
}

impl Lanes {
    pub(super) fn new(count: usize) -> Self {
        Self { lanes: (0..count).map(|_| Mutex::default()).collect(), hasher: FixedState::default() }
    }

    pub(super) fn count(&self) -> usize {
        self.lanes.len()
    }

    /// The lane of a device.
    pub(super) fn of(&self, device: &Path) -> usize {
        (self.hasher.hash_one(device) % self.lanes.len() as u64) as usize
    }

    /// The lane's lock. Waiters get it in the order in which they first polled.
    pub(super) fn lock(&self, lane: usize) -> &Mutex<()> {
        &self.lanes[lane]
    }
}
