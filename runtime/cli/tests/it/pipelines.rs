//! Pipelines from their file to their end: `run`, and the commands that help to write them.

use crate::command::Workplace;

const SENSORS: &str = "
name: sensors
sources:
  plant:
    sensor: {devices: 3, rows: 3000}
sinks:
  store:
    inputs: [plant]
    iotdb: {embedded: data, database: root.plant}
";

#[test]
fn a_bounded_pipeline_ends_by_itself_and_sql_finds_its_rows() {
    let workplace = Workplace::new();
    workplace.write("sensors.yaml", SENSORS);
    workplace.run(&["run", "sensors.yaml"]).ok();
    let count = "select count(*) from root.plant.** align by device";
    let counted = workplace.sql("data", count);
    assert_eq!(counted.lines().count(), 4, "{counted}");
    // Run again, it goes on where it ended: there is nothing left to do.
    workplace.run(&["run", "sensors.yaml"]).ok();
    assert_eq!(workplace.sql("data", count), counted);
}

#[test]
fn a_wrong_pipeline_is_rejected_before_anything_starts() {
    let workplace = Workplace::new();
    workplace
        .write("wrong.yaml", &SENSORS.replace("inputs: [plant]", "inputs: [plan]").replace("rows:", "row:"));
    for command in ["lint", "run"] {
        let rejected = workplace.run(&[command, "wrong.yaml"]);
        assert_eq!(rejected.code, Some(3), "{}", rejected.stderr);
        assert!(rejected.stderr.contains("did you mean `plant`"), "{}", rejected.stderr);
        assert!(rejected.stderr.contains("did you mean `rows`"), "{}", rejected.stderr);
        assert!(rejected.stderr.contains("wrong.yaml:"), "{}", rejected.stderr);
    }
    assert!(!workplace.path("data").exists());
}

#[test]
fn what_create_prints_is_a_pipeline() {
    let workplace = Workplace::new();
    for shape in ["kafka/iotdb", "sensor/stdout", "file/file"] {
        let skeleton = workplace.run(&["create", shape]).ok();
        workplace.write("created.yaml", &skeleton);
        let linted = workplace.run(&["lint", "created.yaml"]);
        assert_eq!(linted.code, Some(0), "{shape}:\n{skeleton}\n{}", linted.stderr);
    }
}

#[test]
fn echo_masks_secrets() {
    let mut workplace = Workplace::new();
    workplace.env("SASL", "hunter2");
    workplace.write(
        "secret.yaml",
        &SENSORS.replace("sensor: {devices: 3, rows: 3000}", "kafka: {brokers: \"b:9092\", topics: [t], group: g, properties: {sasl.password: \"${SASL}\"}}\n    decode: {json: {}}"),
    );
    let echoed = workplace.run(&["echo", "secret.yaml"]).ok();
    assert!(echoed.contains("***") && !echoed.contains("hunter2"), "{echoed}");
}

#[test]
fn every_connector_has_a_page_and_the_schema_is_json() {
    let workplace = Workplace::new();
    let list: serde_json::Value =
        serde_json::from_str(&workplace.run(&["list", "--format", "json"]).ok()).expect("JSON");
    let list = list.as_array().expect("a list");
    assert!(list.len() >= 9, "{list:?}");
    for each in list {
        let (kind, name) = (each["kind"].as_str().expect("a kind"), each["name"].as_str().expect("a name"));
        let page = workplace.run(&["docs", &format!("{kind}/{name}")]).ok();
        assert!(page.contains(name), "{page}");
    }
    let schema: serde_json::Value =
        serde_json::from_str(&workplace.run(&["list", "--format", "jsonschema"]).ok()).expect("JSON");
    assert!(schema["properties"]["sources"].is_object(), "{schema}");
}
