//! Which topics, partitions and offsets there are.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};
use levada_kafka::fault::{failure, is_lasting};
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{CommitMode, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
};

use super::{
    identity::{Commit, Mark},
    listener::Client,
    native::describe,
    options::{KafkaOptions, KafkaPoint},
};

/// A topic and the number of a partition.
pub(super) type Partition = (String, i32);

/// How long a broker may take to answer.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long nothing is said about a broker that does not answer.
const QUIET: Duration = Duration::from_secs(1);

/// Something known of partitions, and those of which it never will be, with the reasons.
#[derive(Debug, Default)]
pub(super) struct Found<T> {
    pub(super) known: BTreeMap<Partition, T>,
    pub(super) rejected: BTreeMap<Partition, RDKafkaErrorCode>,
}

/// Whether a partition's error stays as long as nobody changes something: it is not there, or may not be read.
pub(super) fn is_rejection(code: RDKafkaErrorCode) -> bool {
    use RDKafkaErrorCode as Code;
    is_lasting(code)
        || matches!(
            code,
            Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition | Code::InvalidTopic
        )
}

/// All topics. What goes wrong meanwhile is told after a second.
fn metadata(client: &Client, options: &KafkaOptions) -> Result<Metadata> {
    let brokers = options.brokers.as_slice().join(",");
    let until = Instant::now() + REQUEST_TIMEOUT;
    let mut wait = QUIET;
    loop {
        let error = match client.fetch_metadata(None, wait) {
            Ok(metadata) => {
                client.context().reached();
                return Ok(metadata);
            }
            Err(error) => error,
        };
        // What went wrong with the connection is reported as an event.
        (0..20).for_each(|_| drop(client.poll(Duration::from_millis(5))));
        let trouble = client.context().trouble();
        let reason = trouble.as_ref().map(|trouble| format!(" ({})", trouble.reason)).unwrap_or_default();
        let what = format!("no answer from {brokers}{reason}");
        if let Some(trouble) = trouble.filter(|trouble| trouble.all_down && trouble.is_lasting()) {
            return Err(failure(&what, &trouble.code.map_or(error, KafkaError::Global)));
        }
        wait = until.saturating_duration_since(Instant::now());
        if wait.is_zero() || !failure("", &error).is_transient() {
            return Err(failure(&what, &error));
        }
    }
}

/// The partitions of all topics that the options name. Also finds out whether a broker answers.
///
/// # Errors
/// None answers, or, where it has to be known now, a topic is not there.
pub(super) fn partitions(client: &Client, options: &KafkaOptions) -> Result<Vec<Partition>> {
    let metadata = metadata(client, options)?;
    let mut partitions = Vec::new();
    for wanted in options.topics.as_slice() {
        let found = partitions.len();
        let pattern = wanted.starts_with('^').then(|| regex::Regex::new(wanted)).transpose();
        let pattern = pattern.map_err(|error| Error::config(error.to_string()))?;
        for topic in metadata.topics() {
            let name = topic.name();
            if pattern.as_ref().map_or(name == wanted, |pattern| pattern.is_match(name)) {
                partitions.extend(topic.partitions().iter().map(|each| (name.to_owned(), each.id())));
            }
        }
        if partitions.len() == found {
            if pattern.is_none() {
                may_be_read(client, wanted)?;
            }
            if options.end.is_some() {
                let message = format!("there is no topic {wanted}");
                return Err(Error::new(ErrorKind::NotFound, Domain::User, Retry::Never, message));
            }
            tracing::warn!(topic = wanted, "there is no such topic yet");
        }
    }
    partitions.sort();
    partitions.dedup();
    Ok(partitions)
}

/// Tells a topic that is not there from one that this user may not see.
fn may_be_read(client: &Client, topic: &str) -> Result<()> {
    let described = describe(client, &[topic], REQUEST_TIMEOUT).unwrap_or_default();
    match described.first().and_then(|each| each.error) {
        Some(code) if is_lasting(code) => {
            Err(failure(&format!("topic {topic} cannot be read"), &KafkaError::Global(code)))
        }
        _ => Ok(()),
    }
}

/// The offsets at a point of partitions.
///
/// # Errors
/// A broker does not answer for one of them.
pub(super) fn at(client: &Client, partitions: &[Partition], point: KafkaPoint) -> Result<Found<i64>> {
    let mut found = Found::default();
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        let offset = match point {
            KafkaPoint::Earliest => Offset::Beginning,
            KafkaPoint::Latest => Offset::End,
            KafkaPoint::Time(time) => Offset::Offset(time),
        };
        asked
            .add_partition_offset(topic, *partition, offset)
            .map_err(|error| failure("asking for offsets", &error))?;
    }
    if partitions.is_empty() {
        return Ok(found);
    }
    let answers = client
        .offsets_for_times(asked, REQUEST_TIMEOUT)
        .map_err(|error| failure("asking for offsets", &error))?;
    let mut beyond = Vec::new();
    for each in answers.elements() {
        let partition = (each.topic().to_owned(), each.partition());
        if let Err(error) = each.error() {
            match error.rdkafka_error_code() {
                Some(code) if is_rejection(code) => drop(found.rejected.insert(partition, code)),
                _ => {
                    let what = format!("asking for the offset of {}/{}", partition.0, partition.1);
                    return Err(failure(&what, &error));
                }
            }
            continue;
        }
        match each.offset() {
            Offset::Offset(offset) => {
                found.known.insert(partition, offset);
            }
            // No message is as late as that.
            _ => beyond.push(partition),
        }
    }
    if !beyond.is_empty() && point != KafkaPoint::Latest {
        let latest = at(client, &beyond, KafkaPoint::Latest)?;
        found.known.extend(latest.known);
        found.rejected.extend(latest.rejected);
    } else if let Some((topic, partition)) = beyond.first() {
        return Err(Error::connection(format!("no offset is known of {topic}/{partition}")));
    }
    Ok(found)
}

/// What the group has committed, for partitions where it has.
///
/// # Errors
/// The coordinator does not answer, or rejects.
pub(super) fn committed(client: &Client, partitions: &[Partition]) -> Result<BTreeMap<Partition, Commit>> {
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        asked.add_partition(topic, *partition);
    }
    if partitions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let answers = client
        .committed_offsets(asked, REQUEST_TIMEOUT)
        .map_err(|error| failure("asking for committed offsets", &error))?;
    let mut found = BTreeMap::new();
    for each in answers.elements() {
        if let Err(error) = each.error() {
            // A partition that is not there, or may not be read, has no commit; that is told by who asks for its offsets.
            if error.rdkafka_error_code().is_some_and(is_rejection) {
                continue;
            }
            return Err(failure("asking for committed offsets", &error));
        }
        if let Offset::Offset(offset) = each.offset() {
            let commit = Commit { offset, mark: Mark::parse(each.metadata()) };
            found.insert((each.topic().to_owned(), each.partition()), commit);
        }
    }
    Ok(found)
}

/// Commits offsets, each with its mark.
///
/// # Errors
/// The coordinator does not answer, or rejects.
pub(super) fn commit<'n>(
    client: &Client,
    due: impl Iterator<Item = (&'n Partition, i64, &'n Mark)>,
    mode: CommitMode,
) -> Result<()> {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), at, mark) in due {
        let mut each = list.add_partition(topic, *partition);
        each.set_offset(Offset::Offset(at)).map_err(|error| failure("committing", &error))?;
        each.set_metadata(mark.to_string());
    }
    if list.count() == 0 {
        return Ok(());
    }
    client.commit(&list, mode).map_err(|error| failure("committing", &error).caused_by(error))
}

/// Whether a commit was rejected because the group has gone on without this member: its partitions are others', who read on from the
/// commit before.
pub(super) fn has_gone_on(error: &Error) -> bool {
    use RDKafkaErrorCode as Code;
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<KafkaError>());
    matches!(
        source.and_then(KafkaError::rdkafka_error_code),
        Some(Code::IllegalGeneration | Code::UnknownMemberId | Code::RebalanceInProgress)
    )
}
