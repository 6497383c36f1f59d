//! Series of files, made where the store does not have them.

use std::sync::Arc;

use levada_model::{Device, Path, PathPattern, Series, SessionError, StatusCode};
use levada_query::names_with_views;
use levada_storage::{NewSeries, SeriesInfo, Storage, StorageError};
use tokio::task::spawn_blocking;

use crate::{
    engine::Shared,
    error::panicked,
    gate::{Caller, Scope},
    known::KnownDevice,
};

/// Makes the series that are missing, as their files have them. What cannot be made so is left to the rows, which say why.
pub(crate) async fn create_missing(
    shared: &Shared,
    caller: &Caller,
    mut series: Vec<Series>,
) -> Result<(), SessionError> {
    if series.is_empty() || shared.gate.is_read_only() || !shared.creates_schema() {
        return Ok(());
    }
    series.retain(|series| shared.gate.check_creation(caller, series).is_ok());
    let storage = shared.storage.clone();
    let failed = spawn_blocking(move || create(&storage, &series)).await.map_err(panicked)?;
    for (at, error) in failed {
        tracing::debug!(at, %error, "a series of a file is not made as it is there");
    }
    Ok(())
}

/// Makes the series that are missing; what cannot be made, and why.
pub(crate) async fn create_series(
    shared: &Shared,
    caller: &Caller,
    series: Vec<Series>,
) -> Result<Vec<(usize, SessionError)>, SessionError> {
    if shared.gate.is_read_only() {
        return Err(SessionError::new(StatusCode::SYSTEM_READ_ONLY, "Database is read-only"));
    }
    let mut failed = Vec::new();
    let mut allowed = Vec::with_capacity(series.len());
    let mut places = Vec::with_capacity(series.len());
    for (at, series) in series.into_iter().enumerate() {
        match shared.gate.check_creation(caller, &series) {
            Ok(()) => {
                allowed.push(series);
                places.push(at);
            }
            Err(error) => failed.push((at, error)),
        }
    }
    let storage = shared.storage.clone();
    let made = spawn_blocking(move || create(&storage, &allowed)).await.map_err(panicked)?;
    failed.extend(made.into_iter().filter_map(|(at, error)| Some((*places.get(at)?, error.into()))));
    failed.sort_by_key(|(at, _)| *at);
    Ok(failed)
}

/// The series in a scope that a pattern matches, device by device.
pub(crate) fn find_series(shared: &Shared, scope: &Scope, pattern: &PathPattern) -> Vec<Series> {
    by_device(scope.of_catalog(shared.storage.catalog()).series(pattern))
}

/// The logical views in a scope that a pattern matches, device by device.
pub(crate) fn find_views(shared: &Shared, scope: &Scope, pattern: &PathPattern) -> Vec<Series> {
    let mut found = scope.of_catalog(names_with_views(shared.storage.catalog())).series(pattern);
    found.retain(|series| series.view.is_some());
    by_device(found)
}

fn by_device(found: Vec<SeriesInfo>) -> Vec<Series> {
    let mut all: Vec<Series> = found
        .into_iter()
        .map(|series| Series {
            device: series.device,
            aligned: series.aligned,
            measurement: series.measurement,
            schema: series.schema,
        })
        .collect();
    all.sort_by(|a, b| (&a.device, &a.measurement).cmp(&(&b.device, &b.measurement)));
    all
}

/// The devices in a scope that a pattern matches, by path.
pub(crate) fn find_devices(shared: &Shared, scope: &Scope, pattern: &PathPattern) -> Vec<Device> {
    let found = scope.of_catalog(shared.storage.catalog()).devices(pattern);
    let mut all: Vec<Device> =
        found.into_iter().map(|device| Device { path: device.path, aligned: device.aligned }).collect();
    all.sort_by(|a, b| a.path.cmp(&b.path));
    all
}

fn create(storage: &Storage, series: &[Series]) -> Vec<(usize, StorageError)> {
    let catalog = storage.catalog();
    let mut missing: Vec<(usize, NewSeries)> = Vec::new();
    let mut from = 0;
    for of_device in series.chunk_by(|a, b| a.device == b.device) {
        let Some(Series { device, .. }) = of_device.first() else { continue };
        let names: Vec<Arc<str>> = of_device.iter().map(|series| Arc::clone(&series.measurement)).collect();
        let known = KnownDevice::find(&*catalog, device, &names);
        // Series of a template come with the first row of their device, or make it larger.
        let by_template = catalog.template_above(device).is_some();
        let unknown = (from..).zip(of_device).filter(|_| !by_template);
        let unknown = unknown.filter(|(_, series)| known.series(&series.measurement).1.is_none());
        missing.extend(
            unknown.map(|(at, series)| (at, new(device, known.aligned.unwrap_or(series.aligned), series))),
        );
        from += of_device.len();
    }
    drop(catalog);
    let all = missing.iter().map(|(_, new)| new.clone()).collect();
    if missing.is_empty() || storage.create_series(all).is_ok() {
        return Vec::new();
    }
    // One that cannot be made keeps the others from it: each by itself then.
    let each = missing.into_iter().map(|(at, series)| (at, storage.create_series(vec![series])));
    each.filter_map(|(at, made)| made.err().map(|error| (at, error))).collect()
}

fn new(device: &Path, aligned: bool, series: &Series) -> NewSeries {
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
