//! `flush`, `merge`, `repair data`, `set system`, `set configuration`.

use std::sync::atomic::Ordering;

use levada_model::{Path, PathPattern, SessionError, StatusCode};
use levada_sql::ast::SystemStatus;

use super::{blocking, not_there};
use crate::engine::Shared;

pub(super) async fn flush(shared: &Shared, databases: Vec<Path>) -> Result<String, SessionError> {
    let patterns: Vec<PathPattern> = databases.iter().map(PathPattern::from).collect();
    blocking(shared, move |storage| {
        let catalog = storage.catalog();
        if let Some(missing) = patterns.iter().find(|pattern| catalog.databases(pattern).is_empty()) {
            let message = format!("Database {missing} does not exist");
            return Err(not_there(StatusCode::DATABASE_NOT_EXIST, message));
        }
        drop(catalog);
        Ok(storage.flush(&patterns)?)
    })
    .await?;
    Ok(String::new())
}

pub(super) async fn compact(shared: &Shared) -> Result<String, SessionError> {
    blocking(shared, |storage| Ok(storage.compact(&[])?)).await?;
    Ok(String::new())
}

/// Begins or ends a repair: every file is read, what is in it is checked, and what can be merged is written anew in the order of time. It
/// runs in the background, and says in the log how it ended.
pub(super) fn repair(shared: &Shared, start: bool) -> Result<String, SessionError> {
    shared.may_store()?;
    if start {
        shared.repair.start(shared.storage.clone())?;
    } else {
        shared.repair.stop();
    }
    Ok(String::new())
}

pub(super) fn set_status(shared: &Shared, status: SystemStatus) -> Result<String, SessionError> {
    shared.gate.set_read_only(status == SystemStatus::ReadOnly);
    Ok(String::new())
}

/// The settings that can be changed while the engine runs; they hold until it is closed.
pub(super) fn set_configuration(
    shared: &Shared,
    properties: &[(String, String)],
) -> Result<String, SessionError> {
    let mut ignored = Vec::new();
    for (key, value) in properties {
        match (key.as_str(), value.to_ascii_lowercase().as_str()) {
            ("enable_auto_create_schema", value @ ("true" | "false")) => {
                shared.auto_create_schema.store(value == "true", Ordering::Release);
            }
            _ => ignored.push(key.as_str()),
        }
    }
    if ignored.is_empty() {
        return Ok(String::new());
    }
    Err(SessionError::new(
        StatusCode::EXECUTE_STATEMENT_ERROR,
        format!("ignored config items: [{}] because they are immutable or undefined.", ignored.join(", ")),
    ))
}
