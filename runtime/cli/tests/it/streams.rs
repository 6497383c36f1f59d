//! Pipelines over HTTP: made, replaced, paused, looked into, removed; and the commands that look.

use std::{
    fs::File,
    process::{Child, Stdio},
};

use serde_json::{Value, json};

use crate::command::{Finished, Workplace, ask, eventually, free_address, get, interrupt};

/// Sensors that go on and on.
fn endless(name: &str, device: &str) -> String {
    format!(
        "name: {name}
sources:
  in: {{sensor: {{device: '{device}', devices: 1, rate: 200}}}}
sinks:
  store: {{inputs: [in], iotdb: {{embedded: data, database: root.{name}}}, batch: {{linger: 20ms}}}}
"
    )
}

/// A server of the folder `data`; killed when it is dropped, if it was not stopped.
struct Server<'w> {
    workplace: &'w Workplace,
    http: String,
    rpc: String,
    child: Option<Child>,
}

const ARGS: [&str; 5] = ["serve", "--data", "data", "--pipelines", "pipelines"];

impl<'w> Server<'w> {
    fn start(workplace: &'w Workplace) -> Self {
        std::fs::create_dir_all(workplace.path("pipelines")).expect("made");
        let (http, rpc) = (free_address(), free_address());
        let log = File::create(workplace.path("log")).expect("writable");
        let mut command = workplace.levada(&ARGS);
        command.args(["--http", &http, "--rpc", &rpc]).env("LEVADA_ROOT_PASSWORD", "secret12");
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("levada starts");
        eventually("it listens", || get(&http, "/ping").is_some());
        Self { workplace, http, rpc, child: Some(child) }
    }

    /// An order of `root`.
    fn order(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let (status, body) = ask(&self.http, method, path, Some("secret12"), body);
        (status, serde_json::from_str(&body).unwrap_or_else(|_| panic!("{method} {path}: {body}")))
    }

    fn stream(&self, id: &str) -> Value {
        let all: Vec<Value> =
            serde_json::from_str(&get(&self.http, "/streams").expect("told")).expect("JSON");
        all.into_iter().find(|stream| stream["id"] == id).unwrap_or_default()
    }

    fn rows(&self, path: &str) -> u64 {
        let count = format!("select count(temperature) from root.{path}");
        let args = ["sql", "--node", &self.rpc, "--format", "csv", "-e", &count];
        let counted =
            self.workplace.levada(&args).env("LEVADA_PASSWORD", "secret12").output().expect("it runs");
        let counted = String::from_utf8_lossy(&counted.stdout).into_owned();
        let last = counted.lines().last().and_then(|line| line.split(',').next()).map(str::to_owned);
        last.and_then(|count| count.parse().ok()).unwrap_or(0)
    }

    /// A command that asks this server.
    fn asking(&self, args: &[&str]) -> Finished {
        let args = [args, &["--http", &self.http]].concat();
        let mut command = self.workplace.levada(&args);
        Finished::new(&args, command.env("LEVADA_PASSWORD", "secret12").output().expect("levada starts"))
    }

    fn stop(mut self) {
        let ended = interrupt(&ARGS, self.child.take().expect("it runs"));
        assert_eq!(
            ended.code,
            Some(0),
            "{}",
            std::fs::read_to_string(self.workplace.path("log")).expect("a log")
        );
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop((child.kill(), child.wait()));
        }
    }
}

#[test]
fn a_pipeline_is_made_replaced_paused_resumed_and_removed() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace);
    let (status, made) = server.order("POST", "/streams/a", &endless("a", "d1"));
    assert_eq!((status, &made["message"]), (201, &json!("the pipeline runs")), "{made}");
    assert_eq!(
        std::fs::read_to_string(workplace.path("pipelines/a.yaml")).expect("a file"),
        endless("a", "d1")
    );
    eventually("rows are stored", || server.rows("a.d1") > 0);
    assert_eq!(server.stream("a")["status"], "running");
    assert_eq!(server.order("POST", "/streams/a", &endless("a", "d1")).0, 409);

    // What is wrong is told as `levada lint` tells it, and what runs runs on.
    let (status, told) = server.order("PUT", "/streams/a", &endless("a", "d1").replace("rate", "rade"));
    assert_eq!((status, &told["problems"][0]["code"]), (400, &json!("CFG012")), "{told}");
    assert!(told["report"].as_str().is_some_and(|report| report.contains("did you mean `rate`")), "{told}");
    assert_eq!(server.order("PUT", "/streams/a", &endless("b", "d1")).0, 400, "of another name");
    assert_eq!(server.order("PUT", "/streams/b", &endless("b", "d1")).0, 404);
    assert_eq!(server.stream("a")["status"], "running");

    // Paused, it stays where it is, also when the server starts again.
    assert_eq!(server.order("POST", "/streams/a/pause", "").0, 200);
    assert_eq!(server.stream("a"), json!({"id": "a", "status": "paused"}));
    let rows = server.rows("a.d1");
    server.stop();
    let server = Server::start(&workplace);
    assert_eq!((server.stream("a")["status"].clone(), server.rows("a.d1")), (json!("paused"), rows));
    assert_eq!(server.order("PUT", "/streams/a", &endless("a", "d2")).0, 200);
    assert_eq!(server.stream("a")["status"], "paused");
    assert_eq!(server.order("POST", "/streams/a/resume", "").0, 200);
    eventually("rows of the other device are stored", || server.rows("a.d2") > 0);

    assert_eq!(server.order("DELETE", "/streams/a", "").0, 200);
    assert!(!workplace.path("pipelines/a.yaml").exists());
    assert_eq!(server.order("GET", "/streams/a", "").0, 404);
    assert_eq!(server.order("DELETE", "/streams/a", "").0, 404);
    assert_eq!(server.order("POST", "/streams/..%2Fx", &endless("x", "d")).0, 400);
    server.stop();
}

#[test]
fn only_who_may_maintain_the_server_gives_orders_and_looks_into_nodes() {
    let workplace = Workplace::new();
    let server = Server::start(&workplace);
    let without = |password| ask(&server.http, "POST", "/streams/a", password, &endless("a", "d1")).0;
    assert_eq!((without(None), without(Some("wrong"))), (401, 401));
    assert_eq!(server.order("POST", "/streams/a", &endless("a", "d1")).0, 201);
    assert_eq!(ask(&server.http, "GET", "/streams/a/tap/in?limit=1", None, "").0, 401);
    assert_eq!(ask(&server.http, "GET", "/streams/a", None, "").0, 200, "how it does is no secret");
    server.stop();
}

#[test]
fn tap_shows_rows_in_flight_and_top_what_pipelines_do() {
    let workplace = Workplace::new();
    workplace.write("pipelines/a.yaml", &endless("a", "d1"));
    workplace.write("pipelines/b.yaml", &endless("b", "d1"));
    let server = Server::start(&workplace);
    let tapped = server.asking(&["tap", "a/store", "--limit", "7"]).ok();
    let rows: Vec<Value> = tapped.lines().map(|line| serde_json::from_str(line).expect("a row")).collect();
    assert_eq!(rows.len(), 7, "{tapped}");
    assert!(rows.iter().all(|row| row["time"].is_i64() && row["values"]["temperature"].is_f64()), "{tapped}");
    let doubtful = server.asking(&["tap", "store"]);
    assert!(doubtful.code == Some(3) && doubtful.stderr.contains("say PIPELINE/NODE"), "{doubtful:?}");
    let missing = server.asking(&["tap", "a/stor", "--limit", "1"]);
    assert!(missing.code == Some(1) && missing.stderr.contains("store (sink)"), "{missing:?}");

    let top = server.asking(&["top", "--once", "--every", "2s"]).ok();
    for line in ["a/in ", "b/store "] {
        assert!(top.lines().any(|found| found.starts_with(line)), "{line}:\n{top}");
    }
    let rates = top.lines().find(|line| line.starts_with("a ")).expect("a line");
    let rate: f64 = rates.split_whitespace().nth(2).and_then(|rate| rate.parse().ok()).expect("a rate");
    assert!(rate > 0.0, "{top}");
    server.stop();
    let nobody = workplace.run(&["top", "--once", "--http", &free_address()]);
    assert!(nobody.code == Some(1) && nobody.stderr.contains("is it the address of --http?"), "{nobody:?}");
}
