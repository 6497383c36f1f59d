//! What pipes of other servers send, on its way into the engine.
//!
//! ```text
//!   pipeTransfer ─► unpack ─► piped::read ─┬─ changes ──────────► apply ─► session: tablets, statements
//!                  slices put together,    ├─ pieces of files ──► files    a folder of the connection's own, within a bound
//!                  undone compression      └─ seal ─────────────► apply ─► session: load, or the catalog's files as changes
//!                                                                    └─► outcome: codes by which the sender knows what to do
//! ```
//!
//! A step is answered with success when what it brings is durable; what is sent twice replaces itself. What a connection had not sealed when it
//! ended is removed, and sent anew.

mod apply;
mod catalog;
pub(crate) mod codes;
mod files;
mod outcome;
mod unpack;

use std::collections::BTreeSet;

use levada_engine::Sender;
use levada_model::Path;

pub(crate) use self::{
    apply::{apply, tsfile},
    catalog::Catalog,
    files::{Files, FilesError, Space, clear},
    outcome::{Outcome, code_of, status_of},
    unpack::{Slices, bytes_of, unpack},
};

/// A pipe of another server, on one connection.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) sender: Sender,
    /// Whether values are converted to the types of series that are there.
    pub(crate) converts: bool,
    /// Whether its files are of this program, so that their chunks may be stored as they are.
    pub(crate) ours: bool,
    /// Files that are not complete; `None` until there is one.
    pub(crate) files: Option<Files>,
    pub(crate) slices: Slices,
    /// The databases that it is listed with.
    databases: BTreeSet<Path>,
}

impl Transfer {
    pub(crate) fn new(sender: Sender, converts: bool) -> Self {
        Self {
            sender,
            converts,
            ours: false,
            files: None,
            slices: Slices::default(),
            databases: BTreeSet::new(),
        }
    }

    /// A pipe of this program, which has said by another call who it is and which databases it sends.
    pub(crate) fn of_ours(sender: Sender) -> Self {
        Self { ours: true, ..Self::new(sender, true) }
    }

    /// Those of some databases that it was not listed with before.
    pub(crate) fn new_of(&mut self, databases: BTreeSet<Path>) -> Vec<Path> {
        databases.into_iter().filter(|path| self.databases.insert(path.clone())).collect()
    }
}
