//! Rows as a Parquet file.
//!
//! Names of columns are unique, as most readers need it: of a measurement that has several types each has a column of its own,
//! `x(DOUBLE)` and `x(TEXT)`; a measurement whose name is that of the time or of the device stands between backquotes.

use std::collections::HashSet;

use futures::TryStreamExt;
use levada_model::{DataType, Rows};
use levada_sink::table::{
    measurement_names,
    parquet::{GroupLimit, ParquetWriter, TableColumn},
};

use super::target::Output;
use crate::output::two_of;

/// Writes all rows and syncs the file; how many there are.
/// `by_device` says that columns are measurements, behind one that names the device.
pub(super) async fn write(mut rows: Rows, by_device: bool, file: Output) -> anyhow::Result<u64> {
    let columns = columns(&rows, by_device);
    let mut names = HashSet::new();
    if let Some(twice) = columns.iter().find(|column| !names.insert(column.name.as_str())) {
        return Err(two_of(&twice.name));
    }
    let mut writer = ParquetWriter::new(file, columns, GroupLimit::default())?;
    let mut count = 0;
    while let Some(batch) = rows.batches.try_next().await? {
        count += batch.num_rows() as u64;
        writer.write(batch.columns())?;
        tokio::task::yield_now().await;
    }
    writer.finish()?.sync()?;
    Ok(count)
}

/// The columns of the file: those of the result, the time first where it has one.
fn columns(rows: &Rows, by_device: bool) -> Vec<TableColumn> {
    let column = |name: String, data_type, nullable| TableColumn { name, data_type, nullable };
    let time = rows.has_time.then(|| column("Time".to_owned(), DataType::Timestamp, false));
    let known: Vec<_> = rows.columns.iter().map(|each| (each.name.as_str(), each.data_type)).collect();
    // The device comes first and is no measurement.
    let first = usize::from(by_device).min(known.len());
    let (device, measurements) = known.split_at(if by_device { first } else { known.len() });
    let mut columns: Vec<_> = time.into_iter().collect();
    columns.extend(device.iter().map(|&(name, data_type)| column(name.to_owned(), data_type, true)));
    let is_named = |at: Option<usize>, name: &str| {
        at.and_then(|at| measurements.get(at)).is_some_and(|(other, _)| *other == name)
    };
    for (at, shown) in measurement_names(measurements).into_iter().enumerate() {
        let (name, data_type) = measurements[at];
        if is_named(at.checked_sub(1), name) || is_named(Some(at + 1), name) {
            eprintln!("`{name}` has several types: the column `{shown}` has its values of {data_type}");
        }
        columns.push(column(shown.into_owned(), data_type, true));
    }
    columns
}
