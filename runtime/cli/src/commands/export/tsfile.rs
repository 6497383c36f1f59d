//! Rows as a TsFile.

use std::sync::Arc;

use anyhow::Context;
use arrow_array::cast::AsArray;
use futures::TryStreamExt;
use levada_model::{Path, Rows, SeriesSchema, Session, quote_node, unquote_node};
use levada_sink::table::tsfile::TableWriter;
use levada_tsfile::Version;

use super::{
    devices::{Device, rows_of},
    target::Output,
};
use crate::exit::Failure;

/// Writes all rows of devices; how many there are.
pub(super) async fn write_devices(
    session: &dyn Session,
    devices: &[Device],
    file: Output,
    version: Version,
) -> anyhow::Result<u64> {
    let mut writer = TableWriter::new(file, version)?;
    let mut count = 0;
    for device in devices {
        writer.begin(device.clone())?;
        let mut rows = rows_of(device, session).await?;
        while let Some(batch) = rows.batches.try_next().await? {
            count += batch.num_rows() as u64;
            writer.add(batch.column(0), batch.columns().iter().skip(1).cloned().collect())?;
            tokio::task::yield_now().await;
        }
        writer.end()?;
    }
    writer.finish()?.sync()?;
    Ok(count)
}

/// Writes the rows of a query, whose columns must be series, or measurements beside a column `Device`.
pub(super) async fn write_rows(rows: Rows, file: Output, version: Version) -> anyhow::Result<u64> {
    if !rows.has_time {
        return Err(Failure::invalid("rows without a time do not make a TsFile").into());
    }
    let mut writer = TableWriter::new(file, version)?;
    let count = if rows.columns.first().is_some_and(|column| column.name == "Device") {
        by_device(rows, &mut writer).await?
    } else {
        by_series(rows, &mut writer).await?
    };
    writer.finish()?.sync()?;
    Ok(count)
}

/// Columns that are series: those of one device are written together.
async fn by_series(mut rows: Rows, writer: &mut TableWriter<Output>) -> anyhow::Result<u64> {
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
async fn by_device(mut rows: Rows, writer: &mut TableWriter<Output>) -> anyhow::Result<u64> {
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
