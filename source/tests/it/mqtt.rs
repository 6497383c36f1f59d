//! The `mqtt` source, with a broker in the process.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, ErrorKind, Result, Source,
    model::{Checkpoint, SplitPosition},
};
use levada_testkit::{Row, SourceHarness, rows_of, source_contract};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    broker::Broker,
    certificates::{self, certify, certify_host},
    contract::built,
};

fn message(number: i64) -> (String, Vec<u8>) {
    let payload = json!({"device": "root.d", "timestamp": number, "measurements": ["n"], "values": [number], "types": ["INT64"]});
    ("plant/line1/d7".to_owned(), payload.to_string().into_bytes())
}

fn messages(count: i64) -> Vec<(String, Vec<u8>)> {
    (0..count).map(message).collect()
}

struct Harness {
    broker: Broker,
    versions: Vec<u8>,
    state: TempDir,
}

fn source(broker: &Broker, mut more: Value) -> Box<dyn Source> {
    more["broker"] = json!(broker.address.to_string());
    more["topics"] = json!(["plant/#"]);
    let state = TempDir::new().expect("a folder");
    built("mqtt", &more, Some(("json", &json!({}))), state.path())
}

#[async_trait]
impl SourceHarness for Harness {
    fn source(&mut self) -> Box<dyn Source> {
        let rows = if self.versions == [4] { 1 } else { 50 };
        let options =
            json!({"broker": self.broker.address.to_string(), "topics": "plant/#", "batch": {"rows": rows}});
        built("mqtt", &options, Some(("json", &json!({}))), self.state.path())
    }

    async fn fresh(&mut self) {
        // A broker that speaks the older version alone sends 20 at once, and nothing is acknowledged in between.
        let count = if self.versions == [4] { 20 } else { 900 };
        self.broker = Broker::start(messages(count)).await;
        self.broker.state.lock().versions.clone_from(&self.versions);
    }

    fn expected(&self) -> Vec<Row> {
        let row = |number| Row { device: "root.d".to_owned(), time: number, number: Some(number) };
        (0..if self.versions == [4] { 20 } else { 900 }).map(row).collect()
    }
}

#[tokio::test]
async fn mqtt_passes_the_contract() {
    for versions in [vec![4, 5], vec![4]] {
        let broker = Broker::start(Vec::new()).await;
        let state = TempDir::new().expect("a folder");
        source_contract(&mut Harness { broker, versions, state }).await;
    }
}

async fn read(source: &mut Box<dyn Source>, rows: usize) -> Result<Vec<Batch>> {
    let mut batches = Vec::new();
    while batches.iter().map(Batch::rows).sum::<usize>() < rows {
        batches.extend(source.next().await?);
    }
    Ok(batches)
}

fn end(batches: &[Batch]) -> Vec<SplitPosition> {
    let range = batches.last().and_then(|batch| batch.positions.first()).expect("a range");
    vec![SplitPosition { split: range.split.clone(), position: range.range.end }]
}

async fn until_acknowledged(broker: &Broker, count: usize) {
    let wait = async {
        while broker.acknowledged() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("acknowledged");
}

#[tokio::test]
async fn a_message_is_acknowledged_when_it_is_settled_and_not_before() -> Result<()> {
    let broker = Broker::start(messages(100)).await;
    let mut source = source(&broker, json!({"in_flight": 10}));
    source.connect(&Checkpoint::new()).await?;
    let mut rows = 0;
    while rows < 100 {
        let batches = read(&mut source, 1).await?;
        assert_eq!(broker.acknowledged(), rows, "acknowledged before it was settled");
        rows += batches.iter().map(Batch::rows).sum::<usize>();
        assert!(rows <= broker.acknowledged() + 10, "more under way than was asked for");
        source.settle(&end(&batches)).await?;
        until_acknowledged(&broker, rows).await;
    }
    source.close().await
}

#[tokio::test]
async fn what_comes_again_after_a_lost_connection_is_read_once() -> Result<()> {
    let broker = Broker::start(messages(60)).await;
    broker.state.lock().cut_after = Some(25);
    let mut source = source(&broker, json!({}));
    source.connect(&Checkpoint::new()).await?;
    let mut batches = read(&mut source, 25).await?;
    let error = source.next().await.expect_err("the connection is cut");
    assert!(error.is_transient() && error.kind() == ErrorKind::Connection, "{error}");
    // Settled while nobody is connected: acknowledged when it comes again.
    source.settle(&end(&batches)).await?;
    batches.extend(read(&mut source, 35).await?);
    let rows: Vec<i64> = batches.iter().flat_map(rows_of).filter_map(|row| row.number).collect();
    assert_eq!(rows.len(), 60);
    assert_eq!(BTreeSet::from_iter(rows).len(), 60);
    source.settle(&end(&batches)).await?;
    until_acknowledged(&broker, 60).await;
    assert_eq!(broker.state.lock().connections, 2);
    source.close().await
}

#[tokio::test]
async fn the_topic_is_kept_and_names_the_device_where_the_payload_does_not() -> Result<()> {
    let payload = |text: &str| ("plant/line1/d7".to_owned(), text.as_bytes().to_vec());
    let broker = Broker::start(vec![
        payload("{\"timestamp\":1,\"t\":1.5}"),
        payload("{\"device\":\"root.own\",\"timestamps\":[2,3],\"measurements\":[\"t\",\"u\"],\"values\":[[1,2],[3,4]]}"),
        ("plant//d7".to_owned(), b"{\"timestamp\":1,\"t\":1.5}".to_vec()),
        payload("{\"device\":\"root.own\",\"timestamps\":[2,3],\"measurements\":[\"t\"],\"values\":[[1]]}"),
    ])
    .await;
    let mut source = source(&broker, json!({"device": "root.{topic}", "topic_column": "topic"}));
    source.connect(&Checkpoint::new()).await?;
    let batches = read(&mut source, 3).await?;
    let all: Vec<_> = batches.iter().flat_map(|batch| &batch.readings).collect();
    let devices: Vec<_> = all.iter().map(|readings| readings.tablet.device().as_str()).collect();
    assert_eq!(devices, ["root.plant.line1.d7", "root.own"]);
    for readings in &all {
        let topic = readings.tablet.columns().iter().find(|column| &*column.name == "topic").expect("kept");
        let said = topic.value(0).expect("a value").to_string();
        assert_eq!(said, "plant/line1/d7");
    }
    let own = &all[1].tablet;
    assert_eq!((own.times().values().to_vec(), own.columns().len()), (vec![2, 3], 3));
    let rejected: Vec<_> = batches.iter().flat_map(|batch| &batch.rejected).collect();
    assert_eq!(rejected.len(), 2);
    assert!(rejected[0].error.contains("there is no device") && rejected[0].error.contains("lacks a level"));
    assert!(rejected[1].error.contains("2 times, 1 lists of values"), "{}", rejected[1].error);
    let envelope = rejected[0].record.envelope().expect("an envelope");
    assert_eq!(envelope.headers().next(), Some(("topic", Some(&b"plant//d7"[..]))));
    source.close().await
}

#[tokio::test]
async fn what_a_broker_rejects_is_told_and_not_tried_again() {
    for (code, kind) in [(0x86, ErrorKind::Auth), (0x87, ErrorKind::Auth), (0x85, ErrorKind::Config)] {
        let broker = Broker::start(Vec::new()).await;
        broker.state.lock().code = code;
        let error = source(&broker, json!({})).connect(&Checkpoint::new()).await.expect_err("turned away");
        assert!(!error.is_transient() && error.kind() == kind, "{code:#04x}: {error}");
    }
    for (granted, reason) in [(0x87, "does not let this client read `plant/#`"), (0, "QoS 0 only")] {
        let broker = Broker::start(Vec::new()).await;
        broker.state.lock().granted = granted;
        let error = source(&broker, json!({})).connect(&Checkpoint::new()).await.expect_err("not granted");
        assert!(!error.is_transient() && error.to_string().contains(reason), "{error}");
    }
    let busy = Broker::start(Vec::new()).await;
    busy.state.lock().code = 0x89;
    assert!(source(&busy, json!({})).connect(&Checkpoint::new()).await.expect_err("busy").is_transient());
}

#[tokio::test]
async fn an_encrypted_broker_is_read_and_one_that_nobody_vouches_for_is_not() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    let file = |name: &str| folder.path().join(name).display().to_string();
    certify(folder.path(), "mountain");
    certify(folder.path(), "valley");
    for clients in [None, Some("valley")] {
        let tls = certificates::server(folder.path(), "mountain", clients);
        let broker = Broker::with(messages(40), Some(tls)).await;
        let mut known = json!({"ca_file": file("mountain.ca")});
        if clients.is_some() {
            let error = first(&broker, &known).await.expect_err("without a certificate");
            assert!(
                !error.is_transient() && error.to_string().contains("it may want a certificate"),
                "{error}"
            );
            known["crt_file"] = json!(file("valley.pem"));
            known["key_file"] = json!(file("valley.key"));
        }
        let mut source = source(&broker, json!({"tls": known}));
        source.connect(&Checkpoint::new()).await?;
        let batches = read(&mut source, 40).await?;
        source.settle(&end(&batches)).await?;
        until_acknowledged(&broker, 40).await;
        source.close().await?;
        let error = first(&broker, &json!({"ca_file": file("valley.ca")})).await.expect_err("of another");
        assert!(
            !error.is_transient() && error.to_string().contains("no authority that is trusted here"),
            "{error}"
        );
        let error = first(&broker, &json!(null)).await.expect_err("not encrypted");
        assert!(!error.is_transient() && error.to_string().contains("wants TLS"), "{error}");
    }
    let plain = Broker::start(messages(1)).await;
    plain.state.lock().code = 0;
    let error = first(&plain, &json!({"ca_file": file("mountain.ca")})).await.expect_err("not TLS");
    assert!(error.to_string().contains("cannot agree on encryption"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_certificate_for_another_host_is_rejected_unless_any_will_do() -> Result<()> {
    let folder = TempDir::new().expect("a folder");
    certify_host(folder.path(), "mountain", "elsewhere.example");
    let tls = certificates::server(folder.path(), "mountain", None);
    let broker = Broker::with(messages(40), Some(tls)).await;
    let mut known = json!({"ca_file": folder.path().join("mountain.ca")});
    let error = first(&broker, &known).await.expect_err("for another host");
    assert!(!error.is_transient() && error.to_string().contains("elsewhere.example"), "{error}");
    known["verify_hostname"] = json!(false);
    let mut source = source(&broker, json!({"tls": known}));
    source.connect(&Checkpoint::new()).await?;
    read(&mut source, 40).await?;
    source.close().await
}

/// Connects and reads what comes first.
async fn first(broker: &Broker, tls: &Value) -> Result<()> {
    let mut source = source(broker, json!({"tls": tls}));
    source.connect(&Checkpoint::new()).await?;
    source.next().await.map(drop)
}
