//! Opening a data folder: lock, manifest, files, log.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, Weak},
};

use levada_model::Tablet;
use parking_lot::{Condvar, Mutex};

use super::{
    Admission, Core, Store,
    core::{Counters, Failures},
};
use crate::{
    Access, Finding, Severity, StorageError, StorageOptions,
    disk::Disk,
    folder::{
        ReadOnly, adopt, check_folder, holds_data, lock_to_read, move_aside, named, take_lock, tells_all,
        unknown,
    },
    holds::Holds,
    last::LastCache,
    manifest::{Loaded, Manifest},
    sealed::{DataFolder, Files, MetaCache, SUMS, SealedFile},
    tally::Tally,
    wal::{ClosedSegment, InsertRecord, Op, Replayed, Wal, WalOptions, make_durable, replay},
};

/// Opens a store, without its threads but the log's.
pub(crate) fn open(options: StorageOptions) -> Result<Arc<Store>, StorageError> {
    check_folder(&options)?;
    if options.access == Access::Read {
        return open_to_read(options, String::new());
    }
    let or_read = matches!(options.access, Access::WriteOrRead | Access::Existing);
    match open_to_write(options.clone()) {
        Err(error) if or_read && error.is_of_writing() => {
            let why = format!(": {error}");
            // What it says of reading is the better reason where that fails, too.
            let store = open_to_read(StorageOptions { access: Access::Read, ..options }, why)?;
            tracing::warn!(%error, "the data folder cannot be written to: it is open to read only");
            Ok(store)
        }
        opened => opened,
    }
}

fn open_to_write(options: StorageOptions) -> Result<Arc<Store>, StorageError> {
    if options.partition_width <= 0 {
        return Err(StorageError::rejected(
            levada_model::StatusCode::ILLEGAL_PARAMETER,
            "the width of a time partition must be more than 0",
        ));
    }
    let disk = Arc::clone(&options.disk);
    let (dir, logs, data) = (options.dir.clone(), options.dir.join("wal"), options.dir.join("data"));
    for dir in [&dir, &logs, &data] {
        disk.create_dir(dir).map_err(StorageError::io("cannot create", dir))?;
    }
    // Before the manifest says that the log has a file, its folder must be there for good, whichever opening made it.
    disk.sync_dir(&dir).map_err(StorageError::io("cannot sync", &dir))?;
    let lock = take_lock(&options)?;
    let read = read(&options)?;
    let Read { manifest, folder, mut core, segments, leftovers, told, removed, mut recovery, .. } = read;
    make_durable(&*disk, &logs, &segments, core.floor)?;
    if core.active_bytes > options.memtable_bytes / 3 {
        core.freeze(|_| true);
    }
    let admission = Arc::new(Admission::new(options.memtable_bytes));
    admission.take(core.memtables().map(|memtable| memtable.bytes()).sum());
    let opened = Opened::default();
    let wal = if options.wal {
        let wal =
            WalOptions { dir: logs.clone(), sync: options.sync, segment_bytes: options.wal_segment_bytes };
        let waiting: Weak<Admission> = Arc::downgrade(&admission);
        let progress = move || {
            if let Some(admission) = waiting.upgrade() {
                admission.wake();
            }
        };
        let turned = opened.clone();
        let turns = (progress, move || turned.note_log());
        let before = (segments.clone(), read.log_after);
        Some(Wal::start(wal, Arc::clone(&disk), before, core.seq, turns)?)
    } else {
        None
    };
    let mut store = Store {
        folder,
        core: Mutex::new(core),
        manifest: Mutex::new(manifest),
        wal,
        admission,
        work: Condvar::new(),
        done: Condvar::new(),
        metas: Arc::new(MetaCache::new(options.meta_cache_bytes)),
        holds: if options.wal { Holds::of(read.readers, options.changes_bytes) } else { Holds::default() },
        compacting: Mutex::new(()),
        taking: Mutex::new(()),
        recovery: Vec::new(),
        read_only: None,
        lock: Mutex::new(Some(lock)),
        counters: Counters::default(),
        failures: Failures::default(),
        options,
    };
    store.settle_folder(&segments)?;
    store.settle_loss(&recovery);
    recovery.extend(store.clear(&leftovers, |id| told || removed.contains(&id))?);
    store.recovery = recovery;
    let store = Arc::new(store);
    opened.is(&store);
    Ok(store)
}

/// Opens a store to read what is there: of its log too, and of files that only they tell of. Nothing is written.
fn open_to_read(options: StorageOptions, why: String) -> Result<Arc<Store>, StorageError> {
    let lock = lock_to_read(&options)?;
    let Read { manifest, folder, mut core, recovery, .. } = read(&options)?;
    // Whoever asks for more than a view is told that it is not open for that.
    core.closed = true;
    let read_only = Some(ReadOnly { path: options.dir.clone(), why });
    Ok(Arc::new(Store {
        folder,
        core: Mutex::new(core),
        manifest: Mutex::new(manifest),
        wal: None,
        admission: Arc::new(Admission::new(options.memtable_bytes)),
        work: Condvar::new(),
        done: Condvar::new(),
        metas: Arc::new(MetaCache::new(options.meta_cache_bytes)),
        holds: Holds::default(),
        compacting: Mutex::new(()),
        taking: Mutex::new(()),
        recovery,
        read_only,
        lock: Mutex::new(Some(lock)),
        counters: Counters::default(),
        failures: Failures::default(),
        options,
    }))
}

/// What a folder holds, as it was read.
struct Read {
    manifest: Manifest,
    folder: Arc<DataFolder>,
    core: Core,
    /// Those of the log.
    segments: Vec<ClosedSegment>,
    /// Files that no manifest names.
    leftovers: Vec<PathBuf>,
    /// Whether what they hold is elsewhere.
    told: bool,
    removed: BTreeSet<u64>,
    /// Readers of changes for whom the log is kept.
    readers: Vec<(Arc<str>, u64)>,
    /// All writes behind this one that the folder knows are in the log, as far as can be told without reading them.
    log_after: u64,
    recovery: Vec<Finding>,
}

/// Reads a folder: manifest, names of files, log.
fn read(options: &StorageOptions) -> Result<Read, StorageError> {
    let disk = Arc::clone(&options.disk);
    let (dir, logs, data) = (options.dir.clone(), options.dir.join("wal"), options.dir.join("data"));
    let (manifest, mut loaded) = Manifest::open(&disk, &dir, options.partition_width)?;
    if loaded.absent && holds_data(&disk, &dir)? {
        let reason = "there is no manifest, although the folder holds data: `levada fsck --repair` makes one"
            .to_owned();
        return Err(StorageError::Damaged { path: dir, offset: 0, reason });
    }
    let folder = Arc::new(DataFolder::new(data, Arc::clone(&disk)));
    let mut recovery = Vec::new();
    if let Some((path, offset)) = &loaded.torn {
        let what = "the manifest's last record is torn, as a crash may leave it".to_owned();
        recovery.push(Finding::note(path, what).at(*offset).means("nothing is lost"));
    }
    let found = unknown(&disk, &folder.dir, &HashSet::new())?;
    let known = named(&loaded, &folder);
    let unnamed: Vec<PathBuf> = found.iter().filter(|path| !known.contains(*path)).cloned().collect();
    let told = unnamed.is_empty() || tells_all(&folder, &logs, &loaded)?;
    if !told {
        for path in adopt(&mut loaded, &folder, &unnamed)? {
            let what = "a file that the manifest does not name is whole, and counts again".to_owned();
            recovery.push(Finding::note(path, what).means("nothing is lost"));
        }
    }
    let (files, leftovers) = open_files(&folder, &loaded, found, &mut recovery);
    let (removed, log_end) = (std::mem::take(&mut loaded.removed), loaded.log);
    let readers = std::mem::take(&mut loaded.readers);
    let mut core = new_core(loaded, files, options.last_cache_bytes);
    // Names of files that are there are not used again.
    let newest = leftovers.iter().filter_map(|path| path.file_stem()?.to_str()?.parse::<u64>().ok()).max();
    core.next_file = core.next_file.max(newest.map_or(0, |newest| newest.saturating_add(1)));
    let mut replayed = recover(&disk, &logs, options, &mut core)?;
    replayed.miss(&logs, log_end, core.floor);
    if options.access != Access::Read && !options.accept_log_loss {
        not_gone(&dir, &replayed)?;
    }
    recovery.extend(replayed.findings);
    // A file that was taken back may be ahead of the manifest.
    let newest = core.files.values().flatten().map(|file| file.meta.seq).max().unwrap_or(0);
    core.seq = core.seq.max(replayed.last_seq).max(newest);
    core.boundary = core.seq;
    // What was read from the log is as safe as it gets.
    core.positions.settle(core.seq);
    let log_after = replayed.first_seq.map_or(core.seq, |first| first.saturating_sub(1));
    let segments = replayed.segments;
    Ok(Read { manifest, folder, core, segments, leftovers, told, removed, readers, log_after, recovery })
}

/// That nothing of the log is gone: once the folder is written to, nobody would miss it any more.
fn not_gone(dir: &Path, replayed: &Replayed) -> Result<(), StorageError> {
    let Some(gone) = replayed.findings.iter().find(|finding| finding.blocks) else { return Ok(()) };
    let Finding { path, what, means, .. } = gone.clone();
    Err(StorageError::LogGone { dir: dir.to_owned(), path, what, means: means.into_owned() })
}

/// The store, once it is open, for the log's thread. That ends before the store does, so what it holds is never the last.
#[derive(Clone, Default)]
struct Opened(Arc<OnceLock<Weak<Store>>>);

impl Opened {
    fn is(&self, store: &Arc<Store>) {
        drop(self.0.set(Arc::downgrade(store)));
    }

    /// Has the manifest say what files the log has.
    fn note_log(&self) {
        if let Some(store) = self.0.get().and_then(Weak::upgrade) {
            store.core.lock().note_wanted = true;
            store.work.notify_all();
        }
    }
}

impl Store {
    /// Brings a folder that was opened into the state in which it is worked on.
    fn settle_folder(&self, segments: &[ClosedSegment]) -> Result<(), StorageError> {
        if self.manifest.lock().is_fresh() {
            sync_above(&*self.options.disk, &self.options.dir)?;
        }
        // What was read of the manifest must be durable before anything goes because of it.
        self.commit_catalog()?;
        if self.wal.is_some() {
            let floor = self.core.lock().floor;
            self.free_log(floor);
        } else if !segments.is_empty() {
            // Nothing will free the segments of a log that is not kept any more, so their rows go to files at once.
            self.write_all_rows()?;
            for ClosedSegment { path, .. } in segments {
                self.options.disk.remove(path).map_err(StorageError::io("cannot remove", path))?;
            }
        }
        Ok(())
    }

    /// Writes all rows in memory to files, and says so in the manifest.
    fn write_all_rows(&self) -> Result<(), StorageError> {
        loop {
            self.core.lock().freeze(|_| true);
            let batch = self.core.lock().next_to_flush();
            if batch.is_empty() {
                break;
            }
            if let Some(failed) = self.flush_together(&batch).pop() {
                return Err(failed.reason());
            }
        }
        self.commit_catalog()
    }

    /// Has what is left of a damaged log in files, so that the next opening does not miss what this one has told of. Where that
    /// cannot be, the next one tells of it again.
    fn settle_loss(&self, recovery: &[Finding]) {
        let has_lost = recovery.iter().any(|finding| finding.severity == Severity::Error);
        if has_lost && let Err(error) = self.write_all_rows() {
            tracing::warn!(%error, "what is left of a damaged log cannot be written to files yet");
        }
    }

    /// Removes files that no manifest names. Sealed ones only where their number `is_told`: that their rows are elsewhere, or
    /// gone. The others are moved aside.
    fn clear(
        &self,
        leftovers: &[PathBuf],
        is_told: impl Fn(u64) -> bool,
    ) -> Result<Vec<Finding>, StorageError> {
        let disk = &self.options.disk;
        let mut findings = Vec::new();
        for path in leftovers {
            let sealed = path.extension().is_some_and(|extension| extension == "tsfile" || extension == SUMS);
            let id = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            if sealed && !is_told(id.unwrap_or(u64::MAX)) {
                findings.push(move_aside(disk, &self.folder.dir, path)?);
            } else {
                tracing::info!(path = %path.display(), "remove a file that a crash left");
                match disk.remove(path) {
                    // A view of a store that was closed has been the last to need it.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    other => other.map_err(StorageError::io("cannot remove", path))?,
                }
            }
        }
        Ok(findings)
    }
}

/// Makes the name of a new data folder durable, and those of the folders above it, which may be as new.
fn sync_above(disk: &dyn Disk, dir: &Path) -> Result<(), StorageError> {
    for above in dir.ancestors().skip(1) {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match disk.sync_dir(above) {
            Ok(()) => {}
            // Who may not read a folder, or has a file system that cannot do this, did not just make it.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied
                        | io::ErrorKind::InvalidInput
                        | io::ErrorKind::Unsupported
                        | io::ErrorKind::ReadOnlyFilesystem
                ) =>
            {
                tracing::debug!(path = %above.display(), %error, "a folder above the data folder is not synced");
            }
            Err(error) => return Err(StorageError::io("cannot sync", above)(error)),
        }
    }
    Ok(())
}

fn new_core(loaded: Loaded, files: Files, last_cache_bytes: usize) -> Core {
    Core {
        seq: loaded.seq,
        tally: Tally::behind_write(0),
        boundary: 0,
        catalog: loaded.catalog,
        active: HashMap::new(),
        frozen: Vec::new(),
        untold: 0,
        arrived: BTreeMap::new(),
        arriving: None,
        active_bytes: 0,
        logged: 0,
        files: Arc::new(files),
        tombstones: loaded.tombstones,
        forgotten: loaded.forgotten,
        positions: loaded.positions,
        last: Arc::new(LastCache::new(last_cache_bytes)),
        pending: Vec::new(),
        dropped: Vec::new(),
        flushed: loaded.flushed,
        floor: loaded.floor,
        next_file: loaded.next_file,
        commit_wanted: false,
        note_wanted: false,
        closed: false,
    }
}

/// The files the manifest names, and what else was found in the data folder: a crash left it.
fn open_files(
    folder: &Arc<DataFolder>,
    loaded: &Loaded,
    found: Vec<PathBuf>,
    recovery: &mut Vec<Finding>,
) -> (Files, Vec<PathBuf>) {
    let (mut missing, mut leftovers) = (named(loaded, folder), found);
    leftovers.retain(|path| !missing.remove(path));
    let mut files = Files::new();
    for meta in loaded.files.values() {
        files.entry(meta.place).or_default().push(Arc::new(SealedFile::new(*meta, folder)));
    }
    for path in missing {
        let what = "a file that the manifest names is missing; what it held is lost".to_owned();
        recovery.push(Finding::error(path, what).means("queries of its rows fail"));
    }
    (files, leftovers)
}

/// Reads the log into the store.
fn recover(
    disk: &Arc<dyn Disk>,
    logs: &Path,
    options: &StorageOptions,
    core: &mut Core,
) -> Result<Replayed, StorageError> {
    let (committed, floor) = (core.seq, core.floor);
    replay(disk, logs, Some(floor), |seq, op| {
        match &op {
            Op::Insert(record) => {
                let points = record.tablets.iter().map(Tablet::points).sum();
                core.tally.add(record.first_seq(seq), seq, points);
                if record.is_of_untold_chunks() {
                    core.untold = seq;
                }
            }
            Op::Chunks(record) => {
                core.tally.add(seq, seq, usize::try_from(record.points).unwrap_or(usize::MAX));
                core.arrived.extend(record.files.iter().map(|(_, file)| (*file, seq)));
            }
            Op::Catalog(_) => {}
        }
        if seq <= floor {
            return Ok(());
        }
        match op {
            Op::Catalog(op) if seq > committed => {
                core.execute(op, seq);
            }
            // The catalog has it already, but rows before it must still be told from those behind it.
            Op::Catalog(_) => core.boundary = seq,
            // They are in files.
            Op::Chunks(_) => core.seq = core.seq.max(seq),
            Op::Insert(record) => recover_rows(core, record, seq, committed, options.partition_width),
        }
        Ok(())
    })
}

fn recover_rows(core: &mut Core, record: InsertRecord, seq: u64, committed: u64, width: i64) {
    let first = record.first_seq(seq);
    if seq > committed {
        // The catalog is as it was when the rows came, and what they made is made again.
        for (at, tablet) in (first..).zip(&record.tablets) {
            core.make_for(tablet, at);
        }
        core.seq = seq;
    }
    let flushed = std::mem::take(&mut core.flushed);
    let wanted = |place| flushed.get(&place).is_none_or(|flushed| seq > *flushed);
    core.store_again(record, first, width, wanted);
    core.flushed = flushed;
}
