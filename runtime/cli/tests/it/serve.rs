//! `levada serve`: clients, pipelines and metrics in one process.

use std::process::Stdio;

use crate::command::{Workplace, eventually, free_address, get, interrupt};

const SENSORS: &str = "
name: sensors
sources:
  plant:
    sensor: {device: 'd{n}', devices: 2, rows: 100, start: 2026-05-01T00:00:00Z, seed: 7}
sinks:
  store:
    inputs: [plant]
    iotdb: {embedded: data, database: root.plant}
";

#[test]
fn clients_see_what_a_pipeline_of_the_same_process_stores() {
    let workplace = Workplace::new();
    workplace.write("pipelines/sensors.yaml", SENSORS);
    workplace.write("pipelines/notes.txt", "no pipeline");
    let (rpc, rest, http) = (free_address(), free_address(), free_address());
    let args = [
        "serve",
        "--data",
        "data",
        "--pipelines",
        "pipelines",
        "--rpc",
        &rpc,
        "--rest",
        &rest,
        "--http",
        &http,
    ];
    let child = workplace
        .levada(&args)
        .env("LEVADA_ROOT_PASSWORD", "secret")
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("levada starts");
    eventually("it listens", || get(&rest, "/ping").is_some());
    let ask = |password: &str| {
        let count = "select count(*) from root.plant.** align by device";
        workplace.run(&["sql", "--node", &rpc, "--password", password, "--format", "csv", "-e", count])
    };
    eventually("all rows are there", || {
        let counted = ask("secret").ok();
        counted.lines().filter(|line| line.contains(",50,50")).count() == 2
    });
    assert_ne!(ask("root").code, Some(0));
    let metrics = get(&http, "/metrics").expect("metrics");
    assert!(metrics.contains("levada_clients "), "{metrics}");
    assert!(metrics.contains("levada_output_sent_total{"), "{metrics}");
    let other = workplace.run(&["serve", "--data", "data", "--rpc", "127.0.0.1:0"]);
    assert!(other.code == Some(1) && other.stderr.contains("in use"), "{other:?}");
    let stopped = interrupt(&args, child);
    assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    assert!(workplace.sql("data", "count devices root.plant.**").contains('2'));
}

#[test]
fn a_wrong_pipeline_is_told_before_anything_is_served() {
    let workplace = Workplace::new();
    workplace.write("pipelines/wrong.yaml", &SENSORS.replace("devices", "devises"));
    let args = ["serve", "--data", "data", "--pipelines", "pipelines", "--rpc", "127.0.0.1:0"];
    let refused = workplace.run(&args);
    assert!(refused.code == Some(3) && refused.stderr.contains("devises"), "{refused:?}");
    assert!(!workplace.path("data").exists());
    let missing =
        workplace.run(&["serve", "--data", "data", "--pipelines", "nowhere", "--rpc", "127.0.0.1:0"]);
    assert!(missing.code == Some(3) && missing.stderr.contains("make it"), "{missing:?}");
}
