//! Functions of queries: those there are, and what one of your own needs.
//!
//! ```
//! use std::sync::Arc;
//!
//! use arrow_array::{ArrayRef, Int64Array};
//! use levada_engine::{
//!     Engine, EngineOptions,
//!     functions::{FunctionDefinition, QueryError, RowFunction},
//! };
//! use levada_model::{DataType, Outcome, Session};
//!
//! #[derive(Debug)]
//! struct TimeOf;
//!
//! impl RowFunction for TimeOf {
//!     fn evaluate(&self, times: &Int64Array, _: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
//!         Ok(Arc::new(times.clone()))
//!     }
//! }
//!
//! # let folder = tempfile::tempdir()?;
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! let engine = Engine::open(EngineOptions::new(folder.path()))?;
//! engine.register_function(FunctionDefinition::row("time_of", "(any): INT64", "The time.", |_| {
//!     Ok((Arc::new(TimeOf), DataType::Int64))
//! }))?;
//! let session = engine.session(None)?;
//! session.execute("insert into root.a.d(time, s) values (7, 1)").await?;
//! let Outcome::Rows(rows) = session.execute("select Time_Of(s) from root.a.d").await? else {
//!     unreachable!("a query gives rows");
//! };
//! assert_eq!(rows.columns[0].data_type, DataType::Int64);
//! engine.drop_function("TIME_OF")?;
//! assert!(session.execute("select time_of(s) from root.a.d").await.is_err());
//! # engine.close().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod folder;
mod library;
mod registered;

pub use levada_query::{
    Accumulator, AggregateFunction, Call, Chunk, FunctionDefinition, FunctionKind, FunctionRegistry,
    InputRows, Needs, QueryError, RowFunction, SeriesFunction, array_of,
};
/// What functions of users are made of.
pub use levada_udf as udf;
pub use library::{builtin, reference};

pub use self::folder::functions_of;
pub(crate) use self::{folder::ModuleFolder, registered::Functions};
