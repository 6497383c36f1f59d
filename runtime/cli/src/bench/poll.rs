//! A bare consumer that reads a topic from beginning to end and does nothing with it.

use std::time::{Duration, Instant};

use anyhow::Context;
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
};

use super::PollArgs;

/// Polls a topic to the end it has at the start, and prints the rate.
///
/// # Errors
/// The broker cannot be reached.
pub(super) fn poll(args: &PollArgs) -> anyhow::Result<()> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &args.brokers)
        .set("group.id", "levada-bench-poll")
        .set("enable.auto.commit", "false")
        .set("fetch.queue.backoff.ms", "2")
        .create()
        .context("cannot make a consumer")?;
    let timeout = Duration::from_secs(10);
    let metadata =
        consumer.fetch_metadata(Some(&args.topic), timeout).context("no answer from the broker")?;
    let partitions = metadata.topics().first().map(|topic| topic.partitions()).unwrap_or_default();
    let mut assignment = TopicPartitionList::new();
    let mut expected = 0;
    for partition in partitions {
        let (low, high) = consumer.fetch_watermarks(&args.topic, partition.id(), timeout)?;
        expected += u64::try_from(high - low).unwrap_or(0);
        assignment.add_partition_offset(&args.topic, partition.id(), Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    let (mut read, mut bytes) = (0u64, 0u64);
    let mut start = None;
    while read < expected {
        match consumer.poll(Duration::from_secs(5)) {
            Some(message) => {
                let message = message?;
                // The clock starts with the first message: finding the broker is not what is measured.
                start.get_or_insert_with(Instant::now);
                bytes += message.payload_len() as u64;
                read += 1;
            }
            None => anyhow::bail!("no message for 5 s after {read} of {expected}"),
        }
    }
    let seconds = start.map_or(0.0, |start: Instant| start.elapsed().as_secs_f64());
    println!(
        "polled: {read} messages of {} bytes on average in {seconds:.2} s, {:.0} messages/s",
        bytes / read.max(1),
        read as f64 / seconds
    );
    Ok(())
}
