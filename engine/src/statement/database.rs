//! `create database`, `delete database`.

use levada_model::{Path, PathPattern, SessionError, StatusCode};
use levada_sql::ast::CreateDatabase;
use levada_storage::{Catalog, StorageError};

use super::{apply, not_there};
use crate::{engine::Shared, gate::Caller};

pub(super) async fn create(shared: &Shared, create: CreateDatabase) -> Result<String, SessionError> {
    let CreateDatabase { path, properties } = create;
    let (ttl, partition) = (properties.ttl, properties.time_partition_interval);
    let numbers = [
        (partition, "timePartitionInterval"),
        (properties.schema_region_group_num, "schemaRegionGroupNum"),
        (properties.data_region_group_num, "dataRegionGroupNum"),
    ];
    if let Some((_, what)) = numbers.into_iter().find(|(number, _)| number.is_some_and(|number| number <= 0))
    {
        let message = format!("Failed to create database. The {what} should be positive.");
        return Err(SessionError::new(StatusCode::DATABASE_CONFIG_ERROR, message));
    }
    apply(shared, move |storage| {
        let made = match partition {
            None => storage.create_database(&path, ttl),
            Some(partition) => storage.create_database_in(&path, ttl, partition),
        };
        made.map_err(|error| rejection(&*storage.catalog(), &path, error))
    })
    .await?;
    Ok(String::new())
}

/// Below a database, clients are told that the one above exists; above one, that there is a conflict.
fn rejection(catalog: &dyn Catalog, path: &Path, error: StorageError) -> SessionError {
    let mut error = SessionError::from(error);
    let lies_below = || {
        let above = std::iter::successors(path.parent(), Path::parent);
        above.into_iter().any(|above| !catalog.databases(&PathPattern::from(&above)).is_empty())
    };
    if error.code == StatusCode::DATABASE_CONFLICT && lies_below() {
        error.code = StatusCode::DATABASE_ALREADY_EXISTS;
    }
    error
}

pub(super) async fn delete(
    shared: &Shared,
    caller: &Caller,
    patterns: Vec<PathPattern>,
) -> Result<String, SessionError> {
    let owner = caller.pipe.clone();
    apply(shared, move |storage| {
        let catalog = storage.catalog();
        if patterns.iter().all(|pattern| catalog.databases(pattern).is_empty()) {
            return Err(not_there(StatusCode::PATH_NOT_EXIST, format!("Path {patterns:?} does not exist")));
        }
        Ok(storage.delete_databases_of(owner, &patterns)?)
    })
    .await?;
    Ok(String::new())
}
