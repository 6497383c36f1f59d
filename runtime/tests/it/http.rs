//! What is served of a runtime.

use std::time::Duration;

use levada_runtime::http;
use levada_testkit::{Fault, ScriptedSink, SourceScript, Step, numbered};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use crate::harness::{Harness, pass};

async fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("asked");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_a_while_and_no_longer_for_a_request_that_does_not_arrive() {
    let harness = Harness::new("half").source("in").sink("out", &["in"]);
    let listener = http::listen("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let stop = CancellationToken::new();
    let server =
        tokio::spawn(http::serve(listener, harness.runtime.clone(), None, stop.clone().cancelled_owned()));
    let mut half = TcpStream::connect(&address).await.expect("it listens");
    half.write_all(b"GET /ping HTTP/1.1\r\nHo").await.expect("sent");
    // Connections are accepted in turn: when this one is answered, the other has been accepted.
    assert_eq!(get(&address, "/ping").await.0, 200);
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(60), server).await;
    ended.expect("in time").expect("no panic").expect("served");
    drop(half);
}

#[tokio::test]
async fn readiness_and_metrics_tell_how_a_pipeline_does() {
    let harness = Harness::new("served").source("in").sink("out", &["in"]);
    let _script = SourceScript::numbered("s", 200, 10).unbounded().named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    sink.fail(Fault::transient("away"));
    let listener = http::listen("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let stop = CancellationToken::new();
    let server =
        tokio::spawn(http::serve(listener, harness.runtime.clone(), None, stop.clone().cancelled_owned()));

    let running = harness.start();
    while sink.connects() == 0 {
        pass(1).await;
    }
    assert_eq!(get(&address, "/ping").await, (200, "pong\n".to_owned()));
    let (status, body) = get(&address, "/ready").await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &body["ready"]), (503, &json!(false)));
    let nodes = &body["pipelines"][0]["nodes"];
    assert_eq!((&nodes[1]["name"], &nodes[1]["kind"]), (&json!("out"), &json!("sink")));

    sink.heal();
    sink.wait_for_rows(200).await;
    while !running.handle().is_ready() {
        pass(1).await;
    }
    assert_eq!(get(&address, "/ready").await.0, 200);
    let (status, metrics) = get(&address, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        r#"levada_input_received_total{node="in",pipeline="served"} 200"#,
        r#"levada_output_sent_total{node="out",pipeline="served"} 200"#,
        r#"levada_batch_created_total{by="rows",node="out",pipeline="served"} 2"#,
        r#"levada_queue_rows{input="in",node="out",pipeline="served"} 0"#,
        r#"levada_output_latency_seconds_count{node="out",pipeline="served"} 2"#,
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
    running.stop();
    running.wait().await;
    stop.cancel();
    server.await.expect("no panic").expect("served");
    assert!(!harness.prometheus.gather().is_empty());
}

#[tokio::test(start_paused = true)]
async fn streams_are_told_and_a_node_is_looked_into_without_being_held_up() {
    let harness = Harness::new("looked").source("in").keep("even", &["in"], 2).sink("out", &["even"]);
    let _source = slow_numbered().unbounded().named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let listener = http::listen("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let (desk, stop) = (http::Desk::looking_only(http::ThisMachine), CancellationToken::new());
    let server = tokio::spawn(http::serve(
        listener,
        harness.runtime.clone(),
        Some(desk),
        stop.clone().cancelled_owned(),
    ));
    let running = harness.start();
    while !running.handle().is_ready() {
        pass(1).await;
    }
    let (status, body) = get(&address, "/streams/looked").await;
    let body: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &body["status"], &body["ready"]), (200, &json!("running"), &json!(true)));
    assert_eq!(body["queues"][1]["from"], "even");

    // Somebody looks, and never reads what is shown.
    let mut looking = TcpStream::connect(&address).await.expect("it listens");
    looking
        .write_all(b"GET /streams/looked/tap/in HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .expect("asked");
    let tapped = tokio::spawn({
        let address = address.clone();
        async move { get(&address, "/streams/looked/tap/even?limit=3").await }
    });
    let mut tap = running.handle().tap("out").expect("a node");
    sink.wait_for_rows(10_000).await;
    let rows = tap.next().await;
    assert!(rows.len() <= 100 && rows[0]["values"]["n"].as_i64().is_some_and(|n| n % 2 == 0), "{rows:?}");
    drop((tapped, tap));

    for (path, status) in
        [("/streams/none", 404), ("/streams/looked/tap/none", 400), ("/streams/looked/tap/in?limit=x", 400)]
    {
        assert_eq!(get(&address, path).await.0, status, "{path}");
    }
    // A page of another origin, and one whose own name leads here.
    for head in ["Host: localhost\r\nOrigin: http://a", "Host: a.example:9600", "Host: 127.0.0.1.a.example"] {
        let mut page = TcpStream::connect(&address).await.expect("it listens");
        let request = format!("GET /streams/looked/tap/in HTTP/1.1\r\n{head}\r\nConnection: close\r\n\r\n");
        page.write_all(request.as_bytes()).await.expect("asked");
        let mut answer = String::new();
        page.read_to_string(&mut answer).await.expect("answered");
        assert!(answer.starts_with("HTTP/1.1 403"), "{head}: {answer}");
    }
    running.stop();
    running.wait().await;
    drop(looking);
    stop.cancel();
    server.await.expect("no panic").expect("served");
}

/// Many rows, with some time between batches.
fn slow_numbered() -> SourceScript {
    let batches = (0..200u64).flat_map(|n| {
        [Step::Wait(Duration::from_millis(20)), Step::Batch(numbered("s", n * 100..(n + 1) * 100, 4))]
    });
    SourceScript::new(batches)
}
