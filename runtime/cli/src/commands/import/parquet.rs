//! Parquet files: those of `levada export`, and of pandas, Spark, DuckDB, Polars and whoever else writes them.
//!
//! ```text
//!   Time, Device, temperature, status          a device in every row: columns are measurements
//!   Time, root.plant.d1.temperature            columns are series
//! ```
//!
//! The time is the first column that is called `Time` (or, where there is none, `Timestamp`), whatever its case, the device the
//! first that is called `Device`. Values get the type of their series, where it exists; otherwise what the exporter noted beside the
//! column, or what [`column`] makes of its Parquet type. A row with a value that does not fit is rejected: it goes to `FILE.failed`, as JSON, and the others are stored.

mod batches;
mod column;
mod failed;
mod schema;

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow, bail};
use arrow_array::{
    Array, ArrayRef, Int64Array, RecordBatch, StringArray, UInt64Array, cast::AsArray, types::Int64Type,
};
use arrow_schema::{DataType as ArrowType, Field, Schema};
use arrow_select::take::take;
use levada_model::{Column, DataType, Moment, Path as DevicePath, Tablet};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use self::{
    batches::Batches,
    column::{Plan, Taken as TakenColumn},
};
use super::{
    failed::Failed,
    moments::{Moments, TimeArgs},
    rows::{
        Find, Heading, Rejected, RowReader, Rows, Taken, add, by_device, moved, named_twice, of_one_series,
        sifted,
    },
};
use levada_sink::table::TYPE_NOTE;

/// Rows that are taken in at once.
const ROWS: usize = 8_192;

/// A file that is being read.
pub(super) struct Reader {
    path: PathBuf,
    batches: Batches,
    headings: Vec<(Heading, Plan)>,
    /// Where columns are series: headings by the device that they name.
    owners: Vec<(DevicePath, Vec<usize>)>,
    time: (usize, Plan),
    device: Option<usize>,
    /// What was read last, as it is in the file and as it was understood.
    last: Option<(RecordBatch, Understood)>,
    /// Rows before those.
    before: u64,
    /// Values whose digits below the millisecond were cut.
    cut: u64,
    moments: Moments,
    failed: Failed,
    /// What devices are put below.
    prefix: Option<DevicePath>,
}

/// The columns of a batch.
struct Understood {
    times: Int64Array,
    /// Of each heading, not in the types of their series yet: a column is of several devices.
    columns: Vec<Column>,
}

impl Reader {
    pub(super) fn open(path: &Path, times: &TimeArgs, prefix: Option<&DevicePath>) -> anyhow::Result<Self> {
        let place = || format!("{}", path.display());
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let metadata = schema::load(&file).with_context(place)?;
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
        let schema = Arc::clone(builder.schema());
        let find =
            |name: &str| schema.fields().iter().position(|field| field.name().eq_ignore_ascii_case(name));
        let Some(time) = find("Time").or_else(|| find("Timestamp")) else {
            let names: Vec<String> =
                schema.fields().iter().map(|field| format!("`{}`", field.name())).collect();
            bail!("{}: no column is called `Time`: there are {}", path.display(), names.join(", "));
        };
        let device = find("Device");
        let plan = Plan::of_time(schema.field(time).data_type());
        let plan =
            plan.with_context(|| format!("{}: column `{}`", path.display(), schema.field(time).name()))?;
        let headings = headings(path, &schema, time, device)?;
        let mut owners: BTreeMap<DevicePath, Vec<usize>> = BTreeMap::new();
        for (at, (heading, _)) in headings.iter().enumerate() {
            if let Some(device) = &heading.device {
                owners.entry(moved(prefix, device)).or_default().push(at);
            }
        }
        let batches = Batches::new(builder.with_batch_size(ROWS).build().with_context(place)?);
        let (moments, failed) = (Moments::new(times), Failed::new(path, None));
        let (path, time, last, prefix) = (path.to_owned(), (time, plan), None, prefix.cloned());
        Ok(Self {
            path,
            batches,
            headings,
            owners: owners.into_iter().collect(),
            time,
            device,
            last,
            before: 0,
            cut: 0,
            moments,
            failed,
            prefix,
        })
    }

    /// The columns of a batch; which rows have a value that does not fit.
    fn understand(&mut self, batch: &RecordBatch, rejected: &mut Rejected) -> anyhow::Result<Understood> {
        let times = self.times(batch, rejected)?;
        let mut columns = Vec::with_capacity(self.headings.len());
        for (heading, plan) in &self.headings {
            let name = batch.schema_ref().field(heading.index).name();
            let taken = plan.take(batch.column(heading.index));
            let TakenColumn { values, wrong, cut } = taken.with_context(|| format!("column `{name}`"))?;
            for (row, reason) in wrong {
                rejected.entry(row).or_insert_with(|| format!("column `{name}`: {reason}"));
            }
            self.cut += cut;
            columns.push(plan.column(Arc::clone(&heading.name), values));
        }
        Ok(Understood { times, columns })
    }

    /// The times of a batch; rows without one are rejected.
    fn times(&mut self, batch: &RecordBatch, rejected: &mut Rejected) -> anyhow::Result<Int64Array> {
        let (index, plan) = &self.time;
        let (array, name) = (batch.column(*index), batch.schema_ref().field(*index).name());
        let place = || format!("column `{name}`");
        let mut wrong = Vec::new();
        let (times, fine) = if plan.is_text() {
            let texts = arrow_cast::cast(array, &ArrowType::Utf8).with_context(place)?;
            let read = |(row, text): (usize, Option<&str>)| {
                let moment = self.moments.read(text?);
                moment.map_err(|error| wrong.push((row, error.to_string()))).ok()
            };
            let moments: Vec<Option<Moment>> =
                texts.as_string::<i32>().iter().enumerate().map(read).collect();
            (moments.iter().map(|moment| moment.map(Moment::millis)).collect(), moments)
        } else {
            match self.moments.of_array(array) {
                Some(moments) => {
                    // What a plan takes in counts the digits that are cut.
                    self.cut += moments.iter().filter(|moment| moment.is_finer()).count() as u64;
                    let millis = moments.iter().map(|moment| moment.millis());
                    (millis.collect::<Vec<_>>().into(), moments.into_iter().map(Some).collect())
                }
                None => {
                    let taken = plan.take_times(array).with_context(place)?;
                    wrong = taken.wrong;
                    self.cut += taken.cut;
                    (taken.values.as_primitive::<Int64Type>().clone(), Vec::new())
                }
            }
        };
        for (row, reason) in wrong {
            rejected.entry(row).or_insert_with(|| format!("column `{name}`: {reason}"));
        }
        for row in (0..times.len()).filter(|&row| times.is_null(row)) {
            rejected.entry(row).or_insert_with(|| "it has no time".to_owned());
        }
        self.note(batch, &fine);
        Ok(times)
    }

    /// Takes note of times that may be finer than milliseconds.
    fn note(&mut self, batch: &RecordBatch, moments: &[Option<Moment>]) {
        let names =
            self.device.and_then(|device| arrow_cast::cast(batch.column(device), &ArrowType::Utf8).ok());
        let names = names.as_ref().map(|names| names.as_string::<i32>());
        for (row, moment) in moments.iter().enumerate() {
            if let Some(moment) = *moment {
                self.moments.note(names.map_or("", |names| names.value(row)), moment);
            }
        }
    }

    /// Rows that name their device, by device.
    fn by_device(
        &self,
        device: usize,
        batch: &RecordBatch,
        rejected: &mut Rejected,
    ) -> anyhow::Result<BTreeMap<DevicePath, Vec<usize>>> {
        let names = arrow_cast::cast(batch.column(device), &ArrowType::Utf8);
        let names: StringArray =
            names.context("the column `Device` is not of texts")?.as_string::<i32>().clone();
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for row in 0..names.len() {
            if names.is_null(row) {
                rejected.entry(row).or_insert_with(|| "it has no device".to_owned());
            } else {
                by_name.entry(names.value(row)).or_default().push(row);
            }
        }
        let read =
            |name: &str| DevicePath::parse(name).map_err(|error| format!("`{name}` is no device: {error}"));
        Ok(by_device(by_name, self.prefix.as_ref(), rejected, read))
    }

    fn rows(
        &self,
        batch: &RecordBatch,
        understood: &Understood,
        find: Find<'_>,
        rejected: &mut Rejected,
    ) -> anyhow::Result<Taken> {
        let mut all = Vec::new();
        if let Some(device) = self.device {
            let headings: Vec<usize> = (0..self.headings.len()).collect();
            for (device, rows) in self.by_device(device, batch, rejected)? {
                all.extend(self.tablets(&device, &headings, &rows, understood, find, rejected)?);
            }
            return sifted(all, rejected, batch.num_rows());
        }
        let every: Vec<usize> = (0..batch.num_rows()).collect();
        for (device, headings) in &self.owners {
            all.extend(self.tablets(device, headings, &every, understood, find, rejected)?);
        }
        sifted(all, rejected, batch.num_rows())
    }

    /// Some rows of one device, in the types of its series: mostly one tablet, more where a measurement has several columns.
    fn tablets(
        &self,
        device: &DevicePath,
        headings: &[usize],
        places: &[usize],
        understood: &Understood,
        find: Find<'_>,
        rejected: &mut Rejected,
    ) -> anyhow::Result<Vec<Rows>> {
        let all = places.len() == understood.times.len();
        let indices = UInt64Array::from_iter_values(places.iter().map(|&place| place as u64));
        let of_rows =
            |values: &ArrayRef| if all { Ok(Arc::clone(values)) } else { take(values, &indices, None) };
        let known = find(device);
        let (mut tablets, mut names) = (Vec::new(), HashMap::new());
        for &at in headings {
            let ((_, plan), column) = (&self.headings[at], &understood.columns[at]);
            let values = of_rows(&column.values)?;
            if values.null_count() == values.len() {
                continue;
            }
            let column = plan.column(Arc::clone(&column.name), values);
            let (column, wrong) =
                plan.typed(&column, known.types.get(&column.name).copied(), self.moments.zone());
            for (row, reason) in wrong {
                let reason = || format!("`{}`: {reason}", column.name);
                rejected.entry(places[row]).or_insert_with(reason);
            }
            add(&mut tablets, column, &mut names, places, rejected);
        }
        // A row without a time is rejected: it may have any.
        let times: ArrayRef = Arc::new(Int64Array::new(understood.times.values().clone(), None));
        let times = of_rows(&times)?.as_primitive::<Int64Type>().clone();
        let rows = tablets.into_iter().map(|columns: Vec<Column>| {
            let tablet = Tablet::try_new(device.clone(), known.aligned, times.clone(), columns)?;
            Ok(Rows { tablet, places: places.to_vec() })
        });
        rows.collect()
    }
}

impl RowReader for Reader {
    fn next(&mut self, find: Find<'_>) -> anyhow::Result<Option<Taken>> {
        if let Some((batch, _)) = self.last.take() {
            self.before += batch.num_rows() as u64;
        }
        let batch = self.batches.next().with_context(|| format!("cannot read {}", self.path.display()))?;
        let Some(batch) = batch else { return Ok(None) };
        let place = format!("{}", self.path.display());
        let mut rejected = Rejected::new();
        let understood = self.understand(&batch, &mut rejected).with_context(|| place.clone())?;
        let rows = self.rows(&batch, &understood, find, &mut rejected).context(place)?;
        self.last = Some((batch, understood));
        for (&place, reason) in &rejected {
            self.reject(&[place], reason)?;
        }
        Ok(Some(rows))
    }

    fn reject(&mut self, places: &[usize], reason: &str) -> anyhow::Result<()> {
        let Some((batch, understood)) = &self.last else { return Ok(()) };
        let device = self.device.map(|device| batch.column(device));
        let time = batch.column(self.time.0);
        for &place in places {
            let raw = failed::row(place, &self.headings, understood, batch, time, device)
                .map_err(|error| anyhow!("{}: {error}", self.path.display()))?;
            self.failed.add(&format!("row {}", self.before + place as u64 + 1), &raw, reason)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<Option<(u64, PathBuf)>> {
        self.moments.tell(&self.path);
        if self.cut > 0 {
            let (path, cut) = (self.path.display(), self.cut);
            eprintln!("{path}: {cut} times have digits below the millisecond, which are cut");
        }
        std::mem::replace(&mut self.failed, Failed::new(&self.path, None)).finish()
    }
}

/// What stands above the columns of values, and how these are read.
fn headings(
    path: &Path,
    schema: &Schema,
    time: usize,
    device: Option<usize>,
) -> anyhow::Result<Vec<(Heading, Plan)>> {
    let place = |field: &Field| format!("{}: column `{}`", path.display(), field.name());
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    if let Some(wrong) = named_twice(&names) {
        bail!("{}: {wrong}", path.display());
    }
    let mut found = Vec::new();
    for (index, field) in schema.fields().iter().enumerate() {
        if index != time && Some(index) != device {
            found.push(heading(field.name(), index, device.is_some()).with_context(|| place(field))?);
        }
    }
    if let Some(wrong) = of_one_series(&names, &found) {
        bail!("{}: {wrong}", path.display());
    }
    let mut headings = Vec::with_capacity(found.len());
    for heading in found {
        let field = schema.field(heading.index);
        let noted = field.metadata().get(TYPE_NOTE).and_then(|noted| noted.parse::<DataType>().ok());
        let plan = Plan::new(field.data_type(), noted.or(heading.data_type)).with_context(|| place(field))?;
        headings.extend(plan.map(|plan| (heading, plan)));
    }
    Ok(headings)
}

/// What stands above a column. Others than `levada export` write brackets that say no type: `temperature (C)`.
fn heading(name: &str, index: usize, is_measurement: bool) -> anyhow::Result<Heading> {
    let is_typed = name.strip_suffix(')').and_then(|name| name.rsplit_once('('));
    if is_typed.is_some_and(|(_, inner)| inner.parse::<DataType>().is_ok()) {
        return Heading::parse(name, index, is_measurement);
    }
    let (device, name) =
        if is_measurement { (None, super::rows::measurement(name)?) } else { super::rows::series(name)? };
    Ok(Heading { device, name, data_type: None, index })
}
