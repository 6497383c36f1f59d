//! Writes a sealed file, from its first chunk to its name.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use levada_model::Path as DevicePath;
use levada_tsfile::{EncodedAligned, EncodedChunk, TsFileError};

use super::{
    bytes::{SUMS, SummedWriter},
    chunks::{ChunkSink, ChunkWriter, SeriesColumn, Written},
    ends::Ends,
    file::SealedFile,
    folder::DataFolder,
    meta::FileMeta,
    sums::{About, BLOCK, Sums},
};
use crate::{StorageError, TimeRange, block::Block, disk::Disk, place::Place};

/// So many files are synced one after the other, more of them side by side.
const SERIAL_SYNCS: usize = 8;

/// So many are synced at once.
const CONCURRENT_SYNCS: usize = 16;

/// A file being written under a passing name. Dropped before [`FileWriter::finish`], it goes.
#[derive(Debug)]
pub(crate) struct FileWriter {
    folder: Arc<DataFolder>,
    meta: FileMeta,
    database: DevicePath,
    passing: PathBuf,
    chunks: ChunkWriter<SummedWriter>,
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
        let chunks = ChunkWriter::new(summed).map_err(|error| written(&passing, error))?;
        Ok(Self { folder: Arc::clone(folder), meta, database, passing, chunks, leftovers })
    }

    /// Ends the file; `None` where it holds nothing.
    pub(crate) fn end(self) -> Result<Option<Unsealed>, StorageError> {
        let Self { folder, mut meta, database, passing, chunks, mut leftovers } = self;
        if chunks.points() == 0 {
            return Ok(None);
        }
        let Written { inner, summary, range, points, ends } =
            chunks.finish().map_err(|error| written(&passing, error))?;
        (meta.bytes, meta.points, meta.range) = (summary.bytes, points, range);
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

impl ChunkSink for FileWriter {
    fn device(&mut self, device: &DevicePath) -> Result<(), StorageError> {
        self.chunks.device(device).map_err(|error| written(&self.passing, error))
    }

    fn aligned(&mut self, rows: &Block, series: &[SeriesColumn<'_>]) -> Result<(), StorageError> {
        let Some(rows) = rows.within(self.meta.range) else { return Ok(()) };
        self.chunks.aligned(&rows, series).map_err(|error| written(&self.passing, error))
    }

    fn plain(
        &mut self,
        rows: &Block,
        (place, measurement, schema): SeriesColumn<'_>,
    ) -> Result<(), StorageError> {
        // A device may have thousands of columns, each of which is written for itself.
        let rows = Block { times: rows.times.clone(), columns: vec![rows.columns[place].clone()] };
        let Some(rows) = rows.within(self.meta.range) else { return Ok(()) };
        self.chunks.plain(&rows, (0, measurement, schema)).map_err(|error| written(&self.passing, error))
    }

    fn plain_chunks(&mut self, chunks: Vec<EncodedChunk>) -> Result<(), StorageError> {
        self.chunks.plain_chunks(chunks).map_err(|error| written(&self.passing, error))
    }

    fn aligned_chunks(
        &mut self,
        groups: Vec<EncodedAligned>,
        range: TimeRange,
        points: u64,
    ) -> Result<(), StorageError> {
        self.chunks.aligned_chunks(groups, range, points).map_err(|error| written(&self.passing, error))
    }

    fn position(&self) -> u64 {
        self.chunks.position()
    }
}

impl Unsealed {
    /// The place of its rows.
    pub(crate) fn place(&self) -> Place {
        self.meta.place
    }

    /// The file's number.
    pub(crate) fn id(&self) -> u64 {
        self.meta.id
    }

    /// Its rows are of a write whose number is known only now.
    pub(crate) fn is_of_write(&mut self, seq: u64) {
        (self.meta.seq, self.meta.first, self.meta.last) = (seq, seq, seq);
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

fn written(path: &Path, error: TsFileError) -> StorageError {
    match error {
        TsFileError::Io { source, .. } => StorageError::io("cannot write to", path)(source),
        other => StorageError::rejected(levada_model::StatusCode::STORAGE_ENGINE_ERROR, other.to_string()),
    }
}
