//! Statements that change something, a file for each kind.

mod database;
mod delete;
mod insert;
mod load;
mod properties;
mod series;
mod system;
mod ttl;

use jiff::tz::TimeZone;
use levada_model::{SessionError, StatusCode};
use levada_sql::ast::Statement;
use levada_storage::{Applied, Storage, StorageError};
use tokio::task::spawn_blocking;

pub(crate) use self::insert::{KnownDevice, insert_write};
use crate::{engine::Shared, rows::panicked};

/// Runs a statement that gives no rows; what it has to say.
pub(crate) async fn run(
    shared: &Shared,
    statement: Statement,
    zone: &TimeZone,
) -> Result<String, SessionError> {
    if shared.is_read_only() && changes_data(&statement) {
        let message = "Fail to do non-query operations because system is read-only.";
        return Err(SessionError::new(StatusCode::METADATA_ERROR, message));
    }
    match statement {
        Statement::CreateDatabase(create) => database::create(shared, create).await,
        Statement::DeleteDatabases { patterns } => database::delete(shared, patterns).await,
        Statement::CreateTimeseries(create) => series::create(shared, create).await,
        Statement::CreateAlignedTimeseries(create) => series::create_aligned(shared, create).await,
        Statement::DeleteTimeseries { patterns } => series::delete(shared, patterns).await,
        Statement::AlterTimeseries(alter) => series::alter(shared, alter).await,
        Statement::SetTtl { pattern, ttl } => ttl::set(shared, pattern, ttl).await,
        Statement::UnsetTtl { pattern } => ttl::unset(shared, pattern).await,
        Statement::Insert(insert) => insert::run(shared, insert, zone).await,
        Statement::Delete(delete) => delete::run(shared, delete).await,
        Statement::Flush { databases, .. } => system::flush(shared, databases).await,
        Statement::Merge => system::compact(shared).await,
        Statement::ClearCache => Ok(String::new()),
        Statement::SetSystem(status) => system::set_status(shared, status),
        Statement::SetConfiguration(properties) => system::set_configuration(shared, &properties),
        Statement::Unsupported { what } if what == "alter database" => Err(SessionError::new(
            StatusCode(525),
            "Failed to alter database. Doesn't support ALTER DATABASE yet; SET TTL changes how long rows live.",
        )),
        Statement::Unsupported { what } => Err(unsupported(&what)),
        Statement::Load(load) => load::run(shared, load).await,
        _ => Err(unsupported("the statement")),
    }
}

fn unsupported(what: &str) -> SessionError {
    SessionError::new(StatusCode::UNSUPPORTED_OPERATION, format!("{what} is not supported"))
}

fn changes_data(statement: &Statement) -> bool {
    !matches!(
        statement,
        Statement::Flush { .. }
            | Statement::ClearCache
            | Statement::SetSystem(_)
            | Statement::SetConfiguration(_)
            | Statement::Unsupported { .. }
    )
}

/// Does something with the store where it may block, and waits until it is durable.
async fn apply(
    shared: &Shared,
    change: impl FnOnce(&Storage) -> Result<Applied, SessionError> + Send + 'static,
) -> Result<(), SessionError> {
    let applied = blocking(shared, change).await?;
    applied.durable.await.map_err(SessionError::from)
}

/// Does something with the store where it may block.
async fn blocking<T: Send + 'static>(
    shared: &Shared,
    step: impl FnOnce(&Storage) -> Result<T, SessionError> + Send + 'static,
) -> Result<T, SessionError> {
    let storage = shared.storage.clone();
    spawn_blocking(move || step(&storage)).await.map_err(panicked)?
}

/// The refusal of something that does not exist.
fn not_there(code: StatusCode, message: impl Into<String>) -> SessionError {
    StorageError::refused(code, message).into()
}
