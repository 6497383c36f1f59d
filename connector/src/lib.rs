//! The connector to IoTDB for programs: what Flink's connector does, as a Rust API, without the runtime of pipelines.
//!
//! ```text
//!   IotdbSink     items ─▶ schema ─▶ Event ─▶ lane of its device: a buffer ─▶ sessions ─▶ IoTDB      rejected rows come back
//!   IotdbSource   statement ─▶ record batches ─▶ Row ─▶ convert ─▶ items
//! ```
//!
//! Both talk to nodes of an IoTDB from 0.12 on, or to any [`Session`](model::Session): that of an embedded engine. The programs in
//! `examples/` are the smallest whole ones.
//!
//! Invariants: the rows of a device are written in the order in which they were sent. A row stays in its buffer until it is
//! written. `flush` and `close` report what failed.

mod event;
mod lane;
mod map;
pub mod nodes;
mod row;
mod sink;
mod sink_builder;
mod source;
mod target;

pub use event::{Event, EventValue, Rejected, SerializationSchema};
pub use levada_connector_api::{Error, ErrorKind, Result, model};
pub use levada_sink::iotdb::TimeseriesOption;
pub use map::MapSchema;
pub use row::Row;
pub use sink::IotdbSink;
pub use sink_builder::IotdbSinkBuilder;
pub use source::{IotdbSource, IotdbSourceBuilder};
