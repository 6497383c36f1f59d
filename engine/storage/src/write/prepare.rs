//! Checks a tablet against the catalog.

use std::sync::Arc;

use arrow_array::{Array, BooleanArray};
use levada_model::{Column, Path, RejectedRows, SeriesSchema, StatusCode, Tablet, WriteReport};

use super::coerce::{coerce, same_values};
use crate::{
    NewSeries, StorageError,
    catalog::{Catalog, Device, Series, check_device, check_new_series, database_for},
    wal::{CatalogOp, SeriesDef},
};

/// What of a tablet is to be stored, and what the catalog needs for that.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) tablet: Tablet,
    /// In order: the database, the series.
    pub(crate) ops: Vec<CatalogOp>,
}

/// Checks a tablet; what does not fit is added to the report. `None` where nothing is left.
pub(crate) fn prepare(
    catalog: &Catalog,
    index: usize,
    mut tablet: Tablet,
    coerce: bool,
    now: i64,
    report: &mut WriteReport,
) -> Option<Prepared> {
    let mut check = Check { catalog, index, coerce, report, ops: Vec::new() };
    match check.device(&tablet) {
        Ok(known) => {
            tablet = check.live(tablet, now)?;
            let columns = check.columns(&tablet, known.as_deref());
            let ops = check.ops;
            let aligned = tablet.aligned();
            let (device, times, before) = tablet.into_parts();
            let columns = columns.unwrap_or(before);
            if columns.is_empty() {
                return None;
            }
            let tablet = Tablet::try_new(device, aligned, times, columns).ok()?;
            Some(Prepared { tablet, ops })
        }
        Err(error) => {
            check.refuse(None, None, &error);
            None
        }
    }
}

struct Check<'a> {
    catalog: &'a Catalog,
    index: usize,
    coerce: bool,
    report: &'a mut WriteReport,
    ops: Vec<CatalogOp>,
}

impl Check<'_> {
    fn refuse(&mut self, rows: Option<Vec<u32>>, measurement: Option<&Arc<str>>, error: &StorageError) {
        self.report.rejected.push(RejectedRows {
            tablet: self.index,
            rows,
            measurement: measurement.cloned(),
            code: error.code(),
            message: error.to_string(),
        });
    }

    /// The tablet's device, if there is one; its database is made where it is missing.
    fn device(&mut self, tablet: &Tablet) -> Result<Option<Arc<Device>>, StorageError> {
        let path = tablet.device();
        if let Some(device) = self.catalog.device(path) {
            if device.aligned != tablet.aligned() {
                let (is, other) = if device.aligned { ("", " not") } else { (" not", "") };
                let message =
                    format!("timeseries under device {path} is{is} aligned, and the write is{other} aligned");
                return Err(StorageError::refused(StatusCode::ALIGNED_TIMESERIES_ERROR, message));
            }
            return Ok(Some(Arc::clone(device)));
        }
        check_device(self.catalog, path)?;
        if let Err(database) = database_for(self.catalog, path)? {
            let id = self.catalog.next_id();
            self.ops.push(CatalogOp::CreateDatabase { id, path: database, ttl: None });
        }
        Ok(None)
    }

    /// The rows that are not older than they may be.
    fn live(&mut self, tablet: Tablet, now: i64) -> Option<Tablet> {
        let Some(ttl) = self.catalog.lives().of(tablet.device()) else { return Some(tablet) };
        let bound = now.saturating_sub(ttl);
        let late: Vec<u32> = (0..tablet.rows())
            .filter(|&row| tablet.times().value(row) < bound)
            .map(|row| row as u32)
            .collect();
        if late.is_empty() {
            return Some(tablet);
        }
        let first = tablet.times().value(late[0] as usize);
        let message = format!(
            "insertion time [{first}] is less than ttl time bound [{bound}], for device {}",
            tablet.device()
        );
        let error = StorageError::refused(StatusCode::OUT_OF_TTL, message);
        let all = late.len() == tablet.rows();
        self.refuse((!all).then_some(late), None, &error);
        let keep = BooleanArray::from_unary(tablet.times(), |time| time >= bound);
        if all { None } else { tablet.filter(&keep).ok() }
    }

    /// The columns to be stored, by name; `None` where they are the tablet's as they stand.
    fn columns(&mut self, tablet: &Tablet, device: Option<&Device>) -> Option<Vec<Column>> {
        let columns = tablet.columns();
        if columns.is_sorted_by(|a, b| a.name < b.name)
            && let Some(device) = device
            && columns.iter().all(|column| {
                device.series(&column.name).is_some_and(|series| series.schema.data_type == column.data_type)
            })
        {
            return None;
        }
        let mut sorted: Vec<&Column> = columns.iter().collect();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        let mut kept: Vec<Column> = Vec::with_capacity(sorted.len());
        let mut made = Vec::new();
        for column in sorted {
            if column.values.null_count() == column.values.len() {
                continue;
            }
            let known = device.and_then(|device| device.series_or_alias(&column.name));
            let stored = match known {
                Some(series) => self.known(tablet.device(), column, series),
                None => self.made(tablet, column, &mut made),
            };
            let Some(stored) = stored else { continue };
            if kept.iter().rev().take(2).any(|other| other.name == stored.name) {
                let message = format!("measurement {} stands twice in a write", stored.name);
                let error = StorageError::refused(StatusCode::SEMANTIC_ERROR, message);
                self.refuse(None, Some(&column.name), &error);
                continue;
            }
            kept.push(stored);
        }
        kept.sort_by(|a, b| a.name.cmp(&b.name));
        kept.dedup_by(|b, a| a.name == b.name);
        if !made.is_empty() {
            let (device, aligned) = (tablet.device().clone(), tablet.aligned());
            self.ops.push(CatalogOp::CreateSeries { device, aligned, series: made });
        }
        Some(kept)
    }

    /// A column of a series that is there.
    fn known(&mut self, device: &Path, column: &Column, series: &Series) -> Option<Column> {
        let (name, data_type) = (Arc::clone(&series.measurement), series.schema.data_type);
        if same_values(column.data_type, data_type) {
            return Some(Column { name, data_type, values: Arc::clone(&column.values) });
        }
        let mismatch = |what: String| {
            let message = format!(
                "data type of {device}.{name} is not consistent, registered type {data_type}, inserting type {}{what}",
                column.data_type
            );
            StorageError::refused(StatusCode::METADATA_ERROR, message)
        };
        let coerced = self.coerce.then(|| coerce(&column.values, column.data_type, data_type)).flatten();
        let Some(coerced) = coerced else {
            self.refuse(None, Some(&column.name), &mismatch(String::new()));
            return None;
        };
        if let Some(&first) = coerced.refused.first() {
            let value = levada_model::Value::at(&column.values, column.data_type, first as usize);
            let value = value.map(|value| format!(", and {value} would change")).unwrap_or_default();
            self.refuse(Some(coerced.refused), Some(&column.name), &mismatch(value));
        }
        Some(Column { name, data_type, values: coerced.values })
    }

    /// A column of a series that must be made.
    fn made(&mut self, tablet: &Tablet, column: &Column, made: &mut Vec<SeriesDef>) -> Option<Column> {
        let schema = SeriesSchema::default_for(column.data_type);
        let new = NewSeries {
            device: tablet.device().clone(),
            measurement: Arc::clone(&column.name),
            schema,
            aligned: tablet.aligned(),
            alias: None,
            tags: Default::default(),
            attributes: Default::default(),
        };
        if let Err(error) = check_new_series(self.catalog, &new) {
            self.refuse(None, Some(&column.name), &error);
            return None;
        }
        if made.last().is_none_or(|last| last.measurement != column.name) {
            made.push(SeriesDef::plain(Arc::clone(&column.name), schema));
        }
        Some(column.clone())
    }
}
