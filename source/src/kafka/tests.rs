//! On librdkafka's mock cluster: a broker in this process that speaks the real protocol.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use levada_connector_api::{DecoderType, ErrorKind};
use levada_kafka::mock::MockBroker;
use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{BaseRecord, Producer},
};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::decode::JsonDecoder;

mod faults;
mod identities;
mod properties;

const LONG: Duration = Duration::from_secs(60);

const PROPERTIES: [(&str, &str); 2] = [("message.max.bytes", "50000000"), ("linger.ms", "1")];

struct Broker(MockBroker);

impl Broker {
    fn new(topics: &[(&str, i32)]) -> Self {
        Self::with(MockBroker::start(&PROPERTIES).expect("a mock broker"), topics)
    }

    fn with(broker: MockBroker, topics: &[(&str, i32)]) -> Self {
        for (topic, partitions) in topics {
            broker.cluster().create_topic(topic, *partitions, 1).expect("a topic");
        }
        Self(broker)
    }

    fn send(&self, topic: &str, partition: i32, payload: &[u8]) {
        let record = BaseRecord::<(), _>::to(topic).partition(partition).payload(payload);
        self.0.producer().send(record).map_err(|(error, _)| error).expect("queued");
    }

    fn send_numbers(&self, topic: &str, partition: i32, numbers: std::ops::Range<u64>) {
        for n in numbers {
            self.send(topic, partition, reading(n).as_bytes());
        }
        self.0.producer().flush(LONG).expect("sent");
    }

    fn source(&self, folder: &TempDir, options: serde_json::Value) -> Box<dyn Source> {
        self.decoding(folder, options, json!({}))
    }

    fn decoding(
        &self,
        folder: &TempDir,
        options: serde_json::Value,
        decoder: serde_json::Value,
    ) -> Box<dyn Source> {
        let mut context = BuildContext::new("p", "in");
        context.state_dir = folder.path().to_owned();
        let decoder = serde_json::from_value(decoder).expect("options that fit");
        context.decoder = Some(JsonDecoder::build(decoder, &context).expect("a decoder"));
        // The mock broker lets a member that comes anew wait for the session of the one before.
        let properties = json!({"session.timeout.ms": 6_000});
        let mut all =
            json!({"brokers": self.0.address(), "topics": "t", "group": "g", "properties": properties});
        for (name, value) in options.as_object().into_iter().flatten() {
            all[name] = value.clone();
        }
        let options = serde_json::from_value(all).expect("options that fit");
        assert_eq!(KafkaSource::check(&options), []);
        KafkaSource::build(options, &context).expect("options that work")
    }
}

fn reading(n: u64) -> String {
    format!(r#"{{"device":"d{}","time":{},"n":{n}}}"#, n % 3, 1_700_000_000_000 + n)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// What came out of sources: how often each number, and how far each split.
#[derive(Default)]
struct Seen {
    times: BTreeMap<u64, usize>,
    ends: BTreeMap<String, u64>,
    rejected: Vec<(Vec<u8>, u64)>,
    /// The name of each split with its topic's id, by the name without.
    splits: BTreeMap<String, levada_connector_api::model::SplitName>,
}

/// A split's name without its topic's id.
fn without_id(split: &str) -> String {
    match split.split_once('@') {
        Some((topic, rest)) => format!("{topic}/{}", rest.rsplit('/').next().unwrap_or_default()),
        None => split.to_owned(),
    }
}

impl Seen {
    fn add(&mut self, batch: &Batch) -> Vec<SplitPosition> {
        for each in &batch.readings {
            for row in 0..each.tablet.rows() {
                let n = (each.tablet.times().value(row) - 1_700_000_000_000).cast_unsigned();
                *self.times.entry(n).or_default() += 1;
                let record = each.record(row).expect("from a record");
                assert_eq!(record.bytes(), reading(n).as_bytes());
            }
        }
        for each in &batch.rejected {
            let (_, position) = each.record.origin().expect("an origin");
            self.rejected.push((each.record.bytes().to_vec(), position));
        }
        for each in &batch.positions {
            let name = without_id(each.split.as_str());
            self.splits.insert(name.clone(), each.split.clone());
            if let Some(end) = self.ends.insert(name, each.range.end) {
                assert_eq!(end, each.range.start, "ranges of {} touch", each.split);
            }
        }
        let settled = batch.positions.iter();
        settled.map(|each| SplitPosition { split: each.split.clone(), position: each.range.end }).collect()
    }

    fn assert_once(&self, numbers: std::ops::Range<u64>) {
        let missing: Vec<_> = numbers.clone().filter(|n| !self.times.contains_key(n)).take(5).collect();
        let twice: Vec<_> = self.times.iter().filter(|(_, times)| **times > 1).take(5).collect();
        assert!(missing.is_empty() && twice.is_empty(), "missing {missing:?}…, more than once {twice:?}…");
        assert_eq!(self.times.len() as u64, numbers.end - numbers.start);
    }
}

/// Reads to the end, settling every batch.
async fn read_to_end(source: &mut Box<dyn Source>, seen: &mut Seen) {
    let ended = tokio::time::timeout(LONG, async {
        while let Some(batch) = source.next().await.expect("a batch") {
            let settled = seen.add(&batch);
            source.settle(&settled).await.expect("taken note of");
        }
    });
    ended.await.expect("an end");
}

#[tokio::test]
async fn a_bounded_run_reads_what_stood_there_and_the_next_goes_on() {
    let broker = Broker::new(&[("t", 3), ("other", 1)]);
    for partition in 0..3 {
        let from = partition as u64 * 10_000;
        broker.send_numbers("t", partition, from..from + 10_000);
    }
    broker.send_numbers("other", 0, 90_000..90_100);
    let folder = folder();
    let mut seen = Seen::default();
    let mut source = broker.source(&folder, json!({"end": "latest"}));
    assert!(source.capabilities().bounded);
    source.connect(&Checkpoint::new()).await.expect("connected");
    broker.send_numbers("t", 1, 30_000..30_500);
    read_to_end(&mut source, &mut seen).await;
    seen.assert_once(0..30_000);
    assert_eq!(source.progress().read, 30_000);
    assert_eq!(source.progress().total, Some(30_000));
    source.close().await.expect("closed");

    let mut source = broker.source(&folder, json!({"end": "latest"}));
    source.connect(&Checkpoint::new()).await.expect("connected");
    read_to_end(&mut source, &mut seen).await;
    source.close().await.expect("closed");
    seen.assert_once(0..30_500);
}

#[tokio::test]
async fn topics_are_found_by_pattern_and_several_names() {
    let broker = Broker::new(&[("a-1", 1), ("a-2", 2), ("b", 1), ("c", 1)]);
    for (topic, partition, from) in [("a-1", 0, 0), ("a-2", 1, 100), ("b", 0, 200), ("c", 0, 900)] {
        broker.send_numbers(topic, partition, from..from + 100);
    }
    let mut source = broker.source(&folder(), json!({"topics": ["^a-.*", "b"], "end": "latest"}));
    let mut seen = Seen::default();
    source.connect(&Checkpoint::new()).await.expect("connected");
    read_to_end(&mut source, &mut seen).await;
    source.close().await.expect("closed");
    seen.assert_once(0..300);
    assert_eq!(seen.ends.keys().collect::<Vec<_>>(), ["in/a-1/0", "in/a-2/1", "in/b/0"]);
}

#[tokio::test]
async fn reading_goes_on_at_what_is_stored_or_where_another_member_went_on() {
    let broker = Broker::new(&[("t", 2)]);
    broker.send_numbers("t", 0, 0..1_000);
    broker.send_numbers("t", 1, 1_000..2_000);
    let (first, second) = (folder(), folder());
    let mut source = broker.source(&first, json!({"end": "latest"}));
    source.connect(&Checkpoint::new()).await.expect("connected");
    let mut seen = Seen::default();
    while let Some(batch) = source.next().await.expect("a batch") {
        seen.add(&batch);
    }
    for (split, position) in [("in/t/0", 300), ("in/t/1", 400)] {
        let settled = SplitPosition { split: seen.splits[split].clone(), position };
        source.settle(&[settled]).await.expect("taken note of");
    }
    source.close().await.expect("closed");

    // The second is a member of the group, too.
    instance::id(second.path(), "p", "in").expect("an id");
    let mut seen = Seen::default();
    let mut source = broker.source(&second, json!({"end": "latest"}));
    let stored = Checkpoint::from([("in/t/0".into(), 200), ("in/t/1".into(), 500)]);
    source.connect(&stored).await.expect("connected");
    read_to_end(&mut source, &mut seen).await;
    source.close().await.expect("closed");
    let expected: Vec<_> = (300..1_000).chain(1_500..2_000).collect();
    assert_eq!(seen.times.keys().copied().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn what_was_stored_beyond_the_end_of_a_topic_is_rejected() {
    let broker = Broker::new(&[("t", 1)]);
    broker.send_numbers("t", 0, 0..10);
    let mut source = broker.source(&folder(), json!({}));
    source.connect(&Checkpoint::from([("in/t/0".into(), 11)])).await.expect("connected");
    let error = tokio::time::timeout(LONG, source.next()).await.expect("an answer").expect_err("too far");
    assert!(error.message().contains("was the topic made anew"), "{error}");
    assert!(!error.is_transient());
    source.close().await.expect("closed");
}

#[tokio::test]
async fn a_bounded_run_ends_where_all_that_it_waits_for_was_deleted() {
    let (broker, folder) = (Broker::new(&[("t", 1)]), folder());
    broker.send_numbers("t", 0, 0..10);
    let (mut seen, mut stored) = (Seen::default(), Checkpoint::new());
    for _ in 0..2 {
        let mut source = broker.source(&folder, json!({"end": "latest"}));
        source.connect(&stored).await.expect("connected");
        read_to_end(&mut source, &mut seen).await;
        source.close().await.expect("closed");
        stored = Checkpoint::from([(seen.splits["in/t/0"].clone(), seen.ends["in/t/0"])]);
        // The mock cluster keeps 5 MiB of a partition: it deletes this message, and all before it.
        broker.send("t", 0, "x".repeat(6 << 20).as_bytes());
        broker.0.producer().flush(LONG).expect("sent");
    }
    seen.assert_once(0..10);
    assert!(seen.rejected.is_empty());
    assert_eq!(seen.ends["in/t/0"], 11, "what is gone is not looked for again");
}

#[tokio::test]
async fn malformed_empty_and_large_messages_come_through() {
    let broker = Broker::new(&[("t", 1)]);
    broker.send("t", 0, reading(0).as_bytes());
    broker.send("t", 0, b"{\"device\":");
    broker.send("t", 0, b"\xff\xfe");
    let record = BaseRecord::<(), [u8]>::to("t").partition(0);
    broker.0.producer().send(record).map_err(|(error, _)| error).expect("queued");
    let headers = OwnedHeaders::new().insert(Header { key: "h", value: Some("v") });
    let record = BaseRecord::to("t").partition(0).key(b"k").payload(b"\0\0\0\0\x07{}");
    let record = record.timestamp(1_700_000_000_123).headers(headers);
    broker.0.producer().send(record).map_err(|(error, _)| error).expect("queued");
    let large = format!(r#"{{"device":"d","time":1700000000001,"s":"{}"}}"#, "x".repeat(3 << 20));
    broker.0.producer().flush(LONG).expect("sent");
    broker.send("t", 0, large.as_bytes());
    broker.0.producer().flush(LONG).expect("sent");
    let mut source = broker.source(&folder(), json!({"end": "latest"}));
    source.connect(&Checkpoint::new()).await.expect("connected");
    let (mut rows, mut rejected, mut longest) = (0, Vec::new(), 0);
    while let Some(batch) =
        tokio::time::timeout(LONG, source.next()).await.expect("in time").expect("a batch")
    {
        rows += batch.rows();
        let lengths = batch.readings.iter().flat_map(|each| {
            (0..each.tablet.rows()).filter_map(|row| each.record(row)).map(|record| record.bytes().len())
        });
        longest = lengths.max().unwrap_or(0).max(longest);
        rejected.extend(batch.rejected);
    }
    source.close().await.expect("closed");
    assert_eq!((rows, longest), (2, large.len()));
    let found: Vec<_> = rejected
        .iter()
        .map(|each| (each.record.bytes(), each.record.origin().expect("an origin").1))
        .collect();
    let framed = b"\0\0\0\0\x07{}".as_slice();
    assert_eq!(found, [(b"{\"device\":".as_slice(), 1), (b"\xff\xfe", 2), (b"", 3), (framed, 4)]);
    assert_eq!(rejected[2].error, "the message has no value");
    let envelopes: Vec<_> = rejected.iter().map(|each| each.record.envelope().expect("one each")).collect();
    assert_eq!(envelopes.iter().map(|each| each.has_value).collect::<Vec<_>>(), [true, true, false, true]);
    assert!(rejected[3].error.contains("schema registry header"), "{}", rejected[3].error);
    assert_eq!((envelopes[3].key, envelopes[3].time), (Some(b"k".as_slice()), Some(1_700_000_000_123)));
    assert_eq!(envelopes[3].headers().collect::<Vec<_>>(), [("h", Some(b"v".as_slice()))]);
    assert_eq!((envelopes[0].key, envelopes[0].headers().count()), (None, 0));
}

#[tokio::test]
async fn what_comes_with_messages_is_device_time_and_measurements() {
    let broker = Broker::new(&[("t", 1)]);
    let send = |key: Option<&'static [u8]>, site: Option<&str>, value: &'static [u8]| {
        let headers = OwnedHeaders::new().insert(Header { key: "site", value: Some("south") });
        let headers = headers.insert(Header { key: "site", value: site });
        let record =
            BaseRecord::<[u8], [u8]>::to("t").partition(0).payload(value).timestamp(1_700_000_000_123);
        let record = match key {
            Some(key) => record.key(key).headers(headers),
            None => record,
        };
        broker.0.producer().send(record).map_err(|(error, _)| error).expect("queued");
    };
    send(Some(b"k1"), Some("north"), br#"{"n":1}"#);
    send(Some(b"k2"), None, br#"[{"n":2},{"n":"x","n":3},{"n":4}]"#);
    send(None, None, br#"{"n":5}"#);
    send(Some(b"\xff"), None, br#"{"n":6}"#);
    broker.0.producer().flush(LONG).expect("sent");
    let options = json!({
        "end": "latest", "metadata": {"site": "@headers.site", "part": "@partition", "at": "@offset", "sent": "@timestamp"},
    });
    let decoder = json!({"device": "root.{@topic}.{@key}", "time": "@timestamp"});
    let mut source = broker.decoding(&folder(), options, decoder);
    source.connect(&Checkpoint::new()).await.expect("connected");
    let (mut rows, mut rejected) = (Vec::new(), Vec::new());
    while let Some(batch) =
        tokio::time::timeout(LONG, source.next()).await.expect("in time").expect("a batch")
    {
        for each in &batch.readings {
            for row in 0..each.tablet.rows() {
                let mut columns: Vec<_> = each.tablet.columns().iter().collect();
                columns.sort_by_key(|column| column.name.clone());
                let values = columns
                    .iter()
                    .filter_map(|column| Some(format!("{} {}", column.name, column.value(row)?)));
                let values = values.collect::<Vec<_>>().join(", ");
                rows.push(format!("{} {}: {values}", each.tablet.device(), each.tablet.times().value(row)));
            }
        }
        rejected.extend(batch.rejected.iter().map(|each| each.error.clone()));
    }
    source.close().await.expect("closed");
    let t = 1_700_000_000_123i64;
    assert_eq!(
        rows,
        [
            format!("root.t.k1 {t}: at 0, n 1.0, part 0, sent {t}, site north"),
            format!("root.t.k2 {t}: at 1, n 2.0, part 0, sent {t}, site south"),
            format!("root.t.k2 {t}: at 1, n 4.0, part 0, sent {t}, site south"),
        ]
    );
    assert_eq!(
        rejected,
        [
            "element 1: two values of one row are named `n`",
            "the record comes without @key, which is a part of the device",
            "@key, which is a part of the device, is not UTF-8",
        ]
    );
}

#[tokio::test]
async fn a_start_at_the_end_holds_also_when_killed_before_the_first_commit() {
    let broker = Broker::new(&[("t", 1)]);
    broker.send_numbers("t", 0, 0..100);
    let folder = folder();
    let mut first = broker.source(&folder, json!({"start": "latest"}));
    first.connect(&Checkpoint::new()).await.expect("connected");
    // Until it has its partition.
    tokio::time::timeout(Duration::from_secs(12), first.next()).await.expect_err("nothing to read");
    broker.send_numbers("t", 0, 100..200);
    tokio::time::timeout(LONG, first.next()).await.expect("in time").expect("a batch").expect("no end");
    drop(first);
    let mut second = broker.source(&folder, json!({"start": "latest", "end": "latest"}));
    let mut seen = Seen::default();
    second.connect(&Checkpoint::new()).await.expect("connected");
    read_to_end(&mut second, &mut seen).await;
    second.close().await.expect("closed");
    seen.assert_once(100..200);
}

/// The next batch of a source that is still read.
async fn next_of(source: &mut Option<Box<dyn Source>>) -> Batch {
    match source {
        Some(source) => source.next().await.expect("a batch").expect("no end"),
        None => std::future::pending().await,
    }
}

#[tokio::test]
async fn partitions_change_hands_without_loss_and_without_reading_twice() {
    let broker = MockBroker::gathering(3_000, &PROPERTIES).expect("a mock broker");
    let broker = Broker::with(broker, &[("t", 4)]);
    let folders = [folder(), folder()];
    let mut sent = 0;
    let mut send = |each: u64| {
        for partition in 0..4 {
            broker.send_numbers("t", partition, sent..sent + each);
            sent += each;
        }
        sent
    };
    let mut all = send(1_000);
    let mut seen = Seen::default();
    let mut first = broker.source(&folders[0], json!({}));
    let mut second = broker.source(&folders[1], json!({}));
    first.connect(&Checkpoint::new()).await.expect("connected");
    second.connect(&Checkpoint::new()).await.expect("connected");
    let (mut second, mut of_second) = (Some(second), 0);
    let (mut closing, mut after) = (None, None);
    let mut unsettled = Vec::new();
    let began = Instant::now();
    while after.is_none_or(|ticks| ticks < 20) || (seen.times.len() as u64) < all {
        assert!(began.elapsed() < Duration::from_secs(90), "{} of {all} read", seen.times.len());
        tokio::select! {
            batch = first.next() => unsettled.extend(seen.add(&batch.expect("a batch").expect("no end"))),
            batch = next_of(&mut second) => {
                of_second += batch.rows();
                let settled = seen.add(&batch);
                let mut source = second.take().expect("it gave a batch");
                source.settle(&settled).await.expect("taken note of");
                if of_second > 500 {
                    closing = Some(tokio::spawn(async move { source.close().await.expect("closed") }));
                } else {
                    second = Some(source);
                }
            }
            // The first goes on meanwhile: while the group changes, one member's end may wait for the other's answer.
            closed = async { closing.as_mut().expect("closing").await }, if closing.is_some() => {
                closed.expect("no panic");
                (closing, after) = (None, Some(0));
            }
            () = tokio::time::sleep(Duration::from_millis(50)) => {
                // Settled a little later, as after a sink.
                first.settle(&std::mem::take(&mut unsettled)).await.expect("taken note of");
                if after.is_none_or(|ticks| ticks < 20) {
                    all = send(10);
                }
                after = after.map(|ticks| ticks + 1);
            }
        }
    }
    first.settle(&unsettled).await.expect("taken note of");
    first.close().await.expect("closed");
    seen.assert_once(0..all);
}

#[tokio::test]
async fn a_broker_that_does_not_answer_is_worth_another_try() {
    let folder = folder();
    let broker = Broker::new(&[]);
    let options = json!({"brokers": "127.0.0.1:1", "properties": {"socket.timeout.ms": 1_000}});
    let error = broker.source(&folder, options).connect(&Checkpoint::new()).await.expect_err("nobody there");
    assert!(error.is_transient(), "{error}");
    let mut source = broker.source(&folder, json!({"topics": "nowhere", "end": "latest"}));
    let error = source.connect(&Checkpoint::new()).await.expect_err("no such topic");
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
