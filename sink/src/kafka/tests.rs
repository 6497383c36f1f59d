//! What the options say, and which messages a batch becomes.

use levada_connector_api::{BatchBuilder, EncoderType as _, FieldValue, SinkType as _};
use serde_json::json;

use super::{
    messages::{Form, Messages},
    *,
};
use crate::lines::{Format, TimeFormat, encoders};

fn options(more: serde_json::Value) -> KafkaOptions {
    let mut all = json!({"brokers": "b:9092", "topic": "t"});
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    serde_json::from_value(all).expect("options that fit")
}

fn paths(more: serde_json::Value) -> Vec<String> {
    Kafka::check(&options(more)).into_iter().map(|each| each.path).collect()
}

#[test]
fn options_that_cannot_work_are_named() {
    assert_eq!(paths(json!({})), [""; 0]);
    let full = json!({
        "topic": "plant.{device}", "key": "", "headers": {"day": "{date}"}, "message": "rows", "compression": "zstd",
        "idempotent_write": false, "linger": "0ms", "max_message_bytes": "10MiB", "timeout": "1m",
    });
    assert_eq!(paths(full), [""; 0]);
    assert_eq!(paths(json!({"brokers": []})), ["brokers"]);
    assert_eq!(paths(json!({"topic": "two words"})), ["topic"]);
    assert_eq!(paths(json!({"topic": "{devcie}"})), ["topic"]);
    assert_eq!(paths(json!({"key": "{"})), ["key"]);
    assert_eq!(paths(json!({"headers": {"a": "{b}"}})), ["headers.a"]);
    assert_eq!(paths(json!({"max_message_bytes": "1B"})), ["max_message_bytes"]);
    assert_eq!(paths(json!({"queue": "1MiB"})), ["queue"]);
    assert_eq!(paths(json!({"linger": "1m"})), ["timeout"]);
    assert_eq!(paths(json!({"properties": {"acks": 1}})), ["properties.acks"]);
    assert_eq!(paths(json!({"properties": {"no.such": 1}})), ["properties.no.such"]);
    let wrong = json!({"properties": {"security.protocol": "SASL_SSL"}});
    assert_eq!(paths(wrong), ["properties.security.protocol"]);
}

#[test]
fn lines_that_need_a_header_are_no_messages() {
    let wide =
        |columns| encoders::factory(Format::CsvWide { columns, typed: false }, TimeFormat::Milliseconds);
    let error = KafkaSink::new("out", options(json!({})), &wide(None)).expect_err("no header");
    assert!(error.message().contains("messages have no header line: name the columns"), "{error}");
    assert!(KafkaSink::new("out", options(json!({})), &wide(Some(vec!["a".to_owned()]))).is_ok());
    let long = encoders::Csv::build(serde_json::from_value(json!({})).expect("no options"), &context());
    assert!(KafkaSink::new("out", options(json!({})), &long.expect("an encoder")).is_ok());
}

fn context() -> levada_connector_api::BuildContext {
    levada_connector_api::BuildContext::new("p", "out")
}

/// Rows of two devices, one of which no topic can be named after.
fn batch() -> levada_connector_api::Batch {
    let mut rows = BatchBuilder::new();
    let day = 86_400_000;
    for (device, time) in
        [("root.a", 1), ("root.a", 2), ("root.a", day), ("root.`b c`", 3), ("root.a", day + 1)]
    {
        rows.row(device, time, &[("x", FieldValue::Text("two\nlines")), ("y", FieldValue::Int32(1))])
            .expect("legal");
    }
    rows.finish(Vec::new())
}

fn form(of: MessageOf, most: usize) -> Form {
    Form { of, most, lines: true }
}

/// Each message's topic, key and value.
fn messages(more: serde_json::Value, format: Format) -> (Vec<(String, String, String)>, Vec<String>) {
    let options = options(more);
    let addresses = options.addresses().expect("templates");
    let encoder = encoders::factory(format, TimeFormat::Milliseconds).make();
    let all = Messages::of(&batch(), encoder.as_ref(), &addresses, form(options.message, 1_000));
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let found = (0..all.len()).map(|index| {
        let (address, value) = all.get(index).expect("as many");
        (address.topic.clone(), address.key.clone().unwrap_or_default(), text(value))
    });
    (
        found.collect(),
        all.rejections().into_iter().map(|each| format!("{:?} {}", each.rows, each.error)).collect(),
    )
}

#[test]
fn a_message_is_a_row_whatever_lines_it_has() {
    let (found, rejected) = messages(json!({"key": "{device}/{date}"}), Format::CsvLong);
    assert_eq!(rejected, [""; 0]);
    let keys: Vec<_> = found.iter().map(|(_, key, _)| key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "root.a/1970-01-01",
            "root.a/1970-01-01",
            "root.a/1970-01-02",
            "root.a/1970-01-02",
            "root.`b c`/1970-01-01"
        ]
    );
    assert_eq!(found[0].2, "1,root.a,x,\"two\nlines\"\n1,root.a,y,1");
}

#[test]
fn rows_of_one_address_share_a_message_up_to_its_size() {
    let (found, _) = messages(json!({"message": "rows", "key": "", "topic": "t-{day}"}), Format::Jsonl);
    let found: Vec<_> =
        found.iter().map(|(topic, _, value)| (topic.as_str(), value.lines().count())).collect();
    assert_eq!(found, [("t-01", 2), ("t-02", 2), ("t-01", 1)]);
    let options = options(json!({"message": "rows", "key": ""}));
    let addresses = options.addresses().expect("templates");
    let encoder = encoders::factory(Format::Jsonl, TimeFormat::Milliseconds).make();
    let all = Messages::of(&batch(), encoder.as_ref(), &addresses, form(MessageOf::Rows, 200));
    let lengths: Vec<_> = (0..all.len()).map(|index| all.get(index).expect("as many").1.len()).collect();
    assert!(lengths.len() > 1 && lengths.iter().all(|length| *length <= 136), "{lengths:?}");
}

#[test]
fn a_row_that_is_rejected_is_in_no_message_of_the_rows_beside_it() {
    let options = options(json!({"message": "rows", "topic": "{device}"}));
    let addresses = options.addresses().expect("templates");
    let encoder = encoders::factory(Format::Jsonl, TimeFormat::Milliseconds).make();
    let mut both = batch();
    both.readings.extend(batch().readings);
    let all = Messages::of(&both, encoder.as_ref(), &addresses, form(options.message, 10_000));
    let sent: Vec<_> = (0..all.len()).map(|index| all.get(index).expect("as many").1).collect();
    let sent: Vec<_> = sent.into_iter().map(|value| String::from_utf8_lossy(value)).collect();
    assert_eq!(sent.iter().map(|value| value.lines().count()).collect::<Vec<_>>(), [4, 4]);
    assert!(sent.iter().all(|value| !value.contains("b c")), "{sent:?}");
    assert_eq!(all.rejections().len(), 2);
}

#[test]
fn rows_that_no_topic_can_be_named_after_are_rejected_with_the_reason() {
    let (found, rejected) = messages(json!({"topic": "{device}"}), Format::Jsonl);
    assert_eq!(found.len(), 4);
    assert_eq!(rejected.len(), 1);
    assert!(
        rejected[0].starts_with("Some([0]) the topic `root.`b c`` cannot be: its name has"),
        "{rejected:?}"
    );
}
