//! `levada offsets`, and what a run does after it; a quickstart on what an earlier one left.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::command::{Finished, MockKafka, Workplace};

const PIPELINE: &str = "
name: k
sources:
  in:
    kafka: {brokers: '${KAFKA_BROKERS}', topics: [sensors], group: '${GROUP}', start: earliest, end: latest}
    decode: {json: {}}
sinks:
  store: {inputs: [in], iotdb: {embedded: ./data, database: root.plant}}
";

fn workplace(broker: &MockKafka) -> Workplace {
    let mut workplace = Workplace::new();
    workplace.env("KAFKA_BROKERS", broker.brokers());
    workplace.env("GROUP", "g");
    workplace.write("k.yaml", PIPELINE);
    workplace
}

/// How many rows a run of `k.yaml` read.
fn rows_read(workplace: &Workplace) -> u64 {
    let run = workplace.run(&["run", "--quiet", "k.yaml"]);
    let rows = run.stderr.split("rows_read=").nth(1).and_then(|rest| rest.split(' ').next());
    let rows = rows.and_then(|rows| rows.parse().ok());
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    rows.expect("the run tells how many rows it read")
}

fn offsets(workplace: &Workplace, reset: Option<&str>) -> Vec<Value> {
    let mut args = vec!["offsets", "--format", "json", "k.yaml"];
    args.extend(reset.map(|_| "--reset"));
    args.extend(reset);
    serde_json::from_str(&workplace.run(&args).ok()).expect("JSON")
}

/// Sets positions as a group that has had no members yet: Kafka takes offsets for any that has none now, librdkafka's mock
/// for no other.
fn reset(workplace: &mut Workplace, to: &str) -> Vec<Value> {
    static GROUPS: AtomicUsize = AtomicUsize::new(0);
    workplace.env("GROUP", format!("g{}", GROUPS.fetch_add(1, Ordering::Relaxed)));
    offsets(workplace, Some(to))
}

fn of(positions: &[Value], field: &str) -> Vec<Option<u64>> {
    positions.iter().map(|each| each[field].as_u64()).collect()
}

fn sum(positions: &[Value], field: &str) -> u64 {
    of(positions, field).into_iter().flatten().sum()
}

#[test]
fn positions_are_shown_and_set() {
    let broker = MockKafka::with_topic("sensors");
    let messages: Vec<_> =
        (0..10).map(|n| format!(r#"{{"device":"d","time":{},"n":{n}}}"#, 1_700_000_000_000i64 + n)).collect();
    broker.send("sensors", messages.iter().map(String::as_str));
    let mut workplace = workplace(&broker);

    let before = offsets(&workplace, None);
    assert_eq!((before.len(), sum(&before, "end")), (2, 10));
    assert_eq!((of(&before, "stored"), of(&before, "committed")), (vec![None; 2], vec![None; 2]));
    assert_eq!(rows_read(&workplace), 10);
    let after = offsets(&workplace, None);
    assert_eq!((sum(&after, "stored"), sum(&after, "next")), (10, 10));
    assert_eq!(rows_read(&workplace), 0);

    assert_eq!(of(&reset(&mut workplace, "earliest"), "next"), [Some(0), Some(0)]);
    assert_eq!(rows_read(&workplace), 10);
    assert_eq!(rows_read(&workplace), 0, "the positions behind it count again");
    reset(&mut workplace, "earliest");
    assert_eq!(of(&reset(&mut workplace, "latest"), "next"), of(&after, "end"));
    assert_eq!(rows_read(&workplace), 0);
    // By the name as people know it, and as it is shown.
    let ends: Vec<_> = of(&after, "end").into_iter().flatten().collect();
    let (partition, end) = ends.iter().enumerate().max_by_key(|(_, end)| **end).expect("two partitions");
    for name in
        [format!("in/sensors/{partition}"), after[partition]["split"].as_str().expect("a name").to_owned()]
    {
        reset(&mut workplace, &format!("{name}={}", end - 1));
        assert_eq!(rows_read(&workplace), 1, "{name}");
    }
    let text = workplace.run(&["offsets", "k.yaml"]).ok();
    assert!(text.starts_with("split") && text.contains("in/sensors@"), "{text}");
    assert_eq!(
        workplace.sql("data", "select count(n) from root.plant.d").trim(),
        "count(root.plant.d.n)\n10"
    );
}

#[test]
fn positions_that_the_pipeline_itself_remembers_are_shown_and_set() {
    let workplace = Workplace::new();
    workplace.write(
        "k.yaml",
        "name: k\nsources:\n  in: {file: {paths: [in.jsonl]}, decode: {json: {}}}\n\
         sinks:\n  out: {inputs: [in], file: {path: out.jsonl}}\n",
    );
    let line = |n: i64| format!("{{\"device\":\"d\",\"time\":{},\"n\":{n}}}\n", 1_700_000_000_000 + n);
    let lines = [line(1), line(2), line(3)].concat();
    workplace.write("in.jsonl", &lines);
    assert_eq!(offsets(&workplace, None), Vec::<Value>::new());
    assert_eq!(rows_read(&workplace), 3);
    let after = offsets(&workplace, None);
    assert_eq!(of(&after, "next"), [Some(lines.len() as u64)]);
    assert_eq!(rows_read(&workplace), 0);
    offsets(&workplace, Some("earliest"));
    assert_eq!(rows_read(&workplace), 3);
    let split = after[0]["split"].as_str().expect("a name");
    let second = format!("{split}={}", line(1).len());
    assert_eq!(of(&offsets(&workplace, Some(&second)), "next"), [Some(line(1).len() as u64)]);
    assert_eq!(rows_read(&workplace), 2);
    let rejected = workplace.run(&["offsets", "--reset", "latest", "k.yaml"]);
    assert!(
        rejected.code != Some(0) && rejected.stderr.contains("knows no other points"),
        "{}",
        rejected.stderr
    );
}

#[test]
fn what_cannot_be_set_is_said_and_nothing_is_changed() {
    let broker = MockKafka::with_topic("sensors");
    broker.send("sensors", [r#"{"device":"d","time":1700000000000,"n":1}"#]);
    let workplace = workplace(&broker);
    assert_eq!(rows_read(&workplace), 1);
    let before = offsets(&workplace, None);
    for (reset, reason) in [
        ("in/sensors/9=0", "no split `in/sensors/9`"),
        ("in/sensors/0=99", "has positions from 0 to"),
        ("in/sensors/0=x", "`x` is no position"),
        ("yesterday", "neither `earliest` nor `latest` nor a time"),
    ] {
        let Finished { code, stderr, .. } = workplace.run(&["offsets", "--reset", reset, "k.yaml"]);
        assert_ne!(code, Some(0), "{reset}");
        assert!(stderr.contains(reason), "{reset}: {stderr}");
    }
    assert_eq!(offsets(&workplace, None), before);
}

#[test]
fn a_quickstart_runs_on_what_an_earlier_one_left() {
    let workplace = Workplace::new();
    for messages in ["3000", "2000", "4000"] {
        let shown = workplace.run(&["quickstart", "--messages", messages]).ok();
        assert!(shown.contains(&format!("{messages} readings went")), "{shown}");
    }
}
