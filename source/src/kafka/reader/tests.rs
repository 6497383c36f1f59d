//! Steps of the thread, one at a time.

use levada_connector_api::{BatchBuilder, DecodeError, Decoder, DecoderFactory, FieldValue};
use levada_kafka::mock::MockBroker;
use rdkafka::{
    ClientContext,
    config::RDKafkaLogLevel,
    producer::{BaseRecord, Producer},
};
use serde_json::json;
use std::sync::atomic::AtomicBool;

use super::*;

const LONG: Duration = Duration::from_secs(60);

/// Numbers; those from 5 on cannot be read while somebody is away.
struct Numbers(Arc<AtomicBool>);

impl Decoder for Numbers {
    fn decode(&mut self, record: &[u8], rows: &mut BatchBuilder) -> Result<(), DecodeError> {
        let text = std::str::from_utf8(record).map_err(|error| DecodeError::new(error.to_string()))?;
        let number: i64 = text.parse().map_err(|_| DecodeError::new("no number"))?;
        if number >= 5 && self.0.load(Ordering::Relaxed) {
            return Err(DecodeError::not_now("nobody is there"));
        }
        rows.row("d", number, &[("n", FieldValue::Int64(number))])
            .map_err(|error| DecodeError::new(error.to_string()))
    }
}

/// The times of the rows that were handed out since it was asked last.
fn handed_out(items: &mut mpsc::Receiver<Item>) -> Vec<i64> {
    let mut times = Vec::new();
    while let Ok(item) = items.try_recv() {
        if let Item::Batch(batch) = item {
            times.extend(batch.readings.iter().flat_map(|each| each.tablet.times().values().to_vec()));
        }
    }
    times
}

/// Has the thread's work done until something holds.
fn until(reader: &mut Reader, what: &str, mut holds: impl FnMut(&Reader) -> bool) {
    let start = Instant::now();
    while !holds(reader) {
        assert!(start.elapsed() < LONG, "{what}");
        reader.events().expect("all is well");
        reader.take();
        reader.flush();
    }
}

/// A reader of the topic `t`, and what it does where that is made anew.
fn setup(broker: &MockBroker, folder: &std::path::Path, recreated: &str, away: &Arc<AtomicBool>) -> Setup {
    let options = json!({"brokers": broker.address(), "topics": "t", "group": "g", "start": "earliest",
        "recreated": recreated});
    let away = Arc::clone(away);
    Setup {
        node: "in".to_owned(),
        pipeline: "p".to_owned(),
        state_dir: folder.to_owned(),
        options: serde_json::from_value(options).expect("options that fit"),
        decoder: DecoderFactory::new(move || Box::new(Numbers(Arc::clone(&away)))).asking(),
    }
}

#[test]
fn a_partition_that_a_topic_made_anew_has_no_more_has_ended_where_the_new_one_is_read() {
    let broker = MockBroker::start(&[]).expect("a mock broker");
    broker.cluster().create_topic("t", 1, 1).expect("a topic");
    for (recreated, is_fault) in [("earliest", false), ("error", true)] {
        let folder = tempfile::tempdir().expect("a folder");
        let away = Arc::new(AtomicBool::new(false));
        let setup = setup(&broker, folder.path(), recreated, &away);
        let (send, mut items) = mpsc::channel(10_000);
        let connected = Reader::connect(Arc::new(setup), Arc::default(), Told::default(), send);
        let mut reader = connected.expect("connected");
        // The old topic had two partitions.
        reader.give_up(&("t".to_owned(), 1), RDKafkaErrorCode::UnknownTopicOrPartition);
        let mut faults = Vec::new();
        while let Ok(item) = items.try_recv() {
            faults.extend(if let Item::Failed(error) = item { Some(error.to_string()) } else { None });
        }
        assert_eq!(faults.len(), usize::from(is_fault), "{recreated}: {faults:?}");
        // What is there cannot have ended.
        reader.give_up(&("t".to_owned(), 0), RDKafkaErrorCode::UnknownTopicOrPartition);
        assert!(matches!(items.try_recv(), Ok(Item::Failed(_))), "{recreated}");
        reader.leave();
    }
}

#[test]
fn messages_that_are_held_back_take_no_more_memory_and_go_with_a_topic_that_is_made_anew() {
    let broker = MockBroker::start(&[]).expect("a mock broker");
    broker.cluster().create_topic("t", 1, 1).expect("a topic");
    let producer = broker.producer();
    for number in 0..10 {
        let text = number.to_string();
        let record = BaseRecord::<(), _>::to("t").partition(0).payload(&text);
        producer.send(record).map_err(|(error, _)| error).expect("queued");
    }
    producer.flush(LONG).expect("sent");
    let folder = tempfile::tempdir().expect("a folder");
    let away = Arc::new(AtomicBool::new(true));
    let setup = setup(&broker, folder.path(), "earliest", &away);
    let shared = Arc::<Shared>::default();
    // The runtime asks again at once, whatever it is told.
    shared.asked.store(u64::MAX, Ordering::Relaxed);
    let (send, mut items) = mpsc::channel(10_000);
    let connected = Reader::connect(Arc::new(setup), Arc::clone(&shared), Told::default(), send);
    let mut reader = connected.expect("connected");
    until(&mut reader, "nothing is held back", |reader| reader.held_back.is_some());
    let mut read = handed_out(&mut items);
    for _ in 0..5 {
        reader.take();
        assert!(reader.queue.holds_back() && reader.intake.rows.is_empty(), "it is not there twice");
    }
    read.extend(handed_out(&mut items));
    assert_eq!(read, [0, 1, 2, 3, 4]);

    // The new topic has the same messages: none of them is hidden by what is left of the old.
    let (old, new) = ("lYxWcQ0dSeuZ2Tpqzv0W4A", "b8tRS7h4TJ2Vt43Dp85v2A");
    let line = format!("[thrd:main]: Topic t changed id from {old} to {new}");
    reader.client.context().log(RDKafkaLogLevel::Debug, "METADATA", &line);
    reader.events().expect("it is read from its start");
    assert!(!reader.queue.holds_back());
    away.store(false, Ordering::Relaxed);
    let mut read = Vec::new();
    until(&mut reader, "the new topic is not read", |_| {
        read.extend(handed_out(&mut items));
        read.len() >= 10
    });
    assert_eq!(read, (0..10).collect::<Vec<_>>());
    reader.leave();
}
