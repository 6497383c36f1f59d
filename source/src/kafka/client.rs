//! The client: its properties, and what it reports.

use std::mem;

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};
use parking_lot::Mutex;
use rdkafka::{
    ClientConfig, ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    types::RDKafkaRespErr,
};

use super::{Setup, instance, native};

/// A consumer that reports to a [`Listener`].
pub(super) type Client = BaseConsumer<Listener>;

/// A change of the assignment that waits for the reading thread.
#[derive(Debug)]
pub(super) enum Change {
    Assign(Vec<(String, i32)>),
    Revoke(Vec<(String, i32)>),
}

/// Takes note of what librdkafka reports while it is polled.
#[derive(Debug, Default)]
pub(super) struct Listener {
    state: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    changes: Vec<Change>,
    commit_failed: bool,
    /// The thread has gone: whatever is revoked is let go at once.
    closing: bool,
    last_error: Option<String>,
}

impl Listener {
    pub(super) fn take_changes(&self) -> Vec<Change> {
        mem::take(&mut self.state.lock().changes)
    }

    pub(super) fn take_commit_failed(&self) -> bool {
        mem::take(&mut self.state.lock().commit_failed)
    }

    pub(super) fn close(&self) {
        self.state.lock().closing = true;
    }

    pub(super) fn last_error(&self) -> Option<String> {
        self.state.lock().last_error.clone()
    }
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error => {
                tracing::warn!(facility, message, "librdkafka");
            }
            RDKafkaLogLevel::Warning | RDKafkaLogLevel::Notice => {
                tracing::info!(facility, message, "librdkafka")
            }
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(facility, message, "librdkafka")
            }
        }
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "kafka");
        self.state.lock().last_error = Some(reason.to_owned());
    }
}

impl ConsumerContext for Listener {
    fn rebalance(&self, client: &Client, event: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions = list
            .elements()
            .iter()
            .map(|each| (each.topic().to_owned(), each.partition()))
            .collect::<Vec<_>>();
        let mut state = self.state.lock();
        if state.closing {
            drop(state);
            if event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS
                && let Err(error) = let_go(client, list)
            {
                tracing::debug!(%error, "letting go while closing");
            }
            return;
        }
        match event {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                state.changes.push(Change::Assign(partitions))
            }
            _ => state.changes.push(Change::Revoke(partitions)),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, _: &TopicPartitionList) {
        // That there was nothing to commit is no failure.
        if let Err(error) = result
            && error.rdkafka_error_code() != Some(RDKafkaErrorCode::NoOffset)
        {
            tracing::warn!(%error, "a commit failed; the next makes up for it");
            self.state.lock().commit_failed = true;
        }
    }
}

/// Takes partitions on, to be read from the offsets in the list.
pub(super) fn take_on(client: &Client, list: &TopicPartitionList) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_assign(list),
        _ => client.assign(list),
    }
}

/// Lets partitions go.
pub(super) fn let_go(client: &Client, list: &TopicPartitionList) -> KafkaResult<()> {
    match client.rebalance_protocol() {
        RebalanceProtocol::Cooperative => client.incremental_unassign(list),
        _ => client.unassign(),
    }
}

/// The client of a source. Nothing is sent yet.
pub(super) fn make(setup: &Setup) -> Result<Client> {
    native::keep_freed_memory();
    let options = &setup.options;
    let mut config = ClientConfig::new();
    let ahead_kib = (options.ahead.0 >> 10).max(1).to_string();
    let member = instance::id(&setup.state_dir, &setup.pipeline, &setup.node)?;
    // What the user may change.
    for (name, value) in [
        ("client.id", "levada"),
        ("group.instance.id", member.as_str()),
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
    for (name, value) in &options.properties {
        config.set(name, value.text());
    }
    config
        .set("bootstrap.servers", options.brokers.as_slice().join(","))
        .set("group.id", &options.group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // The end of a partition must not come as a message: taking many at once, librdkafka (2.12.1) counts it as one that
        // was read, and after the next change of the assignment goes on behind the message that takes its offset.
        .set("enable.partition.eof", "false");
    config.create_with_context(Listener::default()).map_err(|error| Error::config(error.to_string()))
}

/// A client's error as one of ours: only what is fatal for the client ends the source.
pub(super) fn failure(what: &str, error: &KafkaError) -> Error {
    use RDKafkaErrorCode as Code;
    let (kind, domain, retry) = match error.rdkafka_error_code() {
        Some(
            Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed,
        ) => (ErrorKind::Auth, Domain::User, Retry::Never),
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
