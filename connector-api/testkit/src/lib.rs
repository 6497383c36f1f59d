//! What connectors and the runtime are tested with: contract suites that every connector passes, and parts whose
//! behaviour is written down beforehand.
//!
//! ```text
//!   source_contract(harness)   reads, cancels, restarts a source and compares the rows with the input
//!   sink_contract(harness)     writes, cancels, breaks, heals, restarts a sink and compares the rows at its destination
//!   transform_contract(…)      cuts a transform at every batch, gives it its state back and compares what it emits
//!   SourceScript               a source: these batches, errors and waits; remembers what was settled
//!   ScriptedSink               a sink: fails, stalls, rejects, heals, as told; remembers every row and its order
//!   HoldRows, HoldState        transforms that hold rows: without saving them, and with a saved state
//!   SimulatedStore             a store in memory behind `Session`, with errors to inject
//!   SimulatedRegistry          a schema registry in this process
//!   free_address()             an address for a server
//! ```
//!
//! # A connector of your own
//!
//! Tell the suite how to get at it, and run the suite in a test. A sink that keeps rows in memory, for example:
//!
//! ```
//! use std::sync::{Arc, Mutex};
//!
//! use async_trait::async_trait;
//! use levada_connector_api::{Batch, Delivery, Result, Sink};
//! use levada_testkit::{Row, SinkHarness, rows_of, sink_contract};
//!
//! #[derive(Clone, Default)]
//! struct Kept(Arc<Mutex<Vec<Row>>>);
//!
//! #[async_trait]
//! impl Sink for Kept {
//!     async fn connect(&self) -> Result<()> {
//!         Ok(())
//!     }
//!
//!     async fn write(&self, batch: &Batch) -> Result<Delivery> {
//!         self.0.lock().expect("nobody panicked").extend(rows_of(batch));
//!         Ok(Delivery::default())
//!     }
//!
//!     async fn close(&self) -> Result<()> {
//!         Ok(())
//!     }
//! }
//!
//! struct Harness(Kept);
//!
//! #[async_trait]
//! impl SinkHarness for Harness {
//!     async fn fresh(&mut self) {
//!         self.0 = Kept::default();
//!     }
//!
//!     fn sink(&mut self) -> Arc<dyn Sink> {
//!         Arc::new(self.0.clone())
//!     }
//!
//!     async fn stored(&mut self) -> Option<Vec<Row>> {
//!         Some(self.0.0.lock().expect("nobody panicked").clone())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! sink_contract(&mut Harness(Kept::default())).await;
//! # }
//! ```
//!
//! This is test code: it panics with a message that says what was expected. Waiting is done on tokio's clock, which a
//! test may pause; nothing here sleeps on a clock of its own.

mod addresses;
mod fault;
mod holding;
mod positions;
mod registry;
mod rows;
mod scripted_sink;
mod scripted_source;
mod scripts;
mod sink_contract;
mod source_contract;
mod store;
mod transform_contract;

pub use addresses::free_address;
pub use fault::Fault;
pub use holding::{HoldOptions, HoldRows, HoldState};
pub use registry::SimulatedRegistry;
pub use rows::{NUMBER, Row, TEMPERATURE, numbered, rows_of};
pub use scripted_sink::{Reaction, ScriptedSink};
pub use scripted_source::{ScriptedSource, SourceScript, Step};
pub use scripts::ScriptedOptions;
pub use sink_contract::{BadRows, SinkHarness, Trouble, sink_contract};
pub use source_contract::{SourceHarness, source_contract};
pub use store::{SimulatedSession, SimulatedStore};
pub use transform_contract::transform_contract;
