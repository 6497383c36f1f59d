//! The contract of a store, embedded or at the other end of a connection.

use std::{fmt, sync::Arc, time::Duration};

use arrow_array::RecordBatch;
use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{
    Checkpoint, DataType, Device, Follow, FollowFrom, Path, PathPattern, Series, SeriesSchema, SplitRange,
    StatusCode, Tablet,
};

/// How a session is opened.
#[derive(Clone, Debug, Default)]
pub struct SessionOptions {
    /// Who opens it. In an embedded engine, the user `root` where nobody is named.
    pub login: Option<Login>,
    /// From where, as it stands in logs.
    pub address: Option<String>,
    /// How literals of time without an offset, and calendar months, are read: a name of the time zone database or an offset
    /// (`+08:00`). UTC where `None`.
    pub zone: Option<String>,
    /// Rows that a batch of a query's rows has at most; as the store sees fit where `None`.
    pub fetch_size: Option<usize>,
    /// How long a query may compute; the time between two batches in which nobody asks for rows does not count. For ever where
    /// `None`.
    pub timeout: Option<Duration>,
}

/// A user and their password.
#[derive(Clone)]
pub struct Login {
    /// Who.
    pub user: String,
    /// The password. It is not printed.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A query that runs, by the number that its store gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub i64);

/// The optional capabilities of a [`Session`]; read once after it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionCapabilities {
    /// [`Write::positions`] are stored atomically with the rows and [`Session::checkpoint`] gives them back.
    pub checkpoints: bool,
}

/// Rows to store, and how far their source was read.
#[derive(Clone, Debug, Default)]
pub struct Write {
    /// The rows.
    pub tablets: Vec<Tablet>,
    /// Convert typed values to the type of existing series (`21.0` into an INT32), by the [table](crate::convert), instead of
    /// rejecting them. Values as they were written are always converted.
    pub coerce: bool,
    /// Make the series of columns that have a type but no value, as clients that send tablets expect; else such columns leave
    /// nothing behind.
    pub declares: bool,
    /// Who reads: each owner has its own positions. Needed if `positions` is not empty.
    pub owner: Option<Arc<str>>,
    /// The source positions that the rows stand for; stored atomically with them if the session can. **Not stored if any row is
    /// rejected**: a crash before the rejected rows are safe elsewhere would lose them. Once they are safe, the caller gives
    /// the positions again, in a write without rows.
    pub positions: Vec<SplitRange>,
}

/// What became of a [`Write`] that the store accepted: all rows but these are stored.
#[derive(Clone, Debug, Default)]
pub struct WriteReport {
    /// Rows, or single measurements of them, that the store will never take.
    pub rejected: Vec<RejectedRows>,
}

impl WriteReport {
    /// The rejection to report: the first by which values are lost, or else the first.
    pub fn to_tell(&self) -> Option<&RejectedRows> {
        self.rejected.iter().find(|rows| rows.is_loss()).or(self.rejected.first())
    }
}

/// Rows of one tablet that the store rejects for good.
#[derive(Clone, Debug)]
pub struct RejectedRows {
    /// Index in [`Write::tablets`].
    pub tablet: usize,
    /// Indexes of the rows, ascending; all rows if `None`.
    pub rows: Option<Vec<u32>>,
    /// If given, only this measurement's values were rejected, and the other values of the rows are stored.
    pub measurement: Option<Arc<str>>,
    /// Why, as a code.
    pub code: StatusCode,
    /// Why, in words.
    pub message: String,
}

impl RejectedRows {
    /// Whether something is lost. Rows that have lived their time are no loss: the store would not have them any more.
    pub fn is_loss(&self) -> bool {
        self.code != StatusCode::OUT_OF_TTL
    }
}

/// A column of a query's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultColumn {
    /// Its header.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
}

/// A query's rows, as they come.
///
/// If `has_time` is true, the first array of every batch is the time (`Int64`, milliseconds) and the arrays of `columns`
/// follow; otherwise the arrays are those of `columns` alone. Dropping it ends the query.
pub struct Rows {
    /// What [`Session::cancel`] knows the query by; `None` where it cannot be cancelled but by dropping it.
    pub query: Option<QueryId>,
    /// Whether the rows have a time.
    pub has_time: bool,
    /// The columns, without the time.
    pub columns: Vec<ResultColumn>,
    /// The rows. An error ends the stream.
    pub batches: BoxStream<'static, Result<RecordBatch, SessionError>>,
}

impl Rows {
    /// Rows of no query that could be cancelled but by dropping them.
    pub fn new(
        has_time: bool,
        columns: Vec<ResultColumn>,
        batches: BoxStream<'static, Result<RecordBatch, SessionError>>,
    ) -> Self {
        Self { query: None, has_time, columns, batches }
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("has_time", &self.has_time).field("columns", &self.columns).finish()
    }
}

/// What a statement gives.
#[derive(Debug)]
pub enum Outcome {
    /// It is done; a message, empty for most statements.
    Done(String),
    /// Rows.
    Rows(Rows),
}

/// Why a request failed. It may have taken effect in part; repeating it is safe.
#[derive(Debug, thiserror::Error)]
#[error("{message} ({code})")]
pub struct SessionError {
    /// The code, as clients know it.
    pub code: StatusCode,
    /// What happened, where, and what to do.
    pub message: String,
    /// Whether the same request may succeed later as it is.
    pub transient: bool,
    /// What caused it.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SessionError {
    /// An error with a code; transient if the code is.
    pub fn new(code: StatusCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), transient: code.is_transient(), source: None }
    }

    /// The error for something that the store does not do.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNSUPPORTED_OPERATION, format!("{what} is not supported"))
    }

    /// The error for a statement that may change something where only a query is allowed.
    pub fn not_a_query(sql: &str) -> Self {
        let message =
            format!("`{sql}` is no query, and only queries are allowed here: nothing of it was done");
        Self::new(StatusCode::QUERY_NOT_ALLOWED, message)
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }
}

/// A conversation with a store. All methods may be called concurrently.
///
/// Cancelling a write (dropping its future) leaves open whether it happened; repeating it is safe, since a row replaces the row
/// of the same series and time.
#[async_trait]
pub trait Session: fmt::Debug + Send + Sync {
    /// The session's optional capabilities.
    fn capabilities(&self) -> SessionCapabilities;

    /// Stores rows. Writes are applied in the order in which their futures are first polled.
    ///
    /// When it returns, all rows but the rejected ones are as durable as the store promises.
    ///
    /// # Errors
    /// Nothing, or an unknown part, was stored; see [`SessionError::transient`].
    async fn insert_tablets(&self, write: Write) -> Result<WriteReport, SessionError>;

    /// Runs one statement.
    ///
    /// # Errors
    /// The statement is wrong, or failed.
    async fn execute(&self, sql: &str) -> Result<Outcome, SessionError>;

    /// Runs one statement that reads. One that would change anything is rejected before any of it is done:
    /// [`SessionError::not_a_query`].
    ///
    /// # Errors
    /// As [`Session::execute`]; also where the statement is no query.
    async fn query(&self, sql: &str) -> Result<Rows, SessionError>;

    /// Creates a database; one that exists is fine, and so is one that lies within it.
    ///
    /// # Errors
    /// It would lie above another, or the user may not.
    async fn create_database(&self, database: &Path) -> Result<(), SessionError>;

    /// Creates those of the series that the store does not have. Those that it has stay as they are, whatever their types; new series
    /// of a device that exists are aligned where that is. Gives what could not be created: its index in `series`, and why.
    ///
    /// # Errors
    /// Nothing, or an unknown part, was created; see [`SessionError::transient`].
    async fn create_series(&self, series: &[Series]) -> Result<Vec<(usize, SessionError)>, SessionError>;

    /// The series that a pattern matches, by device and measurement; without logical views.
    ///
    /// # Errors
    /// The store cannot say.
    async fn find_series(&self, pattern: &PathPattern) -> Result<Vec<Series>, SessionError>;

    /// The logical views that a pattern matches, by device and measurement, each as the series that it is read as. None in a store
    /// that has no views.
    ///
    /// # Errors
    /// The store cannot say.
    async fn find_views(&self, _pattern: &PathPattern) -> Result<Vec<Series>, SessionError> {
        Ok(Vec::new())
    }

    /// The devices that a pattern matches, by path.
    ///
    /// # Errors
    /// The store cannot say.
    async fn find_devices(&self, pattern: &PathPattern) -> Result<Vec<Device>, SessionError>;

    /// All rows of some series, or views, of one device, by time: a column for each of `series`, in their order, named by its measurement.
    /// Times are those at which one of them has a value. Names are bound as they are, whatever they would mean in a statement.
    ///
    /// # Errors
    /// There is no such series, or the store cannot be read.
    async fn rows_of(&self, device: &Path, series: &[(Arc<str>, SeriesSchema)])
    -> Result<Rows, SessionError>;

    /// Follows the store: all rows that are stored, by anybody. The store keeps what `reader` has not settled, within a bound, also
    /// while nobody reads by that name; a name is read by one at a time.
    ///
    /// # Errors
    /// The session cannot follow, its user may not read everything, or somebody follows by this name.
    async fn follow(&self, reader: &str, _: FollowFrom) -> Result<Box<dyn Follow>, SessionError> {
        let message =
            format!("this store tells nobody of what is stored ({reader}): ask it every now and then");
        Err(SessionError::new(StatusCode::UNSUPPORTED_OPERATION, message))
    }

    /// Ends a query, of this session or another. Whoever reads its rows gets [`StatusCode::QUERY_WAS_KILLED`]; returns without
    /// waiting for that.
    ///
    /// # Errors
    /// No such query runs, the user of this session may not end it, or the session cannot end queries.
    async fn cancel(&self, query: QueryId) -> Result<(), SessionError> {
        let message = format!("this session cannot cancel the query {}: drop its rows", query.0);
        Err(SessionError::new(StatusCode::UNSUPPORTED_OPERATION, message))
    }

    /// The positions stored by an owner's writes: for every split the first that is not stored. Empty where there are
    /// none, or the session cannot store any.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn checkpoint(&self, owner: &str) -> Result<Checkpoint, SessionError>;

    /// Ends the conversation. Statements after it fail.
    ///
    /// # Errors
    /// The other side did not receive the request.
    async fn close(&self) -> Result<(), SessionError>;
}
