//! Batches of a result made into tablets of the devices that they are written to.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, UInt32Array, cast::AsArray,
    types::Int64Type,
};
use arrow_schema::ArrowError;
use arrow_select::take::take;
use levada_model::{Column, Path, SessionError, StatusCode, Tablet};
use levada_query::IntoSeries;

/// A write has about so many bytes at most.
const PART_BYTES: usize = 16 << 20;

/// What is written at once.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) tablets: Vec<Tablet>,
    /// For each tablet the numbers of the targets that its columns are of.
    pub(super) targets: Vec<Vec<usize>>,
}

/// Which columns go to which devices.
#[derive(Debug)]
pub(super) struct Writes<'t> {
    targets: &'t [IntoSeries],
    has_time: bool,
    /// By the source's device, which is `None` where rows are of no device: the devices that are written to, each with the numbers of
    /// its targets.
    groups: HashMap<Option<&'t str>, Vec<Vec<usize>>>,
}

impl<'t> Writes<'t> {
    pub(super) fn of(targets: &'t [IntoSeries], has_time: bool) -> Self {
        let mut groups: HashMap<_, Vec<Vec<usize>>> = HashMap::new();
        let mut places: HashMap<(Option<&str>, &Path), usize> = HashMap::new();
        for (at, target) in targets.iter().enumerate() {
            let source = target.source_device.as_ref().map(Path::as_str);
            let of_source = groups.entry(source).or_default();
            let place = *places.entry((source, &target.device)).or_insert(of_source.len());
            if place == of_source.len() {
                of_source.push(Vec::new());
            }
            of_source[place].push(at);
        }
        Self { targets, has_time, groups }
    }

    /// The tablets of a batch, in as many writes as its size asks for.
    pub(super) fn parts<'w>(
        &'w self,
        batch: &'w RecordBatch,
    ) -> impl Iterator<Item = Result<Part, SessionError>> + 'w {
        let rows = batch.num_rows();
        let count = batch.get_array_memory_size() / PART_BYTES + 1;
        let step = rows.div_ceil(count).max(1);
        (0..rows).step_by(step).map(move |from| {
            self.part(&batch.slice(from, step.min(rows - from))).map_err(|error| {
                SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).caused_by(error)
            })
        })
    }

    fn part(&self, batch: &RecordBatch) -> Result<Part, ArrowError> {
        let (times, columns) = match batch.columns().split_first() {
            Some((times, columns)) if self.has_time => (times.as_primitive::<Int64Type>().clone(), columns),
            // An aggregate of all rows has no time of its own, and is written at the first moment.
            _ => (Int64Array::from(vec![0; batch.num_rows()]), batch.columns()),
        };
        let mut part = Part::default();
        if self.groups.contains_key(&None) {
            self.add(&mut part, None, &times, columns)?;
            return Ok(part);
        }
        let Some(devices) = columns.first().and_then(|column| column.as_string_opt::<i32>()) else {
            return Ok(part);
        };
        for (device, rows) in rows_by_device(devices) {
            if rows.len() == devices.len() {
                self.add(&mut part, Some(device), &times, columns)?;
                continue;
            }
            let rows = UInt32Array::from(rows);
            let times = take(&times, &rows, None)?;
            let columns = columns.iter().map(|column| take(column, &rows, None));
            let columns = columns.collect::<Result<Vec<_>, _>>()?;
            self.add(&mut part, Some(device), times.as_primitive(), &columns)?;
        }
        Ok(part)
    }

    /// Adds rows of one device, or of none.
    fn add(
        &self,
        part: &mut Part,
        source: Option<&str>,
        times: &Int64Array,
        columns: &[ArrayRef],
    ) -> Result<(), ArrowError> {
        for group in self.groups.get(&source).into_iter().flatten() {
            let Some(first) = group.first().map(|&at| &self.targets[at]) else { continue };
            let mut found = Vec::with_capacity(group.len());
            for &at in group {
                let IntoSeries { measurement, data_type, column, .. } = &self.targets[at];
                let values = Arc::clone(&columns[*column]);
                found.push(Column { name: Arc::clone(measurement), data_type: *data_type, values });
            }
            // A row without a value is none of the device's.
            let keep = has_value(&found, times.len());
            let tablet = Tablet::try_new(first.device.clone(), first.aligned, times.clone(), found)
                .map_err(|error| ArrowError::from_external_error(Box::new(error)))?;
            let tablet = if keep.false_count() > 0 { tablet.filter(&keep)? } else { tablet };
            if tablet.rows() > 0 {
                part.tablets.push(tablet);
                part.targets.push(group.clone());
            }
        }
        Ok(())
    }
}

/// For each row whether a column has a value there.
fn has_value(columns: &[Column], rows: usize) -> BooleanArray {
    if columns.iter().any(|column| column.values.null_count() == 0) {
        return BooleanArray::from(vec![true; rows]);
    }
    (0..rows).map(|row| Some(columns.iter().any(|column| column.values.is_valid(row)))).collect()
}

/// The rows of each device, devices in the order of their first row.
fn rows_by_device(devices: &StringArray) -> Vec<(&str, Vec<u32>)> {
    let mut found: Vec<(&str, Vec<u32>)> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (row, device) in (0..).zip(devices) {
        let device = device.unwrap_or_default();
        // Mostly it is the device of the row before.
        let last = found.last().is_some_and(|(last, _)| *last == device).then(|| found.len() - 1);
        let place = last.unwrap_or_else(|| *places.entry(device).or_insert(found.len()));
        if place == found.len() {
            found.push((device, Vec::new()));
        }
        found[place].1.push(row);
    }
    found
}
