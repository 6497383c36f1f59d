//! What is stored at one moment, as changes: the catalog, then rows by device.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use levada_model::{Path, PathPattern};
use parking_lot::Mutex;

use super::{
    ChangeKind, HistoryMark,
    pieces::{ChunksOf, Piece, Pieces},
    rows::DeviceRows,
};
use crate::{
    NewSeries, StorageError, TimeRange,
    catalog::{Catalog, Database, Device},
    holds::LetGo,
    read::Snapshot,
    sealed::{Files, SealedFile},
};

/// How what is stored is to be told.
#[derive(Debug, Default)]
pub(crate) struct HistoryOf {
    /// What of it as chunks.
    pub(crate) chunks: Option<ChunksOf>,
    /// Whether it is to be said how far it has come.
    pub(crate) marks: bool,
    /// What has come before.
    pub(crate) done: Option<HistoryMark>,
}

/// What is stored of the writes behind one, on its way to a reader.
pub(super) struct History {
    snapshot: Snapshot,
    devices: std::vec::IntoIter<Arc<Device>>,
    /// Chunks that come before rows do, where the reader takes them.
    chunks: Option<Chunks>,
    /// What comes before more rows do.
    ready: VecDeque<ChangeKind>,
    reading: Option<DeviceRows>,
    /// How far it has come, where the reader wants to know.
    marks: Option<HistoryMark>,
}

/// Chunks on their way to a reader.
struct Chunks {
    of: ChunksOf,
    /// The devices whose series have not come.
    made: std::vec::IntoIter<Arc<Device>>,
    /// `None` where they are yet to begin, or to begin anew.
    pieces: Option<Pieces>,
    /// What has come before it.
    done: Option<HistoryMark>,
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("snapshot", &self.snapshot).finish_non_exhaustive()
    }
}

impl Snapshot {
    /// Leaves out what holds writes behind one alone.
    pub(super) fn keep_up_to(&mut self, write: u64) {
        let older = |files: &Vec<Arc<SealedFile>>| -> Vec<Arc<SealedFile>> {
            files.iter().filter(|file| file.meta.first <= write).map(Arc::clone).collect()
        };
        let files: Files = self.files.iter().map(|(place, files)| (*place, older(files))).collect();
        self.files = Arc::new(files);
        self.memtables.retain(|memtable| memtable.first_seq <= write);
    }

    /// The mark of a history that has told nothing yet, of all up to a write.
    fn mark(&self, until: u64) -> HistoryMark {
        let in_memory = self.memtables.iter().map(|memtable| memtable.first_seq).min();
        let in_files = in_memory.map_or(until, |first| until.min(first.saturating_sub(1)));
        HistoryMark { until, in_files, place: None, device: Path::from_raw_nodes(["root"]) }
    }
}

impl History {
    /// What a snapshot has of the writes behind one; what is in files as chunks, where some of it is asked for so. `until` is the
    /// write behind which each comes afterwards.
    pub(super) fn new(mut snapshot: Snapshot, (after, until): (u64, u64), of: HistoryOf) -> Self {
        let HistoryOf { chunks, marks, done } = of;
        if after > 0 {
            let newer = |files: &Vec<Arc<SealedFile>>| -> Vec<Arc<SealedFile>> {
                files.iter().filter(|file| file.meta.last > after).map(Arc::clone).collect()
            };
            let files: Files = snapshot.files.iter().map(|(place, files)| (*place, newer(files))).collect();
            snapshot.files = Arc::new(files);
            snapshot.memtables.retain(|memtable| memtable.last_seq() > after);
        }
        let catalog = &snapshot.catalog;
        let databases = catalog
            .databases()
            .map(|database| ChangeKind::CreateDatabase { path: database.path.clone(), ttl: None });
        let ttls = ttls(catalog).map(|(pattern, ttl)| ChangeKind::SetTtl { pattern, ttl });
        // What they hid is not among the rows that come, but the reader may have it.
        let deletions = snapshot.tombstones.iter().filter(|tombstone| after > 0 && tombstone.seq > after);
        let deletions = deletions.map(|tombstone| ChangeKind::Delete {
            patterns: tombstone.patterns.to_vec(),
            range: tombstone.range,
            owner: None,
        });
        let ready = databases.chain(ttls).chain(deletions).collect();
        let marks = marks.then(|| snapshot.mark(until));
        // What is of another kind says nothing of this one.
        let done = done.filter(|done| done.place.is_some() == chunks.is_some());
        let mut devices: Vec<_> = catalog.devices().iter().map(Arc::clone).collect();
        let Some(of) = chunks else {
            devices.retain(|device| done.as_ref().is_none_or(|done| device.path > done.device));
            return Self {
                devices: devices.into_iter(),
                ready,
                reading: None,
                snapshot,
                chunks: None,
                marks,
            };
        };
        let in_memory: HashSet<Path> =
            snapshot.memtables.iter().flat_map(|memtable| memtable.devices()).collect();
        let as_rows: Vec<_> =
            devices.iter().filter(|device| in_memory.contains(&device.path)).map(Arc::clone).collect();
        let chunks = Some(Chunks { of, made: devices.into_iter(), pieces: None, done });
        Self { devices: as_rows.into_iter(), ready, reading: None, snapshot, chunks, marks }
    }

    /// What comes as chunks, and the series before them; `None` when all of it has come.
    fn next_chunks(&mut self) -> Result<Option<(ChangeKind, usize)>, StorageError> {
        let Some(Chunks { of, made: devices, pieces, done }) = &mut self.chunks else { return Ok(None) };
        if let Some(device) = devices.next() {
            return Ok(Some((ChangeKind::CreateSeries(made(&device)), 256)));
        }
        let begun = match pieces {
            Some(pieces) => pieces,
            None => pieces.insert(Pieces::begin(&self.snapshot, of.clone(), done.clone())?),
        };
        match begun.next() {
            Ok(Some(Piece { database, bytes, points, done })) => {
                let size = bytes.len();
                if let (Some(marks), Some((place, device))) = (&mut self.marks, done) {
                    (marks.place, marks.device) = (Some((place.database, place.partition)), device);
                    self.ready.push_back(ChangeKind::HistoryMark(marks.clone()));
                }
                Ok(Some((ChangeKind::Chunks { database, file: bytes, points }, size)))
            }
            Ok(None) => {
                self.chunks = None;
                // What was in memory is left, which no mark speaks of.
                (self.snapshot.files, self.marks) = (Arc::default(), None);
                Ok(None)
            }
            Err(error) => {
                // Begun again, where somebody tries again.
                *pieces = None;
                Err(error)
            }
        }
    }

    /// What comes next, and how many bytes it takes, about; `None` at its end. After an error the device's rows come anew.
    fn next(&mut self) -> Result<Option<(ChangeKind, usize)>, StorageError> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Ok(Some((ready, 256)));
            }
            if let Some(next) = self.next_chunks()? {
                return Ok(Some(next));
            }
            if let Some(reading) = &mut self.reading {
                if let Some((tablet, bytes)) = reading.next(&self.snapshot)? {
                    return Ok(Some((ChangeKind::Rows { owner: None, tablets: vec![tablet] }, bytes)));
                }
                let complete = reading.device().path.clone();
                self.reading = None;
                if let Some(marks) = &mut self.marks {
                    marks.device = complete;
                    return Ok(Some((ChangeKind::HistoryMark(marks.clone()), 0)));
                }
                continue;
            }
            let Some(device) = self.devices.next() else { return Ok(None) };
            self.ready.push_back(ChangeKind::CreateSeries(made(&device)));
            self.reading = Some(DeviceRows::new(device, TimeRange::ALL, |_| true));
        }
    }
}

/// All lives of rows, in an order in which setting them gives the same. What is set for a database's path is set for all below
/// it, too: where that is not so here, it is taken back.
fn ttls(catalog: &Catalog) -> impl Iterator<Item = (PathPattern, Option<i64>)> {
    let lives = catalog.lives();
    let below = |database: &Database| {
        let below = PathPattern::parse(&format!("{}.**", database.path)).ok()?;
        (lives.is_set(&PathPattern::from(&database.path)) && !lives.is_set(&below)).then_some((below, None))
    };
    let taken_back: Vec<_> = catalog.databases().filter_map(below).collect();
    let (paths, patterns): (Vec<_>, Vec<_>) =
        lives.all().into_iter().partition(|(pattern, _)| pattern.as_path().is_some());
    let set = paths.into_iter().chain(patterns).map(|(pattern, ttl)| (pattern, Some(ttl)));
    set.chain(taken_back)
}

/// The series of a device, as they would be made.
fn made(device: &Device) -> Vec<NewSeries> {
    device.all().iter().map(|series| series.def().into_new(&device.path, device.aligned)).collect()
}

/// A history that lets go of its files when it is told to, whoever reads it.
#[derive(Debug)]
pub(super) struct HeldHistory {
    history: Mutex<Option<History>>,
    goes: AtomicBool,
}

impl HeldHistory {
    /// One that is yet to begin.
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { history: Mutex::new(None), goes: AtomicBool::new(false) })
    }

    pub(super) fn begin(&self, history: History) {
        *self.history.lock() = Some(history);
    }

    /// See [`History::next`]; the outer `None` where it had to let go.
    pub(super) fn next(&self) -> Result<Option<Option<(ChangeKind, usize)>>, StorageError> {
        let mut held = self.history.lock();
        if self.goes.load(Ordering::Acquire) {
            *held = None;
        }
        held.as_mut().map(History::next).transpose()
    }
}

impl LetGo for HeldHistory {
    fn let_go(&self) {
        self.goes.store(true, Ordering::Release);
        // Whoever reads it now sees that before it reads on.
        let gone = self.history.try_lock().and_then(|mut held| held.take());
        drop(gone);
    }
}
