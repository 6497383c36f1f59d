//! The embedded time-series engine: one facade over storage, SQL and queries.
//!
//! ```text
//!   Engine ── open / close / stats            one for each data folder
//!     ├ changes(reader, from) ─► ChangeFeed     all that is done to it, in order: pipes, queries that follow
//!     ├ run_pipes(runner)                     what is written here, sent to other servers
//!     ├ run_continuous_queries()              queries that run again and again
//!     └ session(zone) ─► EmbeddedSession      many; each a `levada_model::Session`
//!          insert_tablets ─────────────────► Storage      applied in the order of first polls, then durable
//!          execute ─► parse ─► gate ─┬─ changes ───► Storage
//!                                    └─ questions ─► Query ─► Rows, computed a step ahead of who reads them
//! ```
//!
//! Whoever has a pipeline, a shell or a server in front of the engine sees `Session` and never what is below it.
//!
//! # Invariants
//! * A statement or write that returned without an error is as durable as the [`SyncMode`] promises.
//! * No thread of the runtime is blocked: writes wait as futures, everything that may read or sync runs on the runtime's
//!   blocking threads, and no such thread is held while nobody reads a query's rows.
//! * A query sees the store as it was when it began.
//! * Nothing reaches rows or names but through the gate, which knows who asks and what they may do.
//!
//! ```
//! use levada_engine::{Engine, EngineOptions};
//! use levada_model::{Outcome, Session};
//!
//! # let folder = tempfile::tempdir()?;
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! let engine = Engine::open(EngineOptions::new(folder.path()))?;
//! let session = engine.session(None)?;
//! session.execute("insert into root.plant.d1(time, temperature) values (1, 21.5)").await?;
//! let Outcome::Rows(rows) = session.execute("select temperature from root.plant.d1").await? else {
//!     unreachable!("a query gives rows");
//! };
//! assert_eq!(rows.columns[0].name, "root.plant.d1.temperature");
//! engine.close().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod changes;
mod continuous;
mod document;
mod engine;
mod error;
pub mod expressions;
mod follow;
pub mod functions;
mod gate;
mod host;
mod known;
mod options;
mod pipes;
mod repair;
mod rows;
mod session;
mod statement;
pub mod tsfiles;
mod users;

pub use changes::{ChangeFeed, FeedMarker};
pub use continuous::ContinuousQueryInfo;
pub use engine::Engine;
pub use error::EngineError;
pub use host::Host;
pub use levada_sql::{node_sql, path_sql};
pub use levada_storage::{
    Access, Action, Change, ChangeKind, ChangesFrom, ChunksOf, Clock, Disk, Finding, HistoryMark,
    LockOutcome, NewSeries, ReadFile, ReaderInfo, SeriesChange, Severity, Stats, StorageError,
    StorageOptions, SyncMode, SystemClock, SystemDisk, WriteFile, check, repair,
};
pub use levada_tsfile::decompress_bytes;
pub use options::EngineOptions;
pub use pipes::{
    Origins, PipeDefinition, PipeInfo, PipeMessage, PipeRunner, PipeTarget, PipeTls, PipeWork, Received,
    Selection, Sender,
};
pub use session::{EmbeddedSession, is_query};
pub use statement::{Loaded, TextRow};
