//! Connections of a pipe: servers of this program are told whose they are.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;

use super::{Client, ClientError};
use crate::messages::{Handshake, SyncIdentityInfo, introduce, introduced, is_ours};

/// The pipe that connections belong to. Clones share the databases that it has named.
#[derive(Clone, Debug)]
pub struct PipeIdentity {
    /// The pipe's name.
    pub name: String,
    /// When it was made, in milliseconds since 1970 UTC.
    pub created: i64,
    /// What the engine that sends is known by.
    pub engine: String,
    databases: Arc<Mutex<BTreeSet<String>>>,
}

impl PipeIdentity {
    /// A pipe that has named no database yet.
    pub fn new(name: String, created: i64, engine: String) -> Self {
        Self { name, created, engine, databases: Arc::default() }
    }

    /// A database is sent; says whether it was not named before.
    pub(crate) fn name_database(&self, database: &str) -> bool {
        self.databases.lock().insert(database.to_owned())
    }

    /// A database could not be named: connections that are opened do not name it.
    pub(crate) fn forget_database(&self, database: &str) {
        self.databases.lock().remove(database);
    }
}

impl Client {
    /// Tells a server of this program whose connection it is, and which databases come by it. Others are told nothing: their
    /// inserts need no introduction.
    ///
    /// # Errors
    /// The server does not take the pipe: its white list does not have this address, or its version is another.
    pub(super) async fn introduce(&mut self, pipe: &PipeIdentity) -> Result<(), ClientError> {
        if !is_ours(&self.server.version) {
            return Ok(());
        }
        let mut databases: Vec<String> = pipe.databases.lock().iter().cloned().collect();
        if databases.is_empty() {
            databases.push(String::new());
        }
        for database in databases {
            self.shake_hands(pipe, database).await?;
        }
        Ok(())
    }

    /// Tells a server of this program that a database comes by this connection; it is made where it is missing.
    ///
    /// # Errors
    /// As [`Client::open`].
    pub(crate) async fn shake_hands(
        &mut self,
        pipe: &PipeIdentity,
        database: String,
    ) -> Result<(), ClientError> {
        if !is_ours(&self.server.version) {
            return Ok(());
        }
        let info = SyncIdentityInfo {
            pipe_name: pipe.name.clone(),
            create_time: pipe.created,
            version: introduce(&pipe.engine),
            database,
        };
        let status = self.connection.call(&Handshake { info }).await?;
        self.check(&status)?;
        self.server.engine = status.message.as_deref().and_then(introduced).map(str::to_owned);
        Ok(())
    }
}
