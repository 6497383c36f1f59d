//! Sources: Kafka, MQTT, HTTP, files, queries, simulated sensors; and the decoders that make rows of their records.
//!
//! ```text
//!   sensor   rows from nothing                   split: the node         position: row
//!   file     lines ──▶ decoder ──▶ BatchBuilder  split: the file         position: byte
//!   iotdb    queries ──▶ record batches       split: a device         position: time
//!   kafka    messages ──▶ decoder ──▶ BatchBuilder   split: a partition  position: offset
//!   http     bodies ──▶ decoder ──▶ BatchBuilder     split: the node     position: running number
//!   mqtt     messages ──▶ decoder ──▶ BatchBuilder   split: the node     position: running number
//! ```
//!
//! Invariants: what blocks runs on a thread of its own, behind a bounded queue; positions of a split are handed out
//! without gaps; nothing is committed that was not settled.

mod feed;
mod tls;

pub mod decode;
pub mod file;
pub mod http;
pub mod iotdb;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod mqtt;
pub mod sensor;

use levada_connector_api::Registry;

pub use levada_connector_api::TextList;

/// Adds the sources and decoders of this crate.
pub fn register(registry: Registry) -> Registry {
    let registry = registry
        .with_decoder::<decode::JsonDecoder>()
        .with_decoder::<decode::CsvDecoder>()
        .with_decoder::<decode::LineDecoder>()
        .with_decoder::<decode::InfluxDecoder>()
        .with_decoder::<decode::AvroDecoder>()
        .with_source::<file::FileSource>()
        .with_source::<iotdb::QuerySource>()
        .with_source::<http::HttpSource>()
        .with_source::<mqtt::MqttSource>()
        .with_source::<sensor::SensorSource>();
    #[cfg(feature = "kafka")]
    let registry = registry.with_source::<kafka::KafkaSource>();
    registry
}
