//! What was read of files' indexes, kept within a budget.

use std::sync::Arc;

use hashbrown::HashMap;
use levada_model::Path;
use levada_tsfile::SeriesMeta;
use parking_lot::Mutex;

/// What the index of one file says of some series; `None` where the file has no such series.
pub(crate) type KnownMeta = Option<Arc<SeriesMeta>>;

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// What is known of a device in a file.
#[derive(Debug, Default)]
struct Known {
    series: Map<Arc<str>, KnownMeta>,
    /// Series that are not here are not in the file.
    whole: bool,
}

type Generation = Map<(u64, Path), Known>;

/// What the cache says of a series in a file.
#[derive(Debug)]
pub(crate) enum Cached {
    Known(KnownMeta),
    /// So many other series of the device were asked for before.
    Missing(usize),
}

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

impl Known {
    fn get(&self, measurement: &str) -> Cached {
        match self.series.get(measurement) {
            Some(known) => Cached::Known(known.clone()),
            None if self.whole => Cached::Known(None),
            None => Cached::Missing(self.series.len()),
        }
    }

    /// About what it takes, statistics included.
    fn bytes(&self) -> usize {
        self.series.values().map(bytes).sum()
    }
}

fn bytes(known: &KnownMeta) -> usize {
    250 + known.as_ref().map_or(0, |meta| meta.chunks.len() * 160)
}

impl MetaCache {
    pub(crate) fn new(budget: usize) -> Self {
        Self { budget, halves: Mutex::default() }
    }

    pub(crate) fn get(&self, file: u64, device: &Path, measurement: &str) -> Cached {
        let mut halves = self.halves.lock();
        let key = (file, device.clone());
        if let Some(known) = halves.newer.get(&key) {
            return known.get(measurement);
        }
        let Some(known) = halves.older.remove(&key) else { return Cached::Missing(0) };
        let found = known.get(measurement);
        halves.make_room(known.bytes(), self.budget);
        halves.newer.insert(key, known);
        found
    }

    /// Keeps what the index says of one series.
    pub(crate) fn put(&self, file: u64, device: &Path, measurement: &Arc<str>, meta: KnownMeta) {
        let mut halves = self.halves.lock();
        halves.make_room(bytes(&meta), self.budget);
        let known = halves.newer.entry((file, device.clone())).or_default();
        known.series.insert(Arc::clone(measurement), meta);
    }

    /// Keeps what the index says of all series of a device.
    pub(crate) fn put_all(&self, file: u64, device: &Path, series: &[Arc<SeriesMeta>]) {
        let series = series.iter().map(|meta| (Arc::clone(&meta.measurement), Some(Arc::clone(meta))));
        let known = Known { series: series.collect(), whole: true };
        let mut halves = self.halves.lock();
        halves.make_room(250 + known.bytes(), self.budget);
        halves.newer.insert((file, device.clone()), known);
    }
}

impl Halves {
    fn make_room(&mut self, bytes: usize, budget: usize) {
        self.bytes += bytes;
        if self.bytes > budget / 2 {
            self.older = std::mem::take(&mut self.newer);
            self.bytes = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        Path::parse(text).expect("a path")
    }

    #[test]
    fn a_device_read_whole_tells_what_a_file_lacks() {
        let cache = MetaCache::new(1 << 20);
        let (a, b) = (path("root.a"), path("root.b"));
        assert!(matches!(cache.get(1, &a, "s"), Cached::Missing(0)));
        cache.put(1, &a, &"s".into(), None);
        assert!(matches!(cache.get(1, &a, "s"), Cached::Known(None)));
        assert!(matches!(cache.get(1, &a, "t"), Cached::Missing(1)));
        cache.put_all(1, &a, &[]);
        assert!(matches!(cache.get(1, &a, "t"), Cached::Known(None)));
        assert!(matches!(cache.get(2, &a, "t"), Cached::Missing(0)));
        assert!(matches!(cache.get(1, &b, "t"), Cached::Missing(0)));
    }

    #[test]
    fn what_is_not_asked_for_is_forgotten_first() {
        let cache = MetaCache::new(4 * 250);
        let asked = path("root.asked");
        cache.put(0, &asked, &"s".into(), None);
        for file in 1..50 {
            cache.put(file, &path("root.a"), &"s".into(), None);
            assert!(matches!(cache.get(0, &asked, "s"), Cached::Known(None)), "after {file}");
        }
        assert!(matches!(cache.get(1, &path("root.a"), "s"), Cached::Missing(0)));
        assert!(matches!(cache.get(49, &path("root.a"), "s"), Cached::Known(None)));
    }
}
