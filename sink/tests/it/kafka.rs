//! The `kafka` sink on librdkafka's mock cluster: a broker in this process that speaks the real protocol.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::StringArray;
use async_trait::async_trait;
use levada_connector_api::{
    Batch, BuildContext, ComponentKind, Delivery, ErrorKind, Registry, Sink,
    model::{Column, DataType},
};
use levada_kafka::mock::MockBroker;
use levada_testkit::{BadRows, Row, SinkHarness, Trouble, numbered, sink_contract};
use rdkafka::{
    ClientConfig, Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    message::Headers,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use serde_json::{Value, json};

use crate::stdout::row;

const LONG: Duration = Duration::from_secs(60);
const PARTITIONS: i32 = 3;

struct Broker(MockBroker);

/// A message as it lies in a topic.
#[derive(Debug)]
struct Lying {
    partition: i32,
    key: Option<String>,
    value: String,
    headers: Vec<(String, String)>,
}

impl Broker {
    fn new(topics: &[&str]) -> Self {
        let broker = MockBroker::start(&[]).expect("a mock broker");
        for topic in topics {
            broker.cluster().create_topic(topic, PARTITIONS, 1).expect("a topic");
        }
        Self(broker)
    }

    fn sink(&self, more: &Value) -> Arc<dyn Sink> {
        let mut options = json!({
            "brokers": self.0.address(), "topic": "t", "timeout": "20s",
            "properties": {"reconnect.backoff.max.ms": 50, "reconnect.backoff.ms": 10},
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            options[name] = value.clone();
        }
        let registry = levada_sink::register(Registry::new());
        let kafka = registry.get(ComponentKind::Sink, "kafka").expect("there is one");
        let (problems, _) = kafka.inspect(&options).expect("well formed");
        assert_eq!(problems, []);
        kafka.sink(options, &BuildContext::new("p", "out")).expect("options that work")
    }

    /// All messages of a topic, partition by partition.
    fn lying(&self, topic: &str) -> Vec<Lying> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", self.0.address())
            .set("group.id", "looking")
            .set("fetch.wait.max.ms", "20")
            .create()
            .expect("a consumer");
        let (mut found, began) = (Vec::new(), Instant::now());
        for partition in 0..PARTITIONS {
            let (_, end) = consumer.fetch_watermarks(topic, partition, LONG).expect("an answer");
            let mut list = TopicPartitionList::new();
            list.add_partition_offset(topic, partition, Offset::Beginning).expect("a partition");
            consumer.assign(&list).expect("assigned");
            for _ in 0..end {
                let message = loop {
                    assert!(began.elapsed() < LONG, "{} of {end} messages", found.len());
                    if let Some(message) = consumer.poll(Duration::from_millis(100)) {
                        break message.expect("no error");
                    }
                };
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
                let headers = message.headers().map(|all| all.iter().collect::<Vec<_>>()).unwrap_or_default();
                found.push(Lying {
                    partition,
                    key: message.key().map(text),
                    value: message.payload().map(text).unwrap_or_default(),
                    headers: headers
                        .iter()
                        .map(|each| (each.key.to_owned(), text(each.value.unwrap_or_default())))
                        .collect(),
                });
            }
        }
        found
    }

    fn rows(&self, topic: &str) -> Vec<Row> {
        let lying = self.lying(topic);
        let lines = lying.iter().flat_map(|each| each.value.lines());
        lines.map(|line| row(&serde_json::from_str(line).expect("JSON"))).collect()
    }
}

struct Harness {
    broker: Broker,
    more: Value,
}

#[async_trait]
impl SinkHarness for Harness {
    async fn fresh(&mut self) {
        self.broker = Broker::new(&["t"]);
    }

    fn sink(&mut self) -> Arc<dyn Sink> {
        self.broker.sink(&self.more)
    }

    async fn stored(&mut self) -> Option<Vec<Row>> {
        Some(self.broker.rows("t"))
    }

    fn trouble(&mut self, trouble: Trouble) -> bool {
        match trouble {
            Trouble::Fails => self.broker.0.cluster().broker_down(1).expect("down"),
            Trouble::Stalls => {
                self.broker.0.cluster().broker_round_trip_time(1, Duration::from_millis(400)).expect("slow");
            }
        }
        true
    }

    fn heal(&mut self) {
        self.broker.0.cluster().broker_up(1).expect("up");
        self.broker.0.cluster().broker_round_trip_time(1, Duration::ZERO).expect("fast");
    }

    fn bad_rows(&mut self) -> Option<BadRows> {
        let batch = padded(numbered("contract", 0..9, 3), &[1, 5], 2 << 20);
        // Row 1 is the first of the second device, row 5 the second of the third.
        Some(BadRows { batch, rejected: [(1, 0), (2, 1)].into() })
    }
}

/// A batch some rows of which have a long text.
fn padded(mut batch: Batch, numbers: &[i64], length: usize) -> Batch {
    for readings in &mut batch.readings {
        let tablet = &readings.tablet;
        let texts =
            tablet.times().values().iter().map(|time| numbers.contains(time).then(|| "x".repeat(length)));
        let values = Arc::new(texts.collect::<StringArray>());
        let mut columns = tablet.columns().to_vec();
        columns.push(Column { name: "pad".into(), data_type: DataType::Text, values });
        readings.tablet = tablet.clone().with_columns(columns).expect("fits");
    }
    batch
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_passes_the_contract() {
    sink_contract(&mut Harness { broker: Broker::new(&["t"]), more: json!({"timeout": "5s"}) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kafka_passes_the_contract_with_several_rows_in_a_message() {
    let more = json!({"message": "rows", "compression": "zstd", "idempotent_write": false, "timeout": "5s"});
    sink_contract(&mut Harness { broker: Broker::new(&["t"]), more }).await;
}

async fn connected(broker: &Broker, more: &Value) -> Arc<dyn Sink> {
    let sink = broker.sink(more);
    sink.connect().await.expect("connected");
    sink
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_has_one_partition_its_key_and_headers() {
    let broker = Broker::new(&["root.contract.d0", "root.contract.d1"]);
    let more = json!({"topic": "{device}", "headers": {"day": "{date}", "unit": "K"}});
    let sink = connected(&broker, &more).await;
    for from in [0, 50] {
        let delivery = sink.write(&numbered("s", from..from + 50, 2)).await.expect("delivered");
        assert_eq!(delivery, Delivery::default());
    }
    sink.close().await.expect("closed");
    let lying = broker.lying("root.contract.d1");
    assert_eq!(lying.len(), 50);
    let headers = [("day".to_owned(), "1970-01-01".to_owned()), ("unit".to_owned(), "K".to_owned())];
    for each in &lying {
        assert_eq!((each.partition, &each.headers[..]), (lying[0].partition, &headers[..]));
        assert_eq!(each.key.as_deref(), Some("root.contract.d1"));
    }
    let times: Vec<_> = broker.rows("root.contract.d1").into_iter().map(|row| row.time).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_brokers_reject_together_is_sent_apart_and_only_what_is_to_blame_is_rejected() {
    let broker = Broker::new(&["t"]);
    let sink = connected(&broker, &json!({"key": "one"})).await;
    // The first requests fail as a whole, as where one message of many is too large.
    let too_large = RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE;
    broker.0.cluster().request_errors(RDKafkaApiKey::Produce, &[too_large, too_large]);
    let batch = numbered("s", 0..40, 1);
    assert_eq!(sink.write(&batch).await.expect("delivered"), Delivery::default());
    // Brokers that tell of each record what is wrong with it name all of these.
    let invalid = RDKafkaRespErr::RD_KAFKA_RESP_ERR_INVALID_RECORD;
    // And here no message is taken, whatever goes along with it.
    for errors in [vec![invalid], vec![too_large; 64]] {
        broker.0.cluster().request_errors(RDKafkaApiKey::Produce, &errors);
        let delivery = sink.write(&numbered("s", 40..44, 2)).await.expect("answered");
        broker.0.cluster().clear_request_errors(RDKafkaApiKey::Produce);
        let rejected = delivery.rejected.iter();
        let rejected: Vec<_> =
            rejected.flat_map(|each| each.rows.iter().flatten().map(|row| (each.readings, *row))).collect();
        assert_eq!(rejected, [(0, 0), (0, 1), (1, 0), (1, 1)]);
        let error = &delivery.rejected[0].error;
        assert!(error.contains("topic t") && error.contains("Broker: "), "{error}");
    }
    assert_eq!(sink.write(&numbered("s", 50..60, 1)).await.expect("delivered"), Delivery::default());
    sink.close().await.expect("closed");
    let times: Vec<_> = broker.rows("t").into_iter().map(|row| row.time).collect();
    assert_eq!(times, (0..40).chain(50..60).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_larger_than_the_queue_goes_through_it() {
    let broker = Broker::new(&["t"]);
    let sink =
        connected(&broker, &json!({"queue": "64KiB", "max_message_bytes": "8KiB", "timeout": "20s"})).await;
    let all: Vec<i64> = (0..500).collect();
    let batch = padded(numbered("s", 0..500, 4), &all, 3_000);
    assert_eq!(sink.write(&batch).await.expect("delivered"), Delivery::default());
    sink.close().await.expect("closed");
    assert_eq!(broker.rows("t").len(), 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_missing_end_it_and_a_broker_that_is_away_does_not() {
    let broker = Broker::new(&["t", "u"]);
    let sink = connected(&broker, &json!({})).await;
    broker
        .0
        .cluster()
        .topic_error("t", RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        .expect("an error");
    let error = sink.write(&numbered("s", 0..3, 1)).await.expect_err("no right");
    assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Auth, false), "{error}");
    sink.close().await.expect("closed");
    let sink = connected(&broker, &json!({"topic": "u"})).await;
    broker.0.cluster().broker_down(1).expect("down");
    let error = sink.write(&numbered("s", 0..3, 1)).await.expect_err("nobody there");
    assert!(error.is_transient(), "{error}");
    sink.close().await.expect("closed");
}
