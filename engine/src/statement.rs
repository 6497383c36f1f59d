//! Statements, a file for each kind. Whoever calls has let them pass the gate.

mod authority;
mod continuous;
mod database;
mod delete;
mod function;
mod insert;
mod into;
mod load;
mod pipes;
mod properties;
mod queries;
mod series;
mod server;
mod system;
mod take;
mod template;
mod ttl;
mod view;

use std::{net::SocketAddr, time::Duration};

use jiff::tz::TimeZone;
use levada_model::{Outcome, SessionError, StatusCode};
use levada_sql::ast::{Show, Statement};
use levada_storage::{Applied, Storage, StorageError};
use tokio::task::spawn_blocking;

pub use self::{insert::TextRow, load::Loaded};
pub(crate) use self::{
    insert::{insert_within, insert_write, run_together},
    load::{databases_of, load_file},
    take::take_chunks,
};
use crate::{
    engine::Shared,
    error::panicked,
    gate::{Caller, Pass},
    rows::{self, Limits},
};

/// What a statement runs with.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) caller: &'a Caller,
    pub(crate) pass: Pass,
    /// The statement as it was written.
    pub(crate) sql: &'a str,
    pub(crate) zone: &'a TimeZone,
    /// Rows that a batch has at most.
    pub(crate) fetch_size: Option<usize>,
    /// The address by which the client has reached the server.
    pub(crate) reached_at: Option<SocketAddr>,
    /// How long a query may compute.
    pub(crate) time: Option<Duration>,
}

/// Runs a statement.
pub(crate) async fn run(request: Request<'_>, statement: Statement) -> Result<Outcome, SessionError> {
    let Request { shared, caller, .. } = request;
    let done = match statement {
        Statement::Show(show) if is_of_server(&show) => {
            return server::show(&request, &show).map(Outcome::Rows);
        }
        Statement::Select(select) if select.into.is_some() => {
            return into::run(request, *select).await.map(Outcome::Rows);
        }
        Statement::Select(_) | Statement::Explain { .. } | Statement::Show(_) | Statement::Count(_) => {
            return query(request, statement).await.map(Outcome::Rows);
        }
        Statement::ShowQueries => return queries::show(&request).map(Outcome::Rows),
        Statement::ShowPipes(show) => return pipes::show(&request, &show).map(Outcome::Rows),
        Statement::ShowCqs => return continuous::show(shared).map(Outcome::Rows),
        Statement::ListAuthority(list) => return authority::list(shared, &list).map(Outcome::Rows),
        Statement::CreateDatabase(create) => database::create(shared, create).await,
        Statement::DeleteDatabases { patterns } => database::delete(shared, caller, patterns).await,
        Statement::CreateTimeseries(create) => series::create(shared, create).await,
        Statement::CreateAlignedTimeseries(create) => series::create_aligned(shared, create).await,
        Statement::DeleteTimeseries { patterns } => {
            series::delete(shared, caller, patterns, request.pass.creation).await
        }
        Statement::AlterTimeseries(alter) => {
            series::alter(shared, caller, alter, request.pass.creation).await
        }
        Statement::AlterStored(alter) => {
            series::alter_stored(shared, caller, alter, request.pass.creation).await
        }
        Statement::SetTtl { pattern, ttl } => ttl::set(shared, pattern, ttl).await,
        Statement::UnsetTtl { pattern } => ttl::unset(shared, pattern).await,
        Statement::Insert(insert) => insert::run(shared, insert, request.zone, &request.pass.creation).await,
        Statement::Delete(delete) => delete::run(shared, caller, delete, request.pass.creation).await,
        Statement::Flush { databases, .. } => system::flush(shared, databases).await,
        Statement::Merge => system::compact(shared).await,
        Statement::ClearCache => Ok(String::new()),
        Statement::SetSystem(status) => system::set_status(shared, status),
        Statement::SetConfiguration(properties) => system::set_configuration(shared, &properties),
        Statement::LoadConfiguration => server::load_configuration(shared).await,
        Statement::Repair { start } => system::repair(shared, start),
        Statement::ChangeTrigger(change) => server::trigger(&change),
        Statement::ChangeTemplate(change) => template::change(shared, caller, change).await,
        Statement::ChangeView(change) => view::change(&request, change).await,
        Statement::ShowTemplates(show) => return template::show(&request, &show).map(Outcome::Rows),
        Statement::KillQuery { query } => queries::kill(shared, caller, query),
        Statement::ChangePipe(change) => {
            shared.may_store()?;
            shared.pipes.change(change).await.map(|()| String::new())
        }
        Statement::ChangeCq(change) => continuous::change(request, change).await,
        Statement::ChangeAuthority(change) => authority::change(shared, caller, change).await,
        Statement::CreateFunction(create) => function::create(shared, create).await,
        Statement::DropFunction { name } => function::drop(shared, name).await,
        Statement::Unsupported { what } if what == "alter database" => Err(SessionError::new(
            StatusCode::DATABASE_CONFIG_ERROR,
            "Failed to alter database. Doesn't support ALTER DATABASE yet; SET TTL changes how long rows live.",
        )),
        Statement::Unsupported { what } => Err(SessionError::unsupported(what)),
        Statement::Load(load) => load::run(shared, caller, load).await,
    };
    done.map(Outcome::Done)
}

/// Whether something is asked of the server rather than of the store.
fn is_of_server(show: &Show) -> bool {
    match show {
        Show::Variables
        | Show::Cluster { .. }
        | Show::ClusterId
        | Show::DataNodes
        | Show::ConfigNodes
        | Show::Regions(_)
        | Show::PipePlugins
        | Show::Absent(_)
        | Show::Triggers => true,
        Show::Databases { .. }
        | Show::Devices(_)
        | Show::Timeseries(_)
        | Show::Views(_)
        | Show::ChildPaths { .. }
        | Show::ChildNodes { .. }
        | Show::Ttl { .. }
        | Show::Version
        | Show::Functions
        | Show::CurrentTimestamp => false,
    }
}

/// Runs a query.
async fn query(request: Request<'_>, statement: Statement) -> Result<levada_model::Rows, SessionError> {
    let Request { shared, caller, pass, sql, zone, fetch_size, time, .. } = request;
    let context = shared.query_context(zone);
    let ticket = shared.gate.begin(caller, sql, context.now);
    let limits = Limits { time, rows: fetch_size };
    rows::run(shared, statement, context, pass.scope, ticket, limits).await
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

/// The rejection of something that does not exist.
fn not_there(code: StatusCode, message: impl Into<String>) -> SessionError {
    StorageError::rejected(code, message).into()
}
