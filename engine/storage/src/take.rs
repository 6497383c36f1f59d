//! Chunks of another store as they are: a TsFile whose rows come into files of this store without having been in memory.
//!
//! ```text
//!   TsFile ─► ChunkFile    every page decoded and compared with its statistics
//!               │ fits     series are there and of these types, rows still live, nothing that is in memory overlaps
//!               ▼
//!             files        chunks copied: beyond all that the place's files have of a device, sequence; before that, unsequence
//!               │ a write's number
//!               ▼
//!             commit       durable, and then seen
//!               ▼
//!             log          a record that names the files
//! ```
//!
//! # What holds
//! * The rows are of one write, newer than all that was there and older than all that comes behind it, as if they had been inserted.
//! * The log has none of these rows. Who reads it (see [`crate::Storage::changes`]) is given them from the files that the record names. So files of
//!   their place are not compacted before all readers are behind the record, unless too much waits for that.
//! * What does not fit is left to the caller, who inserts the rows: those are converted, or rejected, one by one.

mod file;
mod write;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use levada_model::{Path, PathPattern};
use levada_tsfile::DeviceId;

pub use file::ChunkFile;

use file::FileDevice;
use write::{Routed, reaches, route};

use crate::{
    Changes, ChangesFrom, ChunksOf, HistoryMark, Storage, StorageError, TimeRange,
    catalog::{Catalog, Device},
    feed::HistoryOf,
    place::Place,
    sealed::{Files, Unsealed, seal_all},
    store::{Arriving, Change, Core, Store, caught},
    wal::{ChunksRecord, Durable, InsertRecord},
};

/// So often is something put right that keeps chunks from being taken, before their rows are inserted.
const TRIES: usize = 4;

/// What became of chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// They are stored, and that is durable.
    Stored {
        /// How many values they have.
        points: u64,
    },
    /// Nothing is stored: their rows are to be inserted, for this reason.
    AsRows(&'static str),
}

impl Storage {
    /// Stores the chunks of a file as they are, in one step, where that gives the same as inserting its rows. Series and databases must be
    /// there; nothing is made. Blocks, for the flush of what in memory overlaps them too.
    ///
    /// # Errors
    /// Files cannot be written, or the store takes no writes: nothing is stored, or all is and was not known to be durable.
    pub fn take_chunks(&self, file: &ChunkFile) -> Result<Taken, StorageError> {
        self.take_chunks_of(None, file)
    }

    /// As [`Storage::take_chunks`], on somebody's behalf, whom readers of changes are told.
    ///
    /// # Errors
    /// As [`Storage::take_chunks`].
    pub fn take_chunks_of(&self, owner: Option<&str>, file: &ChunkFile) -> Result<Taken, StorageError> {
        self.store().take_chunks(file, owner)
    }

    /// As [`Storage::changes`], for a reader that takes what is stored in files as chunks: [`ChangeKind::Chunks`](crate::ChangeKind::Chunks),
    /// behind all series. What it does not ask for of that does not come; rows that were in memory, and all that is written later, come whole.
    ///
    /// # Errors
    /// As [`Storage::changes`].
    pub fn changes_in_chunks(
        &self,
        reader: Option<&str>,
        from: ChangesFrom,
        of: ChunksOf,
    ) -> Result<Changes, StorageError> {
        Changes::begin(self.store(), reader, from, HistoryOf { chunks: Some(of), ..HistoryOf::default() })
    }

    /// As [`Storage::changes`], or with `chunks` as [`Storage::changes_in_chunks`], for a reader that goes on where it was when a history is
    /// broken off: [`ChangeKind::HistoryMark`](crate::ChangeKind::HistoryMark) tells how far it has come. Begun with `done` and
    /// [`ChangesFrom::Since`] of its [`HistoryMark::until`], what comes before the mark does not come again, but the catalog.
    ///
    /// # Errors
    /// As [`Storage::changes`].
    pub fn history(
        &self,
        reader: Option<&str>,
        from: ChangesFrom,
        (chunks, done): (Option<ChunksOf>, Option<HistoryMark>),
    ) -> Result<Changes, StorageError> {
        Changes::begin(self.store(), reader, from, HistoryOf { chunks, marks: true, done })
    }
}

/// What became of an attempt.
enum Tried {
    Done(Taken),
    /// Memory has older rows of the same times, of these databases.
    InMemory(Vec<PathPattern>),
    /// Files came meanwhile that have these rows, or newer ones.
    Again,
}

impl Store {
    fn take_chunks(&self, file: &ChunkFile, owner: Option<&str>) -> Result<Taken, StorageError> {
        let _one_at_a_time = self.taking.lock();
        for _ in 0..TRIES {
            match self.try_to_take(file, owner)? {
                Tried::Done(taken) => return Ok(taken),
                Tried::InMemory(databases) => self.flush(&databases)?,
                Tried::Again => {}
            }
        }
        Ok(Taken::AsRows("rows of the same times are written meanwhile"))
    }

    fn try_to_take(&self, file: &ChunkFile, owner: Option<&str>) -> Result<Tried, StorageError> {
        let width = self.options.partition_width;
        let (catalog, files, first_id) = {
            let mut core = self.core.lock();
            if let Some(other) = self.may_take(&core, file)? {
                return Ok(other);
            }
            let first_id = core.next_file;
            core.next_file += file.most_files(width);
            (core.catalog.clone(), Arc::clone(&core.files), first_id)
        };
        let written = match route(self, file, &catalog, &files, first_id)? {
            Routed::Written(written) => written,
            Routed::Not(why) => return Ok(Tried::Done(Taken::AsRows(why))),
        };
        let mut unsealed = written.files;
        let places = unsealed.iter().map(Unsealed::place).collect();
        let named = unsealed.iter().map(|file| (file.place(), file.id())).collect();
        let seq = match self.begin_arrival(file, files, &written.sequence, places)? {
            Ok(seq) => seq,
            Err(other) => return Ok(other),
        };
        unsealed.iter_mut().for_each(|file| file.is_of_write(seq));
        let arrived = caught("taking chunks", || {
            // The log has the number before a file has its name: of files that no commit names it is told then that they do not count.
            self.wal.as_ref().map_or(Ok(()), |wal| wal.synced(seq).wait())?;
            self.arrive(seq, unsealed)
        });
        let points = file.points();
        let mut core = self.core.lock();
        let told = arrived.map(|()| self.has_arrived(&mut core, file, named, owner));
        // Where it failed, it does not come any more.
        core.arriving = None;
        drop(core);
        self.work.notify_all();
        self.done.notify_all();
        // Readers have to be told also after a power cut.
        told?.wait()?;
        self.counters.points.fetch_add(points, Ordering::Relaxed);
        Ok(Tried::Done(Taken::Stored { points }))
    }

    /// Why a file's chunks cannot be taken as the store is now; `None` where they can.
    fn may_take(&self, core: &Core, file: &ChunkFile) -> Result<Option<Tried>, StorageError> {
        self.writable(core)?;
        if self.wal.is_none() {
            return Ok(Some(Tried::Done(Taken::AsRows("the store keeps no log"))));
        }
        let fit = Fit {
            catalog: &core.catalog,
            now: self.options.clock.now(),
            width: self.options.partition_width,
        };
        if let Some(why) = file.devices.iter().find_map(|device| fit.against(device)) {
            return Ok(Some(Tried::Done(Taken::AsRows(why))));
        }
        let databases = core.overlapped_in_memory(file);
        Ok((!databases.is_empty()).then_some(Tried::InMemory(databases)))
    }

    /// Gives chunks the number of their write, if nothing has come meanwhile that speaks against it: `sequence` has the first times of
    /// devices that `files` do not reach.
    fn begin_arrival(
        &self,
        file: &ChunkFile,
        mut known: Arc<Files>,
        sequence: &BTreeMap<(Place, DeviceId), i64>,
        places: Vec<Place>,
    ) -> Result<Result<u64, Tried>, StorageError> {
        for _ in 0..TRIES {
            let mut core = self.core.lock();
            if let Some(other) = self.may_take(&core, file)? {
                return Ok(Err(other));
            }
            if !Arc::ptr_eq(&core.files, &known) {
                let files = Arc::clone(&core.files);
                drop(core);
                // What is new is looked at without holding up anybody.
                if reaches(&files, &known, sequence) {
                    return Ok(Err(Tried::Again));
                }
                known = files;
                continue;
            }
            core.seq += 1;
            let seq = core.seq;
            // Whoever waits for what follows from it waits for the log, too.
            drop(self.log(&mut core, seq, |bytes| InsertRecord::default().put(bytes)));
            core.arriving = Some(Arriving { seq, places });
            return Ok(Ok(seq));
        }
        Ok(Err(Tried::Again))
    }

    fn arrive(&self, seq: u64, files: Vec<Unsealed>) -> Result<(), StorageError> {
        let added = seal_all(files).into_iter().map(|file| file.map(Arc::new)).collect::<Result<_, _>>()?;
        self.commit(Change { added, arrived: Some(seq), ..Change::default() })
    }

    /// Files count from now on, and newest values that were known may not be the newest any more. The log tells readers where they are.
    fn has_arrived(
        &self,
        core: &mut Core,
        file: &ChunkFile,
        files: Vec<(Place, u64)>,
        owner: Option<&str>,
    ) -> Durable {
        // A view that was taken before has a lower number, and does not say what is newest now.
        core.seq += 1;
        let seq = core.seq;
        // Who begins to read later reads behind it.
        if self.holds.slowest().is_some() {
            core.arrived.extend(files.iter().map(|(_, file)| (*file, seq)));
        }
        let devices = file.devices.iter().map(|device| (device.path.clone(), device.range)).collect();
        let record = ChunksRecord { owner: owner.map(Arc::from), points: file.points(), files, devices };
        let durable = self.log(core, seq, |bytes| record.put(bytes));
        core.tally.add(seq, seq, usize::try_from(record.points).unwrap_or(usize::MAX));
        let all = |device: &FileDevice| PathPattern::parse(&format!("{}.*", device.path)).ok();
        let patterns: Vec<_> = file.devices.iter().filter_map(all).collect();
        core.last.forget(seq, &patterns, TimeRange::ALL);
        durable
    }
}

impl Core {
    /// The databases of devices of which memory has rows of the times that a file has.
    fn overlapped_in_memory(&self, file: &ChunkFile) -> Vec<PathPattern> {
        let mut databases = Vec::new();
        for device in &file.devices {
            let overlaps = self.memtables().any(|memtable| {
                memtable.range(&device.path).is_some_and(|range| range.overlaps(device.range))
            });
            if overlaps
                && let Some(known) = self.catalog.device(&device.path)
                && let Some(database) = self.catalog.database(known.database)
            {
                databases.push(PathPattern::from(&database.path));
            }
        }
        databases.dedup();
        databases
    }
}

/// What chunks have to fit.
struct Fit<'a> {
    catalog: &'a Catalog,
    now: i64,
    width: i64,
}

impl Fit<'_> {
    /// What speaks against a device's chunks.
    fn against(&self, found: &FileDevice) -> Option<&'static str> {
        let Some(device) = self.catalog.device(&found.path) else { return Some("a device is not there") };
        if device.aligned != found.aligned {
            return Some("a device is aligned here and not there, or the other way round");
        }
        if !found.series.iter().all(|series| is_of(device, series)) {
            return Some("a series is not there, or of another type");
        }
        let life = self.catalog.lives().of(&device.path);
        if life.is_some_and(|life| found.range.start < self.now.saturating_sub(life)) {
            return Some("rows have lived their time");
        }
        let one_place =
            |range: &TimeRange| range.start.div_euclid(self.width) == range.end.div_euclid(self.width);
        let within = found.parts.iter().all(|part| one_place(&part.range));
        (!within).then_some("a chunk lies in more than one time partition")
    }
}

fn is_of(device: &Device, (measurement, data_type): &(Arc<str>, levada_model::DataType)) -> bool {
    device.series(measurement).is_some_and(|series| series.schema.data_type == *data_type)
}

/// A device's path as the catalog has it.
fn path_of(id: &DeviceId) -> Option<Path> {
    id.to_path().ok()
}
