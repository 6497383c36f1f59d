use std::{sync::Arc, time::SystemTime};

use arrow_array::{Float64Array, Int64Array};
use levada_config::RetryPolicy;
use levada_connector_api::{Batch, Readings, RecordRef, RecordsBuilder, Rejection};
use levada_model::{Column, DataType, Path, Tablet};
use serde_json::{Value as Json, json};

use super::*;
use crate::retry::Chance;

fn attempts() -> Attempts {
    Attempts::new(RetryPolicy::default(), Chance::seeded(1))
}

fn records(records: &[&[u8]]) -> Arc<levada_connector_api::Records> {
    let mut builder = RecordsBuilder::default();
    builder.split(&"t/0".into());
    for (position, record) in records.iter().enumerate() {
        builder.push(record, 40 + position as u64);
    }
    builder.finish()
}

fn tablet(rows: usize) -> Tablet {
    let times = Int64Array::from_iter_values((0..rows).map(|row| row as i64));
    let values = Float64Array::from_iter_values((0..rows).map(|row| if row == 1 { f64::NAN } else { 0.5 }));
    let column = Column { name: "s".into(), data_type: DataType::Double, values: Arc::new(values) };
    Tablet::try_new(Path::parse("root.d").expect("legal"), false, times, vec![column]).expect("fits")
}

fn circumstances(node: &Arc<str>) -> Circumstances<'_> {
    Circumstances { time: SystemTime::UNIX_EPOCH, node, stage: Stage::Write, attempts: 3 }
}

fn lines(path: &std::path::Path) -> Vec<Json> {
    let text = std::fs::read_to_string(path).expect("the file is there");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

#[tokio::test]
async fn letters_hold_bytes_origin_and_cause() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("letters.jsonl");
    let (dead_letters, writer) = start(path.clone(), "plant".into(), attempts(), Disk::default());
    let records = records(&[b"{oops", b"\xff\x00"]);
    let node: Arc<str> = "readings".into();
    let letters = (0..2)
        .map(|index| {
            of_record(RecordRef::new(Arc::clone(&records), index), "not JSON", &circumstances(&node))
        })
        .collect();
    dead_letters.durable(dead_letters.submit(letters)).await.expect("written");
    let common = json!({"time": "1970-01-01T00:00:00.000Z", "pipeline": "plant", "node": "readings", "stage": "write",
        "error": "not JSON", "attempts": 3, "split": "t/0", "position": 40, "text": "{oops"});
    let lines = lines(&path);
    assert_eq!(lines[0], common);
    assert_eq!((&lines[1]["base64"], &lines[1]["position"]), (&json!("/wA="), &json!(41)));
    drop(dead_letters);
    writer.await.expect("ends with its last handle");
}

#[test]
fn rows_of_one_record_make_one_letter() {
    let node: Arc<str> = "store".into();
    let batch = Batch {
        readings: vec![
            Readings { tablet: tablet(3), records: Some((records(&[b"a", b"b"]), [0, 0, 1].into())) },
            Readings::synthetic(tablet(2)),
        ],
        ..Batch::default()
    };
    let rejections = [
        Rejection { readings: 0, rows: Some(vec![0, 1, 99]), error: "type".to_owned() },
        Rejection { readings: 1, rows: None, error: "type".to_owned() },
        Rejection { readings: 7, rows: None, error: "no such readings".to_owned() },
    ];
    let LetterRows { letters, rows, points } = of_rejections(&batch, &rejections, &circumstances(&node));
    assert_eq!((letters.len(), rows, points), (3, 4, 4));
    let mut lines = Vec::new();
    letters.iter().for_each(|letter| letter.write("p", &mut lines));
    let text = String::from_utf8(lines).expect("JSON");
    assert!(text.contains(r#""text":"a""#) && !text.contains(r#""text":"b""#), "{text}");
    assert!(
        text.contains(r#""row":{"device":"root.d","time":1,"values":{"s":"NaN"},"types":{"s":"DOUBLE"}}"#),
        "{text}"
    );
}

#[test]
fn a_record_of_which_rows_are_rejected_for_several_reasons_says_them_all() {
    let node: Arc<str> = "store".into();
    let readings = Readings { tablet: tablet(3), records: Some((records(&[b"a", b"b"]), [0, 0, 1].into())) };
    let batch = Batch { readings: vec![readings], ..Batch::default() };
    let rejection = |rows: &[u32], error: &str| Rejection {
        readings: 0,
        rows: Some(rows.to_vec()),
        error: error.to_owned(),
    };
    let rejections = [rejection(&[0], "x"), rejection(&[1, 2], "y"), rejection(&[0, 1], "x")];
    let letters = of_rejections(&batch, &rejections, &circumstances(&node)).letters;
    let errors: Vec<_> = letters.iter().map(|letter| letter.error.as_str()).collect();
    assert_eq!(errors, ["x; y", "y"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_an_error_and_not_a_loss() {
    let folder = tempfile::tempdir().expect("a folder");
    // A folder stands where the file should be.
    let (dead_letters, _writer) = start(
        folder.path().to_owned(),
        "plant".into(),
        {
            let policy = RetryPolicy {
                max_elapsed: Some(levada_connector_api::Interval(std::time::Duration::ZERO)),
                ..RetryPolicy::default()
            };
            Attempts::new(policy, Chance::seeded(1))
        },
        Disk::default(),
    );
    let ticket = dead_letters.submit(Vec::new());
    dead_letters.durable(Ticket::default()).await.expect("no letters, nothing to wait for");
    let error = dead_letters.durable(ticket).await.expect_err("not writable");
    assert!(error.to_string().contains("dead letters cannot be written to"), "{error}");
}
