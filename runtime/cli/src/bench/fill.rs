//! Known readings into a topic.

use std::{
    fs::File,
    io::{BufWriter, Write},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer},
    types::RDKafkaErrorCode,
};

use super::{FillArgs, Readings, SendArgs};

/// What was sent.
#[derive(Debug)]
pub(super) struct Fill {
    messages: u64,
    bytes: u64,
    elapsed: Duration,
}

impl Fill {
    /// Prints it as one line.
    pub(super) fn print(&self) {
        let seconds = self.elapsed.as_secs_f64();
        println!(
            "filled: {} messages of {} bytes on average in {seconds:.2} s, {:.0} messages/s",
            self.messages,
            self.bytes / self.messages.max(1),
            self.messages as f64 / seconds
        );
    }
}

/// Fills a topic; every message is acknowledged by the broker when it returns.
///
/// # Errors
/// The broker cannot be reached or rejects a message; the file of expectations cannot be written.
pub(super) fn fill(args: &FillArgs) -> anyhow::Result<Fill> {
    let readings = Readings::new(args.devices, args.malformed_every);
    let start = Instant::now();
    create_topic(&args.brokers, &args.topic, args.partitions)?;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &args.brokers)
        .set("queue.buffering.max.messages", "500000")
        .set("linger.ms", "20")
        .set("batch.size", "1000000")
        .create()
        .context("cannot make a producer")?;
    let mut buffer = Vec::with_capacity(256);
    let mut bytes = 0;
    for n in 0..args.messages {
        readings.write(n, &mut buffer);
        bytes += buffer.len() as u64;
        send(&producer, args, n, &buffer)?;
        if n.is_multiple_of(10_000) {
            producer.poll(Duration::ZERO);
        }
        if let Some(rate) = args.rate.filter(|&rate| rate > 0 && n.is_multiple_of((rate / 100).max(1))) {
            let due = start + Duration::from_secs_f64(n as f64 / rate as f64);
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
    producer.flush(Duration::from_secs(60)).context("the broker did not acknowledge everything")?;
    if let Some(path) = &args.expect {
        let mut out =
            BufWriter::new(File::create(path).with_context(|| format!("cannot write {}", path.display()))?);
        writeln!(out, "Device,count,temperature,sequence")?;
        for (device, expected) in readings.expected(args.messages) {
            writeln!(
                out,
                "{device},{},{:?},{:?}",
                expected.count, expected.temperature, expected.sequence as f64
            )?;
        }
        out.flush()?;
    }
    Ok(Fill { messages: args.messages, bytes, elapsed: start.elapsed() })
}

/// Sends one message; a device's messages all go to one partition, in order.
fn send(producer: &BaseProducer, args: &FillArgs, n: u64, payload: &[u8]) -> anyhow::Result<()> {
    let partition =
        i32::try_from(n % args.devices.max(1) % u64::from(args.partitions.max(1).unsigned_abs()))?;
    let mut record = BaseRecord::<(), [u8]>::to(&args.topic).partition(partition).payload(payload);
    loop {
        match producer.send(record) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                producer.poll(Duration::from_millis(10));
                record = back;
            }
            Err((error, _)) => bail!("message {n} cannot be sent: {error}"),
        }
    }
}

/// Sends files, each as one message, all to the first partition.
///
/// # Errors
/// A file cannot be read; the broker cannot be reached or rejects a message.
pub(super) fn send_files(args: &SendArgs) -> anyhow::Result<()> {
    create_topic(&args.brokers, &args.topic, 1)?;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &args.brokers)
        .set("message.max.bytes", "33554432")
        .create()
        .context("cannot make a producer")?;
    for path in &args.files {
        let payload = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let record = BaseRecord::<(), [u8]>::to(&args.topic).partition(0).payload(&payload);
        producer
            .send(record)
            .map_err(|(error, _)| error)
            .with_context(|| format!("cannot send {}", path.display()))?;
    }
    producer.flush(Duration::from_secs(60)).context("the broker did not acknowledge everything")?;
    println!("sent: {} messages", args.files.len());
    Ok(())
}

fn create_topic(brokers: &str, topic: &str, partitions: i32) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .create()
        .context("cannot make an admin client")?;
    let topic = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let made = futures::executor::block_on(admin.create_topics([&topic], &AdminOptions::new()))?;
    for outcome in made {
        match outcome {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => bail!("topic {topic} cannot be made: {code}"),
        }
    }
    Ok(())
}
