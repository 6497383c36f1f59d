//! The client: its properties, and what is done with it.

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};
use rdkafka::{
    ClientConfig, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, RebalanceProtocol},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};

use super::{KafkaOptions, Setup, listener::Listener, native};

/// A consumer that reports to a [`Listener`].
pub(super) type Client = BaseConsumer<Listener>;

/// Takes partitions on, to be read from the offsets in the list.
pub(super) fn take_on(client: &Client, list: &TopicPartitionList) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_assign(list),
        _ => client.assign(list),
    }
}

/// Lets partitions go, those of them that were taken on: one that was given up before is not, and librdkafka would take the whole
/// list for wrong and wait for another.
pub(super) fn let_go(client: &Client, list: &TopicPartitionList) -> KafkaResult<()> {
    if !matches!(client.rebalance_protocol(), RebalanceProtocol::Cooperative) {
        return client.unassign();
    }
    let assigned = client.assignment()?;
    let mut held = TopicPartitionList::with_capacity(list.count());
    for each in list.elements() {
        if assigned.find_partition(each.topic(), each.partition()).is_some() {
            held.add_partition(each.topic(), each.partition());
        }
    }
    client.incremental_unassign(&held)
}

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
        .set("bootstrap.servers", setup.options.brokers.as_slice().join(","))
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
        // Messages of 20 MB and more.
        ("fetch.message.max.bytes", "8388608"),
        ("fetch.max.bytes", "67108864"),
        ("receive.message.max.bytes", "100000000"),
        ("reconnect.backoff.max.ms", "2000"),
        ("topic.metadata.refresh.interval.ms", "30000"),
        ("auto.offset.reset", "earliest"),
        ("allow.auto.create.topics", "false"),
    ] {
        config.set(name, value);
    }
    // The TLS library is part of the binary and knows none of the system's folders: its certificates are searched for.
    if !options.properties.keys().any(|name| name.starts_with("ssl.ca.")) {
        config.set("ssl.ca.location", "probe");
    }
    for (name, value) in &options.properties {
        config.set(name, value.text());
    }
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

/// Whether an error stays until somebody changes something: a right, a password, a certificate.
pub(super) fn is_lasting(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::UnsupportedSASLMechanism
            | Code::SSL
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::NotImplemented
            | Code::UnsupportedFeature
    )
}

/// A client's error as one of ours: only what is fatal for the client ends the source.
pub(super) fn failure(what: &str, error: &KafkaError) -> Error {
    use RDKafkaErrorCode as Code;
    let (kind, domain, retry) = match error.rdkafka_error_code() {
        Some(Code::NotImplemented | Code::UnsupportedFeature) => {
            (ErrorKind::Refused, Domain::User, Retry::Never)
        }
        Some(code) if is_lasting(code) => (ErrorKind::Auth, Domain::User, Retry::Never),
        Some(Code::FencedInstanceId) => {
            let message = format!(
                "{what}: another process has the same member id; two processes must not share, nor copy, a state folder"
            );
            return Error::new(ErrorKind::Refused, Domain::User, Retry::Never, message);
        }
        Some(Code::OperationTimedOut | Code::RequestTimedOut) => {
            (ErrorKind::Timeout, Domain::External, Retry::Later)
        }
        Some(Code::Fatal) => (ErrorKind::Refused, Domain::External, Retry::Never),
        _ => (ErrorKind::Connection, Domain::External, Retry::Later),
    };
    Error::new(kind, domain, retry, format!("{what}: {error}"))
}
