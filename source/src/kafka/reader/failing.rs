//! Partitions that cannot be read.

use std::time::{Duration, Instant};

use levada_kafka::fault::failure;
use rdkafka::{
    consumer::Consumer,
    error::{KafkaError, RDKafkaErrorCode},
};

use super::{Item, Reader};
use crate::kafka::{
    identity,
    offsets::{self, Partition},
    options::Recreated,
    partitions::Failing,
};

/// A fault that may pass is tried again that long, and that often, before a partition is given up.
const RETRY_TIME: Duration = Duration::from_secs(30);
const TIMES: u32 = 10;

impl Reader {
    /// Reading a partition failed: it is given up where trying again does not help, or has not helped for long.
    pub(super) fn failed(&mut self, name: &Partition, code: RDKafkaErrorCode) {
        let (topic, partition) = name;
        let text = format!("{topic}/{partition} cannot be read: {code}");
        self.client.context().warn(&format!("{topic}/{partition} {code:?}"), &text);
        let now = Instant::now();
        let Some(each) = self.intake.partitions.iter_mut().find(|each| each.name == *name) else { return };
        let fresh = Failing { code, since: now, times: 0 };
        let failing = each.failing.filter(|failing| failing.code == code).unwrap_or(fresh);
        let failing = Failing { times: failing.times.saturating_add(1), ..failing };
        each.failing = Some(failing);
        let is_hopeless = failing.times >= TIMES && now.duration_since(failing.since) >= RETRY_TIME;
        if offsets::is_rejection(code) || is_hopeless {
            self.give_up(name, code);
        }
    }

    /// Whether a partition is gone because its topic was made anew with fewer, as partitions are never taken from a topic, and the
    /// new topic is to be read.
    fn is_of_the_topic_before(&self, name: &Partition, code: RDKafkaErrorCode) -> bool {
        self.setup.options.recreated == Recreated::Earliest
            && is_missing(code)
            && self
                .marks(std::slice::from_ref(name))
                .is_ok_and(|(marks, _)| marks.get(&name.0).is_some_and(|mark| name.1 >= mark.partitions))
    }

    /// Reads a partition no more; what was read of it before goes out first. All others go on.
    pub(super) fn give_up(&mut self, name: &Partition, code: RDKafkaErrorCode) {
        if self.rejected.insert(name.clone(), code).is_some() {
            return;
        }
        let (topic, partition) = name;
        let has_ended = self.is_of_the_topic_before(name, code);
        let mut split = identity::split(&self.setup.node, topic, None, *partition);
        if let Some(each) = self.intake.partitions.iter_mut().find(|each| each.name == *name) {
            each.given_up = true;
            split = each.split.clone();
        }
        self.flush_all();
        if has_ended {
            tracing::info!(
                node = self.setup.node,
                topic,
                partition,
                "the topic was made anew with fewer partitions: this one has ended with the old topic"
            );
            return;
        }
        let error = failure(&reason(code), &KafkaError::Global(code));
        self.hand_out(Item::Failed(error.giving_up(split)));
    }
}

/// Whether a topic or a partition is not there.
fn is_missing(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    matches!(code, Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition)
}

/// Why a partition is given up, for people.
fn reason(code: RDKafkaErrorCode) -> String {
    use RDKafkaErrorCode as Code;
    match code {
        Code::NotImplemented => {
            "its messages are compressed with a codec, or are of a format, that this build does not have"
                .to_owned()
        }
        Code::TopicAuthorizationFailed => "this user may not read the topic".to_owned(),
        code if is_missing(code) => "the topic, or this partition of it, is not there any more".to_owned(),
        Code::BadCompression | Code::BadMessage | Code::InvalidMessage => {
            "a batch of messages in it is damaged".to_owned()
        }
        _ => "it cannot be read".to_owned(),
    }
}
