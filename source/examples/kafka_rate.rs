//! How fast a topic is read and decoded, and how that compares with a loop that only takes messages.
//!
//! ```text
//!   kafka_rate BROKERS TOPIC fill COUNT [PARTITIONS]    sends readings of 100 devices with three measurements
//!   kafka_rate BROKERS TOPIC poll                       a bare loop of rdkafka's `poll`
//!   kafka_rate BROKERS TOPIC read [FOLDER]              the source with its JSON decoder, up to the end
//!   kafka_rate BROKERS TOPIC member FOLDER SECONDS      one member of a group for a while; prints the ranges it read
//!   kafka_rate BROKERS TOPIC large BYTES                sends one reading of that many bytes
//! ```

use std::{
    error::Error,
    path::PathBuf,
    time::{Duration, Instant},
};

use levada_connector_api::{
    Batch, BuildContext, ComponentKind, Registry, Source,
    model::{Checkpoint, SplitPosition},
};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    error::KafkaError,
    producer::{BaseProducer, BaseRecord, Producer},
    types::RDKafkaErrorCode,
};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const LONG: Duration = Duration::from_secs(60);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [brokers, topic, "fill", count, rest @ ..] => {
            let partitions = rest.first().map_or(Ok(1), |text| text.parse())?;
            fill(brokers, topic, count.parse()?, partitions).await
        }
        [brokers, topic, "poll"] => poll(brokers, topic),
        [brokers, topic, "read", rest @ ..] => read(brokers, topic, rest.first().map(PathBuf::from)).await,
        [brokers, topic, "member", folder, seconds] => {
            member(brokers, topic, PathBuf::from(folder), Duration::from_secs(seconds.parse()?)).await
        }
        [brokers, topic, "large", bytes] => large(brokers, topic, bytes.parse()?),
        _ => Err("what to do with which topic of which brokers? see the head of this program".into()),
    }
}

async fn fill(brokers: &str, topic: &str, count: u64, partitions: i32) -> Outcome {
    let config = config(&[("bootstrap.servers", brokers), ("linger.ms", "20")]);
    let admin: AdminClient<DefaultClientContext> = config.create()?;
    let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    for result in admin.create_topics([&new], &AdminOptions::new()).await? {
        if let Err((_, code)) = result
            && code != RDKafkaErrorCode::TopicAlreadyExists
        {
            return Err(code.to_string().into());
        }
    }
    let producer: BaseProducer = config.create()?;
    for n in 0..count {
        let payload = reading(n);
        let partition = i32::try_from(n % 100 % u64::try_from(partitions)?)?;
        let mut record = BaseRecord::<(), _>::to(topic).partition(partition).payload(&payload);
        while let Err((error, back)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            producer.poll(Duration::from_millis(20));
            record = back;
        }
    }
    producer.flush(LONG)?;
    println!("{count} messages of about {} bytes", reading(count / 2).len());
    Ok(())
}

fn reading(n: u64) -> String {
    format!(
        r#"{{"device":"root.plant.building1.line1.device{:03}","time":{},"temperature":{:.2},"pressure_kpa":{:.2},"motor_running":{}}}"#,
        n % 100,
        1_700_000_000_000 + n / 100 * 1_000,
        20.0 + (n % 977) as f64 / 100.0,
        1_000.0 + (n % 313) as f64 / 10.0,
        !n.is_multiple_of(7),
    )
}

fn poll(brokers: &str, topic: &str) -> Outcome {
    let consumer: BaseConsumer = config(&[
        ("bootstrap.servers", brokers),
        ("group.id", "kafka-rate-poll"),
        ("enable.partition.eof", "true"),
        ("enable.auto.commit", "false"),
        ("fetch.queue.backoff.ms", "2"),
    ])
    .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), LONG)?;
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
    let mut list = TopicPartitionList::new();
    for partition in 0..i32::try_from(partitions)? {
        list.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    let began = Instant::now();
    let used = cpu();
    consumer.assign(&list)?;
    let (mut messages, mut bytes, mut ended) = (0u64, 0, 0);
    while ended < partitions {
        match consumer.poll(LONG).ok_or("no message for a minute")? {
            Ok(message) => {
                messages += 1;
                bytes += message.payload().map_or(0, <[u8]>::len);
            }
            Err(KafkaError::PartitionEOF(_)) => ended += 1,
            Err(error) => return Err(error.into()),
        }
    }
    report("poll", messages, began.elapsed(), cpu() - used);
    println!("{bytes} bytes");
    Ok(())
}

fn source(
    brokers: &str,
    topic: &str,
    group: &str,
    folder: PathBuf,
    end: Option<&str>,
) -> Outcome<Box<dyn Source>> {
    let registry = levada_source::register(Registry::new());
    let mut context = BuildContext::new("rate", "in");
    context.state_dir = folder;
    let decoder = registry.get(ComponentKind::Decoder, "json").ok_or("no decoder")?;
    context.decoder = Some(decoder.decoder(json!({}), &context)?);
    let options = json!({"brokers": brokers, "topics": topic, "group": group, "end": end});
    let source = registry.get(ComponentKind::Source, "kafka").ok_or("no source")?;
    Ok(source.source(options, &context)?)
}

/// The positions behind a batch.
fn behind(batch: &Batch) -> Vec<SplitPosition> {
    let ranges = batch.positions.iter();
    ranges.map(|each| SplitPosition { split: each.split.clone(), position: each.range.end }).collect()
}

async fn member(brokers: &str, topic: &str, folder: PathBuf, time: Duration) -> Outcome {
    let mut source = source(brokers, topic, "kafka-members", folder, None)?;
    source.connect(&Checkpoint::new()).await?;
    let until = tokio::time::Instant::now() + time;
    let mut unsettled = Vec::new();
    let mut settle = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            batch = source.next() => {
                let Some(batch) = batch? else { break };
                for each in &batch.positions {
                    println!("{} {} {}", each.split, each.range.start, each.range.end);
                }
                unsettled.extend(behind(&batch));
            }
            _ = settle.tick() => source.settle(&std::mem::take(&mut unsettled)).await?,
            () = tokio::time::sleep_until(until) => break,
        }
    }
    source.settle(&unsettled).await?;
    source.close().await?;
    Ok(())
}

fn large(brokers: &str, topic: &str, bytes: usize) -> Outcome {
    let producer: BaseProducer =
        config(&[("bootstrap.servers", brokers), ("message.max.bytes", "100000000")]).create()?;
    let payload = format!(r#"{{"device":"large","time":1700000000000,"text":"{}"}}"#, "x".repeat(bytes));
    producer.send(BaseRecord::<(), _>::to(topic).payload(&payload)).map_err(|(error, _)| error)?;
    Ok(producer.flush(LONG)?)
}

async fn read(brokers: &str, topic: &str, folder: Option<PathBuf>) -> Outcome {
    // With a folder of its own it goes on where it was; without, it reads all there is.
    let group =
        if folder.is_some() { "kafka-rate".to_owned() } else { format!("kafka-rate-{}", std::process::id()) };
    let folder = folder.unwrap_or_else(std::env::temp_dir);
    let mut source = source(brokers, topic, &group, folder, Some("latest"))?;
    let (began, used) = (Instant::now(), cpu());
    source.connect(&Checkpoint::new()).await?;
    let (mut rows, mut rejected, mut batches, mut first) = (0, 0, 0, None);
    while let Some(batch) = source.next().await? {
        if first.is_none() {
            first = Some(began.elapsed());
            println!("first batch after {:?}: {:?}", began.elapsed(), batch.positions);
        }
        rows += batch.rows() as u64;
        rejected += batch.rejected.len();
        batches += 1;
        let settled = behind(&batch);
        source.settle(&settled).await?;
    }
    let took = began.elapsed();
    source.close().await?;
    let first = first.unwrap_or_default();
    report("read", rows, took - first, cpu() - used);
    println!(
        "{batches} batches, {rejected} rejected, first after {first:?}, closed after {:?}",
        began.elapsed() - took
    );
    Ok(())
}

fn report(what: &str, messages: u64, took: Duration, used: f64) {
    let millions = messages as f64 / 1e6;
    println!(
        "{what}: {messages} messages in {took:?}: {:.0}/s, {:.2} CPU-seconds per million",
        messages as f64 / took.as_secs_f64(),
        used / millions,
    );
}

fn config(properties: &[(&str, &str)]) -> ClientConfig {
    properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// CPU seconds of this process, from /proc; 0 where there is none.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks: Vec<f64> = stat.rsplit(')').next().map_or_else(Vec::new, |rest| {
        rest.split_whitespace().skip(11).take(2).filter_map(|text| text.parse().ok()).collect()
    });
    ticks.iter().sum::<f64>() / 100.0
}
