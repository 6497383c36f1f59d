//! What files hold, as TsFiles of some MiB: for a reader that takes chunks as they are.
//!
//! ```text
//!   sealed files ─► DeviceMerge ─► a file in memory ─► one that waits ─► History
//!                   chunks that stand alone are copied; what overlaps, is cut or partly hidden is merged and encoded anew
//! ```
//! It is made by a thread of its own, which is at most two pieces ahead of the reader.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use bytes::Bytes;
use levada_model::{Path, StatusCode};
use levada_tsfile::{DeviceId, EncodedAligned, EncodedChunk, TsFileError};

use super::HistoryMark;
use crate::{
    StorageError, TimeRange,
    block::Block,
    compact::{DeviceMerge, Source},
    place::Place,
    read::Snapshot,
    sealed::{ChunkSink, ChunkWriter, SealedFile, SeriesColumn},
    store::caught,
};

/// A piece is handed out once it has so many bytes: one more chunk is in it at most, or what is merged at once.
const PIECE_BYTES: u64 = 8 << 20;

/// Which of what is stored is read as chunks.
#[derive(Clone)]
pub struct ChunksOf {
    /// Whether a series is.
    pub series: Arc<dyn Fn(&Path) -> bool + Send + Sync>,
    /// At which times.
    pub times: TimeRange,
}

impl fmt::Debug for ChunksOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunksOf").field("times", &self.times).finish_non_exhaustive()
    }
}

/// A TsFile of one database.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) database: Path,
    pub(super) bytes: Bytes,
    /// How many values it has.
    pub(super) points: u64,
    /// The last device that is complete with it, and where that was.
    pub(super) done: Option<(Place, Path)>,
}

/// What the thread says: a piece, or that there are no more.
type Told = Result<Option<Piece>, StorageError>;

/// The pieces of a snapshot's files, as they are made.
#[derive(Debug)]
pub(super) struct Pieces {
    told: Receiver<Told>,
    stop: Arc<AtomicBool>,
}

impl Pieces {
    /// Begins to make them, but for those that have come before.
    pub(super) fn begin(
        snapshot: &Snapshot,
        of: ChunksOf,
        done: Option<HistoryMark>,
    ) -> Result<Self, StorageError> {
        let (tell, told) = sync_channel(1);
        let stop = Arc::<AtomicBool>::default();
        let snapshot = Snapshot { memtables: Vec::new(), ..snapshot.clone() };
        let maker = Maker { snapshot, of, done, stop: Arc::clone(&stop) };
        let work = move || {
            let made = caught("reading chunks", || maker.make(&tell)).map(|()| None);
            // Nobody is there to hear it: so be it.
            drop(tell.send(made));
        };
        let thread = thread::Builder::new().name("levada-chunks".to_owned()).spawn(work);
        thread.map_err(StorageError::io("cannot start a thread for", "chunks"))?;
        Ok(Self { told, stop })
    }

    /// The next; `None` at the end. Blocks.
    pub(super) fn next(&self) -> Told {
        self.told.recv().unwrap_or_else(|_| Err(broken("reading chunks was broken off")))
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

fn broken(message: &str) -> StorageError {
    StorageError::rejected(StatusCode::INTERNAL_SERVER_ERROR, message)
}

struct Maker {
    snapshot: Snapshot,
    of: ChunksOf,
    done: Option<HistoryMark>,
    stop: Arc<AtomicBool>,
}

impl Maker {
    fn make(&self, tell: &SyncSender<Told>) -> Result<(), StorageError> {
        let goes_on = |_| match self.stop.load(Ordering::Acquire) {
            true => Err(StorageError::Closed),
            false => Ok(()),
        };
        let mut writer = PieceWriter { tell, database: None, chunks: None, device: None, done: None };
        for (place, files) in &*self.snapshot.files {
            let Some(database) = self.snapshot.catalog.database(place.database) else { continue };
            writer.database(&database.path)?;
            let sources: Vec<Source> = files.iter().filter(|file| self.wants(file)).map(source).collect();
            let mut devices: BTreeSet<DeviceId> = BTreeSet::new();
            for Source { file, .. } in &sources {
                devices.extend(file.reader()?.devices().map_err(|error| file.error(error))?);
            }
            let done = self.done_in(&sources);
            for id in &devices {
                goes_on(0)?;
                let has_come = done.is_some_and(|done| done.has(*place, id));
                if has_come {
                    continue;
                }
                let path = id.to_path().ok();
                let device = path.and_then(|path| self.snapshot.catalog.device(&path));
                // A device of the name may be in another database by now.
                let Some(device) = device.filter(|device| device.database == place.database) else {
                    continue;
                };
                let wants = |series: &crate::catalog::Series| {
                    (self.of.series)(&device.path.child(&series.measurement))
                };
                let merge = DeviceMerge::new(&self.snapshot, &sources, (id, device), self.of.times, wants)?;
                if let Some(merge) = merge {
                    merge.write(&mut writer, &goes_on)?;
                    writer.done = Some((*place, device.path.clone()));
                }
            }
        }
        writer.hand_out()
    }

    /// What has come of a place's files, if anything. Where one of them may hold rows that were in memory then, that is nothing: a part of a
    /// device would not say which of its values count.
    fn done_in(&self, sources: &[Source]) -> Option<&HistoryMark> {
        let done = self.done.as_ref()?;
        let had = |Source { file, .. }: &Source| done.had_all() || file.meta.last <= done.in_files;
        sources.iter().all(had).then_some(done)
    }

    fn wants(&self, file: &SealedFile) -> bool {
        file.meta.range.overlaps(self.of.times)
    }
}

fn source(file: &Arc<SealedFile>) -> Source {
    Source { window: file.meta.range, file: Arc::new(file.reading_ahead()) }
}

/// Writes pieces, and hands each out when it is large enough.
struct PieceWriter<'a> {
    tell: &'a SyncSender<Told>,
    database: Option<Path>,
    chunks: Option<ChunkWriter<Vec<u8>>>,
    /// The device that is written, and whether the piece knows.
    device: Option<(Path, bool)>,
    /// The last device that is written to its end.
    done: Option<(Place, Path)>,
}

impl PieceWriter<'_> {
    /// What follows is of a database.
    fn database(&mut self, database: &Path) -> Result<(), StorageError> {
        if self.database.as_ref() == Some(database) {
            return Ok(());
        }
        self.hand_out()?;
        self.database = Some(database.clone());
        Ok(())
    }

    fn hand_out(&mut self) -> Result<(), StorageError> {
        let (Some(chunks), Some(database)) = (self.chunks.take(), self.database.clone()) else {
            return Ok(());
        };
        if let Some((_, begun)) = &mut self.device {
            *begun = false;
        }
        let written = chunks.finish().map_err(rejected)?;
        let piece =
            Piece { database, bytes: written.inner.into(), points: written.points, done: self.done.clone() };
        self.tell.send(Ok(Some(piece))).map_err(|_| StorageError::Closed)
    }

    fn write(
        &mut self,
        what: impl FnOnce(&mut ChunkWriter<Vec<u8>>) -> Result<(), TsFileError>,
    ) -> Result<(), StorageError> {
        let chunks = match &mut self.chunks {
            Some(chunks) => chunks,
            None => self.chunks.insert(ChunkWriter::new(Vec::new()).map_err(rejected)?),
        };
        if let Some((device, begun @ false)) = &mut self.device {
            chunks.device(device).map_err(rejected)?;
            *begun = true;
        }
        what(chunks).map_err(rejected)?;
        if chunks.position() < PIECE_BYTES { Ok(()) } else { self.hand_out() }
    }
}

impl ChunkSink for PieceWriter<'_> {
    fn device(&mut self, device: &Path) -> Result<(), StorageError> {
        self.device = Some((device.clone(), false));
        Ok(())
    }

    fn aligned(&mut self, rows: &Block, series: &[SeriesColumn<'_>]) -> Result<(), StorageError> {
        self.write(|chunks| chunks.aligned(rows, series))
    }

    fn plain(&mut self, rows: &Block, series: SeriesColumn<'_>) -> Result<(), StorageError> {
        self.write(|chunks| chunks.plain(rows, series))
    }

    fn plain_chunks(&mut self, copied: Vec<EncodedChunk>) -> Result<(), StorageError> {
        self.write(|chunks| chunks.plain_chunks(copied))
    }

    fn aligned_chunks(
        &mut self,
        groups: Vec<EncodedAligned>,
        range: TimeRange,
        points: u64,
    ) -> Result<(), StorageError> {
        self.write(|chunks| chunks.aligned_chunks(groups, range, points))
    }

    fn position(&self) -> u64 {
        self.chunks.as_ref().map_or(0, ChunkWriter::position)
    }
}

fn rejected(error: TsFileError) -> StorageError {
    StorageError::rejected(StatusCode::STORAGE_ENGINE_ERROR, error.to_string())
}
