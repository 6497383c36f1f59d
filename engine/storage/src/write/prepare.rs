//! Checks a tablet against the catalog.

use std::sync::Arc;

use arrow_array::{Array, BooleanArray};
use levada_model::{Column, DataType, Path, RejectedRows, SeriesSchema, StatusCode, Tablet, WriteReport};
use levada_tsfile::LONGEST_VALUE;

use super::{
    size::{bytes_of, length, long_rows, too_large, without},
    target::Target,
    types::{Misfits, misfits, same_values},
};
use crate::{
    NewSeries, StorageError,
    catalog::{
        Catalog, Device, Series, Template, check_device, check_measurement, check_new_series, database_for,
        misaligned,
    },
    catalog_op::{CatalogOp, SeriesDef},
};

/// As the peer says it.
const NO_DATABASE: &str =
    "Database not exists and failed to create automatically because enable_auto_create_schema is FALSE.";

/// What of a tablet is to be stored, and what the catalog needs for that.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) tablet: Tablet,
    /// In order: the database, the series.
    pub(crate) ops: Vec<CatalogOp>,
    /// Where its columns go; `None` where that is only known once `ops` were applied.
    pub(crate) target: Option<Target>,
}

/// Checks a tablet; what does not fit is added to the report. `None` where nothing is left. `room` is how many bytes a write may
/// still have; what is taken is taken from it.
pub(crate) fn prepare(
    catalog: &Catalog,
    index: usize,
    tablet: Tablet,
    how: &How,
    room: &mut usize,
    report: &mut WriteReport,
) -> Option<Prepared> {
    if tablet.rows() == 0 {
        return None;
    }
    let mut check = Check { catalog, index, how, report, ops: Vec::new(), left: None };
    match check.device(&tablet) {
        Ok(known) => {
            // Rows lie as those of their device, whatever the write says of itself.
            let aligned = known.as_ref().map_or(tablet.aligned(), |device| device.aligned);
            let tablet = tablet.with_aligned(aligned);
            let tablet = check.known_alone(tablet, known.as_deref())?;
            let tablet = check.live(tablet)?;
            let tablet = check.typed(tablet, known.as_deref())?;
            let tablet = check.without_long_values(tablet)?;
            let bytes = bytes_of(&tablet);
            if bytes > *room {
                check.reject(None, None, &too_large(bytes));
                return None;
            }
            *room -= bytes;
            // A device that is yet to be made is known as it will be, and looked up when it is.
            let there = known.as_ref().filter(|_| check.ops.is_empty());
            let exact = there.and_then(|device| Target::exact(device, &tablet));
            if exact.is_some() {
                return Some(Prepared { tablet, ops: check.ops, target: exact });
            }
            let columns = check.columns(&tablet, known.as_deref());
            let ops = check.ops;
            if columns.is_empty() {
                return None;
            }
            let aligned = tablet.aligned();
            let (device, times, _) = tablet.into_parts();
            let tablet = Tablet::try_new(device, aligned, times, columns).ok()?;
            let known = known.filter(|_| ops.is_empty());
            let target = known.map(|device| Target::of(&device, &tablet, |_, _| true));
            Some(Prepared { tablet, ops, target })
        }
        Err(error) => {
            check.reject(None, None, &error);
            None
        }
    }
}

/// How tablets are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct How {
    /// Whether values become the type of their series, where that loses nothing.
    pub(crate) coerce: bool,
    /// Whether the databases and series that are missing are made; else their columns are rejected.
    pub(crate) makes: bool,
    /// Whether columns without values have their series made.
    pub(crate) declares: bool,
    /// Milliseconds since 1970 UTC.
    pub(crate) now: i64,
}

struct Check<'a> {
    catalog: &'a Catalog,
    index: usize,
    how: &'a How,
    report: &'a mut WriteReport,
    ops: Vec<CatalogOp>,
    /// Where rows were taken out: the numbers that those that are left have in the tablet as it came.
    left: Option<Vec<u32>>,
}

impl Check<'_> {
    /// Reports rows by their numbers in the tablet as it is now, all of them if `None`. The report has their numbers in the tablet as
    /// it came.
    fn reject(&mut self, rows: Option<Vec<u32>>, measurement: Option<&Arc<str>>, error: &StorageError) {
        let rows = match &self.left {
            Some(left) => rows.map(|rows| rows.into_iter().map(|row| left[row as usize]).collect()),
            None => rows,
        };
        self.report.rejected.push(RejectedRows {
            tablet: self.index,
            rows,
            measurement: measurement.cloned(),
            code: error.code(),
            message: error.to_string(),
        });
    }

    /// Whether a column whose series is missing has it made.
    fn counts(&self, column: &Column) -> bool {
        self.how.declares || !is_empty(column)
    }

    /// The tablet's device, if there is one; its database is made where it is missing.
    fn device(&mut self, tablet: &Tablet) -> Result<Option<Arc<Device>>, StorageError> {
        let path = tablet.device();
        if let Some(device) = self.catalog.device(path) {
            let makes =
                |column: &Column| self.counts(column) && device.series_or_alias(&column.name).is_none();
            let other = device.aligned != tablet.aligned() && device.template.is_none();
            if other && tablet.columns().iter().any(makes) {
                return Err(misaligned(path, device.aligned));
            }
            return Ok(Some(Arc::clone(device)));
        }
        if !self.how.makes {
            return match self.catalog.database_of(path) {
                Some(_) => Ok(None),
                None => Err(StorageError::rejected(StatusCode::DATABASE_NOT_EXIST, NO_DATABASE)),
            };
        }
        if let Some((_, template)) = self.catalog.templates().above(path) {
            self.catalog.check_activation(path, template)?;
            self.ops.push(template.activation(path));
            return Ok(self.catalog.activated(path, template).map(Arc::new));
        }
        check_device(self.catalog, path)?;
        if let Err(database) = database_for(self.catalog, path)? {
            let id = self.catalog.next_id();
            self.ops.push(CatalogOp::CreateDatabase { id, path: database, ttl: None, partition: None });
        }
        Ok(None)
    }

    /// The columns whose series are there, where others are not made.
    fn known_alone(&mut self, tablet: Tablet, device: Option<&Device>) -> Option<Tablet> {
        let is_known =
            |column: &Column| device.is_some_and(|device| device.series_or_alias(&column.name).is_some());
        if self.how.makes || tablet.columns().iter().all(is_known) {
            return Some(tablet);
        }
        let (known, unknown): (Vec<_>, Vec<_>) = tablet.columns().iter().cloned().partition(is_known);
        for Column { name, .. } in &unknown {
            let message = format!("Path [{}.{name}] does not exist", tablet.device());
            let error = StorageError::rejected(StatusCode::PATH_NOT_EXIST, message);
            self.reject(None, Some(name), &error);
        }
        if known.is_empty() { None } else { tablet.with_columns(known).ok() }
    }

    /// The rows that are not older than they may be.
    fn live(&mut self, tablet: Tablet) -> Option<Tablet> {
        let Some(ttl) = self.catalog.lives().of(tablet.device()) else { return Some(tablet) };
        let bound = self.how.now.saturating_sub(ttl);
        let late: Vec<u32> = (0..tablet.rows())
            .filter(|&row| tablet.times().value(row) < bound)
            .map(|row| row as u32)
            .collect();
        if late.is_empty() {
            return Some(tablet);
        }
        let all = late.len() == tablet.rows();
        let is_left = |row: &u32| tablet.times().value(*row as usize) >= bound;
        let left = (0..tablet.rows() as u32).filter(is_left).collect();
        for row in late {
            let time = tablet.times().value(row as usize);
            let message = format!(
                "insertion time [{time}] is less than ttl time bound [{bound}], for device {}",
                tablet.device()
            );
            self.reject(Some(vec![row]), None, &StorageError::rejected(StatusCode::OUT_OF_TTL, message));
        }
        self.left = Some(left);
        let keep = BooleanArray::from_unary(tablet.times(), |time| time >= bound);
        if all { None } else { tablet.filter(&keep).ok() }
    }

    /// The tablet with a type for every column: values as they were written become those of their series, or of the type that
    /// a new series gets. Numbers that are no day are none of DATE.
    fn typed(&mut self, tablet: Tablet, device: Option<&Device>) -> Option<Tablet> {
        let is_date = |column: &Column| !column.is_written() && column.data_type == DataType::Date;
        if !tablet.columns().iter().any(|column| column.is_written() || is_date(column)) {
            return Some(tablet);
        }
        let aligned = tablet.aligned();
        let (path, times, mut columns) = tablet.into_parts();
        for column in &mut columns {
            if is_date(column) {
                let converted = column.to(DataType::Date);
                let reasons = misfits(column, DataType::Date, &converted.rejected);
                self.reject_each(column, &format!("{path}.{}: ", column.name), reasons);
                column.values = converted.values;
            }
            if !column.is_written() {
                continue;
            }
            let known = device.and_then(|device| device.series_or_alias(&column.name));
            let data_type = known.map_or(column.data_type, |series| series.schema.data_type);
            let converted = column.to(data_type);
            if !converted.rejected.is_empty() {
                let head = match known {
                    Some(series) => format!(
                        "data type of {path}.{} is not consistent, registered type {data_type}, and ",
                        series.measurement
                    ),
                    None => format!("{path}.{} is new and would be {data_type}, and ", column.name),
                };
                self.reject_each(column, &head, misfits(column, data_type, &converted.rejected));
            }
            *column = Column { name: Arc::clone(&column.name), data_type, values: converted.values };
        }
        Tablet::try_new(path, aligned, times, columns).ok()
    }

    /// Rejects rows of a column, each with its own reason.
    fn reject_each(&mut self, column: &Column, head: &str, misfits: Misfits) {
        for (reason, rows) in misfits {
            let error = StorageError::rejected(StatusCode::METADATA_ERROR, format!("{head}{reason}"));
            self.reject(Some(rows), Some(&column.name), &error);
        }
    }

    /// The tablet without values that no file can hold; `None` where nothing is left.
    fn without_long_values(&mut self, tablet: Tablet) -> Option<Tablet> {
        if tablet.columns().iter().all(|column| long_rows(column).is_empty()) {
            return Some(tablet);
        }
        let long: Vec<_> = tablet.columns().iter().map(long_rows).collect();
        for (column, &row) in tablet
            .columns()
            .iter()
            .zip(&long)
            .flat_map(|(column, rows)| rows.iter().map(move |row| (column, row)))
        {
            let bytes = length(column, row);
            let message = format!(
                "a value of {}.{} has {bytes} bytes, and no file can hold more than {LONGEST_VALUE} in one",
                tablet.device(),
                column.name
            );
            let error = StorageError::rejected(StatusCode::ILLEGAL_PARAMETER, message);
            self.reject(Some(vec![row as u32]), Some(&column.name), &error);
        }
        let aligned = tablet.aligned();
        let (device, times, columns) = tablet.into_parts();
        let columns = columns.into_iter().zip(&long).map(|(column, rows)| without(column, rows)).collect();
        Tablet::try_new(device, aligned, times, columns).ok()
    }

    /// The columns to be stored, by name.
    fn columns(&mut self, tablet: &Tablet, device: Option<&Device>) -> Vec<Column> {
        let mut sorted: Vec<&Column> = tablet.columns().iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        let mut kept: Vec<(Column, &Arc<str>)> = Vec::with_capacity(sorted.len());
        let mut made = Vec::new();
        for column in sorted {
            let known = device.and_then(|device| device.series_or_alias(&column.name));
            if !self.counts(column) || known.is_some() && is_empty(column) {
                continue;
            }
            let stored = match known {
                Some(series) => self.known(tablet.device(), column, series),
                None => self.made(tablet, column, device, &mut made),
            };
            kept.extend(stored.map(|stored| (stored, &column.name)));
        }
        let mut kept = self.once(kept);
        let template = device.and_then(|device| self.catalog.templates().get(device.template.as_ref()?));
        if let Some(template) = template.filter(|_| !made.is_empty()) {
            self.extend(template, made, &mut kept);
        } else if !made.is_empty() {
            let (device, aligned) = (tablet.device().clone(), tablet.aligned());
            self.ops.push(CatalogOp::CreateSeries { device, aligned, series: made });
        }
        kept
    }

    /// Makes a template larger by series that rows have; columns of those that cannot be are left out.
    fn extend(&mut self, template: &Template, mut made: Vec<SeriesDef>, kept: &mut Vec<Column>) {
        let check = |made: &[SeriesDef]| {
            self.catalog.check_extension(&template.name, made.iter().map(|def| &def.measurement))
        };
        if check(&made).is_err() {
            let mut bad = Vec::new();
            made.retain(|def| {
                check(std::slice::from_ref(def))
                    .map_err(|error| bad.push((Arc::clone(&def.measurement), error)))
                    .is_ok()
            });
            kept.retain(|column| bad.iter().all(|(name, _)| *name != column.name));
            for (name, error) in bad {
                self.reject(None, Some(&name), &error);
            }
        }
        if !made.is_empty() {
            self.ops.push(template.with(made));
        }
    }

    /// Of columns with the names they came by, one of each series, by name: of a series that came by its name and its alias,
    /// that by its name.
    fn once(&mut self, mut columns: Vec<(Column, &Arc<str>)>) -> Vec<Column> {
        columns.sort_by(|(a, by_a), (b, by_b)| (&a.name, a.name != **by_a).cmp(&(&b.name, b.name != **by_b)));
        let mut kept: Vec<Column> = Vec::with_capacity(columns.len());
        for (column, by) in columns {
            if kept.last().is_some_and(|last| last.name == column.name) {
                let message = format!("measurement {} stands twice in a write", column.name);
                let error = StorageError::rejected(StatusCode::SEMANTIC_ERROR, message);
                self.reject(None, Some(by), &error);
            } else {
                kept.push(column);
            }
        }
        kept
    }

    /// A column of a series that is there.
    fn known(&mut self, device: &Path, column: &Column, series: &Series) -> Option<Column> {
        let (name, data_type) = (Arc::clone(&series.measurement), series.schema.data_type);
        if same_values(column.data_type, data_type) {
            return Some(Column { name, data_type, values: Arc::clone(&column.values) });
        }
        let mismatch = format!(
            "data type of {device}.{name} is not consistent, registered type {data_type}, inserting type {}",
            column.data_type
        );
        if !self.how.coerce {
            let error = StorageError::rejected(StatusCode::METADATA_ERROR, mismatch);
            self.reject(None, Some(&column.name), &error);
            return None;
        }
        let converted = column.to(data_type);
        if !converted.rejected.is_empty() {
            let reasons = misfits(column, data_type, &converted.rejected);
            self.reject_each(column, &format!("{mismatch}, and "), reasons);
        }
        let some = converted.values.null_count() < converted.values.len();
        some.then_some(Column { name, data_type, values: converted.values })
    }

    /// A column of a series that must be made; where the device has a template, for all devices that have it.
    fn made(
        &mut self,
        tablet: &Tablet,
        column: &Column,
        device: Option<&Device>,
        made: &mut Vec<SeriesDef>,
    ) -> Option<Column> {
        let schema = SeriesSchema::default_for(column.data_type);
        let new = NewSeries {
            device: tablet.device().clone(),
            measurement: Arc::clone(&column.name),
            schema,
            aligned: tablet.aligned(),
            alias: None,
            tags: Default::default(),
            attributes: Default::default(),
            deadband: None,
        };
        let checked = if device.is_some_and(|device| device.template.is_some()) {
            check_measurement(&column.name)
        } else {
            check_new_series(self.catalog, &new)
        };
        if let Err(error) = checked {
            self.reject(None, Some(&column.name), &error);
            return None;
        }
        if made.last().is_none_or(|last| last.measurement != column.name) {
            made.push(SeriesDef::plain(Arc::clone(&column.name), schema));
        }
        Some(column.clone())
    }
}

/// Whether there is no value.
fn is_empty(column: &Column) -> bool {
    column.values.null_count() == column.values.len()
}
