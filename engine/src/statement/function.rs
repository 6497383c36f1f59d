//! `create function`, `drop function`.

use std::sync::Arc;

use levada_model::SessionError;
use levada_sql::ast::CreateFunction;
use tokio::task::spawn_blocking;

use crate::{engine::Shared, error::panicked};

/// Makes a function; returns when it is durable.
pub(super) async fn create(shared: &Shared, create: CreateFunction) -> Result<String, SessionError> {
    shared.may_store()?;
    let functions = Arc::clone(&shared.functions);
    spawn_blocking(move || functions.create(create)).await.map_err(panicked)??;
    Ok(String::new())
}

/// Takes a function away; returns when that is durable.
pub(super) async fn drop(shared: &Shared, name: String) -> Result<String, SessionError> {
    shared.may_store()?;
    let functions = Arc::clone(&shared.functions);
    spawn_blocking(move || functions.remove(&name)).await.map_err(panicked)??;
    Ok(String::new())
}
