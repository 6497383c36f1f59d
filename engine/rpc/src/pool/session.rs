//! The pool as a session.

use std::sync::Arc;

use async_trait::async_trait;
use levada_model::{
    Checkpoint, Device, Outcome, Path, PathPattern, Rows, Series, SeriesSchema, Session, SessionCapabilities,
    SessionError, Write, WriteReport,
};

use super::Pool;

#[async_trait]
impl Session for Pool {
    fn capabilities(&self) -> SessionCapabilities {
        SessionCapabilities { checkpoints: false }
    }

    async fn insert_tablets(&self, write: Write) -> Result<WriteReport, SessionError> {
        self.write(write).await
    }

    async fn execute(&self, sql: &str) -> Result<Outcome, SessionError> {
        self.run(sql).await
    }

    async fn query(&self, sql: &str) -> Result<Rows, SessionError> {
        self.ask(sql).await
    }

    async fn create_database(&self, database: &Path) -> Result<(), SessionError> {
        self.make_database(database).await
    }

    async fn create_series(&self, series: &[Series]) -> Result<Vec<(usize, SessionError)>, SessionError> {
        self.make_series(series).await
    }

    async fn find_series(&self, pattern: &PathPattern) -> Result<Vec<Series>, SessionError> {
        Ok(self.names(pattern).await?.series)
    }

    async fn find_views(&self, pattern: &PathPattern) -> Result<Vec<Series>, SessionError> {
        Ok(self.names(pattern).await?.views)
    }

    async fn find_devices(&self, pattern: &PathPattern) -> Result<Vec<Device>, SessionError> {
        self.devices(pattern).await
    }

    async fn rows_of(
        &self,
        device: &Path,
        series: &[(Arc<str>, SeriesSchema)],
    ) -> Result<Rows, SessionError> {
        self.rows(device, series).await
    }

    async fn checkpoint(&self, _owner: &str) -> Result<Checkpoint, SessionError> {
        Ok(Checkpoint::new())
    }

    async fn close(&self) -> Result<(), SessionError> {
        self.shut().await;
        Ok(())
    }
}
