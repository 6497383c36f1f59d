//! Values as they were written, as values of a type.
//!
//! ```text
//!   d1   record 0   temperature  20.5        run 1: temperature DOUBLE
//!        record 1   temperature "n/a"        run 2: temperature TEXT
//!        record 2   temperature  22.5        run 3: temperature DOUBLE
//! ```
//!
//! Rows stay in their order: a run ends where a value is of another kind than those before. Nearly always there is one.

use arrow_array::BooleanArray;
use arrow_buffer::BooleanBufferBuilder;
use levada_connector_api::{
    Error, Readings, Result,
    model::{Column, DataType, Tablet},
};
use levada_engine::expressions::RowQuery;

use crate::transform::{rejection::Rejection, rows::kept};

/// Rows in each of which a measurement is of one kind.
pub(super) fn runs(readings: Readings) -> Vec<Readings> {
    let rows = readings.tablet.rows();
    let types: Vec<_> = readings.tablet.columns().iter().filter_map(Column::own_types).collect();
    let mut runs = Vec::new();
    let mut from = 0;
    let mut seen: Vec<Option<DataType>> = vec![None; types.len()];
    for row in 0..rows {
        let here = || types.iter().map(|types| types.get(row).copied().flatten());
        if here().zip(&seen).any(|(own, seen)| own.is_some() && seen.is_some() && own != *seen) {
            runs.push(from..row);
            from = row;
            seen.fill(None);
        }
        seen.iter_mut().zip(here()).for_each(|(seen, own)| *seen = own.or(*seen));
    }
    if from == 0 {
        return vec![readings];
    }
    runs.push(from..rows);
    runs.into_iter().map(|run| readings.slice(run.start, run.len())).collect()
}

/// A run with a type for every column, and the columns as they were written. A row is rejected where the query computes with a
/// number that the type does not hold.
///
/// # Errors
/// Such a row came from no record.
pub(super) fn typed(
    readings: Readings,
    query: &RowQuery,
    rejection: &mut Rejection,
) -> Result<(Readings, Option<Tablet>)> {
    let Readings { tablet, records } = readings;
    if !tablet.columns().iter().any(Column::is_written) {
        return Ok((Readings { tablet, records }, None));
    }
    let written = tablet.clone();
    let mut keep = BooleanBufferBuilder::new(tablet.rows());
    keep.append_n(tablet.rows(), true);
    let mut columns = tablet.columns().to_vec();
    for column in columns.iter_mut() {
        let (Some(written), Some(types)) = (column.written(), column.own_types()) else { continue };
        let data_type = types.into_iter().flatten().next().unwrap_or(column.data_type);
        let converted = column.to(data_type);
        let matters = !converted.rejected.is_empty() && query.computes_with(&column.name);
        for &(row, reason) in converted.rejected.iter().filter(|_| matters) {
            let row = row as usize;
            let Some(value) = written.get(row) else { continue };
            let reason = format!("{}.{}: {}", tablet.device(), column.name, reason.of(value, data_type));
            rejection.rows(&records, [row], &reason)?;
            keep.set_bit(row, false);
        }
        *column = Column { name: std::sync::Arc::clone(&column.name), data_type, values: converted.values };
    }
    let bug = |error: &dyn std::error::Error| Error::bug(error.to_string());
    let tablet = tablet.with_columns(columns).map_err(|error| bug(&error))?;
    let keep = BooleanArray::new(keep.finish(), None);
    if keep.true_count() == keep.len() {
        return Ok((Readings { tablet, records }, Some(written)));
    }
    let records = kept(&records, &keep);
    let written = written.filter(&keep).map_err(|error| bug(&error))?;
    Ok((Readings { tablet: tablet.filter(&keep).map_err(|error| bug(&error))?, records }, Some(written)))
}
