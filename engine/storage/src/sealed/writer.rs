//! Writes a sealed file, from its first chunk to its name.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::Array;
use levada_model::{Encoding, Path as DevicePath, SeriesSchema};
use levada_tsfile::{AlignedColumn, TsFileError, TsFileWriter, Version, WriterOptions, smallest_encoding};

use super::{
    bytes::{SUMS, SummedWriter},
    file::{FileMeta, SealedFile},
    folder::DataFolder,
    sums::{About, Sums},
};
use crate::{StorageError, TimeRange, read::Block};

/// A chunk has at most so many rows: what a reader takes in at once.
const CHUNK_ROWS: usize = 1 << 20;

/// An encoding is chosen for a chunk of so many rows or more.
const WORTH_CHOOSING: usize = 128;

/// A file being written under a passing name. Dropped before [`FileWriter::finish`], it leaves that behind, which is removed
/// when the store is opened the next time.
#[derive(Debug)]
pub(crate) struct FileWriter {
    folder: Arc<DataFolder>,
    meta: FileMeta,
    database: DevicePath,
    passing: PathBuf,
    inner: TsFileWriter<SummedWriter>,
    range: TimeRange,
    points: u64,
}

/// A series' place in a chunk group: its index among the block's columns, measurement and schema.
pub(crate) type SeriesColumn<'a> = (usize, &'a str, SeriesSchema);

impl FileWriter {
    /// Begins a file of a database; of `meta`, what depends on its rows is not looked at.
    pub(crate) fn create(
        folder: &Arc<DataFolder>,
        meta: FileMeta,
        database: DevicePath,
    ) -> Result<Self, StorageError> {
        let (dir, disk) = (folder.of(meta.place), &folder.disk);
        disk.create_dir(&dir).map_err(StorageError::io("cannot create", &dir))?;
        let passing = dir.join(format!("{:010}.tmp", meta.id));
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
        })
    }

    /// The bytes written so far.
    pub(crate) fn position(&self) -> u64 {
        self.inner.position()
    }

    /// Begins the rows of a device.
    pub(crate) fn device(&mut self, device: &DevicePath) -> Result<(), StorageError> {
        self.inner.start_chunk_group(device).map_err(|error| written(&self.passing, error))
    }

    /// Writes rows of an aligned device.
    pub(crate) fn aligned(&mut self, rows: &Block, series: &[SeriesColumn<'_>]) -> Result<(), StorageError> {
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
        for from in (0..rows.rows()).step_by(CHUNK_ROWS) {
            let rows = rows.slice(from, CHUNK_ROWS.min(rows.rows() - from));
            let Some(values) = rows.columns[place].as_deref() else { continue };
            self.note(&rows, values.len() - values.null_count());
            self.inner
                .write_series(measurement, chosen(schema, values), &rows.times, values)
                .map_err(|error| written(&self.passing, error))?;
        }
        Ok(())
    }

    fn note(&mut self, rows: &Block, points: usize) {
        self.range.start = self.range.start.min(rows.first());
        self.range.end = self.range.end.max(rows.last());
        self.points += points as u64;
    }

    /// Ends the file, makes it durable and gives it its name; `None` where it holds nothing.
    pub(crate) fn finish(self) -> Result<Option<SealedFile>, StorageError> {
        let Self { folder, mut meta, database, passing, inner, range, points } = self;
        let disk = &folder.disk;
        if points == 0 {
            drop(inner);
            disk.remove(&passing).map_err(StorageError::io("cannot remove", &passing))?;
            return Ok(None);
        }
        let (summed, summary) = inner.finish().map_err(|error| written(&passing, error))?;
        let blocks = summed.finish().map_err(StorageError::io("cannot sync", &passing))?;
        (meta.bytes, meta.points, meta.range) = (summary.bytes, points, range);
        let sums = Sums { blocks, about: Some(About { meta, database }) }.to_bytes();
        let file = SealedFile::new(meta, &folder);
        let beside = file.path.with_extension(SUMS);
        let write_sums = || -> io::Result<()> {
            let mut file = disk.create(&beside)?;
            file.write_all(&sums)?;
            file.sync()
        };
        write_sums().map_err(StorageError::io("cannot write", &beside))?;
        disk.rename(&passing, &file.path).map_err(StorageError::io("cannot name", &file.path))?;
        // The folders above were made for this file, perhaps.
        for dir in folder.folders_of(&file.path) {
            disk.sync_dir(dir).map_err(StorageError::io("cannot sync", dir))?;
        }
        Ok(Some(file))
    }
}

/// The schema a chunk is written in: where nobody chose another encoding than the usual one, that which makes it smallest.
fn chosen(schema: SeriesSchema, values: &dyn Array) -> SeriesSchema {
    if schema.encoding != Encoding::default_for(schema.data_type) || values.len() < WORTH_CHOOSING {
        return schema;
    }
    let encoding = smallest_encoding(schema.data_type, schema.compressor, values);
    SeriesSchema { encoding, ..schema }
}

fn written(path: &Path, error: TsFileError) -> StorageError {
    match error {
        TsFileError::Io { source, .. } => StorageError::io("cannot write to", path)(source),
        other => StorageError::refused(levada_model::StatusCode::STORAGE_ENGINE_ERROR, other.to_string()),
    }
}
