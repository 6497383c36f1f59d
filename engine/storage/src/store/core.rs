//! The state of an open store.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use levada_model::Repeats;
use parking_lot::{Condvar, Mutex};

use super::{Admission, Change};
use crate::{
    Finding, RegionInfo, SAID_EVERY, Stats, StorageError, StorageOptions,
    catalog::{Catalog, Database},
    catalog_op::CatalogOp,
    disk::Lock,
    folder::ReadOnly,
    holds::Holds,
    last::LastCache,
    manifest::Manifest,
    memtable::Memtable,
    place::Place,
    positions::Positions,
    read::Snapshot,
    sealed::{DataFolder, Files, MetaCache, SealedFile},
    tally::Tally,
    tombstone::Tombstones,
    wal::Wal,
};

/// An open store, as its threads share it.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) options: StorageOptions,
    pub(crate) folder: Arc<DataFolder>,
    pub(crate) core: Mutex<Core>,
    pub(crate) manifest: Mutex<Manifest>,
    pub(crate) wal: Option<Wal>,
    pub(crate) admission: Arc<Admission>,
    /// Something to flush or commit, or the end; with `core`.
    pub(crate) work: Condvar,
    /// A flush ended, well or not; with `core`.
    pub(crate) done: Condvar,
    pub(crate) metas: Arc<MetaCache>,
    /// For whom the log is kept.
    pub(crate) holds: Holds,
    /// Held by whoever compacts.
    pub(crate) compacting: Mutex<()>,
    /// Held by whoever takes chunks.
    pub(crate) taking: Mutex<()>,
    pub(crate) recovery: Vec<Finding>,
    /// Where it was opened to read alone, which makes it closed to all else.
    pub(crate) read_only: Option<ReadOnly>,
    pub(crate) lock: Mutex<Option<Box<dyn Lock>>>,
    pub(crate) counters: Counters,
    pub(crate) failures: Failures,
}

/// Failures of work in the background, which is tried again: one line for many.
#[derive(Debug)]
pub(crate) struct Failures {
    pub(crate) flushes: Mutex<Repeats>,
    pub(crate) commits: Mutex<Repeats>,
    pub(crate) compactions: Mutex<Repeats>,
}

impl Default for Failures {
    fn default() -> Self {
        let none = || Mutex::new(Repeats::new(SAID_EVERY));
        Self { flushes: none(), commits: none(), compactions: none() }
    }
}

/// What is only counted.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) points: AtomicU64,
    pub(crate) flushes: AtomicU64,
    pub(crate) flushed_bytes: AtomicU64,
    pub(crate) compactions: AtomicU64,
    pub(crate) compacted_bytes: AtomicU64,
}

/// What changes.
#[derive(Debug)]
pub(crate) struct Core {
    /// The number of the last write.
    pub(crate) seq: u64,
    /// How many values writes had.
    pub(crate) tally: Tally,
    /// Rows up to this write must be told from later ones: a view was taken or something deleted.
    pub(crate) boundary: u64,
    pub(crate) catalog: Catalog,
    pub(crate) active: HashMap<Place, Arc<Memtable>>,
    /// The oldest first.
    pub(crate) frozen: Vec<Frozen>,
    /// The last write whose rows came into files without having been in memory and of which the log, written by an older version, does not
    /// say where they are.
    pub(crate) untold: u64,
    /// Files of which the log tells readers: by their numbers, the record that names each.
    pub(crate) arrived: BTreeMap<u64, u64>,
    /// A write whose rows come into files without having been in memory, on its way.
    pub(crate) arriving: Option<Arriving>,
    /// Bytes in active memtables, and how many they may be.
    pub(crate) active_bytes: usize,
    /// Bytes logged since memtables were frozen last, about.
    pub(crate) logged: u64,
    pub(crate) files: Arc<Files>,
    pub(crate) tombstones: Tombstones,
    /// What went with writes up to this is not told by the deletions.
    pub(crate) forgotten: u64,
    pub(crate) positions: Positions,
    pub(crate) last: Arc<LastCache>,
    /// Changes of the catalog since the last commit.
    pub(crate) pending: Vec<(u64, CatalogOp)>,
    /// Files that are gone, and not yet from the manifest.
    pub(crate) dropped: Vec<Arc<SealedFile>>,
    pub(crate) flushed: BTreeMap<Place, u64>,
    pub(crate) floor: u64,
    pub(crate) next_file: u64,
    /// A commit is wanted although nothing was flushed.
    pub(crate) commit_wanted: bool,
    /// A file of the log was begun or ended, and the manifest does not say so.
    pub(crate) note_wanted: bool,
    pub(crate) closed: bool,
}

/// A write of chunks, from when it has its number until its files count. Meanwhile nothing of its places is flushed: what is newer
/// must find its files.
#[derive(Debug)]
pub(crate) struct Arriving {
    pub(crate) seq: u64,
    pub(crate) places: Vec<Place>,
}

/// A memtable on its way into files.
#[derive(Debug)]
pub(crate) struct Frozen {
    pub(crate) memtable: Arc<Memtable>,
    pub(crate) running: bool,
    /// The number of the last write when its flush began; its files have that, too.
    pub(crate) begun: u64,
    /// Files that hold its rows already, where only the commit failed.
    pub(crate) sealed: Option<Vec<Arc<SealedFile>>>,
    /// Where it failed the last time it was tried.
    pub(crate) failure: Option<FlushFailure>,
}

/// Why a memtable could not be flushed.
#[derive(Clone, Debug)]
pub(crate) struct FlushFailure {
    pub(crate) reason: Arc<StorageError>,
    /// When it is tried again by itself.
    pub(crate) again: Instant,
}

impl Core {
    /// Freezes the active memtables that `which` chooses.
    pub(crate) fn freeze(&mut self, which: impl Fn(&Memtable) -> bool) {
        let mut frozen: Vec<_> =
            self.active.extract_if(|_, memtable| which(memtable)).map(|(_, memtable)| memtable).collect();
        frozen.sort_by_key(|memtable| (memtable.first_seq, memtable.place));
        for memtable in frozen {
            self.active_bytes = self.active_bytes.saturating_sub(memtable.bytes());
            self.frozen.push(Frozen {
                memtable,
                running: false,
                begun: u64::MAX,
                sealed: None,
                failure: None,
            });
        }
    }

    /// The first write of which rows are not in files yet, but for those of a change; `None` where there is none.
    pub(crate) fn oldest_in_memory(&self, but: &Change) -> Option<u64> {
        let flushed: HashSet<_> = but.flushed.iter().map(Arc::as_ptr).collect();
        let arriving =
            self.arriving.iter().map(|arriving| arriving.seq).filter(|seq| but.arrived != Some(*seq));
        self.memtables()
            .filter(|memtable| !flushed.contains(&Arc::as_ptr(memtable)))
            .map(|memtable| memtable.first_seq)
            .chain(arriving)
            .min()
    }

    /// Memtables, of one place the older first.
    pub(crate) fn memtables(&self) -> impl Iterator<Item = &Arc<Memtable>> {
        self.frozen.iter().map(|frozen| &frozen.memtable).chain(self.active.values())
    }
}

impl Store {
    /// The store as it is now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.snapshot_of(&mut self.core.lock())
    }

    /// The store as it is in a state.
    pub(crate) fn snapshot_of(&self, core: &mut Core) -> Snapshot {
        let now = self.options.clock.now();
        core.boundary = core.seq;
        Snapshot {
            catalog: core.catalog.clone(),
            memtables: core.memtables().cloned().collect(),
            files: Arc::clone(&core.files),
            tombstones: core.tombstones.clone(),
            seq: core.seq,
            now,
            partition_width: self.options.partition_width,
            metas: Arc::clone(&self.metas),
            last: Arc::clone(&core.last),
        }
    }

    /// Why it does nothing any more.
    pub(crate) fn closed(&self) -> StorageError {
        self.read_only.as_ref().map_or(StorageError::Closed, ReadOnly::error)
    }

    /// That the store takes writes.
    ///
    /// # Errors
    /// It is closed, or its log cannot be written.
    pub(crate) fn writable(&self, core: &Core) -> Result<(), StorageError> {
        if core.closed {
            return Err(self.closed());
        }
        self.wal.as_ref().map_or(Ok(()), Wal::ready)
    }

    pub(crate) fn regions(&self) -> Vec<RegionInfo> {
        let core = self.core.lock();
        let places = core.files.keys().chain(core.memtables().map(|memtable| &memtable.place));
        let mut partitions: BTreeMap<u32, BTreeSet<i64>> = BTreeMap::new();
        for place in places {
            partitions.entry(place.database).or_default().insert(place.partition);
        }
        let mut bytes: BTreeMap<u32, u64> = BTreeMap::new();
        for (place, files) in &*core.files {
            let all: u64 = files.iter().map(|file| file.meta.bytes).sum();
            *bytes.entry(place.database).or_default() += all;
        }
        let info = |database: &Database| RegionInfo {
            id: database.id,
            database: database.path.clone(),
            partitions: partitions.get(&database.id).map_or(0, BTreeSet::len),
            file_bytes: bytes.get(&database.id).copied().unwrap_or(0),
        };
        let mut all: Vec<_> = core.catalog.databases().map(info).collect();
        all.sort_by_key(|region| region.id);
        all
    }

    pub(crate) fn stats(&self) -> Stats {
        let core = self.core.lock();
        let files = || core.files.values().flatten();
        Stats {
            memtable_bytes: core.memtables().map(|memtable| memtable.bytes()).sum(),
            memtables: core.active.len() + core.frozen.len(),
            wal_bytes: self.wal.as_ref().map_or(0, Wal::bytes),
            files: files().count(),
            file_bytes: files().map(|file| file.meta.bytes).sum(),
            file_points: files().map(|file| file.meta.points).sum(),
            inserted_points: self.counters.points.load(Ordering::Relaxed),
            flushes: self.counters.flushes.load(Ordering::Relaxed),
            flushed_bytes: self.counters.flushed_bytes.load(Ordering::Relaxed),
            compactions: self.counters.compactions.load(Ordering::Relaxed),
            compacted_bytes: self.counters.compacted_bytes.load(Ordering::Relaxed),
            compacting: self.compacting.try_lock().is_none(),
            deletions: core.tombstones.len(),
            databases: core.catalog.databases().count(),
            devices: core.catalog.devices().len(),
            series: core.catalog.series_count(),
        }
    }
}
