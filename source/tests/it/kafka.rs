//! The Kafka source against the contract, on librdkafka's mock cluster.

use std::time::Duration;

use async_trait::async_trait;
use levada_connector_api::Source;
use levada_kafka::mock::MockBroker;
use levada_testkit::{Row, SourceHarness, source_contract};
use rdkafka::producer::{BaseRecord, Producer};
use serde_json::json;
use tempfile::TempDir;

use crate::contract::built;

/// A topic that stays as it is, read by one group after another.
struct Harness {
    brokers: String,
    bounded: bool,
    groups: u32,
    state: TempDir,
    expected: Vec<Row>,
}

#[async_trait]
impl SourceHarness for Harness {
    fn source(&mut self) -> Box<dyn Source> {
        let mut options = json!({
            "brokers": self.brokers, "topics": "readings", "group": format!("group-{}", self.groups),
            // The mock broker lets a member that comes anew wait for the session of the one before.
            "batch": {"rows": 500}, "properties": {"session.timeout.ms": 6_000},
        });
        if self.bounded {
            options["end"] = json!("latest");
        }
        built("kafka", &options, Some(("json", &json!({"cast": {"n": "INT64"}}))), self.state.path())
    }

    async fn fresh(&mut self) {
        self.groups += 1;
        self.state = TempDir::new().expect("a folder");
    }

    fn expected(&self) -> Vec<Row> {
        self.expected.clone()
    }

    fn remembers(&self) -> bool {
        true
    }
}

async fn contract(bounded: bool) {
    let broker = MockBroker::start(&[]).expect("a mock broker");
    broker.cluster().create_topic("readings", 3, 1).expect("a topic");
    let producer = broker.producer();
    let mut expected = Vec::new();
    for number in 0..9_000i64 {
        let (device, time) = (format!("hall.d{}", number % 5), 1_777_593_600_000 + number);
        let payload = json!({"device": device, "time": time, "n": number}).to_string();
        let record = BaseRecord::<(), _>::to("readings").partition((number % 3) as i32).payload(&payload);
        producer.send(record).map_err(|(error, _)| error).expect("queued");
        expected.push(Row { device, time, number: Some(number) });
    }
    producer.flush(Duration::from_secs(60)).expect("sent");
    let mut harness = Harness {
        brokers: broker.address(),
        bounded,
        groups: 0,
        state: TempDir::new().expect("a folder"),
        expected,
    };
    source_contract(&mut harness).await;
}

#[tokio::test]
async fn kafka_with_an_end_passes_the_contract() {
    contract(true).await;
}

#[tokio::test]
async fn kafka_without_an_end_passes_the_contract() {
    contract(false).await;
}
