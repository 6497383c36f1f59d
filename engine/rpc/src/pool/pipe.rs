//! A pool as a pipe uses it.

use bytes::Bytes;
use levada_model::{Path, SessionError};

use super::Pool;
use crate::{PipeIdentity, client::Server};

impl Pool {
    /// What a server said of itself; one is asked if none was asked before.
    ///
    /// # Errors
    /// No node answers, or one rejects the login or the pipe.
    pub async fn receiver(&self) -> Result<Server, SessionError> {
        self.server().await
    }

    /// Says that rows of a database come by these connections, as [`ClientOptions::pipe`](crate::ClientOptions::pipe) does of the
    /// pipe. Nothing is done without a pipe, or where the database was named before.
    ///
    /// # Errors
    /// No node answers, or one rejects the pipe.
    pub async fn name_database(&self, database: &Path) -> Result<(), SessionError> {
        let Some(pipe) = self.0.options.client.pipe.clone() else { return Ok(()) };
        if !pipe.name_database(database.as_str()) {
            return Ok(());
        }
        let named = self.shake_hands(&pipe, database).await;
        if named.is_err() {
            pipe.forget_database(database.as_str());
        }
        named
    }

    /// Sends a TsFile by one connection, and waits until what it holds is stored.
    ///
    /// # Errors
    /// No node answers (transient); one does not take it, or some of it. Sending it again does no harm.
    pub async fn send_chunks(&self, file: &Bytes) -> Result<(), SessionError> {
        let mut attempts = self.nodes().len() + 1;
        loop {
            let mut lease = self.lease(None).await?;
            match lease.client().send_chunks(file).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    attempts -= usize::from(!lease.used);
                    if let Some(error) = self.judge(lease, error, attempts == 0) {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn shake_hands(&self, pipe: &PipeIdentity, database: &Path) -> Result<(), SessionError> {
        let mut attempts = self.nodes().len() + 1;
        loop {
            let mut lease = self.lease(None).await?;
            match lease.client().shake_hands(pipe, database.as_str().to_owned()).await {
                Ok(()) => return Ok(()),
                Err(error) => {
                    attempts -= usize::from(!lease.used);
                    if let Some(error) = self.judge(lease, error, attempts == 0) {
                        return Err(error);
                    }
                }
            }
        }
    }
}
