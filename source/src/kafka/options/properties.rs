//! Which properties of librdkafka work: what the source depends on, and what this build can do.

use levada_connector_api::Problem;
use levada_kafka::properties;
use rdkafka::consumer::{BaseConsumer, DefaultConsumerContext};

use super::KafkaOptions;
use crate::kafka::client;

/// Properties that the source depends on.
const FIXED: [(&str, &str); 6] = [
    ("bootstrap.servers", "use `brokers`"),
    ("metadata.broker.list", "use `brokers`"),
    ("group.id", "use `group`"),
    ("enable.auto.commit", "offsets are committed when their rows are settled"),
    ("enable.auto.offset.store", "offsets are committed when their rows are settled"),
    ("enable.partition.eof", "the source must not have it"),
];

pub(super) fn problems(options: &KafkaOptions) -> Vec<Problem> {
    properties::problems(&options.properties, &FIXED, |given| {
        let options = KafkaOptions { properties: given.clone(), ..options.clone() };
        client::properties(&options).create::<BaseConsumer<DefaultConsumerContext>>().map(drop)
    })
}
