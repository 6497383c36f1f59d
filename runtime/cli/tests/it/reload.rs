//! `levada run -w`: what changed in a file is taken up, and nothing of what was read is lost or doubled by it.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::command::{Workplace, ask, eventually, free_address, get, interrupt};

const ARGS: [&str; 6] = ["run", "-w", "--quiet", "a.yaml", "b.yaml", "--http"];

/// The time of the first row.
const START: i64 = 1_777_593_600_000;

/// A pipeline of sensors that says a row at a time, with a name for what they measure.
fn sensors(name: &str, measurement: &str) -> String {
    format!(
        "name: {name}
sources:
  in: {{sensor: {{device: d, devices: 1, rate: 300, interval: 1s, start: 2026-05-01T00:00:00Z, measurements: {{m: {{min: 1.0, max: 2.0}}}}}}}}
transforms:
  named: {{inputs: [in], rename: {{measurements: {{m: {measurement}}}}}}}
sinks:
  out: {{inputs: [named], iotdb: {{embedded: data, database: root.{name}}}, batch: {{linger: 10ms}}}}
"
    )
}

fn started(workplace: &Workplace, http: &str) -> Child {
    let log = File::create(workplace.path("log")).expect("writable");
    let mut command = workplace.levada(&ARGS);
    command.arg(http).stdout(Stdio::null()).stderr(log).spawn().expect("levada starts")
}

fn log(workplace: &Workplace) -> String {
    std::fs::read_to_string(workplace.path("log")).expect("a log")
}

fn hang_up(child: &Child) {
    assert!(
        Command::new("kill").args(["-HUP", &child.id().to_string()]).status().expect("kill runs").success()
    );
}

fn streams(http: &str) -> Vec<Value> {
    serde_json::from_str(&get(http, "/streams").expect("told")).expect("JSON")
}

fn uptime(http: &str, id: &str) -> f64 {
    let streams = streams(http);
    let stream = streams.iter().find(|stream| stream["id"] == id).expect("it is told of");
    stream["uptime_seconds"].as_f64().expect("a time")
}

#[test]
fn what_changed_restarts_behind_what_is_settled_and_the_rest_runs_on() {
    let workplace = Workplace::new();
    workplace.write("a.yaml", &sensors("a", "one"));
    workplace.write("b.yaml", &sensors("b", "one"));
    let http = free_address();
    let child = started(&workplace, &http);
    eventually("it runs", || {
        get(&http, "/ready").is_some_and(|ready| ready.contains("\"ready\":true,\"pipelines\""))
    });
    let rows = |id: &str| {
        streams(&http)
            .iter()
            .find(|each| each["id"] == id)
            .and_then(|each| each["rows_sent"].as_u64())
            .unwrap_or(0)
    };
    eventually("rows go", || rows("a") > 100 && rows("b") > 100);

    // A file that is wrong is reported, and what ran runs on.
    workplace.write("a.yaml", &sensors("a", "two").replace("rename", "rename_"));
    hang_up(&child);
    eventually("it is told", || log(&workplace).contains("the pipeline that runs goes on as it is"));
    assert!(log(&workplace).contains("did you mean `rename`"), "{}", log(&workplace));
    assert_eq!(streams(&http).iter().filter(|each| each["status"] == "running").count(), 2);

    let before = uptime(&http, "b");
    workplace.write("a.yaml", &sensors("a", "two"));
    hang_up(&child);
    eventually("it runs anew", || log(&workplace).matches("started pipeline=a").count() == 2);
    eventually("rows go", || rows("a") > 100);
    assert!(uptime(&http, "b") > before, "what has not changed runs on");
    assert_eq!(log(&workplace).matches("started pipeline=b").count(), 1);

    // Paused and resumed, as over `levada serve`; but its file is the user's own.
    assert_eq!(ask(&http, "POST", "/streams/a/pause", None, "").0, 200);
    assert_eq!(ask(&http, "DELETE", "/streams/a", None, "").0, 405);
    assert_eq!(ask(&http, "POST", "/streams/a/resume", None, "").0, 200);
    eventually("rows go", || rows("a") > 0);
    let ended = interrupt(&ARGS, child);
    assert_eq!(ended.code, Some(0), "{}", log(&workplace));

    // Times go on from run to run, a second each: every row is there once, with the one name or the other.
    let counted = workplace.sql("data", "select count(one), count(two), max_time(two) from root.a.d");
    let last = counted.lines().last().expect("a row");
    let cells: Vec<i64> = last.split(',').map(|cell| cell.parse().expect("a number")).collect();
    let rows = (cells[2] - START) / 1_000 + 1;
    assert!(cells[0] > 0 && cells[1] > 0 && cells[0] + cells[1] == rows, "{counted} {rows}");
}

#[test]
fn a_file_that_cannot_run_beside_another_runs_once_the_other_has_changed() {
    let file = |name: &str, path: &str| {
        format!(
            "name: {name}\nsources:\n  in: {{sensor: {{device: d, devices: 1, rate: 300}}}}\nsinks:\n  out: {{inputs: [in], file: {{path: {path}}}}}\n"
        )
    };
    let workplace = Workplace::new();
    workplace.write("a.yaml", &file("a", "one.jsonl"));
    workplace.write("b.yaml", &file("b", "two.jsonl"));
    let http = free_address();
    let child = started(&workplace, &http);
    eventually("it runs", || {
        get(&http, "/ready").is_some_and(|ready| ready.contains("\"ready\":true,\"pipelines\""))
    });
    workplace.write("b.yaml", &file("b", "one.jsonl"));
    hang_up(&child);
    eventually("it is told", || log(&workplace).contains("the pipeline that runs goes on as it is"));
    // Nothing of this file changes any more.
    workplace.write("a.yaml", &file("a", "three.jsonl"));
    hang_up(&child);
    eventually("the other is taken up", || log(&workplace).matches("started pipeline=b").count() == 2);
    assert_eq!(interrupt(&ARGS, child).code, Some(0), "{}", log(&workplace));
}
