//! What carries out a run, as the engine hands it in.

use std::fmt;

use futures::future::BoxFuture;
use jiff::tz::TimeZone;
use levada_model::SessionError;
use levada_sql::ast::Select;

use crate::gate::Caller;

/// What carries out runs.
pub(crate) trait Runner: fmt::Debug + Send + Sync {
    /// Milliseconds since 1970 UTC.
    fn now(&self) -> i64;

    /// Whether rows can be written at all.
    fn takes_writes(&self) -> bool;

    /// Returns when all that runs have written is synced, whatever the store's sync mode. Blocks.
    ///
    /// # Errors
    /// The log cannot be written.
    fn sync(&self) -> Result<(), SessionError>;

    /// Carries out a run: lets it pass the gate, reads, writes. What is written is acknowledged when it returns. Dropped, it leaves open how
    /// much that is.
    fn run<'a>(&'a self, run: Run<'a>) -> BoxFuture<'a, Result<Written, SessionError>>;
}

/// One run.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// The query, of its range.
    pub(crate) select: Select,
    /// Whose it is.
    pub(crate) caller: Caller,
    /// The statement that made the continuous query.
    pub(crate) sql: &'a str,
    pub(crate) zone: &'a TimeZone,
}

/// What became of the values of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    /// Values that were written.
    pub(crate) values: u64,
    /// Values that were rejected.
    pub(crate) rejected: u64,
    /// Why the first was.
    pub(crate) reason: Option<String>,
}
