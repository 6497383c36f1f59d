//! Rows that stand in two tablets, put together.
//!
//! Where a measurement comes as a number and then as a text, a tablet cannot hold both, and the later values stand in a
//! tablet of their own behind it:
//!
//! ```text
//!   d1   record 0   temperature "n/a"   status true           d1   record 1   temperature 20.0
//!        record 1   temperature  null   status true                              └─ belongs to this row
//! ```
//!
//! An expression that names both measurements needs them in one row. So the rows of the second tablet take the other values
//! of their rows from the first, which loses them. A row that has what the second cannot hold (a text of a measurement that
//! is a number there) stays apart: it could not be computed anyhow.

use std::sync::Arc;

use arrow_array::{Array, BooleanArray, UInt32Array};
use levada_connector_api::{
    Error, Readings, Records, Result,
    model::{Column, Tablet},
};

use crate::transform::rows::kept;

/// The same values, each row in one tablet.
///
/// # Errors
/// None that can be helped: arrays of one length are.
pub(super) fn rejoin(mut all: Vec<Readings>) -> Result<Vec<Readings>> {
    for later in 1..all.len() {
        let (before, rest) = all.split_at_mut(later);
        let Some(second) = rest.first_mut() else { continue };
        let device = second.tablet.device().clone();
        for first in before.iter_mut().rev().take_while(|first| *first.tablet.device() == device) {
            if are_parts(&first.tablet, &second.tablet)
                && let Some((from, rows)) = shared_rows(first, second)
            {
                join(first, second, &from, &rows)?;
            }
        }
    }
    Ok(all)
}

/// Whether a tablet holds what another of its device could not: a measurement of both, of another type.
fn are_parts(first: &Tablet, second: &Tablet) -> bool {
    second.columns().iter().any(|column| {
        let same = first.columns().iter().find(|each| each.name == column.name);
        same.is_some_and(|each| each.data_type != column.data_type)
    })
}

/// For each row of the second the row of the first that it is a part of, and which rows of the first are left; `None` where
/// they share none.
fn shared_rows(first: &Readings, second: &Readings) -> Option<(UInt32Array, BooleanArray)> {
    let origins = |readings: &Readings| readings.records.clone();
    let ((records, froms), (others, rows)): ((Arc<Records>, _), (Arc<Records>, _)) =
        (origins(first)?, origins(second)?);
    if !Arc::ptr_eq(&records, &others) {
        return None;
    }
    let (times, own_times) = (first.tablet.times(), second.tablet.times());
    let columns = second.tablet.columns();
    let common: Vec<_> = first
        .tablet
        .columns()
        .iter()
        .filter(|column| columns.iter().any(|own| own.name == column.name))
        .collect();
    let fits = |row: usize| common.iter().all(|column| column.values.is_null(row));
    let mut left = vec![true; froms.len()];
    let mut at = 0;
    // Both are in the order of their records.
    let found: Vec<Option<u32>> = (rows.iter().zip(own_times.values()))
        .map(|(record, time)| {
            while froms.get(at).is_some_and(|from| from < record) {
                at += 1;
            }
            let of_record = (at..froms.len()).take_while(|&row| froms[row] == *record);
            let row =
                of_record.into_iter().find(|&row| left[row] && times.value(row) == *time && fits(row))?;
            left[row] = false;
            u32::try_from(row).ok()
        })
        .collect();
    found.iter().any(Option::is_some).then(|| (found.into(), left.into()))
}

/// Gives the second the values its rows have in the first, and takes these rows from the first.
fn join(first: &mut Readings, second: &mut Readings, from: &UInt32Array, left: &BooleanArray) -> Result<()> {
    let mut columns = second.tablet.columns().to_vec();
    for column in first.tablet.columns() {
        if columns.iter().all(|own| own.name != column.name) {
            let values = arrow_select::take::take(&column.values, from, None)
                .map_err(|error| Error::bug(error.to_string()))?;
            columns.push(Column { values, ..column.clone() });
        }
    }
    second.tablet =
        second.tablet.clone().with_columns(columns).map_err(|error| Error::bug(error.to_string()))?;
    first.records = kept(&first.records, left);
    first.tablet = first.tablet.filter(left).map_err(|error| Error::bug(error.to_string()))?;
    Ok(())
}
