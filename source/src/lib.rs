//! Sources: Kafka, files, simulated sensors.

pub mod decode;

use levada_connector_api::Registry;

/// Adds the sources and decoders of this crate.
pub fn register(registry: Registry) -> Registry {
    registry
        .with_decoder::<decode::JsonDecoder>()
        .with_decoder::<decode::CsvDecoder>()
        .with_decoder::<decode::LineDecoder>()
}
