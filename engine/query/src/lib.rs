//! Queries: binding, planning, vectorised operators, functions.
//!
//! ```text
//!   Statement ──plan──▶ Plan { columns, tree of nodes } ──execute──▶ Rows: Iterator<RecordBatch>
//!       │                  │                              │
//!     names, types      scans of a View, joined by time,  operators, which pull from each other
//!                       filtered, computed, sorted, …
//! ```
//!
//! A query works on one [`View`](levada_storage::View), which does not change under it. It is pulled: a batch is computed
//! when it is asked for, on the thread that asks, and dropping [`Rows`] ends it. Another
//! thread ends it through [`QueryContext::cancellation`], within a batch of rows or windows. What an operator must hold (a sort's
//! rows, say) is counted against [`QueryContext::memory`].
//!
//! Functions are looked up in one registry, which a query's context holds: [`FunctionRegistry`].
//!
//! The expressions of `SELECT` and `WHERE` also run on tablets in motion: [`RowExpressions`].
//!
//! Invariants: values move in Arrow arrays of the type that belongs to their column; times within a stream grow (or fall)
//! strictly, save where rows of several devices stand together or rows are sorted by something else.

mod aggregate;
mod aggregate_call;
mod bind;
mod builtin;
mod cancellation;
mod chunk;
mod context;
mod error;
mod execute;
mod explain;
mod expression;
mod functions;
mod node;
mod operator;
mod plan;
mod registry;
mod row_calls;
mod row_expressions;
mod select;
mod series_functions;
mod show;
mod statement;
mod udf;
mod views;
mod window;

pub use aggregate::{Accumulator, AggregateFunction, InputRows, Needs, array_of};
pub use aggregate_call::AggregateCall;
pub use cancellation::Cancellation;
pub use chunk::Chunk;
pub use context::{QueryContext, SchemaOrder};
pub use error::QueryError;
pub use expression::RowFunction;
pub use plan::{Plan, Rows};
pub use registry::{Call, FunctionDefinition, FunctionKind, FunctionRegistry, SeriesFunction};
pub use row_calls::SeriesCall;
pub use row_expressions::{RowExpressions, RowSchema};
pub use select::IntoSeries;
pub use statement::{plan, plan_into};
pub use views::{define_views, names_with_views, with_views};
