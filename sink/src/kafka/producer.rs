//! A client that sends, and the attempts at sending with it.

use std::{sync::Arc, time::Duration};

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};
use levada_kafka::{
    brokers,
    fault::{failure, is_lasting},
    reports::Reports,
};
use rdkafka::{
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseRecord, Producer as _, ThreadedProducer},
};

use super::{
    messages::Messages,
    options::KafkaOptions,
    reports::{Fates, Listener},
};

/// How long brokers may take to answer a client that connects.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A client that sends.
pub(super) struct Producer {
    client: ThreadedProducer<Listener>,
    fates: Arc<Fates>,
    reports: Arc<Reports>,
    /// The number of the next message.
    next: usize,
    /// No message is on its way.
    idle: bool,
}

/// What became of messages that were sent together.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Messages that brokers will never take, by their index, ascending, and why.
    pub(super) rejected: Vec<(usize, RDKafkaErrorCode)>,
    /// Messages that were rejected together, one of them at least for good: by their index, ascending.
    pub(super) doubtful: Vec<(usize, RDKafkaErrorCode)>,
}

impl Producer {
    /// A client. Connects in the background.
    ///
    /// # Errors
    /// The options do not work together.
    pub(super) fn new(node: &str, options: &KafkaOptions) -> Result<Self> {
        let (fates, reports) = (Arc::<Fates>::default(), Arc::new(Reports::new(node)));
        let listener = Listener { fates: Arc::clone(&fates), reports: Arc::clone(&reports) };
        let mut config = options.client();
        config
            .set("bootstrap.servers", brokers::joined(&options.brokers))
            .set_log_level(RDKafkaLogLevel::Info);
        let client =
            config.create_with_context(listener).map_err(|error| Error::config(error.to_string()))?;
        Ok(Self { client, fates, reports, next: 0, idle: true })
    }

    /// Waits until a broker answers. Blocks.
    ///
    /// # Errors
    /// None does; that stays so where the reason is a password or a certificate.
    pub(super) fn answers(&self, within: Duration) -> Result<()> {
        match self.client.client().fetch_cluster_id(within.min(REQUEST_TIMEOUT)) {
            Some(_) => Ok(()),
            None => Err(self.unreachable(RDKafkaErrorCode::OperationTimedOut)),
        }
    }

    /// Sends messages, and waits for what becomes of each. Dropped, it leaves that open.
    ///
    /// # Errors
    /// Messages were not delivered, and brokers did not reject them for good: all have to be sent again.
    pub(super) async fn send(&mut self, messages: &Messages, which: &[usize]) -> Result<Outcome> {
        self.fates.begin(self.next);
        self.idle = false;
        let mut outcome = Outcome::default();
        for &index in which {
            self.fates.sending();
            let number = self.next;
            self.next = self.next.wrapping_add(1);
            if let Err(error) = self.enqueue(messages, index, number).await {
                self.fates.not_sent();
                match error.rdkafka_error_code() {
                    Some(code) if is_data(code) => outcome.rejected.push((index, code)),
                    _ => return Err(failure("messages cannot be sent", &error)),
                }
            }
        }
        let mut failed = self.fates.settled().await;
        self.idle = true;
        failed.sort_unstable_by_key(|(index, _)| *index);
        // Of several reasons the one that somebody has to do something about.
        let worst = failed
            .iter()
            .map(|(_, code)| *code)
            .filter(|code| !is_data(*code))
            .max_by_key(|code| rank(*code));
        if let Some(code) = worst {
            return Err(self.failed(code));
        }
        self.reports.reached();
        for (at, code) in failed {
            let Some(&index) = which.get(at) else { continue };
            match code {
                RDKafkaErrorCode::InvalidRecord => outcome.rejected.push((index, code)),
                _ => outcome.doubtful.push((index, code)),
            }
        }
        Ok(outcome)
    }

    /// Hands a message to librdkafka, waiting for room.
    async fn enqueue(&self, messages: &Messages, index: usize, number: usize) -> Result<(), KafkaError> {
        let Some((address, value)) = messages.get(index) else { return Ok(()) };
        let record = || {
            let record = BaseRecord::with_opaque_to(&address.topic, number).payload(value);
            let record = match &address.key {
                Some(key) => record.key(key.as_str()),
                None => record,
            };
            match address.headers() {
                Some(headers) => record.headers(headers),
                None => record,
            }
        };
        let mut wanted = false;
        loop {
            match self.client.send(record()) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) if wanted => {
                    self.fates.room().await;
                    wanted = false;
                }
                // What was reported in the meantime may have made room.
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    self.fates.want_room();
                    wanted = true;
                }
                Err((error, _)) => return Err(error),
            }
        }
    }

    /// Whether another has to take its place: it can do nothing more, or has messages that nobody waits for.
    pub(super) fn is_spent(&self) -> bool {
        !self.idle || self.client.client().fatal_error().is_some()
    }

    /// Why messages failed that may yet be delivered.
    fn failed(&self, code: RDKafkaErrorCode) -> Error {
        use RDKafkaErrorCode as Code;
        match code {
            Code::UnknownTopic | Code::UnknownTopicOrPartition => Error::new(
                ErrorKind::NotFound,
                Domain::User,
                Retry::Never,
                "the topic does not exist, and the brokers make none by themselves: create it",
            ),
            Code::MessageTimedOut => self.unreachable(code),
            code if is_lasting(code) => failure("messages cannot be sent", &KafkaError::Global(code)),
            code => Error::connection(format!("messages were not delivered: {}", KafkaError::Global(code))),
        }
    }

    /// No broker answers, and why, as far as that is known.
    fn unreachable(&self, code: RDKafkaErrorCode) -> Error {
        match self.reports.trouble() {
            Some(trouble) if trouble.is_lasting() || trouble.all_down => {
                let what = format!("no broker is reached: {}", trouble.reason);
                match trouble.code {
                    Some(code) if trouble.is_lasting() => failure(&what, &KafkaError::Global(code)),
                    _ => Error::connection(what),
                }
            }
            Some(trouble) => Error::connection(format!("brokers do not answer in time: {}", trouble.reason)),
            None => failure("brokers do not answer in time", &KafkaError::Global(code)),
        }
    }
}

/// Whether an error is the message's own, or that of one that was sent along with it: sent again alone, it fails for good or not at all.
fn is_data(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(
        code,
        Code::MessageSizeTooLarge
            | Code::InvalidMessageSize
            | Code::InvalidRecord
            | Code::InvalidDifferentRecord
            | Code::InvalidTimestamp
            | Code::InvalidTopic
            | Code::PolicyViolation
            | Code::MessageBatchTooLarge
    )
}

/// The more, the more somebody has to do something about it.
fn rank(code: RDKafkaErrorCode) -> u8 {
    match code {
        code if is_lasting(code) => 2,
        RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition => 1,
        _ => 0,
    }
}
