//! Writes a sealed file, from its first chunk to its name.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use arrow_array::Array;
use levada_model::{Encoding, Path as DevicePath, SeriesSchema};
use levada_tsfile::{
    AlignedColumn, DeviceId, EncodedAligned, EncodedChunk, TsFileError, TsFileWriter, Version, WriterOptions,
    is_written, smallest_encoding,
};

use super::{
    bytes::{SUMS, SummedWriter},
    ends::{Ends, number},
    file::SealedFile,
    folder::DataFolder,
    meta::FileMeta,
    sums::{About, BLOCK, Sums},
};
use crate::{StorageError, TimeRange, block::Block, disk::Disk, place::Place};

/// A chunk has at most so many rows: what a reader takes in at once.
const CHUNK_ROWS: usize = 1 << 20;

/// So many files are synced one after the other, more of them side by side.
const SERIAL_SYNCS: usize = 8;

/// So many are synced at once.
const CONCURRENT_SYNCS: usize = 16;

/// An encoding is chosen for a chunk of so many rows or more.
const WORTH_CHOOSING: usize = 128;

/// A file being written under a passing name. Dropped before [`FileWriter::finish`], it goes.
#[derive(Debug)]
pub(crate) struct FileWriter {
    folder: Arc<DataFolder>,
    meta: FileMeta,
    database: DevicePath,
    passing: PathBuf,
    inner: TsFileWriter<SummedWriter>,
    range: TimeRange,
    points: u64,
    /// The last time of each device so far.
    ends: Vec<(u64, i64)>,
    // Behind the file itself, so that it is closed first.
    leftovers: Leftovers,
}

/// A file that is written, but neither durable nor has its name. Dropped, it goes.
#[derive(Debug)]
pub(crate) struct Unsealed {
    meta: FileMeta,
    database: DevicePath,
    passing: PathBuf,
    inner: SummedWriter,
    ends: Vec<(u64, i64)>,
    leftovers: Leftovers,
    folder: Arc<DataFolder>,
}

/// What is to be removed unless all goes well.
#[derive(Debug)]
struct Leftovers {
    disk: Arc<dyn Disk>,
    paths: Vec<PathBuf>,
}

impl Drop for Leftovers {
    fn drop(&mut self) {
        for path in &self.paths {
            match self.disk.remove(path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // It is removed when the store is opened the next time.
                Err(error) => tracing::warn!(path = %path.display(), %error, "cannot remove what failed"),
            }
        }
    }
}

/// A series' place in a chunk group: its index among the block's columns, measurement and schema.
pub(crate) type SeriesColumn<'a> = (usize, &'a str, SeriesSchema);

impl FileWriter {
    /// Begins a file of a database. Rows out of the range of `meta` are left out; what else depends on rows is not looked at.
    pub(crate) fn create(
        folder: &Arc<DataFolder>,
        meta: FileMeta,
        database: DevicePath,
    ) -> Result<Self, StorageError> {
        let (dir, disk) = (folder.of(meta.place), &folder.disk);
        disk.create_dir(&dir).map_err(StorageError::io("cannot create", &dir))?;
        let passing = dir.join(format!("{:010}.tmp", meta.id));
        let leftovers = Leftovers { disk: Arc::clone(disk), paths: vec![passing.clone()] };
        let summed =
            SummedWriter::create(&**disk, &passing).map_err(StorageError::io("cannot create", &passing))?;
        let inner = TsFileWriter::new(summed, Version::V4, WriterOptions::default())
            .map_err(|error| written(&passing, error))?;
        Ok(Self {
            folder: Arc::clone(folder),
            meta,
            database,
            passing,
            inner,
            range: TimeRange { start: i64::MAX, end: i64::MIN },
            points: 0,
            ends: Vec::new(),
            leftovers,
        })
    }

    /// The bytes written so far.
    pub(crate) fn position(&self) -> u64 {
        self.inner.position()
    }

    /// Begins the rows of a device.
    pub(crate) fn device(&mut self, device: &DevicePath) -> Result<(), StorageError> {
        let device = DeviceId::from(device);
        self.ends.push((number(&device), i64::MIN));
        self.inner.start_chunk_group(device).map_err(|error| written(&self.passing, error))
    }

    /// Writes rows of an aligned device.
    pub(crate) fn aligned(&mut self, rows: &Block, series: &[SeriesColumn<'_>]) -> Result<(), StorageError> {
        let Some(rows) = rows.within(self.meta.range) else { return Ok(()) };
        for from in (0..rows.rows()).step_by(CHUNK_ROWS) {
            let rows = rows.slice(from, CHUNK_ROWS.min(rows.rows() - from));
            let columns: Vec<_> = series
                .iter()
                .filter_map(|(place, measurement, schema)| {
                    let values = rows.columns[*place].as_deref()?;
                    Some(AlignedColumn { measurement, schema: chosen(*schema, values), values })
                })
                .collect();
            self.note(
                &rows,
                columns.iter().map(|column| column.values.len() - column.values.null_count()).sum(),
            );
            self.inner.write_aligned(&rows.times, &columns).map_err(|error| written(&self.passing, error))?;
        }
        Ok(())
    }

    /// Writes rows of one series of a plain device.
    pub(crate) fn plain(&mut self, rows: &Block, series: SeriesColumn<'_>) -> Result<(), StorageError> {
        let (place, measurement, schema) = series;
        // A device may have thousands of columns, each of which is written for itself.
        let rows = Block { times: rows.times.clone(), columns: vec![rows.columns[place].clone()] };
        let Some(rows) = rows.within(self.meta.range) else { return Ok(()) };
        for from in (0..rows.rows()).step_by(CHUNK_ROWS) {
            let rows = rows.slice(from, CHUNK_ROWS.min(rows.rows() - from));
            let Some(values) = rows.columns[0].as_deref() else { continue };
            self.note(&rows, values.len() - values.null_count());
            self.inner
                .write_series(measurement, chosen(schema, values), &rows.times, values)
                .map_err(|error| written(&self.passing, error))?;
        }
        Ok(())
    }

    /// Writes chunks of one series of a plain device, as they were read from other files, as one.
    pub(crate) fn plain_chunks(&mut self, chunks: Vec<EncodedChunk>) -> Result<(), StorageError> {
        let joined = EncodedChunk::join(chunks).map_err(|error| written(&self.passing, error))?;
        let Some(chunk) = joined else { return Ok(()) };
        let statistics = chunk.statistics();
        self.cover(TimeRange { start: statistics.start(), end: statistics.end() }, statistics.count());
        self.inner.append(chunk).map(drop).map_err(|error| written(&self.passing, error))
    }

    /// Writes chunk groups of an aligned device, as they were read from other files, as one; `range` has their times, and
    /// `points` says how many values they have.
    pub(crate) fn aligned_chunks(
        &mut self,
        groups: Vec<EncodedAligned>,
        range: TimeRange,
        points: u64,
    ) -> Result<(), StorageError> {
        let joined = EncodedAligned::join(groups).map_err(|error| written(&self.passing, error))?;
        let Some(group) = joined else { return Ok(()) };
        self.cover(range, points);
        self.inner.append_aligned(group).map(drop).map_err(|error| written(&self.passing, error))
    }

    fn note(&mut self, rows: &Block, points: usize) {
        self.cover(TimeRange { start: rows.first(), end: rows.last() }, points as u64);
    }

    fn cover(&mut self, range: TimeRange, points: u64) {
        self.range.start = self.range.start.min(range.start);
        self.range.end = self.range.end.max(range.end);
        self.points += points;
        if let Some((_, end)) = self.ends.last_mut() {
            *end = range.end.max(*end);
        }
    }

    /// Ends the file; `None` where it holds nothing.
    pub(crate) fn end(self) -> Result<Option<Unsealed>, StorageError> {
        let Self { folder, mut meta, database, passing, inner, range, points, mut ends, mut leftovers } =
            self;
        if points == 0 {
            return Ok(None);
        }
        let (inner, summary) = inner.finish().map_err(|error| written(&passing, error))?;
        (meta.bytes, meta.points, meta.range) = (summary.bytes, points, range);
        ends.retain(|(_, end)| *end > i64::MIN);
        let path = folder.file(meta.place, meta.id);
        leftovers.paths.extend([path.with_extension(SUMS), path]);
        Ok(Some(Unsealed { meta, database, passing, inner, ends, leftovers, folder }))
    }

    /// Ends the file, makes it durable and gives it its name; `None` where it holds nothing. It goes when it is dropped, until
    /// it is [adopted](SealedFile::adopt).
    pub(crate) fn finish(self) -> Result<Option<SealedFile>, StorageError> {
        self.end()?.and_then(|file| seal_all(vec![file]).pop()).transpose()
    }
}

impl Unsealed {
    /// The place of its rows.
    pub(crate) fn place(&self) -> Place {
        self.meta.place
    }

    /// Makes what is in it durable and gives it its name, which is durable once the folders are synced.
    fn seal(self) -> Result<SealedFile, StorageError> {
        let Self { meta, database, passing, inner, ends, mut leftovers, folder } = self;
        let disk = &folder.disk;
        let blocks = inner.finish().map_err(StorageError::io("cannot sync", &passing))?;
        let sums = Sums { block: BLOCK, blocks, about: Some(About { meta, database }) }.to_bytes();
        let file = SealedFile::new(meta, &folder);
        let beside = file.path.with_extension(SUMS);
        let write_sums = || -> io::Result<()> {
            let mut file = disk.create(&beside)?;
            file.write_all(&sums)?;
            file.sync()
        };
        write_sums().map_err(StorageError::io("cannot write", &beside))?;
        disk.rename(&passing, &file.path).map_err(StorageError::io("cannot name", &file.path))?;
        leftovers.paths.clear();
        file.retire();
        folder.note_ends(meta.id, Arc::new(Ends::new(ends)));
        Ok(file)
    }
}

/// Makes files durable and gives them their names: in the end each is, or has failed and is gone.
///
/// A disk syncs many files at once in little more time than one.
pub(crate) fn seal_all(files: Vec<Unsealed>) -> Vec<Result<SealedFile, StorageError>> {
    let Some(folder) = files.first().map(|file| Arc::clone(&file.folder)) else { return Vec::new() };
    let mut sealed = side_by_side(files, Unsealed::seal);
    let names = sealed.iter().filter_map(|file| Some(&*file.as_ref().ok()?.path));
    let synced = side_by_side(folder.to_sync(names), |dir| {
        let result = folder.disk.sync_dir(&dir);
        (dir, result)
    });
    let failed: Vec<_> = synced.into_iter().filter_map(|(dir, result)| Some((dir, result.err()?))).collect();
    for file in &mut sealed {
        let Ok(done) = file else { continue };
        if let Some((dir, error)) = failed.iter().find(|(dir, _)| done.path.starts_with(dir)) {
            let error = io::Error::new(error.kind(), error.to_string());
            *file = Err(StorageError::io("cannot sync", dir)(error));
        }
    }
    let named = sealed.iter().flatten().filter_map(|file| Some(file.path.parent()?.to_owned()));
    folder.note_named(named);
    sealed
}

/// Does the same with each, many at once where there are many; what comes out is in the order of what went in.
fn side_by_side<T: Send, R: Send>(all: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    if all.len() < SERIAL_SYNCS {
        return all.into_iter().map(work).collect();
    }
    let share = all.len().div_ceil(CONCURRENT_SYNCS);
    let mut all = all.into_iter();
    let shares: Vec<Vec<T>> = std::iter::from_fn(|| {
        Some(all.by_ref().take(share).collect::<Vec<_>>()).filter(|share| !share.is_empty())
    })
    .collect();
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || share.into_iter().map(work).collect::<Vec<_>>()))
            .collect();
        let ended = threads.into_iter().flat_map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    })
}

/// The schema a chunk is written in: where nobody chose another encoding than the usual one, that which makes it smallest.
fn chosen(mut schema: SeriesSchema, values: &dyn Array) -> SeriesSchema {
    // Older folders may have series of which that was not checked.
    if !is_written(schema) {
        schema.encoding = Encoding::default_for(schema.data_type);
    }
    if schema.encoding != Encoding::default_for(schema.data_type) || values.len() < WORTH_CHOOSING {
        return schema;
    }
    let encoding = smallest_encoding(schema.data_type, schema.compressor, values);
    SeriesSchema { encoding, ..schema }
}

fn written(path: &Path, error: TsFileError) -> StorageError {
    match error {
        TsFileError::Io { source, .. } => StorageError::io("cannot write to", path)(source),
        other => StorageError::rejected(levada_model::StatusCode::STORAGE_ENGINE_ERROR, other.to_string()),
    }
}
