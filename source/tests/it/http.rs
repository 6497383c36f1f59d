//! The `http` source, with clients that send until they get a 200.

use std::time::Duration;

use async_trait::async_trait;
use levada_connector_api::{
    Batch, Result, Source,
    model::{Checkpoint, SplitPosition},
};
use levada_testkit::{Row, SourceHarness, free_address, rows_of, source_contract};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::{
    certificates::{self, certify},
    contract::built,
};

const REQUESTS: i64 = 60;

fn body(number: i64) -> String {
    json!({"device": "root.d", "time": number, "measurements": ["n"], "values": [number], "types": ["INT64"]})
        .to_string()
}

/// The status and the text of an answer; 0 where there was none.
async fn post(address: &str, path: &str, head: &str, body: &str) -> (u16, String) {
    let asked = async { said(TcpStream::connect(address).await?, path, head, body.as_bytes()).await };
    answered(&asked.await.unwrap_or_default())
}

/// What is answered to a request.
async fn said(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    path: &str,
    head: &str,
    body: &[u8],
) -> std::io::Result<String> {
    let length = body.len();
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{head}\r\n"
    )
    .into_bytes();
    request.extend_from_slice(body);
    stream.write_all(&request).await?;
    stream.flush().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

fn answered(answer: &str) -> (u16, String) {
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map(|(_, text)| text.to_owned()).unwrap_or_default())
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

#[tokio::test]
async fn connections_without_a_request_keep_nobody_out() -> Result<()> {
    let address = free_address();
    let mut source = source(&address, json!({"connections": 2, "timeout": "2s", "idle": "2s"}));
    source.connect(&Checkpoint::new()).await?;
    // One says nothing, one begins a request and sends more of its head now and then.
    let silent = TcpStream::connect(&address).await.expect("a connection");
    let mut slow = TcpStream::connect(&address).await.expect("a connection");
    slow.write_all(b"POST / HTTP/1.1\r\n").await.expect("written");
    let slow = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            if slow.write_all(b"a: b\r\n").await.is_err() {
                return;
            }
        }
    });
    // Both places are taken.
    let post = |number| {
        let address = address.clone();
        async move { post(&address, "/", "", &body(number)).await.0 }
    };
    let mut clients = JoinSet::from_iter([post(0), post(1)]);
    let mut rows = 0;
    while rows < 2 {
        let next = tokio::time::timeout(Duration::from_secs(60), source.next()).await;
        let batch = next.expect("somebody is let in")?.expect("a batch");
        rows += batch.rows();
        source.settle(&end(&batch)).await?;
    }
    while let Some(code) = clients.join_next().await {
        assert_eq!(code.expect("an answer"), 200);
    }
    slow.await.expect("it is closed");
    drop(silent);
    source.close().await
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packer, body).expect("in memory");
    packer.finish().expect("in memory")
}

#[tokio::test]
async fn a_packed_body_is_unpacked_within_the_largest_size() -> Result<()> {
    let address = free_address();
    let mut source = source(&address, json!({"body": "4KiB", "timeout": "10s"}));
    source.connect(&Checkpoint::new()).await?;
    let asked = tokio::spawn(async move {
        let whole = packed(body(7).as_bytes());
        // A list in two members, as programs write that pack piece by piece.
        let text = format!("[{},{}]", body(8), body(9));
        let (first, second) = text.split_at(20);
        let members = [packed(first.as_bytes()), packed(second.as_bytes())].concat();
        let huge = packed(&b" ".repeat(2 << 20));
        let mut answers = Vec::new();
        for (encoding, bytes) in [
            ("gzip", &whole[..]),
            ("X-GZIP", &members),
            ("identity", body(10).as_bytes()),
            ("gzip", &packed(&b" ".repeat(4 << 10 | 1))),
            ("gzip", &huge),
            ("gzip", &whole[..whole.len() - 1]),
            ("gzip", body(1).as_bytes()),
            ("br", &whole),
            ("gzip, gzip", &whole),
        ] {
            let head = format!("content-encoding: {encoding}\r\n");
            let stream = TcpStream::connect(&address).await.expect("connected");
            answers.push(answered(&said(stream, "/", &head, bytes).await.expect("an answer")));
        }
        answers
    });
    let mut rows = Vec::new();
    while rows.len() < 4 {
        let batch = source.next().await?.expect("a batch");
        rows.extend(rows_of(&batch).into_iter().filter_map(|row| row.number));
        source.settle(&end(&batch)).await?;
    }
    let answers = asked.await.expect("answers");
    assert_eq!(rows, [7, 8, 9, 10]);
    let codes: Vec<u16> = answers.iter().map(|answer| answer.0).collect();
    assert_eq!(codes, [200, 200, 200, 413, 413, 400, 400, 415, 415], "{answers:?}");
    assert!(
        answers[3].1.contains("4KiB at most, also unpacked") && answers[6].1.contains("no gzip"),
        "{answers:?}"
    );
    assert!(answers[7].1.contains("packed as `br` is not read"), "{answers:?}");
    source.close().await
}

#[tokio::test]
async fn encrypted_requests_are_taken_and_others_hold_up_nobody() -> Result<()> {
    let folder = tempfile::TempDir::new().expect("a folder");
    certify(folder.path(), "mountain");
    certify(folder.path(), "valley");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let address = free_address();
    let tls = json!({"crt_file": file("mountain.pem"), "key_file": file("mountain.key"), "ca_file": file("valley.ca")});
    let mut source = source(&address, json!({"tls": tls, "timeout": "10s"}));
    source.connect(&Checkpoint::new()).await?;
    // Somebody who never shakes hands.
    let _silent = TcpStream::connect(&address).await.expect("connected");
    let place = folder.path().to_owned();
    let to = address.clone();
    let asked = tokio::spawn(async move {
        let mut codes = Vec::new();
        for (number, trusts, shows) in
            [(1, "mountain", Some("valley")), (2, "mountain", None), (3, "valley", Some("valley"))]
        {
            let client = certificates::client(&place, trusts, shows);
            let asked = async {
                let stream = TcpStream::connect(&to).await?;
                let name = "127.0.0.1".try_into().expect("an address");
                said(client.connect(name, stream).await?, "/", "", body(number).as_bytes()).await
            };
            codes.push(answered(&asked.await.unwrap_or_default()).0);
        }
        // Who does not speak TLS is told by an alert.
        let mut plain = TcpStream::connect(&to).await.expect("connected");
        plain.write_all(b"POST / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let mut alert = Vec::new();
        plain.read_to_end(&mut alert).await.expect("an alert");
        assert_eq!(alert.get(..2), Some([0x15, 3].as_slice()), "{alert:?}");
        // What changes counts for those who come after.
        certify(&place, "mountain");
        let client = certificates::client(&place, "mountain", Some("valley"));
        let stream = TcpStream::connect(&to).await.expect("connected");
        let stream =
            client.connect("127.0.0.1".try_into().expect("an address"), stream).await.expect("encrypted");
        codes.push(answered(&said(stream, "/", "", body(5).as_bytes()).await.expect("an answer")).0);
        codes
    });
    let mut rows = Vec::new();
    while rows.len() < 2 {
        let batch = source.next().await?.expect("a batch");
        rows.extend(rows_of(&batch).into_iter().filter_map(|row| row.number));
        source.settle(&end(&batch)).await?;
    }
    assert_eq!(asked.await.expect("answers"), [200, 0, 0, 200]);
    assert_eq!(rows, [1, 5]);
    source.close().await?;
    // A key that is another's.
    let wrong = json!({"crt_file": file("mountain.pem"), "key_file": file("valley.key")});
    let mut source = self::source(&address, json!({"tls": wrong}));
    let error = source.connect(&Checkpoint::new()).await.expect_err("no pair");
    assert!(!error.is_transient() && error.to_string().contains("it is no key for"), "{error}");
    Ok(())
}
