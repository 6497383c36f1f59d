//! The REST interface, as plain HTTP.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use levada_server::ServerOptions;
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};

use crate::peer::{Served, serve, serve_with};

/// A server's REST interface on a port of its own.
async fn rest(served: &Served) -> String {
    serve_rest(served).await.0
}

/// Its address, and its end.
async fn serve_rest(served: &Served) -> (String, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let (server, stop) = (served.server.clone(), served.stop.clone());
    (address, tokio::spawn(async move { server.serve_rest(listener, stop).await }))
}

/// Asks, and gives the status of HTTP and the body.
async fn ask(address: &str, method: &str, path: &str, login: Option<&str>, body: &str) -> (u16, Json) {
    let mut stream = TcpStream::connect(address).await.expect("served");
    let login =
        login.map(|login| format!("Authorization: Basic {}\r\n", STANDARD.encode(login))).unwrap_or_default();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\n{login}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    answer(stream).await
}

/// The status of HTTP and the body of what a server answers and then hangs up.
async fn answer(mut stream: TcpStream) -> (u16, Json) {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let body = answer.split_once("\r\n\r\n").expect("a body").1;
    (status, serde_json::from_str(body).unwrap_or(Json::Null))
}

async fn post(address: &str, path: &str, body: Json) -> Json {
    let (status, body) = ask(address, "POST", path, Some("root:root"), &body.to_string()).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_say_who_they_are_gets_nothing_but_a_ping() {
    let served = serve().await;
    let rest = rest(&served).await;
    let fine = json!({"code": 200, "message": "SUCCESS_STATUS"});
    assert_eq!(ask(&rest, "GET", "/ping", None, "").await, (200, fine.clone()));
    for (path, method) in
        [("/rest/v1/query", "POST"), ("/rest/v2/insertTablet", "POST"), ("/grafana/v1/login", "GET")]
    {
        let (status, body) = ask(&rest, method, path, None, "{}").await;
        assert_eq!((status, &body["code"]), (401, &json!(800)), "{path}");
        let (status, body) = ask(&rest, method, path, Some("root:wrong"), "{}").await;
        assert_eq!((status, &body["code"]), (401, &json!(801)), "{path}");
    }
    assert_eq!(ask(&rest, "GET", "/grafana/v1/login", Some("root:root"), "").await, (200, fine));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_come_as_json_are_asked_for_as_json() {
    let served = serve().await;
    let rest = rest(&served).await;
    let tablet = json!({
        "timestamps": [1, 2],
        "measurements": ["i", "f", "b", "t", "da"],
        "dataTypes": ["INT32", "FLOAT", "BOOLEAN", "TEXT", "DATE"],
        "values": [[11, null], [1.1, 2], [false, true], [null, "é"], ["2024-02-29", null]],
        "isAligned": false,
        "deviceId": "root.h.d1"
    });
    assert_eq!(post(&rest, "/rest/v1/insertTablet", tablet).await["code"], 200);
    let records = json!({
        "timestamps": [1, 3],
        "measurements_list": [["i"], ["i", "l"]],
        "data_types_list": [["INT32"], ["INT32", "INT64"]],
        "values_list": [[5], [6, 9_007_199_254_740_993_i64]],
        "is_aligned": true,
        "devices": ["root.h.d2", "root.h.d2"]
    });
    assert_eq!(post(&rest, "/rest/v2/insertRecords", records).await["code"], 200);
    let found = post(&rest, "/rest/v1/query", json!({"sql": "select i, f, b, t, da from root.h.d1"})).await;
    let expected = json!({
        "expressions": ["root.h.d1.i", "root.h.d1.f", "root.h.d1.b", "root.h.d1.t", "root.h.d1.da"],
        "columnNames": null,
        "timestamps": [1, 2],
        "values": [[11, null], [1.1, 2.0], [false, true], [null, "é"], ["2024-02-29", null]]
    });
    assert_eq!(found, expected);
    let found = post(&rest, "/rest/v2/query", json!({"sql": "select l from root.h.d2"})).await;
    assert_eq!(found["values"], json!([[9_007_199_254_740_993_i64]]));
    let found = post(&rest, "/rest/v2/query", json!({"sql": "show databases"})).await;
    assert_eq!((&found["expressions"], &found["column_names"][0]), (&Json::Null, &json!("Database")));
    let asked = json!({"expression": ["i"], "prefixPath": ["root.h.d2"], "startTime": 0, "endTime": 2, "control": ""});
    assert_eq!(post(&rest, "/grafana/v1/query/expression", asked).await["values"], json!([[5]]));
    let found = post(&rest, "/grafana/v1/variable", json!({"sql": "show child nodes root.h"})).await;
    assert_eq!(found, json!(["d1", "d2"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_says_so_in_the_body() {
    let served = serve().await;
    let rest = rest(&served).await;
    let code = async |path: &str, body: Json| post(&rest, path, body).await["code"].clone();
    assert_eq!(
        code("/rest/v1/nonQuery", json!({"sql": "insert into root.e.d(time, s) values (1, 1), (2, 2)"}))
            .await,
        200
    );
    assert_eq!(code("/rest/v1/nonQuery", json!({"sql": "nonsense"})).await, 700);
    assert_eq!(code("/rest/v1/query", json!({"sql": "delete from root.e.d.s"})).await, 704);
    assert_eq!(code("/rest/v1/query", json!({"sql": "select s from root.e.d", "rowLimit": 1})).await, 411);
    assert_eq!(code("/rest/v1/query", json!({"sql": null})).await, 303);
    let tablet = |types: Json, values: Json| json!({"timestamps": [1], "measurements": ["s"], "data_types": types, "values": values, "device": "root.e.d"});
    assert_eq!(code("/rest/v2/insertTablet", tablet(json!(["TEXT"]), json!([["x"]]))).await, 507);
    assert_eq!(code("/rest/v2/insertTablet", tablet(json!(["INT32"]), json!([[1.5]]))).await, 507);
    assert_eq!(
        code("/rest/v2/insertTablet", tablet(json!(["INT32"]), json!([[2_147_483_648_i64]]))).await,
        507
    );
    assert_eq!(code("/rest/v2/insertTablet", tablet(json!(["INT32"]), json!([[1, 2]]))).await, 303);
    let found = post(&rest, "/rest/v1/query", json!({"sql": "select s from root.e.d"})).await;
    assert_eq!(found["values"], json!([[1.0, 2.0]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn values_come_in_any_json_that_says_them() {
    let served = serve().await;
    let rest = rest(&served).await;
    let cells = [
        ("DATE", json!(20_240_229), json!("2024-02-29")),
        ("DATE", json!("2024-02-29"), json!("2024-02-29")),
        ("BLOB", json!("aGk="), json!("0x61476b3d")),
        ("BOOLEAN", json!(1), json!(true)),
        ("BOOLEAN", json!("0"), json!(false)),
        ("BOOLEAN", json!("TRUE"), json!(true)),
        ("FLOAT", json!("1.5"), json!(1.5)),
        ("FLOAT", json!("+1.5f"), json!(1.5)),
        ("DOUBLE", json!(7), json!(7.0)),
        ("TEXT", json!(5), json!("5")),
        ("STRING", json!(true), json!("true")),
        ("TIMESTAMP", json!(9), json!(9)),
    ];
    for (at, (data_type, cell, stored)) in cells.into_iter().enumerate() {
        let device = format!("root.j.d{at}");
        let tablet = json!({"timestamps": [1], "measurements": ["s"], "data_types": [data_type], "values": [[cell]], "is_aligned": false, "device": device});
        assert_eq!(post(&rest, "/rest/v2/insertTablet", tablet).await["code"], 200, "{data_type} {cell}");
        let sql = format!("select s from {device}");
        let found = post(&rest, "/rest/v2/query", json!({"sql": sql})).await;
        assert_eq!(found["values"], json!([[stored]]), "{data_type} {cell}");
    }
    let tablet = json!({"timestamps": [1], "measurements": ["s"], "data_types": ["DOUBLE"], "values": [["NaN"]], "device": "root.j.nan"});
    assert_eq!(post(&rest, "/rest/v2/insertTablet", tablet).await["code"], 200);
    let found = post(&rest, "/rest/v2/query", json!({"sql": "select cast(s as text) from root.j.nan"})).await;
    assert_eq!(found["values"], json!([["NaN"]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_that_is_no_value_costs_itself_alone() {
    let served = serve().await;
    let rest = rest(&served).await;
    let tablet = json!({
        "timestamps": [1, 2],
        "measurements": ["i", "d", "none"],
        "data_types": ["INT32", "DOUBLE", "DATE"],
        "values": [["x", 2], [1.5, 9_007_199_254_740_993_i64], [20_240_231, "never"]],
        "device": "root.k.d"
    });
    let said = post(&rest, "/rest/v2/insertTablet", tablet).await;
    assert_eq!(said["code"], 507, "{said}");
    let words = said["message"].as_str().expect("words");
    assert!(words.contains("[i, d, none]") && words.contains("`\"x\"` is not of type INT32"), "{words}");
    let found = post(&rest, "/rest/v2/query", json!({"sql": "select i, d from root.k.d"})).await;
    assert_eq!(found["values"], json!([[null, 2], [1.5, null]]));
    let found = post(&rest, "/rest/v2/query", json!({"sql": "count timeseries root.k.**"})).await;
    assert_eq!(found["values"], json!([[2]]));
    let records = json!({
        "timestamps": [1, 2, 3],
        "measurements_list": [["i", "t"], ["i"], ["i"]],
        "data_types_list": [["INT32", "TEXT"], ["INT32"], ["INT32"]],
        "values_list": [["x", "good"], [7], [[1]]],
        "is_aligned": false,
        "devices": ["root.k.r", "root.k.r", "root.k.none"]
    });
    let said = post(&rest, "/rest/v2/insertRecords", records).await;
    assert_eq!(said["code"], 507, "{said}");
    assert!(said["message"].as_str().expect("words").contains("[i]"), "{said}");
    let found = post(&rest, "/rest/v2/query", json!({"sql": "select i, t from root.k.r"})).await;
    assert_eq!(found["values"], json!([[null, 7], ["good", null]]));
}

/// Begins a request of `root`.
async fn begin(address: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("served");
    let login = STANDARD.encode("root:root");
    let head = format!(
        "POST /rest/v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\nConnection: close\r\n{headers}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream
}

/// Waits until a body is asked for.
async fn asked_for(stream: &mut TcpStream) {
    let mut head = [0; 25];
    stream.read_exact(&mut head).await.expect("asked for");
    assert_eq!(&head, b"HTTP/1.1 100 Continue\r\n\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_waits_a_while_and_no_longer_for_requests_that_do_not_arrive() {
    let grace = Duration::from_millis(100);
    let served = serve_with(ServerOptions { grace, ..ServerOptions::default() }).await;
    let (rest, serving) = serve_rest(&served).await;
    let mut half_a_head = TcpStream::connect(&rest).await.expect("served");
    half_a_head.write_all(b"POST /rest/v1/query HTTP/1.1\r\nHo").await.expect("sent");
    let mut half_a_body = begin(&rest, "Content-Length: 10\r\nExpect: 100-continue").await;
    asked_for(&mut half_a_body).await;
    served.stop.cancel();
    timeout(Duration::from_secs(30), serving).await.expect("in time").expect("no panic").expect("served");
    drop((half_a_head, half_a_body));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_long_or_too_slow_is_rejected() {
    let (frame_bytes, stall) = (100 << 10, Duration::from_secs(3));
    let served = serve_with(ServerOptions { frame_bytes, stall, ..ServerOptions::default() }).await;
    let rest = rest(&served).await;
    let (status, body) = answer(begin(&rest, "Content-Length: 102401").await).await;
    assert_eq!((status, &body["code"]), (413, &json!(303)), "{body}");
    let mut chunked = begin(&rest, "Transfer-Encoding: chunked").await;
    chunked.write_all(format!("19001\r\n{}", " ".repeat(102_401)).as_bytes()).await.expect("sent");
    assert_eq!(answer(chunked).await.0, 413);
    let mut slow = begin(&rest, "Content-Length: 10").await;
    slow.write_all(b"{").await.expect("sent");
    assert_eq!(answer(slow).await.0, 408);
    let body = json!({"sql": "show databases", "blanks": " ".repeat(100_000)}).to_string();
    let mut chunked = begin(&rest, "Transfer-Encoding: chunked").await;
    let whole = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    chunked.write_all(whole.as_bytes()).await.expect("sent");
    assert_eq!(answer(chunked).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_read_when_there_is_memory_for_it() {
    let served = serve_with(ServerOptions { memory_bytes: 150 << 10, ..ServerOptions::default() }).await;
    let rest = rest(&served).await;
    let body = json!({"sql": "show databases", "blanks": " ".repeat(100_000)}).to_string();
    let headers = format!("Content-Length: {}\r\nExpect: 100-continue", body.len());
    let mut first = begin(&rest, &headers).await;
    asked_for(&mut first).await;
    let mut second = begin(&rest, &headers).await;
    assert!(timeout(Duration::from_millis(50), second.readable()).await.is_err(), "it waits for the first");
    first.write_all(body.as_bytes()).await.expect("sent");
    assert_eq!(answer(first).await.0, 200);
    asked_for(&mut second).await;
    second.write_all(body.as_bytes()).await.expect("sent");
    assert_eq!(answer(second).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_a_request_is_closed_and_one_that_waits_for_its_answer_is_not() {
    let (stall, memory_bytes) = (Duration::from_secs(5), 150 << 10);
    let served =
        serve_with(ServerOptions { stall, idle: stall, memory_bytes, ..ServerOptions::default() }).await;
    let rest = rest(&served).await;
    let silent = TcpStream::connect(&rest).await.expect("served");
    let mut half_a_head = TcpStream::connect(&rest).await.expect("served");
    half_a_head.write_all(b"GET /ping HTTP/1.1\r\nHo").await.expect("sent");
    let mut kept_open = TcpStream::connect(&rest).await.expect("served");
    kept_open.write_all(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("sent");
    assert_eq!(kept_open.read_u8().await.expect("an answer"), b'H');
    // A body that does not come has all the memory, for as long as the other connections may be silent.
    let body = json!({"sql": "show databases", "blanks": " ".repeat(100_000)}).to_string();
    let headers = format!("Content-Length: {}\r\nExpect: 100-continue", body.len());
    let mut slow = begin(&rest, &headers).await;
    asked_for(&mut slow).await;
    let mut waiting = begin(&rest, &headers).await;
    for mut stream in [silent, half_a_head, kept_open] {
        let closed = timeout(Duration::from_secs(60), stream.read_to_end(&mut Vec::new())).await;
        drop(closed.expect("it is closed"));
    }
    asked_for(&mut waiting).await;
    waiting.write_all(body.as_bytes()).await.expect("sent");
    assert_eq!(answer(waiting).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_closed_and_one_that_ends_makes_room() {
    let served = serve_with(ServerOptions { connections: 2, ..ServerOptions::default() }).await;
    let address = rest(&served).await;
    let keep = async || {
        let mut stream = TcpStream::connect(&address).await.expect("accepted by the system");
        // What was closed already takes no request, or gives no answer.
        let asked = stream.write_all(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n").await;
        let mut first = [0; 1];
        let answered = match asked {
            Ok(()) => stream.read(&mut first).await.unwrap_or(0) == 1,
            Err(_) => false,
        };
        answered.then_some(stream)
    };
    let first = keep().await.expect("served");
    let _second = keep().await.expect("served");
    assert!(keep().await.is_none());
    // Clients of the other protocol are not concerned.
    assert_eq!(crate::peer::Peer::new(&served).await.code("show databases").await, 200);
    drop(first);
    timeout(Duration::from_secs(30), async { while keep().await.is_none() {} })
        .await
        .expect("there is room again");
}
