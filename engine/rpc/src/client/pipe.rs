//! Connections of a pipe: servers of this program are told whose they are.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use levada_model::StatusCode;
use parking_lot::Mutex;

use super::{Client, ClientError};
use crate::{
    messages::{
        Handshake, PipeTransfer, PipeTransferReq, PipeTransferResp, Status, SyncIdentityInfo, introduce,
        introduced, is_ours, takes_chunks,
    },
    piped::{piece, sealed},
};

/// The kinds of steps that bring a file.
const PIECE: i16 = 4;
const SEAL: i16 = 5;

/// The name of the file that is sent: a connection sends one after the other.
const FILE: &str = "chunks.tsfile";

/// So many bytes of a file are sent at once.
const PIECE_BYTES: usize = 4 << 20;

/// What a receiver says of what it cannot take now, and of what changes nothing there.
const LATER: StatusCode = StatusCode(1808);
const PASSED_OVER: StatusCode = StatusCode(1809);

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
        self.server.takes_chunks = status.message.as_deref().is_some_and(takes_chunks);
        Ok(())
    }

    /// Sends a TsFile, and waits until what it holds is stored.
    ///
    /// # Errors
    /// The server does not take it, or some of it: sent again, it is begun anew.
    pub(crate) async fn send_chunks(&mut self, file: &Bytes) -> Result<(), ClientError> {
        let mut offset = 0;
        while offset < file.len() {
            let end = file.len().min(offset + PIECE_BYTES);
            self.transfer(PIECE, piece(FILE, offset, &file[offset..end])).await?;
            offset = end;
        }
        self.transfer(SEAL, sealed(FILE, file.len())).await
    }

    async fn transfer(&mut self, kind: i16, body: Bytes) -> Result<(), ClientError> {
        let req = PipeTransferReq { version: 1, kind, body };
        let PipeTransferResp { status, .. } = self.connection.call(&PipeTransfer { req }).await?;
        match StatusCode(status.code) {
            // Of rows that have lived their time nothing is to be said.
            PASSED_OVER => Ok(()),
            LATER => self.check(&Status { need_retry: Some(true), ..status }),
            _ => self.check(&status),
        }
    }
}
