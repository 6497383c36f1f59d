//! Which topics, partitions and offsets there are.

use std::{collections::BTreeMap, time::Duration};

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};
use rdkafka::{Offset, TopicPartitionList, consumer::Consumer};

use super::{
    client::{Client, failure},
    options::{KafkaOptions, KafkaPoint},
};

/// A topic and the number of a partition.
pub(super) type Partition = (String, i32);

const ANSWER: Duration = Duration::from_secs(10);

/// The partitions of all topics that the options name. Also finds out whether a broker answers.
///
/// # Errors
/// None answers, or, where it has to be known now, a topic is not there.
pub(super) fn partitions(client: &Client, options: &KafkaOptions) -> Result<Vec<Partition>> {
    let metadata = client.fetch_metadata(None, ANSWER).map_err(|error| {
        // What went wrong with the connection is reported as an event.
        (0..20).for_each(|_| drop(client.poll(Duration::from_millis(5))));
        let reason = client.context().last_error().map(|reason| format!(" ({reason})")).unwrap_or_default();
        failure(&format!("no answer from {}{reason}", options.brokers.as_slice().join(",")), &error)
    })?;
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

/// The offsets at a point of partitions.
///
/// # Errors
/// A broker does not answer for one of them.
pub(super) fn at(
    client: &Client,
    partitions: &[Partition],
    point: KafkaPoint,
) -> Result<BTreeMap<Partition, i64>> {
    let mut found = BTreeMap::new();
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
    let answers =
        client.offsets_for_times(asked, ANSWER).map_err(|error| failure("asking for offsets", &error))?;
    let mut beyond = Vec::new();
    for each in answers.elements() {
        let partition = (each.topic().to_owned(), each.partition());
        each.error().map_err(|error| {
            failure(&format!("asking for the offset of {}/{}", partition.0, partition.1), &error)
        })?;
        match each.offset() {
            Offset::Offset(offset) => {
                found.insert(partition, offset);
            }
            // No message is as late as that.
            _ => beyond.push(partition),
        }
    }
    if !beyond.is_empty() && point != KafkaPoint::Latest {
        found.extend(at(client, &beyond, KafkaPoint::Latest)?);
    } else if let Some((topic, partition)) = beyond.first() {
        return Err(Error::connection(format!("no offset is known of {topic}/{partition}")));
    }
    Ok(found)
}

/// What the group has committed, for partitions where it has.
///
/// # Errors
/// The coordinator does not answer.
pub(super) fn committed(client: &Client, partitions: &[Partition]) -> Result<BTreeMap<Partition, i64>> {
    let mut asked = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        asked.add_partition(topic, *partition);
    }
    if partitions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let answers = client
        .committed_offsets(asked, ANSWER)
        .map_err(|error| failure("asking for committed offsets", &error))?;
    let mut found = BTreeMap::new();
    for each in answers.elements() {
        each.error().map_err(|error| failure("asking for committed offsets", &error))?;
        if let Offset::Offset(offset) = each.offset() {
            found.insert((each.topic().to_owned(), each.partition()), offset);
        }
    }
    Ok(found)
}
