//! The REST interface, as plain HTTP.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value as Json, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::peer::{Served, serve};

/// A server's REST interface on a port of its own.
async fn rest(served: &Served) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let (server, stop) = (served.server.clone(), served.stop.clone());
    tokio::spawn(async move { server.serve_rest(listener, stop).await });
    address
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
    assert_eq!(code("/rest/v2/insertTablet", tablet(json!(["INT32"]), json!([[1.5]]))).await, 303);
    assert_eq!(
        code("/rest/v2/insertTablet", tablet(json!(["INT32"]), json!([[2_147_483_648_i64]]))).await,
        303
    );
    assert_eq!(code("/rest/v2/insertTablet", tablet(json!(["INT32"]), json!([[1, 2]]))).await, 303);
    let found = post(&rest, "/rest/v1/query", json!({"sql": "select s from root.e.d"})).await;
    assert_eq!(found["values"], json!([[1.0, 2.0]]));
}
