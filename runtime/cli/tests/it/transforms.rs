//! Transforms as users meet them: computed on the way, rejected by `lint`, tested by `test`.

use crate::command::Workplace;

const PIPELINE: &str = r#"
name: presses
sources:
  lines:
    file: {paths: [readings.jsonl]}
    decode: {json: {}}
  simulated:
    sensor: {rows: 10}
transforms:
  named:
    inputs: [lines, simulated]
    rename: {measurements: {temp: temperature}}
  fahrenheit:
    inputs: [named]
    sql: select temperature * 1.8 + 32 as temperature_f where temperature < 1000
sinks:
  store:
    inputs: [fahrenheit]
    iotdb: {embedded: data, database: root.plant}
errors: {dead_letter: {file: dead.jsonl}}
tests:
  - name: both sources are computed
    input:
      lines: [{device: d1, time: 1700000000000, temp: 20}]
      simulated: [{device: d2, time: 1700000000000, temperature: 21.5}]
    expect:
      store:
        - {device: d2, time: 1700000000000, temperature_f: 70.7}
        - {device: d1, time: "2023-11-14T22:13:20Z", temperature_f: 68}
  - name: what is too hot is dropped, what is no number is rejected
    input:
      lines:
        - {device: d1, time: 1700000000000, temp: 2000}
        - {device: d1, time: 1700000001000, temp: hot}
        - no JSON
    expect: {store: []}
    rejected: 2
"#;

fn workplace() -> Workplace {
    let workplace = Workplace::new();
    workplace.write("presses.yaml", PIPELINE);
    workplace
}

#[test]
fn rows_are_computed_on_their_way_and_what_cannot_be_is_put_away() {
    let workplace = workplace();
    workplace.write(
        "readings.jsonl",
        concat!(
            "{\"device\": \"d1\", \"time\": 1700000000000, \"temp\": 20}\n",
            "{\"device\": \"d1\", \"time\": 1700000001000, \"temp\": \"hot\"}\n",
            "{\"device\": \"d1\", \"time\": 1700000002000, \"temperature\": 30}\n",
        ),
    );
    workplace.run(&["run", "presses.yaml"]).ok();
    let rows = workplace.sql("data", "select temperature_f from root.plant.d1");
    let values: Vec<_> = rows.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
    assert_eq!(values, ["68.0", "86.0"], "{rows}");
    let dead = std::fs::read_to_string(workplace.path("dead.jsonl")).expect("a letter");
    assert_eq!(dead.lines().count(), 1, "{dead}");
    assert!(dead.contains("hot") && dead.contains("fahrenheit"), "{dead}");
}

#[test]
fn a_query_that_cannot_be_is_rejected_with_its_place() {
    let workplace = workplace();
    for (query, wrong) in [
        ("select temperature * as t", "line 1, column 22: unexpected"),
        ("select avg(temperature)", "line 1, column 8: `avg` needs more than one row"),
        ("select temperature from root.plant", "line 1, column 20: unexpected 'from'"),
    ] {
        let text = PIPELINE
            .replace("select temperature * 1.8 + 32 as temperature_f where temperature < 1000", query);
        workplace.write("wrong.yaml", &text);
        let rejected = workplace.run(&["lint", "wrong.yaml"]);
        assert_eq!(rejected.code, Some(3), "{}", rejected.stderr);
        assert!(rejected.stderr.contains(wrong), "{}", rejected.stderr);
        assert!(rejected.stderr.contains("wrong.yaml:15"), "{}", rejected.stderr);
    }
}

#[test]
fn a_pipelines_own_tests_touch_nothing() {
    let workplace = workplace();
    let tested = workplace.run(&["test", "presses.yaml"]).ok();
    assert!(tested.contains("2 tests, all passed"), "{tested}");
    let one = workplace.run(&["test", "presses.yaml", "--only", "too hot"]).ok();
    assert!(one.contains("1 test, passed"), "{one}");
    assert!(!workplace.path("data").exists() && !workplace.path("dead.jsonl").exists());
}

#[test]
fn a_failing_test_shows_what_differs() {
    let workplace = workplace();
    workplace.write(
        "presses.yaml",
        &PIPELINE.replace("temperature_f: 68}", "temperature_f: 69}").replace("rejected: 2", "rejected: 1"),
    );
    let tested = workplace.run(&["test", "presses.yaml"]);
    assert_eq!(tested.code, Some(1), "{}", tested.stdout);
    for line in [
        r#"- {"device":"d1","time":"2023-11-14T22:13:20Z","temperature_f":69}"#,
        r#"+ {"device":"d1","time":1700000000000,"temperature_f":68.0}"#,
        "rejected: expected 1, found 2",
        "2 tests, 2 failed",
    ] {
        assert!(tested.stdout.contains(line), "{}", tested.stdout);
    }
    let machine = workplace.run(&["test", "presses.yaml", "--format", "json"]);
    let outcomes: serde_json::Value = serde_json::from_str(&machine.stdout).expect("JSON");
    assert_eq!((machine.code, outcomes[0]["differences"][0]["node"].as_str()), (Some(1), Some("store")));
    workplace.write("presses.yaml", &PIPELINE.replace("store:\n        -", "stroe:\n        -"));
    assert_eq!(workplace.run(&["test", "presses.yaml"]).code, Some(3));
}
