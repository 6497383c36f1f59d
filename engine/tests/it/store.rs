//! An engine in a folder of its own, and its answers as text.

use std::sync::Arc;

use futures::TryStreamExt;
use levada_engine::{Clock, EmbeddedSession, Engine, EngineError, EngineOptions};
use levada_model::{DataType, Outcome, Rows, Session, SessionError, Value};
use tempfile::TempDir;

/// The moment at which the peer's answers were recorded, in milliseconds.
pub(crate) const RECORDED: i64 = 1_795_247_808_670;

/// A clock that stands still.
#[derive(Debug)]
struct StoppedClock(i64);

impl Clock for StoppedClock {
    fn now(&self) -> i64 {
        self.0
    }
}

/// An engine that goes with its folder.
#[derive(Debug)]
pub(crate) struct Store {
    folder: TempDir,
    engine: Option<Engine>,
}

impl Store {
    pub(crate) fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let mut store = Self { folder, engine: None };
        store.reopen();
        store
    }

    /// Opens the folder again; the engine must have been closed or dropped.
    pub(crate) fn reopen(&mut self) {
        self.reopen_with(|_| {});
    }

    /// Opens the folder again, with other options; the engine must have been closed or dropped.
    pub(crate) fn reopen_with(&mut self, set: impl FnOnce(&mut EngineOptions)) {
        self.engine = None;
        self.engine = Some(self.try_open(set).expect("the folder opens"));
    }

    /// Another engine in the folder.
    pub(crate) fn try_open(&self, set: impl FnOnce(&mut EngineOptions)) -> Result<Engine, EngineError> {
        let mut options = EngineOptions::new(self.data());
        options.storage.clock = Arc::new(StoppedClock(RECORDED));
        set(&mut options);
        Engine::open(options)
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine.as_ref().expect("it is open")
    }

    /// The data folder.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn session(&self) -> EmbeddedSession {
        self.engine().session(None).expect("UTC exists")
    }
}

/// A result as text: `Time` is a column like the others, a null is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<String>,
    pub(crate) types: Vec<String>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
}

/// Runs a statement and reads all it gives.
pub(crate) async fn ask(session: &dyn Session, sql: &str) -> Result<Answer, SessionError> {
    match session.execute(sql).await? {
        Outcome::Done(_) => Ok(Answer::default()),
        Outcome::Rows(rows) => read(rows).await,
    }
}

pub(crate) async fn read(rows: Rows) -> Result<Answer, SessionError> {
    let time = rows.has_time.then(|| ("Time".to_owned(), DataType::Int64));
    let columns: Vec<(String, DataType)> = time
        .into_iter()
        .chain(rows.columns.into_iter().map(|column| (column.name, column.data_type)))
        .collect();
    let mut answer = Answer {
        columns: columns.iter().map(|(name, _)| name.clone()).collect(),
        types: columns.iter().map(|(_, data_type)| data_type.to_string()).collect(),
        rows: Vec::new(),
    };
    let batches: Vec<_> = rows.batches.try_collect().await?;
    for batch in batches {
        assert_eq!(batch.num_columns(), columns.len(), "a batch has the result's columns");
        for row in 0..batch.num_rows() {
            let cell = |(array, (_, data_type)): (_, &(String, DataType))| {
                Value::at(array, *data_type, row).map(|value| value.to_string())
            };
            answer.rows.push(batch.columns().iter().zip(&columns).map(cell).collect());
        }
    }
    Ok(answer)
}

/// Runs a statement that must succeed.
pub(crate) async fn done(session: &dyn Session, sql: &str) -> Answer {
    ask(session, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The rows of a query that must succeed, cells joined by commas, a null as `-`.
pub(crate) async fn rows(session: &dyn Session, sql: &str) -> Vec<String> {
    let answer = done(session, sql).await;
    let text = |row: Vec<Option<String>>| {
        row.into_iter().map(|cell| cell.unwrap_or_else(|| "-".to_owned())).collect::<Vec<_>>().join(",")
    };
    answer.rows.into_iter().map(text).collect()
}

/// Code and message of a statement that must fail.
pub(crate) async fn rejection(session: &dyn Session, sql: &str) -> (i32, String) {
    match ask(session, sql).await {
        Ok(answer) => panic!("{sql} was to be rejected, and gave {answer:?}"),
        Err(error) => (error.code.0, error.message),
    }
}
