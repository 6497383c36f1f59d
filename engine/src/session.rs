//! The session of somebody in the same process.

mod apart;
mod each;
mod prefixes;

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use levada_model::{
    Checkpoint, Device, Follow, FollowFrom, Outcome, Path, PathPattern, QueryId, Rows, Series, SeriesSchema,
    Session, SessionCapabilities, SessionError, StatusCode, Write, WriteReport,
};
use levada_query::names_with_views;
use levada_sql::ast::{Alignment, CreateDatabase, DatabaseProperties, Effect, Privilege, Statement};

use crate::{
    EngineError,
    engine::{Engine, Shared, zone_of},
    follow,
    gate::Caller,
    known::KnownDevice,
    rows,
    statement::{self, Loaded, Request, databases_of, load_file, take_chunks},
    tsfiles::{Damaged, create_missing, create_series, find_devices, find_series, find_views},
};

/// A conversation with the engine of this process. Its methods must be polled within a tokio runtime.
#[derive(Debug)]
pub struct EmbeddedSession {
    shared: Arc<Shared>,
    caller: Caller,
    zone: TimeZone,
    fetch_size: Option<usize>,
    timeout: Option<Duration>,
    /// The address by which its client has reached the server.
    reached_at: Option<SocketAddr>,
    /// Paths of queries and of what is shown and counted stand for all below them.
    prefixes: bool,
    /// Its tasks may block.
    may_block: bool,
    closed: AtomicBool,
}

impl EmbeddedSession {
    pub(crate) fn new(
        shared: Arc<Shared>,
        caller: Caller,
        zone: TimeZone,
        fetch_size: Option<usize>,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            shared,
            caller,
            zone,
            fetch_size,
            timeout,
            reached_at: None,
            prefixes: false,
            may_block: false,
            closed: AtomicBool::new(false),
        }
    }

    /// The same session, whose client has reached the server by an address: what tells the address of the server tells that.
    #[must_use]
    pub fn reached_at(self, address: SocketAddr) -> Self {
        Self { reached_at: Some(address), ..self }
    }

    /// The same session for a client of 0.12: a path in `show`, `count` or `from` that names nothing itself stands for all below it.
    #[must_use]
    pub fn by_prefixes(self) -> Self {
        Self { prefixes: true, ..self }
    }

    /// The same session, whose rows may block the thread that polls for them while they are made durable, which takes less time than handing
    /// them to another. It must be used by tasks of a runtime of several threads alone.
    #[must_use]
    pub fn blocking(self) -> Self {
        Self { may_block: true, ..self }
    }

    /// The name of the user whose session it is.
    pub fn user(&self) -> &str {
        &self.caller.identity.user
    }

    /// A session of the same user in another time zone.
    ///
    /// # Errors
    /// There is no such zone.
    pub fn in_zone(&self, zone: &str) -> Result<Self, EngineError> {
        let (shared, caller) = (Arc::clone(&self.shared), self.caller.clone());
        let session = Self::new(shared, caller, zone_of(zone)?, self.fetch_size, self.timeout);
        Ok(self.passed_to(session))
    }

    /// A session of the same user for what comes by a pipe of another engine: its rows and deletions are that pipe's, so that no pipe
    /// sends them back.
    #[must_use]
    pub fn of_pipe(&self, owner: Arc<str>) -> Self {
        let caller = Caller { pipe: Some(owner), ..self.caller.clone() };
        let session =
            Self::new(Arc::clone(&self.shared), caller, self.zone.clone(), self.fetch_size, self.timeout);
        self.passed_to(session)
    }

    /// A session for the same client.
    fn passed_to(&self, session: Self) -> Self {
        let Self { reached_at, prefixes, may_block, .. } = *self;
        Self { reached_at, prefixes, may_block, ..session }
    }

    /// Whether the user may see and end the queries of others.
    pub fn may_maintain(&self) -> bool {
        self.shared.gate.holds(&self.caller, Privilege::Maintain).unwrap_or(false)
    }

    /// [`Session::execute`], where a query may compute for so long rather than for the session's time.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub async fn execute_within(&self, sql: &str, time: Option<Duration>) -> Result<Outcome, SessionError> {
        self.check_open()?;
        let statement = self.parse(sql)?;
        self.run(sql, statement, time).await
    }

    /// The columns of a query with `disable align`, each with the rows that have a value of it; `None` of any other statement. The query may
    /// compute for so long.
    ///
    /// # Errors
    /// As [`Session::query`]; the query is not of the rows of series, or has very many columns.
    pub async fn query_apart(
        &self,
        sql: &str,
        time: Option<Duration>,
    ) -> Result<Option<Vec<Rows>>, SessionError> {
        self.check_open()?;
        if !mentions_apart(sql) {
            return Ok(None);
        }
        let statement = self.parse(sql)?;
        let Statement::Select(select) = statement else { return Ok(None) };
        if select.alignment != Alignment::None || select.into.is_some() {
            return Ok(None);
        }
        let columns = apart::columns(&select)?;
        let mut found = Vec::new();
        for column in columns {
            let statement = Statement::Select(Box::new(column));
            let Outcome::Rows(rows) = self.run(sql, statement, time).await? else { break };
            match rows.columns.len() {
                0 => return Ok(Some(found)),
                1 if rows.has_time => found.push(rows),
                _ => return Err(apart::not_rows()),
            }
        }
        if found.len() == apart::MOST { Err(apart::too_many()) } else { Ok(Some(found)) }
    }

    /// Makes the series of a file that are missing, with the types, encodings and compression that they have there. Those that
    /// exist stay as they are; what cannot be made is left to the rows that follow, which are rejected then.
    ///
    /// # Errors
    /// The session is closed.
    pub async fn create_missing(&self, series: Vec<Series>) -> Result<(), SessionError> {
        self.check_open()?;
        create_missing(&self.shared, &self.caller, series).await
    }

    /// Stores all rows of a TsFile, as `load` does, with the deletions that lie beside it. `coerce` as in [`Write`]. What is stored is
    /// durable when it returns.
    ///
    /// # Errors
    /// The file cannot be read or is damaged, or the user may not write its series: what came before may be stored.
    pub async fn load(&self, file: &std::path::Path, coerce: bool) -> Result<Loaded, SessionError> {
        self.check_open()?;
        load_file(&self.shared, &self.caller, file, Damaged::Reject, coerce).await
    }

    /// Stores the chunks of a TsFile as they are, where that gives the same as [`EmbeddedSession::load`] does, which is done else: series
    /// and databases are there, types are the same, rows live, and nothing is in its way. What is stored is durable when it returns.
    ///
    /// # Errors
    /// As [`EmbeddedSession::load`]; nothing is stored where the user may not write one of its series.
    pub async fn take_chunks(&self, file: &std::path::Path) -> Result<Loaded, SessionError> {
        self.check_open()?;
        take_chunks(&self.shared, &self.caller, file).await
    }

    /// Adds the databases that devices lie in to those that are known.
    pub fn databases_of(&self, devices: &[Path], known: &mut BTreeSet<Path>) {
        databases_of(&self.shared, devices, known);
    }

    /// The series of a device that the store has, as far as the user may see or write them.
    pub fn series_of(&self, device: &Path) -> Vec<Series> {
        let gate = &self.shared.gate;
        let scopes = [Privilege::ReadSchema, Privilege::WriteData].map(|each| gate.scope(&self.caller, each));
        let ([Ok(seen), Ok(written)], Ok(any)) = (scopes, PathPattern::parse("*")) else {
            return Vec::new();
        };
        let found = find_series(&self.shared, &seen.or(written), &PathPattern::from(device).join(&any));
        let template =
            if found.is_empty() { self.shared.storage.catalog().template_above(device) } else { None };
        let Some(template) = template else { return found };
        // The device is made with its first row, and has these then.
        let series = template.series.into_iter().map(|(measurement, schema)| Series {
            device: device.clone(),
            aligned: template.aligned,
            measurement,
            schema,
        });
        series.collect()
    }

    fn check_open(&self) -> Result<(), SessionError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(SessionError::new(StatusCode::NOT_LOGIN, "the session is closed"));
        }
        Ok(())
    }

    /// Reads a statement.
    fn parse(&self, sql: &str) -> Result<Statement, SessionError> {
        let mut statement = levada_sql::parse(sql, &self.shared.parse_context(&self.zone))?;
        if self.prefixes {
            prefixes::widen(&mut statement, &*self.shared.storage.catalog());
        }
        Ok(statement)
    }

    async fn run(
        &self,
        sql: &str,
        statement: Statement,
        time: Option<Duration>,
    ) -> Result<Outcome, SessionError> {
        let admitted = self.shared.gate.admit(&self.caller, &statement);
        let pass = admitted.map_err(|error| self.rejection(error, &statement))?;
        let request = Request {
            shared: &self.shared,
            caller: &self.caller,
            pass,
            sql,
            zone: &self.zone,
            fetch_size: self.fetch_size,
            reached_at: self.reached_at,
            time,
        };
        statement::run(request, statement).await
    }

    /// The rejection by a read-only store of rows that would make series: that names cannot be changed, as a real server says it.
    fn rejection(&self, error: SessionError, statement: &Statement) -> SessionError {
        let Statement::Insert(insert) = statement else { return error };
        if error.code != StatusCode::SYSTEM_READ_ONLY {
            return error;
        }
        let names: Vec<Arc<str>> = insert.measurements.iter().map(|name| name.as_str().into()).collect();
        let known =
            KnownDevice::find(&*names_with_views(self.shared.storage.catalog()), &insert.device, &names);
        let all_known = names.iter().all(|name| known.series(name).1.is_some());
        if all_known { error } else { SessionError { code: StatusCode::METADATA_ERROR, ..error } }
    }
}

/// Whether a text may be a query with `disable align` or `non align`: others are not looked at twice.
fn mentions_apart(sql: &str) -> bool {
    let has = |word: &str| {
        sql.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()))
    };
    has("align") && (has("disable") || has("non"))
}

/// Whether a text is a statement that changes nothing, whatever store it is asked of.
///
/// # Errors
/// It is no statement.
pub fn is_query(sql: &str) -> Result<bool, SessionError> {
    let context = levada_sql::ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 };
    Ok(levada_sql::parse(sql, &context)?.effect() == Effect::Reads)
}

#[async_trait]
impl Session for EmbeddedSession {
    fn capabilities(&self) -> SessionCapabilities {
        SessionCapabilities { checkpoints: true }
    }

    async fn insert_tablets(&self, write: Write) -> Result<WriteReport, SessionError> {
        self.check_open()?;
        // Nothing is awaited before the store is asked, so that the order of first polls is the order of rows.
        let owner = write.owner.or_else(|| self.caller.pipe.clone());
        let write = Write { owner, ..write };
        let creation = self.shared.gate.admit_tablets(&self.caller, &write.tablets)?;
        statement::insert_within(&self.shared, write, &creation, self.may_block).await
    }

    async fn execute(&self, sql: &str) -> Result<Outcome, SessionError> {
        self.execute_within(sql, self.timeout).await
    }

    async fn query(&self, sql: &str) -> Result<Rows, SessionError> {
        self.check_open()?;
        let statement = self.parse(sql)?;
        if statement.effect() != Effect::Reads {
            return Err(SessionError::not_a_query(sql));
        }
        match self.run(sql, statement, self.timeout).await? {
            Outcome::Rows(rows) => Ok(rows),
            Outcome::Done(_) => Err(SessionError::not_a_query(sql)),
        }
    }

    async fn follow(&self, reader: &str, from: FollowFrom) -> Result<Box<dyn Follow>, SessionError> {
        self.check_open()?;
        if !self.shared.gate.scope(&self.caller, Privilege::ReadData)?.is_everything() {
            let message = "who follows a store reads all of it: READ_DATA on root.** is needed";
            return Err(SessionError::new(StatusCode::NO_PERMISSION, message));
        }
        follow::begin(&Engine { shared: Arc::clone(&self.shared) }, reader, from).await
    }

    async fn cancel(&self, query: QueryId) -> Result<(), SessionError> {
        self.check_open()?;
        self.shared.gate.cancel(&self.caller, query)
    }

    async fn create_database(&self, database: &Path) -> Result<(), SessionError> {
        self.check_open()?;
        let create = CreateDatabase { path: database.clone(), properties: DatabaseProperties::default() };
        match self.run("create database", Statement::CreateDatabase(create), None).await {
            Err(error) if error.code != StatusCode::DATABASE_ALREADY_EXISTS => Err(error),
            _ => Ok(()),
        }
    }

    async fn create_series(&self, series: &[Series]) -> Result<Vec<(usize, SessionError)>, SessionError> {
        self.check_open()?;
        create_series(&self.shared, &self.caller, series.to_vec()).await
    }

    async fn find_series(&self, pattern: &PathPattern) -> Result<Vec<Series>, SessionError> {
        self.check_open()?;
        let scope = self.shared.gate.scope(&self.caller, Privilege::ReadSchema)?;
        Ok(find_series(&self.shared, &scope, pattern))
    }

    async fn find_views(&self, pattern: &PathPattern) -> Result<Vec<Series>, SessionError> {
        self.check_open()?;
        let scope = self.shared.gate.scope(&self.caller, Privilege::ReadSchema)?;
        Ok(find_views(&self.shared, &scope, pattern))
    }

    async fn find_devices(&self, pattern: &PathPattern) -> Result<Vec<Device>, SessionError> {
        self.check_open()?;
        let scope = self.shared.gate.scope(&self.caller, Privilege::ReadSchema)?;
        Ok(find_devices(&self.shared, &scope, pattern))
    }

    async fn rows_of(
        &self,
        device: &Path,
        series: &[(Arc<str>, SeriesSchema)],
    ) -> Result<Rows, SessionError> {
        self.check_open()?;
        let names = series.iter().map(|(name, _)| Arc::clone(name)).collect();
        let gate = &self.shared.gate;
        let scope = gate.scope(&self.caller, Privilege::ReadData)?;
        let ticket = gate.begin(&self.caller, &format!("rows of {device}"), self.shared.now());
        let columns = series.iter().map(|(name, schema)| rows::column(name, schema.data_type)).collect();
        let context = self.shared.query_context(&self.zone);
        rows::of_series(&self.shared, device.clone(), columns, names, context, scope, ticket).await
    }

    async fn checkpoint(&self, owner: &str) -> Result<Checkpoint, SessionError> {
        self.check_open()?;
        Ok(self.shared.storage.checkpoint(owner))
    }

    async fn close(&self) -> Result<(), SessionError> {
        self.closed.store(true, Ordering::Release);
        Ok(())
    }
}
