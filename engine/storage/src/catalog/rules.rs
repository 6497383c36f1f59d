//! What the catalog rejects, with the codes and words that clients of Apache IoTDB know.

use levada_model::{Path, SeriesSchema, StatusCode};
use levada_tsfile::is_written;

use super::Catalog;
use crate::{NewSeries, StorageError};

pub(super) fn already(path: &Path) -> StorageError {
    StorageError::rejected(StatusCode::PATH_ALREADY_EXIST, format!("Path [{path}] already exist"))
}

/// Whether a database can be made.
pub(crate) fn check_database(catalog: &Catalog, path: &Path) -> Result<(), StorageError> {
    let mut nodes = path.nodes();
    if nodes.next() != Some("root") || nodes.next().is_none() {
        let message = format!(
            "{path} is not a legal path, because: the database name should start with 'root' and have at least two nodes"
        );
        return Err(StorageError::rejected(StatusCode::ILLEGAL_PATH, message));
    }
    if let Some(above) = catalog.database_of(path) {
        let code = if above.path == *path {
            StatusCode::DATABASE_ALREADY_EXISTS
        } else {
            StatusCode::DATABASE_CONFLICT
        };
        return Err(StorageError::rejected(
            code,
            format!("{} has already been created as database", above.path),
        ));
    }
    if catalog.databases().any(|database| path.is_prefix_of(&database.path)) {
        let message = format!("some children of {path} have already been created as database");
        return Err(StorageError::rejected(StatusCode::DATABASE_CONFLICT, message));
    }
    Ok(())
}

/// The database a device lies in or, in `Err`, the path of the one that must be made for it.
pub(crate) fn database_for(catalog: &Catalog, device: &Path) -> Result<Result<u32, Path>, StorageError> {
    if let Some(database) = catalog.database_of(device) {
        return Ok(Ok(database.id));
    }
    let nodes: Vec<&str> = device.nodes().take(2).collect();
    if nodes.len() < 2 || nodes[0] != "root" {
        let message = format!("{device} is not a legal path, because: a device lies below root");
        return Err(StorageError::rejected(StatusCode::ILLEGAL_PATH, message));
    }
    let path = Path::parse(&nodes.join("."))
        .map_err(|error| StorageError::rejected(StatusCode::ILLEGAL_PATH, error.to_string()))?;
    check_database(catalog, &path)?;
    Ok(Err(path))
}

/// Whether a device can be made: its path must not run through a series.
pub(crate) fn check_device(catalog: &Catalog, path: &Path) -> Result<(), StorageError> {
    let mut at = path.clone();
    while let Some((parent, last)) = at.split_last() {
        if catalog.device(&parent).is_some_and(|device| device.series(last).is_some()) {
            return Err(already(&at));
        }
        at = parent.clone();
    }
    catalog.check_no_view_above(path)
}

/// Whether a text can be the name of a measurement.
pub(crate) fn check_measurement(name: &str) -> Result<(), StorageError> {
    let node = Path::parse(name).is_ok_and(|node| *node.as_str() == *name && node.nodes().count() == 1);
    if node {
        return Ok(());
    }
    let message = format!("{name} is not a legal measurement: it is no path node in canonical form");
    Err(StorageError::rejected(StatusCode::ILLEGAL_PATH, message))
}

/// The rejection of a series that is to be aligned where its device is not, or the reverse.
pub(crate) fn misaligned(device: &Path, aligned: bool) -> StorageError {
    let (is, call) = if aligned { ("", "createAlignedTimeseries") } else { (" not", "createTimeseries") };
    let message = format!(
        "timeseries under this device is{is} aligned, please use {call} or change device. (Path: {device})"
    );
    StorageError::rejected(StatusCode::ALIGNED_TIMESERIES_ERROR, message)
}

/// Whether values of a type can be written in an encoding.
pub(crate) fn check_stored(schema: SeriesSchema) -> Result<(), StorageError> {
    if is_written(schema) {
        return Ok(());
    }
    let message = format!("encoding {} does not support {}", schema.encoding, schema.data_type);
    Err(StorageError::rejected(StatusCode::METADATA_ERROR, message))
}

/// Whether a series can be made.
pub(crate) fn check_new_series(catalog: &Catalog, new: &NewSeries) -> Result<(), StorageError> {
    let path = new.device.child(&new.measurement);
    let schema = new.schema;
    check_measurement(&new.measurement)?;
    catalog.check_no_view(&new.device, &path)?;
    if catalog.templates().sets().any(|(set, _)| path.is_prefix_of(set)) {
        return Err(already(&path));
    }
    if let Some((set, template)) = catalog.templates().above(&new.device) {
        let message = format!(
            "Cannot create timeseries [{path}] since device template [{}] already set on path [{set}].",
            template.name
        );
        return Err(StorageError::rejected(StatusCode::TEMPLATE_INCOMPATIBLE, message));
    }
    check_stored(schema)?;
    let Some(device) = catalog.device(&new.device) else {
        check_device(catalog, &new.device)?;
        return check_no_device_below(catalog, &path);
    };
    if device.series_or_alias(&new.measurement).is_some() {
        let message = format!("Path [{path}] already exist");
        return Err(StorageError::rejected(StatusCode::TIMESERIES_ALREADY_EXIST, message));
    }
    if device.aligned != new.aligned {
        return Err(misaligned(&new.device, device.aligned));
    }
    if let Some(alias) = &new.alias
        && device.series_or_alias(alias).is_some()
    {
        let message = format!("Alias [{alias}] for Path [{path}] already exist");
        return Err(StorageError::rejected(StatusCode::ALIAS_ALREADY_EXIST, message));
    }
    check_no_device_below(catalog, &path)
}

pub(super) fn check_no_device_below(catalog: &Catalog, path: &Path) -> Result<(), StorageError> {
    match catalog.devices().below(path.clone()).next() {
        Some(_) => Err(already(path)),
        None => Ok(()),
    }
}
