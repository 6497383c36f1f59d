//! Parquet files as `levada export` writes them: a column `Time`, perhaps one `Device`, and one for each measurement or series.
//!
//! A column's type is what the exporter noted beside it; without a note, what its Parquet type is nearest to: text is TEXT, a
//! timestamp TIMESTAMP, a date DATE.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow, bail};
use arrow_array::{
    Array, ArrayRef, Int32Array, Int64Array, RecordBatch, UInt32Array,
    cast::AsArray,
    types::{
        Date32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType,
    },
};
use arrow_schema::{DataType as ArrowType, TimeUnit};
use arrow_select::take::take;
use jiff::{ToSpan, civil};
use levada_model::{Column, DataType, Path as DevicePath, Tablet, quote_node, unquote_node};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::commands::export::TYPE_NOTE;

/// Rows that are taken in at once.
const ROWS: usize = 8_192;

/// A column that holds values.
struct Heading {
    /// Whose; `None` where a row says.
    device: Option<DevicePath>,
    name: Arc<str>,
    data_type: DataType,
    index: usize,
}

/// A file that is being read.
pub(super) struct Reader {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    headings: Vec<Heading>,
    time: usize,
    device: Option<usize>,
}

impl Reader {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("{}", path.display());
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).with_context(place)?;
        let schema = Arc::clone(builder.schema());
        let find = |name: &str| schema.fields().iter().position(|field| field.name() == name);
        let time = find("Time").with_context(|| format!("{}: there is no column `Time`", path.display()))?;
        let device = find("Device");
        let mut headings = Vec::new();
        for (index, field) in schema.fields().iter().enumerate() {
            if index == time || Some(index) == device {
                continue;
            }
            let noted = field.metadata().get(TYPE_NOTE).and_then(|noted| noted.parse::<DataType>().ok());
            let data_type = noted.or_else(|| nearest(field.data_type()));
            let data_type = data_type.with_context(|| {
                format!("{}: column `{}` is of {}", path.display(), field.name(), field.data_type())
            })?;
            let (of_column, name) = if device.is_some() {
                (None, quote_node(&unquote_node(field.name())).into_owned())
            } else {
                let series = DevicePath::parse(field.name()).ok();
                let split = series
                    .and_then(|series| series.split_last().map(|(device, name)| (device, name.to_owned())));
                let (device, name) = split
                    .with_context(|| format!("{}: column `{}` is no series", path.display(), field.name()))?;
                (Some(device), name)
            };
            headings.push(Heading { device: of_column, name: name.into(), data_type, index });
        }
        let batches = builder.with_batch_size(ROWS).build().with_context(place)?;
        Ok(Self { path: path.to_owned(), batches, headings, time, device })
    }

    /// The next rows; `None` at the end.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<Vec<Tablet>>> {
        let Some(batch) = self.batches.next() else { return Ok(None) };
        let batch = batch.with_context(|| format!("cannot read {}", self.path.display()))?;
        self.tablets(&batch).with_context(|| format!("{}", self.path.display())).map(Some)
    }

    fn tablets(&self, batch: &RecordBatch) -> anyhow::Result<Vec<Tablet>> {
        let times = times(batch.column(self.time)).context("column `Time`")?;
        let mut columns = Vec::with_capacity(self.headings.len());
        for heading in &self.headings {
            let values = convert(batch.column(heading.index), heading.data_type);
            columns.push(values.with_context(|| format!("column `{}`", heading.name))?);
        }
        let mut tablets = Vec::new();
        let Some(device) = self.device else {
            let mut by_device: BTreeMap<&DevicePath, Vec<Column>> = BTreeMap::new();
            for (heading, values) in self.headings.iter().zip(columns) {
                let Some(device) = heading.device.as_ref().filter(|_| values.null_count() < values.len())
                else {
                    continue;
                };
                let column = Column { name: Arc::clone(&heading.name), data_type: heading.data_type, values };
                by_device.entry(device).or_default().push(column);
            }
            for (device, columns) in by_device {
                tablets.push(Tablet::try_new(device.clone(), false, times.clone(), columns)?);
            }
            return Ok(tablets);
        };
        let names =
            batch.column(device).as_string_opt::<i32>().context("the column `Device` is not of texts")?;
        let mut rows: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for row in 0..names.len() {
            rows.entry(names.value(row)).or_default().push(u32::try_from(row)?);
        }
        for (name, rows) in rows {
            let device = DevicePath::parse(name).with_context(|| format!("`{name}` is no device"))?;
            let rows = UInt32Array::from(rows);
            let mut of_device = Vec::new();
            for (heading, values) in self.headings.iter().zip(&columns) {
                let values = take(values, &rows, None)?;
                if values.null_count() < values.len() {
                    let (name, data_type) = (Arc::clone(&heading.name), heading.data_type);
                    of_device.push(Column { name, data_type, values });
                }
            }
            if of_device.is_empty() {
                continue;
            }
            let times = take(&times, &rows, None)?.as_primitive::<Int64Type>().clone();
            tablets.push(Tablet::try_new(device, false, times, of_device)?);
        }
        Ok(tablets)
    }
}

/// The type for a column that nothing is noted of.
fn nearest(arrow: &ArrowType) -> Option<DataType> {
    match arrow {
        ArrowType::Timestamp(..) => Some(DataType::Timestamp),
        ArrowType::Date32 => Some(DataType::Date),
        other => DataType::ALL.into_iter().find(|known| known.arrow() == *other),
    }
}

/// Milliseconds since 1970.
fn times(array: &ArrayRef) -> anyhow::Result<Int64Array> {
    let millis = match array.data_type() {
        ArrowType::Int64 => array.as_primitive::<Int64Type>().clone(),
        ArrowType::Timestamp(TimeUnit::Millisecond, _) => {
            let array = array.as_primitive::<TimestampMillisecondType>();
            Int64Array::new(array.values().clone(), array.nulls().cloned())
        }
        ArrowType::Timestamp(TimeUnit::Second, _) => {
            array.as_primitive::<TimestampSecondType>().try_unary(|time| {
                time.checked_mul(1_000).ok_or_else(|| anyhow!("{time} s is beyond all times"))
            })?
        }
        ArrowType::Timestamp(TimeUnit::Microsecond, _) => {
            array.as_primitive::<TimestampMicrosecondType>().unary(|time| time.div_euclid(1_000))
        }
        ArrowType::Timestamp(TimeUnit::Nanosecond, _) => {
            array.as_primitive::<TimestampNanosecondType>().unary(|time| time.div_euclid(1_000_000))
        }
        other => bail!("{other} is no time"),
    };
    Ok(millis)
}

fn convert(array: &ArrayRef, data_type: DataType) -> anyhow::Result<ArrayRef> {
    Ok(match (data_type, array.data_type()) {
        (DataType::Timestamp, _) => Arc::new(times(array)?),
        (DataType::Date, ArrowType::Date32) => {
            let dates: Int32Array = array.as_primitive::<Date32Type>().try_unary(date)?;
            Arc::new(dates)
        }
        (_, found) if *found == data_type.arrow() => Arc::clone(array),
        (_, found) => bail!("values of {data_type} do not come as {found}"),
    })
}

/// The number yyyymmdd of a day that is so many days from 1970-01-01.
fn date(days: i32) -> anyhow::Result<i32> {
    let date = civil::date(1970, 1, 1).checked_add(i64::from(days).days());
    let date = date.map_err(|_| anyhow!("{days} days from 1970 is no date"))?;
    Ok(i32::from(date.year()) * 10_000 + i32::from(date.month()) * 100 + i32::from(date.day()))
}
