//! `create database`, `delete database`.

use levada_model::{Path, PathPattern, SessionError, StatusCode};
use levada_sql::ast::CreateDatabase;
use levada_storage::{Catalog, StorageError};

use super::{apply, not_there};
use crate::{engine::Shared, gate::Caller};

pub(super) async fn create(shared: &Shared, create: CreateDatabase) -> Result<String, SessionError> {
    let CreateDatabase { path, properties } = create;
    let ttl = properties.ttl;
    if properties.time_partition_interval.is_some_and(|width| width <= 0) {
        return Err(SessionError::new(
            StatusCode::SEMANTIC_ERROR,
            format!("the time partition interval of {path} must be more than 0"),
        ));
    }
    apply(shared, move |storage| {
        storage.create_database(&path, ttl).map_err(|error| rejection(&*storage.catalog(), &path, error))
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
