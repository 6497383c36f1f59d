//! `iotdb`: a store that speaks IoTDB, embedded or remote.
//!
//! ```text
//!   Batch ──▶ tablets, devices under `database` ──▶ Session::insert_tablets ──▶ rejected rows ──▶ Delivery
//!         └─▶ positions, owner ──────────────────▶  (embedded: in the same log record as the rows)
//! ```
//!
//! # Delivery
//!
//! *Embedded*: exactly once. The rows and the positions they stand for are stored in one atomic step; after a crash the
//! source goes on from [`Sink::checkpoint`](levada_connector_api::Sink::checkpoint). Writes are applied in the order in
//! which they were begun. Proven by `the_embedded_store_passes_the_contract`.
//!
//! *Nodes*: at least once. A batch whose answer was lost is written again, and each of its rows then replaces itself,
//! as a row is known by its series and time. A device's rows are applied in the order in which their writes were begun, those of
//! different devices at once. Proven by `a_remote_store_passes_the_contract` and, over a connection,
//! `the_sink_keeps_its_contract_over_a_connection`.
//!
//! A batch counts as delivered when the store has answered. Rows that the store will never take (a type that does not
//! fit, older than the time to live) are rejected one by one and do not hold up the others. So are, at nodes, those at which a
//! server hangs up, or fails and does not say that they are why, each time.
//!
//! # What it does not do
//!
//! It creates no series beyond `timeseries` and checks no types: the store creates what is missing by the types of the
//! rows and casts values to the types of series that exist, where that changes no value.

mod devices;
mod options;
mod rejections;
mod schema;
mod sessions;
mod sink;

pub use options::{IotdbOptions, TimeseriesOption};
pub use sink::{Iotdb, IotdbSink};
