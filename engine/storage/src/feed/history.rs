//! What is stored at one moment, as changes: the catalog, then rows by device.

use std::{
    collections::{HashSet, VecDeque},
    fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use arrow_array::{Array, RecordBatch, cast::AsArray, types::Int64Type};
use levada_model::{Column, Path, PathPattern, Tablet};
use parking_lot::Mutex;

use super::{
    ChangeKind,
    pieces::{ChunksOf, Piece, Pieces},
};
use crate::{
    Direction, NewSeries, RowIterator, Rows, StorageError, TimeRange,
    catalog::{Catalog, Database, Device, Series},
    holds::LetGo,
    read::Snapshot,
    sealed::{Files, SealedFile},
};

/// So many series of a device are read at once.
const SERIES_AT_ONCE: usize = 256;

/// What is stored of the writes behind one, on its way to a reader.
pub(super) struct History {
    snapshot: Snapshot,
    devices: std::vec::IntoIter<Arc<Device>>,
    /// Chunks that come before rows do, where the reader takes them.
    chunks: Option<Chunks>,
    /// What comes before more rows do.
    ready: VecDeque<ChangeKind>,
    reading: Option<Reading>,
}

/// Chunks on their way to a reader.
struct Chunks {
    of: ChunksOf,
    /// The devices whose series have not come.
    made: std::vec::IntoIter<Arc<Device>>,
    /// `None` where they are yet to begin, or to begin anew.
    pieces: Option<Pieces>,
}

/// Some series of a device.
struct Reading {
    device: Arc<Device>,
    /// Of the device's series, those that are read.
    series: Range<usize>,
    rows: RowIterator,
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
}

impl History {
    /// What a snapshot has of the writes behind one; what is in files as chunks, where some of it is asked for so.
    pub(super) fn new(mut snapshot: Snapshot, after: u64, chunks: Option<ChunksOf>) -> Self {
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
        let devices: Vec<_> = catalog.devices().iter().map(Arc::clone).collect();
        let Some(of) = chunks else {
            return Self { devices: devices.into_iter(), ready, reading: None, snapshot, chunks: None };
        };
        let in_memory: HashSet<Path> =
            snapshot.memtables.iter().flat_map(|memtable| memtable.devices()).collect();
        let as_rows: Vec<_> =
            devices.iter().filter(|device| in_memory.contains(&device.path)).map(Arc::clone).collect();
        let chunks = Some(Chunks { of, made: devices.into_iter(), pieces: None });
        Self { devices: as_rows.into_iter(), ready, reading: None, snapshot, chunks }
    }

    /// What comes as chunks, and the series before them; `None` when all of it has come.
    fn next_chunks(&mut self) -> Result<Option<(ChangeKind, usize)>, StorageError> {
        let Some(Chunks { of, made: devices, pieces }) = &mut self.chunks else { return Ok(None) };
        if let Some(device) = devices.next() {
            return Ok(Some((ChangeKind::CreateSeries(made(&device)), 256)));
        }
        let begun = match pieces {
            Some(pieces) => pieces,
            None => pieces.insert(Pieces::begin(&self.snapshot, of.clone())?),
        };
        match begun.next() {
            Ok(Some(Piece { database, bytes, points })) => {
                let size = bytes.len();
                Ok(Some((ChangeKind::Chunks { database, file: bytes, points }, size)))
            }
            Ok(None) => {
                self.chunks = None;
                // What was in memory is left.
                self.snapshot.files = Arc::default();
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
            if let Some(Reading { device, series, rows }) = &mut self.reading {
                match rows.next() {
                    Some(Ok(batch)) => {
                        return Ok(Some(tablet(device, &device.all()[series.clone()], &batch)));
                    }
                    Some(Err(error)) => {
                        // Begun again with these series, where somebody tries again.
                        series.end = series.start;
                        *rows = Box::new(std::iter::empty());
                        return Err(error);
                    }
                    None => {
                        let (device, from) = (Arc::clone(device), series.end);
                        self.reading = self.read_on(device, from)?;
                        continue;
                    }
                }
            }
            let Some(device) = self.devices.next() else { return Ok(None) };
            self.ready.push_back(ChangeKind::CreateSeries(made(&device)));
            self.reading = Some(Reading { device, series: 0..0, rows: Box::new(std::iter::empty()) });
        }
    }

    /// Begins with the series of a device from one on, if there are more.
    fn read_on(&self, device: Arc<Device>, from: usize) -> Result<Option<Reading>, StorageError> {
        let all = device.all();
        let series = from..all.len().min(from + SERIES_AT_ONCE);
        if series.is_empty() {
            return Ok(None);
        }
        let names: Vec<Arc<str>> =
            all[series.clone()].iter().map(|series| Arc::clone(&series.measurement)).collect();
        let rows = self.snapshot.scan(&device.path, &names, TimeRange::ALL, Direction::Ascending)?;
        Ok(Some(Reading { device, series, rows }))
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

/// Rows as a tablet, without columns that have none.
fn tablet(device: &Device, series: &[Series], batch: &RecordBatch) -> (ChangeKind, usize) {
    let times = batch.column(0).as_primitive::<Int64Type>().clone();
    let columns: Vec<Column> = series
        .iter()
        .zip(&batch.columns()[1..])
        .filter(|(_, values)| values.null_count() < values.len())
        .map(|(series, values)| Column {
            name: Arc::clone(&series.measurement),
            data_type: series.schema.data_type,
            values: Arc::clone(values),
        })
        .collect();
    let tablet = Tablet::try_new(device.path.clone(), device.aligned, times, columns)
        .expect("a batch's columns are as long as its times, and of the types of their series");
    let kind = ChangeKind::Rows { owner: None, tablets: vec![tablet] };
    (kind, batch.get_array_memory_size())
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
