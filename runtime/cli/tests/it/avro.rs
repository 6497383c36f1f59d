//! The example that reads Avro, with a schema registry that is away at first.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::command::{MockKafka, Workplace, eventually, free_address, get, interrupt};

const SCHEMA: &str = r#"{"type": "record", "name": "Reading", "fields": [
    {"name": "device", "type": "string"},
    {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "temperature", "type": ["null", "double"]},
    {"name": "count", "type": "int"},
    {"name": "day", "type": {"type": "int", "logicalType": "date"}}]}"#;

/// A registry that knows the schema 7, once it is there.
fn registry(there: &Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an address");
    let address = listener.local_addr().expect("an address");
    let there = Arc::clone(there);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 1024];
            let length = stream.read(&mut request).unwrap_or(0);
            let asks = String::from_utf8_lossy(&request[..length]).into_owned();
            let (status, body) = match there.load(Ordering::Relaxed) {
                false => ("503 Service Unavailable", String::new()),
                true if asks.starts_with("GET /schemas/ids/7 ") => {
                    ("200 OK", serde_json::json!({"schema": SCHEMA}).to_string())
                }
                true => {
                    ("404 Not Found", r#"{"error_code": 40403, "message": "Schema not found"}"#.to_owned())
                }
            };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            )
            .ok();
        }
    });
    format!("http://{address}")
}

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
    let there = Arc::new(AtomicBool::new(false));
    let broker = MockKafka::with_topic("sensors");
    broker.send_bytes("sensors", &message(7, "d1", 1_700_000_000_000, 21.5));
    broker.send_bytes("sensors", &message(7, "d2", 1_700_000_000_000, -0.25));
    broker.send_bytes("sensors", &message(8, "d3", 1_700_000_000_000, 0.0));
    let mut workplace = Workplace::new();
    workplace.env("KAFKA_BROKERS", broker.brokers());
    workplace.env("SCHEMA_REGISTRY", registry(&there));
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
    there.store(true, Ordering::Relaxed);
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
