//! How clients are made: their properties.

use levada_connector_api::{Error, Result};
use levada_kafka::brokers;
use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use super::{
    KafkaOptions, Setup,
    listener::{Client, Listener},
    native,
};

/// The client of a source that reads. Nothing is sent yet.
pub(super) fn make(setup: &Setup, member: String) -> Result<Client> {
    native::keep_freed_memory();
    create(setup, Some(member))
}

/// The client of somebody who looks at offsets and is no member of the group. Nothing is sent yet.
pub(super) fn make_onlooker(setup: &Setup) -> Result<Client> {
    create(setup, None)
}

fn create(setup: &Setup, member: Option<String>) -> Result<Client> {
    let mut config = properties(&setup.options);
    config
        .set("bootstrap.servers", brokers::joined(&setup.options.brokers))
        // That a topic was made anew is told in a line of this level: see `Listener`.
        .set_log_level(RDKafkaLogLevel::Debug);
    match member {
        None => {
            config.remove("group.instance.id");
        }
        Some(member) if config.get("group.instance.id").is_none() => {
            config.set("group.instance.id", member);
        }
        Some(_) => {}
    }
    let listener = Listener::new(&setup.node);
    config.create_with_context(listener).map_err(|error| Error::config(error.to_string()))
}

/// All properties but those that say where the brokers are and who this is.
pub(super) fn properties(options: &KafkaOptions) -> ClientConfig {
    let mut config = ClientConfig::new();
    let ahead_kib = (options.ahead.0 >> 10).max(1).to_string();
    // What the user may change.
    for (name, value) in [
        ("client.id", "levada"),
        ("partition.assignment.strategy", "cooperative-sticky"),
        // A member that is gone for good gives its partitions up after this; heartbeats come every second.
        ("session.timeout.ms", "10000"),
        ("heartbeat.interval.ms", "1000"),
        ("queued.max.messages.kbytes", &ahead_kib),
        ("queued.min.messages", "100000"),
        // A full queue would otherwise stop fetching for a whole second.
        ("fetch.queue.backoff.ms", "2"),
        ("fetch.wait.max.ms", "100"),
        ("fetch.error.backoff.ms", "200"),
        // Of each partition in one answer, whose messages take three times as much while they wait; a larger message comes alone.
        ("fetch.message.max.bytes", "2097152"),
        // Messages of 20 MB and more.
        ("fetch.max.bytes", "67108864"),
        ("receive.message.max.bytes", "100000000"),
        ("reconnect.backoff.max.ms", "2000"),
        ("topic.metadata.refresh.interval.ms", "30000"),
        ("auto.offset.reset", "earliest"),
        ("allow.auto.create.topics", "false"),
    ] {
        config.set(name, value);
    }
    levada_kafka::properties::apply(&options.properties, &mut config);
    let debug = options.properties.get("debug").map(|wanted| format!("{},topic", wanted.text()));
    config
        .set("debug", debug.as_deref().unwrap_or("topic"))
        .set("group.id", &options.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // The end of a partition must not come as a message: taking many at once, librdkafka (2.12.1) counts it as one that
        // was read, and after the next change of the assignment goes on behind the message that takes its offset.
        .set("enable.partition.eof", "false");
    config
}
