//! Rows as a TsFile.
//!
//! Rows are gathered until they make chunks of a good size. An aligned device keeps one time column; of a plain one every
//! series has its own times, those without a value left out. A chunk is written in the encoding that makes it smallest, as when the
//! store flushes, unless somebody chose another than the usual one for its series.

use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use arrow_array::{Array, ArrayRef, Int64Array, cast::AsArray, types::Int64Type};
use arrow_select::concat::concat;
use futures::TryStreamExt;
use levada_model::{DataType, Encoding, Path, Rows, SeriesSchema, Session, quote_node, unquote_node};
use levada_tsfile::{AlignedColumn, DeviceId, TsFileWriter, Version, WriterOptions, smallest_encoding};

use super::{devices::Device, target::Output};
use crate::exit::Failure;

/// Rows of a chunk, about.
const CHUNK_ROWS: usize = 100_000;
/// Fewer values are written in the usual encoding: there is little to gain.
const WORTH_CHOOSING: usize = 128;
/// Bytes of rows that wait to become chunks, about.
const CHUNK_BYTES: usize = 32 << 20;

/// Writes all rows of devices; how many there are.
pub(super) async fn write_devices(
    session: &dyn Session,
    devices: &[Device],
    file: Output,
    version: Version,
) -> anyhow::Result<u64> {
    let mut writer = Writer::new(file, version)?;
    let mut count = 0;
    for device in devices {
        writer.begin(device.clone())?;
        let mut rows = device.rows(session).await?;
        while let Some(batch) = rows.batches.try_next().await? {
            count += batch.num_rows() as u64;
            writer.add(batch.column(0), batch.columns().iter().skip(1).cloned().collect())?;
            tokio::task::yield_now().await;
        }
        writer.end()?;
    }
    writer.finish()?;
    Ok(count)
}

/// Writes the rows of a query, whose columns must be series, or measurements beside a column `Device`.
pub(super) async fn write_rows(rows: Rows, file: Output, version: Version) -> anyhow::Result<u64> {
    if !rows.has_time {
        return Err(Failure::invalid("rows without a time do not make a TsFile").into());
    }
    let mut writer = Writer::new(file, version)?;
    let count = if rows.columns.first().is_some_and(|column| column.name == "Device") {
        by_device(rows, &mut writer).await?
    } else {
        by_series(rows, &mut writer).await?
    };
    writer.finish()?;
    Ok(count)
}

/// Columns that are series: those of one device are written together.
async fn by_series(mut rows: Rows, writer: &mut Writer) -> anyhow::Result<u64> {
    let mut devices: Vec<(Device, Vec<usize>)> = Vec::new();
    for (at, column) in rows.columns.iter().enumerate() {
        let series = Path::parse(&column.name)
            .ok()
            .and_then(|path| path.split_last().map(|(device, name)| (device, Arc::from(name))));
        let Some((path, name)) = series else {
            let message =
                format!("the column `{}` is no series: a TsFile has a place for series only", column.name);
            return Err(Failure::invalid(message).into());
        };
        let schema = SeriesSchema::default_for(column.data_type);
        match devices.iter_mut().find(|(device, _)| device.path == path) {
            Some((device, columns)) => {
                device.series.push((name, schema));
                columns.push(at + 1);
            }
            None => {
                devices.push((Device { path, aligned: false, series: vec![(name, schema)] }, vec![at + 1]))
            }
        }
    }
    let mut count = 0;
    while let Some(batch) = rows.batches.try_next().await? {
        for (device, columns) in &devices {
            writer.begin(device.clone())?;
            writer.add(batch.column(0), columns.iter().map(|&at| Arc::clone(batch.column(at))).collect())?;
            writer.end()?;
        }
        count += batch.num_rows() as u64;
        tokio::task::yield_now().await;
    }
    Ok(count)
}

/// Rows that name their device, device by device.
async fn by_device(mut rows: Rows, writer: &mut Writer) -> anyhow::Result<u64> {
    let series: Vec<(Arc<str>, SeriesSchema)> = rows
        .columns
        .iter()
        .skip(1)
        .map(|column| {
            let name = quote_node(&unquote_node(&column.name)).into();
            (name, SeriesSchema::default_for(column.data_type))
        })
        .collect();
    let mut count = 0;
    while let Some(batch) = rows.batches.try_next().await? {
        count += batch.num_rows() as u64;
        let names =
            batch.column(1).as_string_opt::<i32>().context("the column `Device` is not of texts")?.clone();
        let mut from = 0;
        while from < batch.num_rows() {
            let to = (from..batch.num_rows()).find(|&row| names.value(row) != names.value(from));
            let rows = to.unwrap_or(batch.num_rows()) - from;
            let slice = batch.slice(from, rows);
            let path = Path::parse(names.value(from))?;
            if !writer.is_at(&path) {
                writer.end()?;
                writer.begin(Device { path, aligned: false, series: series.clone() })?;
            }
            writer.add(slice.column(0), slice.columns().iter().skip(2).cloned().collect())?;
            from += rows;
        }
        tokio::task::yield_now().await;
    }
    writer.end()?;
    Ok(count)
}

/// A file that is being written.
struct Writer {
    inner: TsFileWriter<Output>,
    version: Version,
    device: Option<Device>,
    /// Rows that are not in a chunk yet.
    times: Vec<ArrayRef>,
    columns: Vec<Vec<ArrayRef>>,
    rows: usize,
    bytes: usize,
}

impl Writer {
    fn new(file: Output, version: Version) -> anyhow::Result<Self> {
        let inner = TsFileWriter::new(file, version, WriterOptions::default())?;
        let (times, columns) = (Vec::new(), Vec::new());
        Ok(Self { inner, version, device: None, times, columns, rows: 0, bytes: 0 })
    }

    fn is_at(&self, path: &Path) -> bool {
        self.device.as_ref().is_some_and(|device| device.path == *path)
    }

    fn begin(&mut self, device: Device) -> anyhow::Result<()> {
        let newer = |data_type| {
            matches!(data_type, DataType::Timestamp | DataType::Date | DataType::Blob | DataType::String)
        };
        if let Some((name, schema)) = device.series.iter().find(|(_, schema)| newer(schema.data_type))
            && self.version == Version::V3
        {
            let (path, data_type) = (&device.path, schema.data_type);
            bail!("{path}.{name} is of type {data_type}, which servers that read version 3 do not know");
        }
        self.inner.start_chunk_group(DeviceId::from(&device.path))?;
        self.columns = vec![Vec::new(); device.series.len()];
        self.device = Some(device);
        Ok(())
    }

    /// Takes rows of the device.
    fn add(&mut self, times: &ArrayRef, columns: Vec<ArrayRef>) -> anyhow::Result<()> {
        self.rows += times.len();
        self.bytes += columns.iter().map(|column| column.get_array_memory_size()).sum::<usize>();
        self.times.push(Arc::clone(times));
        for (gathered, column) in self.columns.iter_mut().zip(columns) {
            gathered.push(column);
        }
        if self.rows >= CHUNK_ROWS || self.bytes >= CHUNK_BYTES { self.flush() } else { Ok(()) }
    }

    /// Makes chunks of the rows that wait.
    fn flush(&mut self) -> anyhow::Result<()> {
        let (Some(device), true) = (&self.device, self.rows > 0) else { return Ok(()) };
        let times = join(&std::mem::take(&mut self.times))?;
        let times: &Int64Array =
            times.as_primitive_opt::<Int64Type>().context("times are of another type")?;
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

    fn end(&mut self) -> anyhow::Result<()> {
        self.flush()?;
        self.device = None;
        Ok(())
    }

    fn finish(self) -> anyhow::Result<()> {
        let (file, _) = self.inner.finish()?;
        file.sync()?;
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

fn join(arrays: &[ArrayRef]) -> anyhow::Result<ArrayRef> {
    if let [only] = arrays {
        return Ok(Arc::clone(only));
    }
    let arrays: Vec<&dyn Array> = arrays.iter().map(|array| &**array as &dyn Array).collect();
    concat(&arrays).map_err(|error| anyhow!("rows cannot be put together: {error}"))
}
