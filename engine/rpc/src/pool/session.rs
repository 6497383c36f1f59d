//! The pool as a session.

use async_trait::async_trait;
use levada_model::{
    Checkpoint, Outcome, Rows, Session, SessionCapabilities, SessionError, Write, WriteReport,
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

    async fn checkpoint(&self, _owner: &str) -> Result<Checkpoint, SessionError> {
        Ok(Checkpoint::new())
    }

    async fn close(&self) -> Result<(), SessionError> {
        self.shut().await;
        Ok(())
    }
}
