//! Chunks of devices on their way into a TsFile, wherever that is written to.

use std::io;

use arrow_array::Array;
use levada_model::{Encoding, Path as DevicePath, SeriesSchema};
use levada_tsfile::{
    AlignedColumn, DeviceId, EncodedAligned, EncodedChunk, Summary, TsFileError, TsFileWriter, Version,
    WriterOptions, is_written, smallest_encoding,
};

use super::ends::number;
use crate::{StorageError, TimeRange, block::Block};

/// A chunk has at most so many rows: what a reader takes in at once.
const CHUNK_ROWS: usize = 1 << 20;

/// An encoding is chosen for a chunk of so many rows or more.
const WORTH_CHOOSING: usize = 128;

/// A series' place in a chunk group: its index among the block's columns, measurement and schema.
pub(crate) type SeriesColumn<'a> = (usize, &'a str, SeriesSchema);

/// What takes rows, and chunks as they were read, device by device.
pub(crate) trait ChunkSink {
    /// Begins the rows of a device.
    fn device(&mut self, device: &DevicePath) -> Result<(), StorageError>;

    /// Writes rows of an aligned device.
    fn aligned(&mut self, rows: &Block, series: &[SeriesColumn<'_>]) -> Result<(), StorageError>;

    /// Writes rows of one series of a plain device.
    fn plain(&mut self, rows: &Block, series: SeriesColumn<'_>) -> Result<(), StorageError>;

    /// Writes chunks of one series of a plain device, as they were read from other files, as one.
    fn plain_chunks(&mut self, chunks: Vec<EncodedChunk>) -> Result<(), StorageError>;

    /// Writes chunk groups of an aligned device, as they were read from other files, as one; `range` has their times, and
    /// `points` says how many values they have.
    fn aligned_chunks(
        &mut self,
        groups: Vec<EncodedAligned>,
        range: TimeRange,
        points: u64,
    ) -> Result<(), StorageError>;

    /// The bytes written so far.
    fn position(&self) -> u64;
}

/// A TsFile that is written, and what is in it so far.
#[derive(Debug)]
pub(crate) struct ChunkWriter<W> {
    inner: TsFileWriter<W>,
    range: TimeRange,
    points: u64,
    /// The last time of each device so far.
    ends: Vec<(u64, i64)>,
}

/// What a finished file holds.
#[derive(Debug)]
pub(crate) struct Written<W> {
    pub(crate) inner: W,
    pub(crate) summary: Summary,
    pub(crate) range: TimeRange,
    pub(crate) points: u64,
    /// The last time of each device, by [`number`].
    pub(super) ends: Vec<(u64, i64)>,
}

impl<W: io::Write> ChunkWriter<W> {
    pub(crate) fn new(inner: W) -> Result<Self, TsFileError> {
        let inner = TsFileWriter::new(inner, Version::V4, WriterOptions::default())?;
        let range = TimeRange { start: i64::MAX, end: i64::MIN };
        Ok(Self { inner, range, points: 0, ends: Vec::new() })
    }

    pub(crate) fn position(&self) -> u64 {
        self.inner.position()
    }

    pub(crate) fn points(&self) -> u64 {
        self.points
    }

    pub(crate) fn device(&mut self, device: &DevicePath) -> Result<(), TsFileError> {
        let device = DeviceId::from(device);
        self.ends.push((number(&device), i64::MIN));
        self.inner.start_chunk_group(device)
    }

    pub(crate) fn aligned(&mut self, rows: &Block, series: &[SeriesColumn<'_>]) -> Result<(), TsFileError> {
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
            self.inner.write_aligned(&rows.times, &columns)?;
        }
        Ok(())
    }

    pub(crate) fn plain(&mut self, rows: &Block, series: SeriesColumn<'_>) -> Result<(), TsFileError> {
        let (place, measurement, schema) = series;
        for from in (0..rows.rows()).step_by(CHUNK_ROWS) {
            let rows = rows.slice(from, CHUNK_ROWS.min(rows.rows() - from));
            let Some(values) = rows.columns[place].as_deref() else { continue };
            self.note(&rows, values.len() - values.null_count());
            self.inner.write_series(measurement, chosen(schema, values), &rows.times, values)?;
        }
        Ok(())
    }

    pub(crate) fn plain_chunks(&mut self, chunks: Vec<EncodedChunk>) -> Result<(), TsFileError> {
        let Some(chunk) = EncodedChunk::join(chunks)? else { return Ok(()) };
        let statistics = chunk.statistics();
        self.cover(TimeRange { start: statistics.start(), end: statistics.end() }, statistics.count());
        self.inner.append(chunk).map(drop)
    }

    pub(crate) fn aligned_chunks(
        &mut self,
        groups: Vec<EncodedAligned>,
        range: TimeRange,
        points: u64,
    ) -> Result<(), TsFileError> {
        let Some(group) = EncodedAligned::join(groups)? else { return Ok(()) };
        self.cover(range, points);
        self.inner.append_aligned(group).map(drop)
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

    /// Ends the file.
    pub(crate) fn finish(self) -> Result<Written<W>, TsFileError> {
        let Self { inner, range, points, mut ends } = self;
        let (inner, summary) = inner.finish()?;
        ends.retain(|(_, end)| *end > i64::MIN);
        Ok(Written { inner, summary, range, points, ends })
    }
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
