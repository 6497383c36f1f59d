//! What was read of files' indexes, kept within a budget.

use std::sync::Arc;

use hashbrown::HashMap;
use levada_tsfile::{DeviceId, SeriesMeta};
use parking_lot::Mutex;

/// What the index of one file says of some series; `None` where the file has no such series.
pub(crate) type KnownMeta = Option<Arc<SeriesMeta>>;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

type Generation = Map<(u64, DeviceId), Map<Arc<str>, KnownMeta>>;

/// Index entries by file, device and measurement. When the newer half of the budget is full, the older half is forgotten; what is
/// used moves to the newer half.
#[derive(Debug)]
pub(crate) struct MetaCache {
    budget: usize,
    halves: Mutex<Halves>,
}

#[derive(Debug, Default)]
struct Halves {
    newer: Generation,
    older: Generation,
    bytes: usize,
}

impl MetaCache {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, halves: Mutex::default() }
    }

    pub(crate) fn get(&self, file: u64, device: &DeviceId, measurement: &str) -> Option<KnownMeta> {
        let mut halves = self.halves.lock();
        let key = (file, device.clone());
        if let Some(known) = halves.newer.get(&key).and_then(|known| known.get(measurement)) {
            return Some(known.clone());
        }
        let (name, known) = halves.older.get_mut(&key)?.remove_entry(measurement)?;
        self.insert(&mut halves, key, name, known.clone());
        Some(known)
    }

    pub(crate) fn put(&self, file: u64, device: &DeviceId, measurement: &Arc<str>, known: KnownMeta) {
        self.insert(&mut self.halves.lock(), (file, device.clone()), Arc::clone(measurement), known);
    }

    fn insert(&self, halves: &mut Halves, key: (u64, DeviceId), measurement: Arc<str>, known: KnownMeta) {
        // About what an entry takes, with its statistics.
        halves.bytes += 250 + known.as_ref().map_or(0, |meta| meta.chunks.len() * 160);
        if halves.bytes > self.budget / 2 {
            halves.older = std::mem::take(&mut halves.newer);
            halves.bytes = 0;
        }
        halves.newer.entry(key).or_default().insert(measurement, known);
    }
}
