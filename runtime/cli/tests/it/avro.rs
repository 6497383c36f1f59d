//! The examples that read and write Avro, with a schema registry that is away at first.

use std::{fs, process::Stdio};

use levada_testkit::SimulatedRegistry;

use crate::command::{MockKafka, Workplace, eventually, free_address, get, interrupt};

const SCHEMA: &str = r#"{"type": "record", "name": "Reading", "fields": [
    {"name": "device", "type": "string"},
    {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "temperature", "type": ["null", "double"]},
    {"name": "count", "type": "int"},
    {"name": "day", "type": {"type": "int", "logicalType": "date"}}]}"#;

/// A whole number as Avro writes it.
fn long(number: i64) -> Vec<u8> {
    let mut zigzag = ((number << 1) ^ (number >> 63)).cast_unsigned();
    let mut bytes = Vec::new();
    while zigzag >= 0x80 {
        bytes.push((zigzag & 0x7f) as u8 | 0x80);
        zigzag >>= 7;
    }
    bytes.push(zigzag as u8);
    bytes
}

/// A message as a serializer writes it.
fn message(schema: u32, device: &str, time: i64, temperature: f64) -> Vec<u8> {
    let mut message = vec![0];
    message.extend(schema.to_be_bytes());
    message.extend(long(device.len() as i64));
    message.extend(device.as_bytes());
    message.extend(long(time));
    message.extend(long(1));
    message.extend(temperature.to_le_bytes());
    message.extend(long(-3));
    message.extend(long(19_782));
    message
}

#[test]
fn the_example_waits_for_its_schema_registry_and_rejects_nothing_meanwhile() {
    let registry = SimulatedRegistry::start();
    let id = u32::try_from(registry.register("sensors-value", SCHEMA)).expect("a few");
    registry.answer_all(Some((503, "starting")));
    let broker = MockKafka::with_topic("sensors");
    broker.send_bytes("sensors", &message(id, "d1", 1_700_000_000_000, 21.5));
    broker.send_bytes("sensors", &message(id, "d2", 1_700_000_000_000, -0.25));
    broker.send_bytes("sensors", &message(8, "d3", 1_700_000_000_000, 0.0));
    let mut workplace = Workplace::new();
    workplace.env("KAFKA_BROKERS", broker.brokers());
    workplace.env("SCHEMA_REGISTRY", registry.url());
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/kafka-to-iotdb/avro.yaml");
    workplace.write("avro.yaml", &fs::read_to_string(example).expect("the example"));
    let http = free_address();
    let args = ["run", "avro.yaml", "--http", &http, "--quiet"];
    let child = workplace.levada(&args).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let child = child.expect("levada starts");
    eventually("it says that the registry is away", || {
        get(&http, "/ready").is_some_and(|ready| ready.contains("schema registry") && ready.contains("503"))
    });
    let dead = workplace.path("dead/kafka-avro-to-iotdb.jsonl");
    assert!(fs::read_to_string(&dead).unwrap_or_default().is_empty());
    registry.answer_all(None);
    eventually("all is stored that has a schema, and the rest is a dead letter", || {
        let metrics = get(&http, "/metrics").unwrap_or_default();
        let sent = metrics.lines().filter(|line| line.starts_with("levada_output_sent_total{"));
        let sent: f64 = sent.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
        sent >= 2.0 && fs::read_to_string(&dead).is_ok_and(|letters| letters.contains("has no schema 8"))
    });
    eventually("it is ready", || get(&http, "/ready").is_some_and(|ready| ready.contains("\"ready\":true")));
    let stopped = interrupt(&args, child);
    assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    let rows = workplace.sql("data", "select temperature, count, day from root.plant.** align by device");
    let expected = "Time,Device,temperature,count,day\n\
                    1700000000000,root.plant.d1,21.5,-3,2024-02-29\n\
                    1700000000000,root.plant.d2,-0.25,-3,2024-02-29\n";
    assert_eq!(rows, expected);
    assert_eq!(fs::read_to_string(&dead).expect("a dead letter").lines().count(), 1);
}

#[test]
fn the_example_that_writes_avro_makes_a_schema_and_its_rows_come_back_with_their_types() {
    let registry = SimulatedRegistry::start();
    let broker = MockKafka::with_topic("readings-avro");
    let mut workplace = Workplace::new();
    workplace.env("KAFKA_BROKERS", broker.brokers());
    workplace.env("SCHEMA_REGISTRY", registry.url());
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/iotdb-to-kafka");
    for file in ["prepare.yaml", "avro.yaml"] {
        workplace.run(&["run", &format!("{examples}/{file}")]).ok();
    }
    let schemas = registry.schemas("readings-avro-value");
    assert_eq!(schemas.len(), 1);
    assert_eq!((&schemas[0]["namespace"], &schemas[0]["name"]), (&"plant".into(), &"Reading".into()));
    let back = format!(
        "sources:
  messages:
    kafka: {{brokers: '{}', topics: [readings-avro], group: back, end: latest}}
    decode: {{avro: {{registry: {{url: '{}'}}}}}}
sinks:
  store: {{inputs: [messages], iotdb: {{embedded: ./again}}}}
",
        broker.brokers(),
        registry.url()
    );
    workplace.write("back.yaml", &back);
    workplace.run(&["run", "back.yaml"]).ok();
    let query = "select s1, s2 from root.plant.** align by device";
    let rows = workplace.sql("again", query);
    assert_eq!(rows.lines().count(), 201);
    assert_eq!(rows, workplace.sql("data-query", query));
    assert!(workplace.sql("again", "show timeseries root.plant.d1.s1").contains("INT64"));
}
