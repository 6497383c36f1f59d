//! What librdkafka reports while it is polled, and on threads of its own.

use std::{collections::BTreeSet, mem};

use levada_kafka::reports::{Reports, Trouble};
use parking_lot::Mutex;
use rdkafka::{
    ClientContext, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
    types::RDKafkaRespErr,
};

use super::{held::let_go, identity::TopicId};

/// A consumer that reports to a [`Listener`].
pub(super) type Client = BaseConsumer<Listener>;

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
    reports: Reports,
    state: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    changes: Vec<Change>,
    commit_failed: bool,
    /// The thread has gone: whatever is revoked is let go at once.
    closing: bool,
    /// Topics whose names stand for others since they were last taken.
    remade: BTreeSet<String>,
}

impl Listener {
    pub(super) fn new(node: &str) -> Self {
        Self { reports: Reports::new(node), state: Mutex::default() }
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
        self.reports.trouble()
    }

    /// A broker was reached: what kept it before is over.
    pub(super) fn reached(&self) {
        self.reports.reached();
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
        self.reports.warn(key, text);
    }
}

impl ClientContext for Listener {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if let Some(topic) = remade(message) {
            self.state.lock().remade.insert(topic.to_owned());
        }
        self.reports.log(level, facility, message);
    }

    fn stats_raw(&self, _: &[u8]) {}

    fn error(&self, error: KafkaError, reason: &str) {
        self.reports.error(&error, reason);
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
}
