//! The newest value of series that somebody asked for, within a budget.
//!
//! An entry begins with a read that missed: from write `since` on it sees all writes of its series, and keeps the newest of
//! their values. What a view of that moment or a later one read completes it. A complete entry says what is newest in every
//! state from write `seq` to now, so a view may use it from `seq` on; an older view reads. Whatever takes values away
//! takes away the entries that it may concern.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, cast::AsArray};
use hashbrown::HashMap;
use levada_model::{DataType, Path, PathPattern, Value};
use parking_lot::Mutex;

use crate::{TimeRange, memtable::Grown, write::Incoming};

type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
type Half = Map<Path, Map<Arc<str>, Entry>>;

/// Longer texts are not kept.
const TEXT_BYTES: usize = 256;
/// What an entry takes at most, about, a longest text included.
const ENTRY_BYTES: usize = 200 + TEXT_BYTES;

/// The newest row of a series, if it has any.
pub(crate) type Newest = Option<(i64, Value)>;

#[derive(Debug)]
struct Entry {
    /// It knows of all writes behind this one.
    since: u64,
    /// The write from which on it is so.
    seq: u64,
    newest: Newest,
    /// Whether it also knows what was there before `since`.
    complete: bool,
}

/// Entries by device and measurement. When the newer half of the budget is full, the older half is forgotten; what is used
/// moves to the newer half. An entry is in one half only.
#[derive(Debug)]
struct Entries {
    budget: usize,
    /// The last write that was taken note of: later ones will be.
    seq: u64,
    newer: Half,
    older: Half,
    bytes: usize,
}

impl Entry {
    fn new(since: u64) -> Self {
        Self { since, seq: since, newest: None, complete: false }
    }

    /// Takes the newest value of a write's column.
    fn raise(&mut self, seq: u64, times: &[i64], array: &ArrayRef, data_type: DataType, grown: Grown) {
        let newest = self.newest.as_ref().map(|(time, _)| *time);
        if newest.is_some_and(|newest| grown.max_time < newest) {
            return;
        }
        let row = times.len().saturating_sub(1);
        // Which row is newest would take a look at all of them; the next read finds out.
        let known = grown.sorted && array.is_valid(row) && is_short(array, data_type, row);
        match Value::at(array, data_type, row).filter(|_| known) {
            Some(value) => {
                self.newest = Some((times[row], value));
                self.seq = seq;
            }
            None => *self = Self::new(seq),
        }
    }
}

/// The newest values, under a lock of their own: writers take note while they hold the store's, readers ask without that.
#[derive(Debug)]
pub(crate) struct LastCache(Mutex<Entries>);

impl LastCache {
    pub(crate) fn new(budget: usize) -> Self {
        Self(Mutex::new(Entries::new(budget)))
    }

    /// The newest row of a series as a view sees it, lives of rows aside; `None` where that is not known.
    pub(crate) fn get(&self, device: &Path, measurement: &Arc<str>, view: u64) -> Option<Newest> {
        self.0.lock().get(device, measurement, view)
    }

    /// Takes what a view read of a series (`None`: nothing that may be kept).
    pub(crate) fn fill(&self, device: &Path, measurement: &Arc<str>, view: u64, read: Option<&Newest>) {
        self.0.lock().fill(device, measurement, view, read);
    }

    /// Takes note of rows that a device got. Writes come in the order of their numbers.
    pub(crate) fn raise(
        &self,
        device: &Path,
        seq: u64,
        times: &[i64],
        columns: &[Incoming<'_>],
        grown: Grown,
    ) {
        self.0.lock().raise(device, seq, times, columns, grown);
    }

    /// Forgets what a deletion may concern.
    pub(crate) fn forget(&self, seq: u64, patterns: &[PathPattern], range: TimeRange) {
        self.0.lock().forget(seq, patterns, range);
    }

    /// Forgets all, as a write may concern any of it.
    pub(crate) fn clear(&self, seq: u64) {
        let mut entries = self.0.lock();
        *entries = Entries { seq, ..Entries::new(entries.budget) };
    }
}

impl Entries {
    fn new(budget: usize) -> Self {
        Self { budget, seq: 0, newer: Half::default(), older: Half::default(), bytes: 0 }
    }

    /// The newest row of a series as a view sees it, lives of rows aside; `None` where that is not known.
    fn get(&mut self, device: &Path, measurement: &Arc<str>, view: u64) -> Option<Newest> {
        let entry = self.entry(device, measurement)?;
        (entry.complete && entry.seq <= view).then(|| entry.newest.clone())
    }

    /// See [`LastCache::fill`].
    fn fill(&mut self, device: &Path, measurement: &Arc<str>, view: u64, read: Option<&Newest>) {
        if self.budget < 2 * ENTRY_BYTES {
            return;
        }
        if self.entry(device, measurement).is_none() {
            self.put(device, measurement, Entry::new(self.seq));
        }
        let Some(entry) = self.entry(device, measurement) else { return };
        let Some(read) = read.filter(|read| !is_long(read)) else { return };
        if entry.complete || view < entry.since {
            return;
        }
        let time = |newest: &Newest| newest.as_ref().map(|(time, _)| *time);
        // Of one time the write counts: the view saw it too, or it came later.
        if time(read) > time(&entry.newest) {
            entry.newest = read.clone();
            entry.seq = view;
        } else {
            entry.seq = entry.seq.max(entry.since);
        }
        entry.complete = true;
    }

    /// See [`LastCache::raise`].
    fn raise(&mut self, device: &Path, seq: u64, times: &[i64], columns: &[Incoming<'_>], grown: Grown) {
        self.seq = seq;
        for half in [&mut self.newer, &mut self.older] {
            let Some(known) = half.get_mut(device) else { continue };
            for Incoming { measurement, data_type, values } in columns {
                if let Some(entry) = known.get_mut(*measurement) {
                    entry.raise(seq, times, values, *data_type, grown);
                }
            }
        }
    }

    /// Forgets what a deletion may concern.
    fn forget(&mut self, seq: u64, patterns: &[PathPattern], range: TimeRange) {
        self.seq = seq;
        for half in [&mut self.newer, &mut self.older] {
            half.retain(|device, known| {
                let nodes: Vec<&str> = device.nodes().collect();
                let gone: Vec<Arc<str>> = known
                    .iter()
                    .filter(|(_, entry)| {
                        let newest = entry.newest.as_ref().map(|(time, _)| *time);
                        // A series that is gone may come again.
                        let concerned = newest.map_or(range == TimeRange::ALL, |time| range.contains(time));
                        !entry.complete || concerned
                    })
                    .map(|(measurement, _)| Arc::clone(measurement))
                    .collect();
                for measurement in gone {
                    let nodes: Vec<&str> = nodes.iter().copied().chain([&*measurement]).collect();
                    if patterns.iter().any(|pattern| pattern.matches_nodes(&nodes)) {
                        known.remove(&measurement);
                    }
                }
                !known.is_empty()
            });
        }
    }

    /// A series' entry, now in the newer half.
    fn entry(&mut self, device: &Path, measurement: &Arc<str>) -> Option<&mut Entry> {
        let older = self.older.get_mut(device).and_then(|known| known.remove_entry(measurement));
        if let Some((measurement, entry)) = older {
            self.put(device, &measurement, entry);
        }
        self.newer.get_mut(device)?.get_mut(measurement)
    }

    fn put(&mut self, device: &Path, measurement: &Arc<str>, entry: Entry) {
        self.bytes += ENTRY_BYTES;
        if self.bytes > self.budget / 2 {
            self.older = std::mem::take(&mut self.newer);
            self.bytes = ENTRY_BYTES;
        }
        self.newer.entry(device.clone()).or_default().insert(Arc::clone(measurement), entry);
    }
}

fn is_long(newest: &Newest) -> bool {
    match newest {
        Some((_, Value::Text(text) | Value::String(text))) => text.len() > TEXT_BYTES,
        Some((_, Value::Blob(bytes))) => bytes.len() > TEXT_BYTES,
        _ => false,
    }
}

fn is_short(array: &ArrayRef, data_type: DataType, row: usize) -> bool {
    match data_type {
        DataType::Text | DataType::String => {
            array.as_string_opt::<i32>().is_some_and(|texts| texts.value(row).len() <= TEXT_BYTES)
        }
        DataType::Blob => {
            array.as_binary_opt::<i32>().is_some_and(|blobs| blobs.value(row).len() <= TEXT_BYTES)
        }
        _ => true,
    }
}
