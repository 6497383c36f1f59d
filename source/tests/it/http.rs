//! The `http` source, with clients that send until they get a 200.

use std::{
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use levada_connector_api::{
    Batch, Result, Source,
    model::{Checkpoint, SplitPosition},
};
use levada_testkit::{Row, SourceHarness, rows_of, source_contract};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::contract::built;

const REQUESTS: i64 = 60;

fn body(number: i64) -> String {
    json!({"device": "root.d", "time": number, "measurements": ["n"], "values": [number], "types": ["INT64"]})
        .to_string()
}

/// The status and the text of an answer; 0 where there was none.
async fn post(address: &str, path: &str, head: &str, body: &str) -> (u16, String) {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{head}\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = asked.await.unwrap_or_default();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map(|(_, text)| text.to_owned()).unwrap_or_default())
}

/// An address of this machine that nobody listens at, and that is given to nobody else: beyond those that the system gives away by itself.
fn free_address() -> String {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let offset =
            std::process::id().wrapping_mul(97).wrapping_add(u32::from(NEXT.fetch_add(1, Ordering::Relaxed)));
        let address = format!("127.0.0.1:{}", 20_000 + offset % 12_000);
        if std::net::TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}

fn source(address: &str, mut more: Value) -> Box<dyn Source> {
    more["listen"] = json!(address);
    let state = TempDir::new().expect("a folder");
    built("http", &more, Some(("json", &json!({}))), state.path())
}

struct Harness {
    address: String,
    clients: JoinSet<()>,
}

#[async_trait]
impl SourceHarness for Harness {
    fn source(&mut self) -> Box<dyn Source> {
        source(&self.address, json!({}))
    }

    async fn fresh(&mut self) {
        self.address = free_address();
        self.clients = JoinSet::new();
        for number in 0..REQUESTS {
            let address = self.address.clone();
            self.clients.spawn(async move {
                while post(&address, "/", "", &body(number)).await.0 != 200 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            });
        }
    }

    fn expected(&self) -> Vec<Row> {
        (0..REQUESTS)
            .map(|number| Row { device: "root.d".to_owned(), time: number, number: Some(number) })
            .collect()
    }
}

#[tokio::test]
async fn http_passes_the_contract() {
    source_contract(&mut Harness { address: free_address(), clients: JoinSet::new() }).await;
}

fn end(batch: &Batch) -> Vec<SplitPosition> {
    let range = batch.positions.first().expect("a range");
    vec![SplitPosition { split: range.split.clone(), position: range.range.end }]
}

#[tokio::test]
async fn a_request_is_answered_when_its_rows_are_settled_and_not_before() -> Result<()> {
    let address = free_address();
    let mut source = source(&address, json!({"path": "/readings"}));
    source.connect(&Checkpoint::new()).await?;
    let (to, text) = (address.clone(), format!("[{},{}]", body(1), body(2)));
    let mut asked = tokio::spawn(async move { post(&to, "/readings", "", &text).await });
    let batch = source.next().await?.expect("a batch");
    assert_eq!(rows_of(&batch).len(), 2);
    let early = tokio::time::timeout(Duration::from_millis(100), &mut asked).await;
    assert!(early.is_err(), "answered before it was settled");
    source.settle(&end(&batch)).await?;
    assert_eq!(asked.await.expect("an answer").0, 200);
    source.close().await
}

#[tokio::test]
async fn what_cannot_be_taken_is_told_and_leaves_no_row() -> Result<()> {
    let address = free_address();
    let more = json!({"path": "/readings", "token": "s3cret", "body": "200B", "timeout": "3s"});
    let mut source = source(&address, more);
    source.connect(&Checkpoint::new()).await?;
    let asked = tokio::spawn(async move {
        let key = "authorization: Bearer s3cret\r\n";
        let mut answers = Vec::new();
        for (path, head, text) in [
            ("/readings", "", body(1)),
            ("/readings", "authorization: Bearer s3crets\r\n", body(1)),
            ("/else", key, body(1)),
            ("/readings", key, "x".repeat(201)),
            ("/readings", key, format!("[{},{{\"device\":\"d\"", body(1))),
            // Taken, but nobody settles it.
            ("/readings", key, body(7)),
        ] {
            answers.push(post(&address, path, head, &text).await);
        }
        answers
    });
    let mut rows = Vec::new();
    while rows.is_empty() {
        rows.extend(source.next().await?.iter().flat_map(rows_of));
    }
    let answers = asked.await.expect("answers");
    let codes: Vec<u16> = answers.iter().map(|answer| answer.0).collect();
    assert_eq!(codes, [401, 401, 404, 413, 400, 503], "{answers:?}");
    assert!(answers[3].1.contains("200B") && !answers[4].1.trim().is_empty(), "{answers:?}");
    assert_eq!(rows.iter().filter_map(|row| row.number).collect::<Vec<_>>(), [7]);
    source.close().await
}

#[tokio::test]
async fn a_bad_element_of_an_array_costs_no_other_and_is_named_in_the_answer() -> Result<()> {
    let address = free_address();
    let mut source = source(&address, json!({}));
    source.connect(&Checkpoint::new()).await?;
    let (to, text) = (address.clone(), format!("[{},{{\"device\":\"d\"}},{}]", body(1), body(2)));
    let asked = tokio::spawn(async move { post(&to, "/", "", &text).await });
    let batch = source.next().await?.expect("a batch");
    assert_eq!(rows_of(&batch).into_iter().filter_map(|row| row.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(batch.rejected.len(), 1);
    source.settle(&end(&batch)).await?;
    let (status, answer) = asked.await.expect("an answer");
    assert_eq!(status, 200);
    assert!(answer.starts_with("stored but for what is rejected: element 1: "), "{answer}");
    source.close().await
}

#[tokio::test]
async fn no_more_connections_are_let_in_than_may_be() -> Result<()> {
    let address = free_address();
    let mut source = source(&address, json!({"connections": 2}));
    source.connect(&Checkpoint::new()).await?;
    let mut clients = JoinSet::new();
    for number in 0..5 {
        let address = address.clone();
        clients.spawn(async move { post(&address, "/", "", &body(number)).await.0 });
    }
    let mut rows = 0;
    while rows < 5 {
        let batch = source.next().await?.expect("a batch");
        assert!(batch.rows() <= 2, "{} requests at once", batch.rows());
        rows += batch.rows();
        source.settle(&end(&batch)).await?;
    }
    let codes = clients.join_all().await;
    assert_eq!(codes, [200; 5]);
    source.close().await
}
