//! Pipelines at run time: topology, tasks, delivery ledger, dead letters, metrics, HTTP.
//!
//! ```text
//!   Pipeline (levada-config) ─┐
//!   Registry (connectors)    ─┼─▶ Runtime::start ─▶ RunningPipeline: stop, progress, wait ─▶ Report
//!   Stores (sessions)        ─┘        │
//!                                      ├─ one task for each node, bounded queues between them
//!                                      ├─ one ledger for each source
//!                                      └─ one writer of dead letters
//! ```
//!
//! Invariants:
//! - A source is told to settle a position only when all before it, in order of arrival, is delivered by every sink it
//!   reaches, or durably dead-lettered. A batch that gets lost on the way (a crash, an abort, a panic) holds its split's
//!   watermark where it is.
//! - A sink is given positions only when the dead letters of what could not be decoded or transformed before them are
//!   durable; so a sink that stores positions with its rows never stands beyond a record that is neither stored nor
//!   dead-lettered. For rows that the sink itself rejects this holds where it stores no positions with a batch of which it
//!   rejects rows: they are given to it again, alone, when the letters are durable.
//! - Memory is bounded: every edge by rows and bytes, a sink by one batch that is being filled, one that is full, and the
//!   writes under way.
//! - Errors that may pass are tried again for ever (or as long as `retry` says). An error of a sink about *data* that will
//!   not pass makes the whole batch rejected rows; any other error that will not pass stops the pipeline after draining.
//! - A split that a source gives up holds up no other. It is told once, in the log, by `/ready`, by a metric and in the
//!   report, and a run that ends with such splits is no complete one: [`Outcome::Partial`].
//! - Rejected records and rows go to the dead letters, unless the pipeline's `errors` say to drop them or to stop. Where no
//!   file is named they go to `dead-letters.jsonl` in the pipeline's state folder: nothing is lost silently.
//!
//! [`metrics`] names every metric and its unit.

mod batcher;
mod confluence;
mod continuous;
mod dead_letters;
mod disk;
mod families;
mod frontier;
pub mod http;
mod ledger;
mod memory;
pub mod metrics;
mod node;
pub mod offsets;
mod outlets;
mod parcel;
mod parts;
mod patience;
mod pipes;
mod queue;
mod rejections;
pub mod replay;
mod report;
mod resume;
mod retry;
mod running;
mod runtime;
mod saved;
mod shared;
mod state;
mod stores;
mod supervisor;
mod tap;
mod task;
mod topology;
pub mod transform;

pub use continuous::count_continuous_queries;
pub use disk::Disk;
pub use levada_connector::nodes::check_tls;
pub use node::{Counts, GivenUp, NodeKind, NodeState};
pub use pipes::{NodePipes, count_pipes};
pub use rejections::ReasonCount;
pub use report::{NodeReport, Outcome, PipelineProgress, Report};
pub use retry::Chance;
pub use running::{PipelineHandle, RunningPipeline};
pub use runtime::{Runtime, RuntimeOptions};
pub use shared::Deadlines;
pub use stores::{EngineStores, tune};
pub use tap::Tapped;
