//! One file, page by page.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, cast::AsArray, types::Int64Type};
use arrow_select::filter::filter;
use levada_model::{Column, DataType, Encoding, Path, Series, SeriesSchema, Tablet, canonical_node};
use levada_tsfile::{ChunkMeta, ChunkReader, DeviceMeta, ReadAt, SeriesMeta, TsFileError, TsFileReader};

use super::{Item, ReadError, mods::Deletions};

/// A file that is being read.
pub(super) struct Source<R> {
    pub(super) path: PathBuf,
    pub(super) reader: TsFileReader<R>,
    pub(super) deletions: Deletions,
}

/// A series of an aligned device, with its chunk of the chunk group that is read.
struct ColumnChunk {
    series: Path,
    name: Arc<str>,
    data_type: DataType,
    offset: u64,
    chunk: ChunkReader,
}

/// Whoever takes what is read; false says that no more is wanted.
type Emit<'a> = &'a mut dyn FnMut(Item) -> bool;

impl<R: ReadAt> Source<R> {
    /// Hands out all rows. Devices whose names are no paths are left out and told at the end.
    pub(super) fn read(&self, emit: Emit<'_>) -> Result<(), ReadError> {
        let mut unnamed = None;
        for id in self.reader.devices().map_err(|error| self.damaged(error))? {
            let device = match id.to_path() {
                Ok(device) => device,
                Err(error) => {
                    unnamed.get_or_insert((id.to_string(), error.reason, 0)).2 += 1;
                    continue;
                }
            };
            let Some(meta) = self.reader.device(&id).map_err(|error| self.damaged(error))? else { continue };
            let more = match &meta.time {
                Some(time) => self.aligned(&device, &meta, time, emit)?,
                None => self.plain(&device, &meta, emit)?,
            };
            if !more {
                return Ok(());
            }
        }
        match unnamed {
            None => Ok(()),
            Some((name, reason, count)) => {
                Err(ReadError::Name { path: self.path.clone(), name, reason, others: count - 1 })
            }
        }
    }

    fn plain(&self, device: &Path, meta: &DeviceMeta, emit: Emit<'_>) -> Result<bool, ReadError> {
        for series in &meta.series {
            let Some(data_type) = series.data_type else { continue };
            let name = canonical(&series.measurement);
            let path = device.child(&name);
            let mut known = false;
            for chunk in &series.chunks {
                let pages = self.reader.read_chunk(chunk).map_err(|error| self.damaged(error))?;
                for index in 0..pages.pages().len() {
                    let page = pages.read_page(index).map_err(|error| self.damaged(error))?;
                    let (times, values) = match self.deletions.keep(&path, chunk.offset, &page.times) {
                        Some(keep) => (
                            self.filter(&page.times, &keep)?.as_primitive::<Int64Type>().clone(),
                            self.filter(&page.values, &keep)?,
                        ),
                        None => (page.times, page.values),
                    };
                    if times.is_empty() {
                        continue;
                    }
                    // A series of which nothing is left is not made.
                    if !std::mem::replace(&mut known, true)
                        && !emit(new(device, false, &name, data_type, &pages))
                    {
                        return Ok(false);
                    }
                    let column = Column { name: Arc::clone(&name), data_type, values };
                    if !self.emit(device, false, times, vec![column], emit)? {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    fn aligned(
        &self,
        device: &Path,
        meta: &DeviceMeta,
        time: &SeriesMeta,
        emit: Emit<'_>,
    ) -> Result<bool, ReadError> {
        let mut known = HashSet::new();
        for group in &time.chunks {
            let times = self.reader.read_chunk(group).map_err(|error| self.damaged(error))?;
            let columns = self.columns(device, meta, group)?;
            for index in 0..times.pages().len() {
                let times = times.read_times(index).map_err(|error| self.damaged(error))?;
                let mut page = Vec::with_capacity(columns.len());
                for column in columns.iter().filter(|column| index < column.chunk.pages().len()) {
                    let mut values =
                        column.chunk.read_values(index, times.len()).map_err(|error| self.damaged(error))?;
                    if let Some(keep) = self.deletions.keep(&column.series, column.offset, &times) {
                        values = self.blank(&values, &keep)?;
                    }
                    if values.null_count() < values.len() {
                        let (name, data_type) = (Arc::clone(&column.name), column.data_type);
                        let is_new = known.insert(Arc::clone(&name));
                        if is_new && !emit(new(device, true, &name, data_type, &column.chunk)) {
                            return Ok(false);
                        }
                        page.push(Column { name, data_type, values });
                    }
                }
                if !self.emit(device, true, times, page, emit)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// The value chunks that belong to a time chunk.
    fn columns(
        &self,
        device: &Path,
        meta: &DeviceMeta,
        group: &ChunkMeta,
    ) -> Result<Vec<ColumnChunk>, ReadError> {
        let mut columns = Vec::with_capacity(meta.series.len());
        for series in &meta.series {
            let chunk = series.chunks.iter().find(|chunk| chunk.time_offset == Some(group.offset));
            let (Some(chunk), Some(data_type)) = (chunk, series.data_type) else { continue };
            if chunk.statistics.count() == 0 {
                continue;
            }
            let name = canonical(&series.measurement);
            columns.push(ColumnChunk {
                series: device.child(&name),
                name,
                data_type,
                offset: chunk.offset,
                chunk: self.reader.read_chunk(chunk).map_err(|error| self.damaged(error))?,
            });
        }
        Ok(columns)
    }

    fn emit(
        &self,
        device: &Path,
        aligned: bool,
        times: Int64Array,
        columns: Vec<Column>,
        emit: Emit<'_>,
    ) -> Result<bool, ReadError> {
        if columns.is_empty() || times.is_empty() {
            return Ok(true);
        }
        let tablet = Tablet::try_new(device.clone(), aligned, times, columns)
            .map_err(|error| self.damaged(TsFileError::Rejected { reason: error.to_string() }))?;
        Ok(emit(Item::Rows(tablet)))
    }

    /// The rows that are kept.
    fn filter(&self, array: &dyn Array, keep: &BooleanArray) -> Result<ArrayRef, ReadError> {
        filter(array, keep).map_err(|error| self.damaged(TsFileError::Rejected { reason: error.to_string() }))
    }

    /// All rows, null where they are not kept.
    fn blank(&self, values: &ArrayRef, keep: &BooleanArray) -> Result<ArrayRef, ReadError> {
        let nothing = arrow_array::new_null_array(values.data_type(), 1);
        arrow_select::zip::zip(keep, values, &arrow_array::Scalar::new(nothing))
            .map_err(|error| self.damaged(TsFileError::Rejected { reason: error.to_string() }))
    }

    fn damaged(&self, source: TsFileError) -> ReadError {
        ReadError::TsFile { path: self.path.clone(), source }
    }
}

/// A series as its first chunk is written. An encoding that no series can be made with is that of the type.
fn new(device: &Path, aligned: bool, name: &Arc<str>, data_type: DataType, chunk: &ChunkReader) -> Item {
    let header = chunk.header();
    let usual = header.encoding == Encoding::Regular || !header.encoding.supports(data_type);
    let encoding = if usual { Encoding::default_for(data_type) } else { header.encoding };
    let schema = SeriesSchema { data_type, encoding, compressor: header.compressor };
    Item::Series(Series { device: device.clone(), aligned, measurement: Arc::clone(name), schema })
}

/// A measurement as the catalog has it: quoted exactly where it must be.
fn canonical(measurement: &str) -> Arc<str> {
    canonical_node(measurement).into()
}
