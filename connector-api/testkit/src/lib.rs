//! What connectors and the runtime are tested with: contract suites that every connector passes, and parts whose
//! behaviour is written down beforehand.
//!
//! ```text
//!   source_contract(harness)   reads, cancels, restarts a source and compares the rows with the input
//!   sink_contract(harness)     writes, cancels, breaks, heals, restarts a sink and compares the rows at its destination
//!   SourceScript               a source: these batches, errors and waits; remembers what was settled
//!   ScriptedSink               a sink: fails, stalls, rejects, heals, as told; remembers every row and its order
//!   SimulatedStore             a store in memory behind `Session`, with errors to inject
//! ```
//!
//! This is test code: it panics with a message that says what was expected. Waiting is done on tokio's clock, which a
//! test may pause; nothing here sleeps on a clock of its own.

mod fault;
mod positions;
mod rows;
mod scripted_sink;
mod scripted_source;
mod sink_contract;
mod source_contract;
mod store;

pub use fault::Fault;
pub use rows::{NUMBER, Row, TEMPERATURE, numbered, rows_of};
pub use scripted_sink::{Reaction, ScriptedOptions, ScriptedSink};
pub use scripted_source::{ScriptedSource, SourceScript, Step};
pub use sink_contract::{BadRows, SinkHarness, Trouble, sink_contract};
pub use source_contract::{SourceHarness, source_contract};
pub use store::{SimulatedSession, SimulatedStore};
