//! Avro from Kafka with a schema registry that is asked over HTTP: away, without a schema, and there.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use levada_connector_api::{Batch, Error, Source, model::Checkpoint};
use levada_kafka::mock::MockBroker;
use levada_testkit::rows_of;
use parking_lot::Mutex;
use rdkafka::producer::{BaseRecord, Producer};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::timeout,
};

use crate::{
    certificates::{self, certify_host},
    contract::built,
};

const PLACE: &str = r#"{"type": "record", "name": "Place", "namespace": "plant", "fields": [{"name": "hall", "type": "string"}]}"#;
const READING: &str = r#"{"type": "record", "name": "Reading", "namespace": "plant", "fields": [
    {"name": "device", "type": "string"},
    {"name": "time", "type": {"type": "long", "logicalType": "timestamp-micros"}},
    {"name": "at", "type": "plant.Place"},
    {"name": "n", "type": "long"}]}"#;

/// A registry with one schema, 7, that refers to another.
#[derive(Debug, Default)]
struct Registry {
    away: AtomicBool,
    asked: AtomicUsize,
    /// What answers in its place, to who asks for a schema or for one that another refers to.
    other: Mutex<Option<(Asked, &'static str)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Schema,
    Reference,
}

impl Registry {
    async fn start() -> (Arc<Self>, String) {
        let registry = Arc::new(Self { away: AtomicBool::new(true), ..Self::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let url = format!("http://{}/registry", listener.local_addr().expect("bound"));
        let router = Router::new()
            .route("/registry/schemas/ids/{id}", get(schema))
            .route("/registry/subjects/{subject}/versions/{version}", get(version))
            .with_state(Arc::clone(&registry));
        tokio::spawn(async move { axum::serve(listener, router).await });
        (registry, url)
    }

    /// What another server says in its place, if there is one.
    fn other(&self, asked: Asked) -> Option<Response> {
        let other = self.other.lock();
        other
            .filter(|(place, _)| *place == asked)
            .map(|(_, body)| (StatusCode::NOT_FOUND, body).into_response())
    }
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, body.to_string()).into_response()
}

async fn schema(State(registry): State<Arc<Registry>>, Path(id): Path<u32>, headers: HeaderMap) -> Response {
    registry.asked.fetch_add(1, Ordering::Relaxed);
    if headers.get("authorization").is_none_or(|login| login != "Basic bWU6c2VjcmV0") {
        return answer(StatusCode::UNAUTHORIZED, &json!({"error_code": 40101, "message": "who?"}));
    }
    if registry.away.load(Ordering::Relaxed) {
        return (StatusCode::SERVICE_UNAVAILABLE, "starting").into_response();
    }
    if let Some(other) = registry.other(Asked::Schema) {
        return other;
    }
    match id {
        7 => {
            let references = json!([{"name": "plant.Place", "subject": "place / value", "version": 2}]);
            answer(StatusCode::OK, &json!({"schema": READING, "references": references}))
        }
        8 => answer(StatusCode::OK, &json!({"schema": "syntax = \"proto3\";", "schemaType": "PROTOBUF"})),
        _ => answer(StatusCode::NOT_FOUND, &json!({"error_code": 40403, "message": "Schema not found"})),
    }
}

async fn version(
    State(registry): State<Arc<Registry>>,
    Path((subject, version)): Path<(String, i64)>,
) -> Response {
    if let Some(other) = registry.other(Asked::Reference) {
        return other;
    }
    match (subject.as_str(), version) {
        ("place / value", 2) => {
            answer(StatusCode::OK, &json!({"subject": subject, "version": 2, "schema": PLACE}))
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A message as a serializer of Confluent's writes it.
fn message(schema: u32, number: i64) -> Vec<u8> {
    let long = |number: i64, into: &mut Vec<u8>| {
        let mut zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
        while zigzag >= 0x80 {
            into.push((zigzag & 0x7f) as u8 | 0x80);
            zigzag >>= 7;
        }
        into.push(zigzag as u8);
    };
    let mut message = vec![0];
    message.extend(schema.to_be_bytes());
    for text in ["root.plant.d1", "north"] {
        long(text.len() as i64, &mut message);
        message.extend(text.as_bytes());
        if text != "north" {
            long(1_700_000_000_000_000 + number * 1_000, &mut message);
        }
    }
    long(number, &mut message);
    message
}

fn send(broker: &MockBroker, messages: &[Vec<u8>]) {
    for (nth, payload) in messages.iter().enumerate() {
        let record = BaseRecord::<(), _>::to("readings").partition((nth % 2) as i32).payload(payload);
        broker.producer().send(record).map_err(|(error, _)| error).expect("queued");
    }
    broker.producer().flush(Duration::from_secs(60)).expect("sent");
}

async fn next(source: &mut Box<dyn Source>) -> Result<Option<Batch>, Error> {
    timeout(Duration::from_secs(60), source.next()).await.expect("it says something")
}

/// Serves what answers at `url` over TLS too, and gives that address.
async fn encrypted(folder: &TempDir, name: &str, url: &str) -> String {
    let acceptor = certificates::server(folder.path(), name, None);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address");
    let (host, address) = (host.to_owned(), listener.local_addr().expect("bound"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, host) = (acceptor.clone(), host.clone());
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let mut behind = TcpStream::connect(host).await?;
                copy_bidirectional(&mut stream, &mut behind).await
            });
        }
    });
    format!("https://{address}/{path}")
}

#[tokio::test]
async fn a_registry_is_asked_over_tls_and_its_certificate_is_for_its_host_unless_any_will_do() {
    let folder = TempDir::new().expect("a folder");
    certify_host(folder.path(), "mountain", "127.0.0.1");
    certify_host(folder.path(), "valley", "elsewhere.example");
    let (registry, url) = Registry::start().await;
    registry.away.store(false, Ordering::Relaxed);
    let broker = MockBroker::start(&[]).expect("a mock broker");
    broker.cluster().create_topic("readings", 2, 1).expect("a topic");
    send(&broker, &[message(7, 1)]);
    let state = TempDir::new().expect("a folder");
    let ca = |name: &str| json!(folder.path().join(format!("{name}.ca")));
    for (name, tls, fault) in [
        ("mountain", json!({"ca_file": ca("mountain")}), None),
        (
            "mountain",
            json!({"ca_file": ca("valley"), "verify_hostname": false}),
            Some("no authority that is trusted here"),
        ),
        ("valley", json!({"ca_file": ca("valley")}), Some("elsewhere.example")),
        ("valley", json!({"ca_file": ca("valley"), "verify_hostname": false}), None),
    ] {
        let url = encrypted(&folder, name, &url).await;
        let options =
            json!({"brokers": broker.address(), "topics": "readings", "group": "tls", "end": "latest"});
        let decode = json!({"registry": {"url": url, "user": "me", "password": "secret", "tls": tls}});
        let mut source = built("kafka", &options, Some(("avro", &decode)), state.path());
        source.connect(&Checkpoint::new()).await.expect("connected");
        match (next(&mut source).await, fault) {
            (Ok(Some(batch)), None) => assert_eq!(rows_of(&batch).len(), 1),
            (Err(error), Some(fault)) => {
                assert!(error.is_transient() && error.to_string().contains(fault), "{error}");
            }
            (other, _) => panic!("{name}, {tls}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn messages_wait_while_the_registry_is_away_and_those_without_a_schema_are_rejected() {
    let (registry, url) = Registry::start().await;
    let broker = MockBroker::start(&[]).expect("a mock broker");
    broker.cluster().create_topic("readings", 2, 1).expect("a topic");
    let mut messages: Vec<_> = (0..10).map(|number| message(7, number)).collect();
    messages.insert(3, message(99, 0));
    messages.insert(6, message(8, 0));
    messages.push(b"{}".to_vec());
    send(&broker, &messages);
    let state = TempDir::new().expect("a folder");
    let options =
        json!({"brokers": broker.address(), "topics": "readings", "group": "avro", "end": "latest"});
    let decode = json!({"registry": {"url": url, "user": "me", "password": "secret"}});
    let mut source = built("kafka", &options, Some(("avro", &decode)), state.path());
    source.connect(&Checkpoint::new()).await.expect("connected");
    // Nothing is taken and nothing rejected, however often it is tried.
    for _ in 0..3 {
        let error = next(&mut source).await.expect_err("the registry is away");
        assert!(error.is_transient(), "{error}");
        assert!(error.to_string().contains("503"), "{error}");
    }
    assert_eq!(registry.asked.load(Ordering::Relaxed), 3, "it is asked when the runtime asks");
    registry.away.store(false, Ordering::Relaxed);
    let (mut times, mut rejected, mut positions) = (Vec::new(), Vec::new(), Checkpoint::new());
    while let Some(batch) = next(&mut source).await.expect("all is well") {
        times.extend(rows_of(&batch).iter().map(|row| (row.time, row.number)));
        rejected.extend(batch.rejected.iter().map(|each| each.error.clone()));
        for each in &batch.positions {
            let reached = positions.entry(each.split.clone()).or_insert(0);
            assert_eq!(*reached, each.range.start, "no gap");
            *reached = each.range.end;
        }
    }
    source.close().await.expect("closed");
    times.sort_unstable();
    let expected: Vec<_> = (0..10).map(|number| (1_700_000_000_000 + number, Some(number))).collect();
    assert_eq!(times, expected);
    rejected.sort_unstable();
    assert_eq!(rejected.len(), 3, "{rejected:?}");
    assert!(rejected[0].contains("does not begin with a schema registry header"), "{rejected:?}");
    assert!(rejected[1].contains("one of PROTOBUF, and only Avro is read"), "{rejected:?}");
    assert!(rejected[2].ends_with("has no schema 99"), "{rejected:?}");
    assert_eq!(positions.values().sum::<u64>(), 13);
    // Each id once more than while it was away.
    assert_eq!(registry.asked.load(Ordering::Relaxed), 3 + 3);
}

#[tokio::test]
async fn a_registry_at_another_address_or_for_others_is_away_and_not_without_the_schema() {
    let (registry, url) = Registry::start().await;
    registry.away.store(false, Ordering::Relaxed);
    let broker = MockBroker::start(&[]).expect("a mock broker");
    broker.cluster().create_topic("readings", 2, 1).expect("a topic");
    send(&broker, &[message(7, 1)]);
    for (group, decode, reason) in [
        ("others", json!({"registry": {"url": url}}), "401"),
        ("nobody", json!({"registry": {"url": "http://127.0.0.1:1"}}), "127.0.0.1:1"),
    ] {
        let state = TempDir::new().expect("a folder");
        let options =
            json!({"brokers": broker.address(), "topics": "readings", "group": group, "end": "latest"});
        let mut source = built("kafka", &options, Some(("avro", &decode)), state.path());
        source.connect(&Checkpoint::new()).await.expect("connected");
        let error = next(&mut source).await.expect_err("away");
        assert!(error.is_transient() && error.to_string().contains(reason), "{error}");
        source.close().await.expect("closed");
    }
}

#[tokio::test]
async fn a_404_that_is_not_the_registrys_own_rejects_nothing() {
    let (registry, url) = Registry::start().await;
    registry.away.store(false, Ordering::Relaxed);
    let broker = MockBroker::start(&[]).expect("a mock broker");
    broker.cluster().create_topic("readings", 2, 1).expect("a topic");
    send(&broker, &[message(7, 1), message(7, 2)]);
    let state = TempDir::new().expect("a folder");
    let options =
        json!({"brokers": broker.address(), "topics": "readings", "group": "proxied", "end": "latest"});
    let decode = json!({"registry": {"url": url, "user": "me", "password": "secret"}});
    let mut source = built("kafka", &options, Some(("avro", &decode)), state.path());
    source.connect(&Checkpoint::new()).await.expect("connected");
    for asked in [Asked::Schema, Asked::Reference] {
        for body in [
            "<html>404 page not found</html>",
            "",
            "{}",
            r#"{"error_code": 404, "message": "HTTP 404 Not Found"}"#,
        ] {
            *registry.other.lock() = Some((asked, body));
            let error = next(&mut source).await.expect_err("the registry is away");
            assert!(error.is_transient() && error.to_string().contains("404"), "{asked:?} {body}: {error}");
        }
    }
    *registry.other.lock() = None;
    let mut rows = 0;
    while let Some(batch) = next(&mut source).await.expect("all is well") {
        assert_eq!(batch.rejected.len(), 0, "{:?}", batch.rejected);
        rows += batch.rows();
    }
    source.close().await.expect("closed");
    assert_eq!(rows, 2);
}
