//! What librdkafka reports while it is polled, and on threads of its own.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use levada_connector_api::Repeats;
use parking_lot::Mutex;
use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    types::RDKafkaRespErr,
};

use super::{faults::is_lasting, held::let_go, identity::TopicId};

/// A consumer that reports to a [`Listener`].
pub(super) type Client = BaseConsumer<Listener>;

/// What is reported again and again has a line in the log that often.
const SAID_EVERY: Duration = Duration::from_secs(60);
/// Kinds of reports that are told apart.
const KINDS: usize = 256;

/// A change of the assignment that waits for the reading thread.
#[derive(Debug)]
pub(super) enum Change {
    Assign(Vec<(String, i32)>),
    Revoke(Vec<(String, i32)>),
}

/// Takes note of what librdkafka reports.
///
/// librdkafka fetches from a topic by its id. When it learns that the name stands for another id, it says so in a line of
/// its log, on the thread that goes on to fetch from the new topic: what is in the queue when nothing was noted yet is of the
/// old topic.
#[derive(Debug)]
pub(super) struct Listener {
    node: Arc<str>,
    state: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    changes: Vec<Change>,
    commit_failed: bool,
    /// The thread has gone: whatever is revoked is let go at once.
    closing: bool,
    /// What kept a broker from being reached, last.
    trouble: Option<Trouble>,
    /// Topics whose names stand for others since they were last taken.
    remade: BTreeSet<String>,
    /// By what they are about.
    repeats: BTreeMap<String, Repeats>,
}

/// What keeps brokers from being reached.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    pub(super) code: Option<RDKafkaErrorCode>,
    pub(super) reason: String,
    /// No broker at all is reached.
    pub(super) all_down: bool,
}

impl Trouble {
    /// Whether it stays until somebody changes something. A broker that restarts breaks handshakes off, too.
    pub(super) fn is_lasting(&self) -> bool {
        let broken_off = ["Disconnected", "transport error", "reset by peer"];
        self.code.is_some_and(is_lasting)
            && !(self.code == Some(RDKafkaErrorCode::SSL)
                && broken_off.iter().any(|text| self.reason.contains(text)))
    }
}

impl Listener {
    pub(super) fn new(node: &str) -> Self {
        Self { node: node.into(), state: Mutex::default() }
    }

    pub(super) fn take_changes(&self) -> Vec<Change> {
        mem::take(&mut self.state.lock().changes)
    }

    pub(super) fn take_commit_failed(&self) -> bool {
        mem::take(&mut self.state.lock().commit_failed)
    }

    pub(super) fn close(&self) {
        self.state.lock().closing = true;
    }

    /// What keeps brokers from being reached, if anything.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.state.lock().trouble.clone()
    }

    /// A broker was reached: what kept it before is over.
    pub(super) fn reached(&self) {
        self.state.lock().trouble = None;
    }

    /// The topics whose names stand for others than they did, until they are taken.
    pub(super) fn remade(&self) -> BTreeSet<String> {
        self.state.lock().remade.clone()
    }

    pub(super) fn take_remade(&self) -> BTreeSet<String> {
        mem::take(&mut self.state.lock().remade)
    }

    /// Tells of a fault at once, and of its repetitions once in a while, with their number.
    pub(super) fn warn(&self, key: &str, text: &str) {
        let mut state = self.state.lock();
        if state.repeats.len() >= KINDS && !state.repeats.contains_key(key) {
            state.repeats.clear();
        }
        let repeats = state.repeats.entry(key.to_owned()).or_insert(Repeats::new(SAID_EVERY));
        let said = repeats.note(1, Instant::now());
        drop(state);
        match said {
            Some(1) => tracing::warn!(node = %self.node, error = text, "kafka"),
            Some(times) => tracing::warn!(node = %self.node, error = text, times, "kafka"),
            None => {}
        }
    }
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if let Some(topic) = remade(message) {
            self.state.lock().remade.insert(topic.to_owned());
        }
        match level {
            // What fails on the way to a broker comes as an error, too.
            _ if matches!(facility, "FAIL" | "ERROR") => tracing::debug!(facility, message, "librdkafka"),
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => self.warn(facility, message),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(facility, message, "librdkafka");
            }
        }
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code();
        let mut state = self.state.lock();
        let all_down = code == Some(RDKafkaErrorCode::AllBrokersDown);
        let before = state.trouble.take();
        // That all are down says nothing of the reason, which came before.
        state.trouble = Some(match before {
            Some(before) if all_down => Trouble { all_down, ..before },
            // A failed attempt may be told of in two errors, the second after all were down.
            Some(before) if before.all_down && before.is_lasting() => before,
            _ => Trouble { code, reason: reason.to_owned(), all_down },
        });
        drop(state);
        let key = code.map_or_else(String::new, |code| format!("{code:?}"));
        self.warn(&key, reason);
    }
}

/// The topic that a line of the log says was made anew: `Topic t changed id from X to Y`. At first sight there is no id to
/// change from.
fn remade(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once("Topic ")?;
    let (topic, rest) = rest.split_once(" changed id from ")?;
    let (before, after) = rest.split_once(" to ")?;
    (TopicId::new(before).is_some() && TopicId::new(before) != TopicId::new(after)).then_some(topic)
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
            self.warn("commit", &format!("a commit failed; the next makes up for it: {error}"));
            self.state.lock().commit_failed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_made_anew_is_told_from_one_seen_first() {
        let (zero, old, new) = ("AAAAAAAAAAAAAAAAAAAAAA", "lYxWcQ0dSeuZ2Tpqzv0W4A", "b8tRS7h4TJ2Vt43Dp85v2A");
        let line = |from, to| format!("[thrd:main]: Topic a.b-c changed id from {from} to {to}");
        assert_eq!(remade(&line(old, new)), Some("a.b-c"));
        assert_eq!(remade(&line(zero, new)), None);
        assert_eq!(remade(&line(old, old)), None);
        assert_eq!(remade("Topic t [0] Leader 1 Epoch 0"), None);
    }

    #[test]
    fn the_reason_that_brokers_are_not_reached_outlives_that_they_are_all_down() {
        let listener = Listener::new("in");
        let report = |code, reason: &str| listener.error(KafkaError::Global(code), reason);
        report(RDKafkaErrorCode::Authentication, "wrong password");
        assert!(listener.trouble().is_some_and(|trouble| trouble.is_lasting() && !trouble.all_down));
        report(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down");
        let trouble = listener.trouble().expect("trouble");
        assert!(trouble.is_lasting() && trouble.all_down, "{trouble:?}");
        assert_eq!(trouble.reason, "wrong password");
        report(RDKafkaErrorCode::BrokerTransportFailure, "the same, in other words");
        assert_eq!(listener.trouble().map(|trouble| trouble.reason).as_deref(), Some("wrong password"));
        listener.reached();
        assert!(listener.trouble().is_none());
        // What passes by itself makes nothing of a later fault lasting.
        report(RDKafkaErrorCode::BrokerTransportFailure, "Disconnected");
        report(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down");
        report(RDKafkaErrorCode::Authentication, "of one broker");
        assert!(listener.trouble().is_some_and(|trouble| trouble.is_lasting() && !trouble.all_down));
    }
}
