//! Series of files, made where the store does not have them.

use std::sync::Arc;

use levada_model::{Path, PathPattern, SessionError};
use levada_storage::{NewSeries, Storage};
use tokio::task::spawn_blocking;

use super::FileSeries;
use crate::{engine::Shared, rows::panicked, statement::KnownDevice};

/// Makes the series that are missing, as their files have them. What cannot be made so is left to the rows, which say why.
pub(crate) async fn create_missing(shared: &Shared, series: Vec<FileSeries>) -> Result<(), SessionError> {
    if series.is_empty() || shared.is_read_only() || !shared.creates_schema() {
        return Ok(());
    }
    let storage = shared.storage.clone();
    spawn_blocking(move || create(&storage, series)).await.map_err(panicked)
}

/// The series that a pattern matches, device by device.
pub(crate) fn find_series(shared: &Shared, pattern: &PathPattern) -> Vec<FileSeries> {
    let mut all: Vec<FileSeries> = shared
        .storage
        .view()
        .series(pattern)
        .into_iter()
        .map(|series| FileSeries {
            device: series.device,
            aligned: series.aligned,
            measurement: series.measurement,
            schema: series.schema,
        })
        .collect();
    all.sort_by(|a, b| (&a.device, &a.measurement).cmp(&(&b.device, &b.measurement)));
    all
}

/// The series of a device that the store has.
pub(crate) fn series_of(shared: &Shared, device: &Path) -> Vec<FileSeries> {
    let Ok(any) = PathPattern::parse("*") else { return Vec::new() };
    find_series(shared, &PathPattern::from(device).join(&any))
}

fn create(storage: &Storage, series: Vec<FileSeries>) {
    let view = storage.view();
    let mut missing: Vec<NewSeries> = Vec::new();
    for of_device in series.chunk_by(|a, b| a.device == b.device) {
        let Some(FileSeries { device, .. }) = of_device.first() else { continue };
        let names: Vec<Arc<str>> = of_device.iter().map(|series| Arc::clone(&series.measurement)).collect();
        let known = KnownDevice::find(&*view, device, &names);
        let unknown = of_device.iter().filter(|series| known.series(&series.measurement).1.is_none());
        missing.extend(unknown.map(|series| new(device, known.aligned.unwrap_or(series.aligned), series)));
    }
    drop(view);
    if missing.is_empty() || storage.create_series(missing.clone()).is_ok() {
        return;
    }
    // One that cannot be made keeps the others from it: each by itself then.
    for series in missing {
        let path = series.device.child(&series.measurement);
        if let Err(error) = storage.create_series(vec![series]) {
            tracing::debug!(%path, %error, "a series of a file is not made as it is there");
        }
    }
}

fn new(device: &Path, aligned: bool, series: &FileSeries) -> NewSeries {
    NewSeries {
        device: device.clone(),
        measurement: Arc::clone(&series.measurement),
        schema: series.schema,
        aligned,
        alias: None,
        tags: Default::default(),
        attributes: Default::default(),
        deadband: None,
    }
}
