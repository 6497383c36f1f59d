//! The session of somebody in the same process.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use jiff::tz::TimeZone;
use levada_model::{
    Checkpoint, Outcome, Path, Session, SessionCapabilities, SessionError, StatusCode, Write, WriteReport,
};
use levada_sql::ast::Statement;

use crate::{
    engine::Shared,
    rows, statement,
    tsfiles::{FileSeries, create_missing, series_of},
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
    pub async fn create_missing(&self, series: Vec<FileSeries>) -> Result<(), SessionError> {
        self.check_open()?;
        create_missing(&self.shared, series).await
    }

    /// The series of a device that the store has.
    pub fn series_of(&self, device: &Path) -> Vec<FileSeries> {
        series_of(&self.shared, device)
    }

    fn check_open(&self) -> Result<(), SessionError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(SessionError::new(StatusCode::NOT_LOGIN, "the session is closed"));
        }
        Ok(())
    }
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
        match statement {
            Statement::Select(_) | Statement::Explain { .. } | Statement::Show(_) | Statement::Count(_) => {
                let context = self.shared.query_context(&self.zone);
                rows::run(&self.shared, statement, context).await.map(Outcome::Rows)
            }
            statement => statement::run(&self.shared, statement, &self.zone).await.map(Outcome::Done),
        }
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
