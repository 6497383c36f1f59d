//! Where readings go: a store that speaks IoTDB, files, Kafka, standard output, nowhere.
//!
//! | sink | delivery | proven by |
//! | --- | --- | --- |
//! | [`iotdb`], embedded | exactly once: positions are stored with the rows | `the_embedded_store_passes_the_contract` |
//! | [`iotdb`], nodes | at least once; a row written again replaces itself | `a_remote_store_passes_the_contract` |
//! | [`file`](mod@file) | at least once: on disk before a batch counts as delivered | `files_pass_the_contract` |
//! | [`object_store`] | exactly once, once the next run has begun | `objects_pass_the_contract` |
//! | `kafka` | at least once: acknowledged by all replicas in sync | `kafka_passes_the_contract` |
//! | [`stdout`] | at least once, as far as whoever reads it | `standard_output_passes_the_contract` |
//! | [`blackhole`] | none: it counts and forgets | `the_black_hole_passes_the_contract` |
//!
//! Sinks know neither the engine nor the runtime: a store is a `Session` that the runtime opens for them; batching,
//! retries and dead letters happen around them.

#[cfg(feature = "kafka")]
pub mod avro;
pub mod blackhole;
pub mod file;
pub mod iotdb;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod lines;
pub mod object_store;
mod rejected;
pub mod stdout;
mod stream;
pub mod table;
mod template;

use levada_connector_api::Registry;

/// Adds the sinks and encoders of this crate.
#[must_use]
pub fn register(registry: Registry) -> Registry {
    let registry = registry
        .with_sink::<iotdb::Iotdb>()
        .with_sink::<file::File>()
        .with_sink::<object_store::ObjectStore>()
        .with_sink::<stdout::Stdout>()
        .with_sink::<blackhole::Blackhole>()
        .with_encoder::<lines::encoders::Jsonl>()
        .with_encoder::<lines::encoders::Csv>()
        .with_encoder::<lines::encoders::Line>()
        .with_encoder::<lines::encoders::Text>();
    #[cfg(feature = "kafka")]
    let registry = registry.with_sink::<kafka::Kafka>().with_encoder::<avro::Avro>();
    registry
}
