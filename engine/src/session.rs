//! The session of somebody in the same process.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use levada_model::{
    Checkpoint, Device, Outcome, Path, PathPattern, ResultColumn, Rows, Series, SeriesSchema, Session,
    SessionCapabilities, SessionError, StatusCode, Write, WriteReport,
};
use levada_sql::ast::{CreateDatabase, DatabaseProperties, Statement};

use crate::{
    engine::Shared,
    rows, statement,
    tsfiles::{create_missing, create_series, find_devices, find_series, series_of},
};

/// A conversation with the engine of this process. Its methods must be polled within a tokio runtime.
#[derive(Debug)]
pub struct EmbeddedSession {
    shared: Arc<Shared>,
    zone: TimeZone,
    closed: AtomicBool,
}

impl EmbeddedSession {
    pub(crate) fn new(shared: Arc<Shared>, zone: TimeZone) -> Self {
        Self { shared, zone, closed: AtomicBool::new(false) }
    }

    /// Makes the series of a file that are missing, with the types, encodings and compression that they have there. Those that
    /// exist stay as they are; what cannot be made is left to the rows that follow, which are refused then.
    ///
    /// # Errors
    /// The session is closed.
    pub async fn create_missing(&self, series: Vec<Series>) -> Result<(), SessionError> {
        self.check_open()?;
        create_missing(&self.shared, series).await
    }

    /// The series of a device that the store has.
    pub fn series_of(&self, device: &Path) -> Vec<Series> {
        series_of(&self.shared, device)
    }

    fn check_open(&self) -> Result<(), SessionError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(SessionError::new(StatusCode::NOT_LOGIN, "the session is closed"));
        }
        Ok(())
    }

    async fn rows(&self, statement: Statement) -> Result<Rows, SessionError> {
        rows::run(&self.shared, statement, self.shared.query_context(&self.zone)).await
    }
}

/// Whether a text is a statement that changes nothing, whatever store it is asked of.
///
/// # Errors
/// It is no statement.
pub fn is_query(sql: &str) -> Result<bool, SessionError> {
    let context = levada_sql::ParseContext { zone: jiff::tz::TimeZone::UTC, now: 0 };
    Ok(reads_only(&levada_sql::parse(sql, &context)?))
}

/// Whether a statement gives rows and changes nothing. What is not known to be harmless is not.
fn reads_only(statement: &Statement) -> bool {
    matches!(
        statement,
        Statement::Select(_) | Statement::Explain { .. } | Statement::Show(_) | Statement::Count(_)
    )
}

#[async_trait]
impl Session for EmbeddedSession {
    fn capabilities(&self) -> SessionCapabilities {
        SessionCapabilities { checkpoints: true }
    }

    async fn insert_tablets(&self, write: Write) -> Result<WriteReport, SessionError> {
        self.check_open()?;
        // Nothing is awaited before the store is asked, so that the order of first polls is the order of rows.
        statement::insert_write(&self.shared, write).await
    }

    async fn execute(&self, sql: &str) -> Result<Outcome, SessionError> {
        self.check_open()?;
        let statement = levada_sql::parse(sql, &self.shared.parse_context(&self.zone))?;
        if reads_only(&statement) {
            return self.rows(statement).await.map(Outcome::Rows);
        }
        statement::run(&self.shared, statement, &self.zone).await.map(Outcome::Done)
    }

    async fn query(&self, sql: &str) -> Result<Rows, SessionError> {
        self.check_open()?;
        let statement = levada_sql::parse(sql, &self.shared.parse_context(&self.zone))?;
        if !reads_only(&statement) {
            return Err(SessionError::not_a_query(sql));
        }
        self.rows(statement).await
    }

    async fn create_database(&self, database: &Path) -> Result<(), SessionError> {
        self.check_open()?;
        let create = CreateDatabase { path: database.clone(), properties: DatabaseProperties::default() };
        match statement::run(&self.shared, Statement::CreateDatabase(create), &self.zone).await {
            Err(error) if error.code != StatusCode::DATABASE_ALREADY_EXISTS => Err(error),
            _ => Ok(()),
        }
    }

    async fn create_series(&self, series: &[Series]) -> Result<Vec<(usize, SessionError)>, SessionError> {
        self.check_open()?;
        create_series(&self.shared, series.to_vec()).await
    }

    async fn find_series(&self, pattern: &PathPattern) -> Result<Vec<Series>, SessionError> {
        self.check_open()?;
        Ok(find_series(&self.shared, pattern))
    }

    async fn find_devices(&self, pattern: &PathPattern) -> Result<Vec<Device>, SessionError> {
        self.check_open()?;
        Ok(find_devices(&self.shared, pattern))
    }

    async fn rows_of(
        &self,
        device: &Path,
        series: &[(Arc<str>, SeriesSchema)],
    ) -> Result<Rows, SessionError> {
        self.check_open()?;
        let column = |(name, schema): &(Arc<str>, SeriesSchema)| ResultColumn {
            name: name.to_string(),
            data_type: schema.data_type,
        };
        let names = series.iter().map(|(name, _)| Arc::clone(name)).collect();
        rows::of_series(&self.shared, device.clone(), series.iter().map(column).collect(), names).await
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
