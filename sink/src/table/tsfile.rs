//! Rows as a TsFile, device by device.
//!
//! Rows are gathered until they make chunks of a good size. An aligned device keeps one time column; of a plain one every
//! series has its own times, those without a value left out. A chunk is written in the encoding that makes it smallest, as when the
//! store flushes, unless somebody chose another than the usual one for its series.

use std::{fmt, io::Write, sync::Arc};

use arrow_array::{Array, ArrayRef, Int64Array, cast::AsArray, types::Int64Type};
use arrow_select::concat::concat;
use levada_connector_api::model::{DataType, Encoding, Path, SeriesSchema};
use levada_tsfile::{AlignedColumn, DeviceId, TsFileWriter, Version, WriterOptions, smallest_encoding};

use super::TableError;

/// Rows of a chunk, about.
const CHUNK_ROWS: usize = 100_000;
/// Fewer values are written in the usual encoding: there is little to gain.
const WORTH_CHOOSING: usize = 128;
/// Bytes of rows that wait to become chunks, about.
const CHUNK_BYTES: usize = 32 << 20;

/// A device with some of its series.
#[derive(Clone, Debug)]
pub struct TableDevice {
    /// Its path.
    pub path: Path,
    /// Whether its series share one time column.
    pub aligned: bool,
    /// Measurements in canonical form.
    pub series: Vec<(Arc<str>, SeriesSchema)>,
}

/// A TsFile being written. One that is not finished is readable by salvage only.
pub struct TableWriter<W> {
    inner: TsFileWriter<W>,
    version: Version,
    device: Option<TableDevice>,
    /// Rows that are not in a chunk yet.
    times: Vec<ArrayRef>,
    columns: Vec<Vec<ArrayRef>>,
    rows: usize,
    bytes: usize,
}

impl<W> fmt::Debug for TableWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter").field("device", &self.device).finish_non_exhaustive()
    }
}

impl<W: Write> TableWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// `out` cannot be written to.
    pub fn new(out: W, version: Version) -> Result<Self, TableError> {
        let inner = TsFileWriter::new(out, version, WriterOptions::default())?;
        let (times, columns) = (Vec::new(), Vec::new());
        Ok(Self { inner, version, device: None, times, columns, rows: 0, bytes: 0 })
    }

    /// Whether rows that are added belong to this device.
    pub fn is_at(&self, path: &Path) -> bool {
        self.device.as_ref().is_some_and(|device| device.path == *path)
    }

    /// Rows that are added from now on belong to this device. The one before must have been ended.
    ///
    /// # Errors
    /// The version of the file has no place for the device or for the type of one of its series.
    pub fn begin(&mut self, device: TableDevice) -> Result<(), TableError> {
        let newer = |data_type| {
            matches!(data_type, DataType::Timestamp | DataType::Date | DataType::Blob | DataType::String)
        };
        if let Some((name, schema)) = device.series.iter().find(|(_, schema)| newer(schema.data_type))
            && self.version == Version::V3
        {
            let (path, data_type) = (&device.path, schema.data_type);
            return Err(TableError::data(format!(
                "{path}.{name} is of type {data_type}, which servers that read version 3 do not know"
            )));
        }
        self.inner.start_chunk_group(DeviceId::from(&device.path))?;
        self.columns = vec![Vec::new(); device.series.len()];
        self.device = Some(device);
        Ok(())
    }

    /// Takes rows of the device, an array for each series. Times ascend, also from one call to the next.
    ///
    /// # Errors
    /// The arrays do not fit, times do not ascend, or the file cannot be written to.
    pub fn add(&mut self, times: &ArrayRef, columns: Vec<ArrayRef>) -> Result<(), TableError> {
        self.rows += times.len();
        self.bytes += columns.iter().map(|column| column.get_array_memory_size()).sum::<usize>();
        self.times.push(Arc::clone(times));
        for (gathered, column) in self.columns.iter_mut().zip(columns) {
            gathered.push(column);
        }
        if self.rows >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    /// Writes what waits of the device.
    ///
    /// # Errors
    /// As [`TableWriter::add`].
    pub fn end(&mut self) -> Result<(), TableError> {
        self.flush()?;
        self.device = None;
        Ok(())
    }

    /// Ends the file and gives what it was written to, which is not flushed or synced.
    ///
    /// # Errors
    /// As [`TableWriter::add`].
    pub fn finish(mut self) -> Result<W, TableError> {
        self.end()?;
        Ok(self.inner.finish()?.0)
    }

    /// Makes chunks of the rows that wait.
    fn flush(&mut self) -> Result<(), TableError> {
        let (Some(device), true) = (&self.device, self.rows > 0) else { return Ok(()) };
        let times = join(&std::mem::take(&mut self.times))?;
        let times: &Int64Array = times
            .as_primitive_opt::<Int64Type>()
            .ok_or_else(|| TableError::data("times are of another type"))?;
        let mut columns = Vec::with_capacity(self.columns.len());
        for ((name, schema), arrays) in device.series.iter().zip(&mut self.columns) {
            let values = join(&std::mem::take(arrays))?;
            if values.null_count() < values.len() {
                columns.push((name, chosen(*schema, &values, self.version), values));
            }
        }
        if device.aligned {
            let columns: Vec<AlignedColumn<'_>> = columns
                .iter()
                .map(|(name, schema, values)| AlignedColumn { measurement: name, schema: *schema, values })
                .collect();
            if !columns.is_empty() {
                self.inner.write_aligned(times.values(), &columns)?;
            }
        } else {
            for (name, schema, values) in &columns {
                self.inner.write_series(name, *schema, times.values(), values)?;
            }
        }
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

/// The schema a chunk is written in. The oldest servers that read version 3 know one encoding of texts only.
fn chosen(schema: SeriesSchema, values: &dyn Array, version: Version) -> SeriesSchema {
    let is_choice = schema.encoding != Encoding::default_for(schema.data_type);
    if is_choice || values.len() < WORTH_CHOOSING || (version == Version::V3 && schema.data_type.is_text()) {
        return schema;
    }
    let encoding = smallest_encoding(schema.data_type, schema.compressor, values);
    SeriesSchema { encoding, ..schema }
}

fn join(arrays: &[ArrayRef]) -> Result<ArrayRef, TableError> {
    if let [only] = arrays {
        return Ok(Arc::clone(only));
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(|array| &**array as &dyn Array).collect();
    concat(&arrays).map_err(|error| TableError::data(format!("rows cannot be put together: {error}")))
}
