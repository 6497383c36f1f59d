//! Records and rows that nobody will have: dead-lettered with their bytes and where they came from, dropped, or a reason to
//! stop.

use std::sync::Arc;

use levada_config::OnError;
use levada_connector_api::{Batch, ErrorKind, RecordRef, RecordsBuilder, RejectedRecord, model::Checkpoint};
use levada_runtime::Outcome;
use levada_testkit::{Fault, Reaction, ScriptedSink, SourceScript, Step, numbered};
use serde_json::json;

use crate::harness::{Harness, numbers};

/// A batch of numbered rows, and a record at the position of the last that could not be decoded.
fn with_rejected(range: std::ops::Range<u64>, bytes: &[u8]) -> Batch {
    let mut records = RecordsBuilder::default();
    records.split(&"s".into());
    records.push(bytes, range.end);
    let record = RecordRef::new(Arc::clone(&records.finish()), 0);
    let mut batch = numbered("s", range, 2);
    batch.positions[0].range.end += 1;
    batch.rejected.push(RejectedRecord { record, error: "expected `{`".to_owned() });
    batch
}

fn half_bad() -> SourceScript {
    SourceScript::new([
        Step::Batch(with_rejected(0..10, b"oops")),
        Step::Batch(with_rejected(11..20, b"\xff\xfe")),
        Step::Batch(numbered("s", 21..30, 2)),
    ])
}

#[tokio::test(start_paused = true)]
async fn records_that_cannot_be_decoded_are_dead_lettered_with_bytes_and_origin() {
    let harness = Harness::new("decode").source("in").sink("a", &["in"]).sink("b", &["in"]);
    let script = half_bad().named(harness.script("in"));
    let a = ScriptedSink::new().named(harness.script("a"));
    let _b = ScriptedSink::new().named(harness.script("b"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.dead, a.rows().len()), (Outcome::Completed, 2, 28));
    assert_eq!(script.settled(), Checkpoint::from([("s".into(), 30)]));
    let letters = harness.dead_letters();
    assert_eq!(letters.len(), 2, "one each, though there are two sinks");
    assert_eq!(letters[0]["text"], json!("oops"));
    assert_eq!(letters[1]["base64"], json!("//4="));
    for (letter, position) in letters.iter().zip([10, 20]) {
        assert_eq!(letter["split"], json!("s"));
        assert_eq!(letter["position"], json!(position));
        assert_eq!(letter["stage"], json!("decode"));
        assert_eq!(letter["node"], json!("in"));
        assert_eq!(letter["error"], json!("expected `{`"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_nothing_but_bad_records_is_settled() {
    let harness = Harness::new("all-bad").source("in").sink("out", &["in"]);
    let mut batch = with_rejected(0..4, b"oops");
    batch.readings.clear();
    let script = SourceScript::new([Step::Batch(batch)]).named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.dead, sink.attempts()), (Outcome::Completed, 1, 0));
    assert_eq!(script.settled(), Checkpoint::from([("s".into(), 5)]));
}

#[tokio::test(start_paused = true)]
async fn rows_that_a_sink_rejects_are_dead_lettered_with_their_record() {
    let harness = Harness::new("rows").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 400, 10).named(harness.script("in"));
    let reject = |row: &levada_testkit::Row| (row.time % 100 == 42).then(|| "type mismatch".to_owned());
    let sink = ScriptedSink::new()
        .rejecting(reject)
        .reacting([Reaction::Fail(Fault::transient("first"))])
        .named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.dead, report.rows_sent), (Outcome::Completed, 4, 396));
    assert_eq!(sink.rows().len(), 396);
    assert_eq!(script.settled(), Checkpoint::from([("s".into(), 400)]));
    let letters = harness.dead_letters();
    let texts: Vec<_> = letters.iter().map(|letter| letter["text"].as_str().expect("text")).collect();
    assert_eq!(texts, ["row 42", "row 142", "row 242", "row 342"]);
    assert_eq!(letters[0]["attempts"], json!(2));
    assert_eq!((&letters[1]["attempts"], &letters[1]["position"]), (&json!(1), &json!(142)));
    assert_eq!((&letters[0]["stage"], &letters[0]["error"]), (&json!("write"), &json!("type mismatch")));
}

#[tokio::test(start_paused = true)]
async fn a_batch_rejected_for_its_data_is_dead_lettered_as_a_whole() {
    let harness = Harness::new("whole").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 300, 100).named(harness.script("in"));
    let bad = Fault { kind: ErrorKind::Data, ..Fault::fatal("not for me") };
    let sink =
        ScriptedSink::new().reacting([Reaction::Deliver, Reaction::Fail(bad)]).named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.dead, sink.rows().len()), (Outcome::Completed, 100, 200));
    assert_eq!(script.settled(), Checkpoint::from([("s".into(), 300)]));
    assert_eq!(harness.dead_letters().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn rejected_rows_can_be_dropped() {
    let harness = Harness::new("drop").source("in").sink("out", &["in"]).on_error(OnError::Drop);
    let script = half_bad().named(harness.script("in"));
    let sink = ScriptedSink::new()
        .rejecting(|row| (row.time == 25).then(|| "no".to_owned()))
        .named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.dead, report.dropped), (Outcome::Completed, 0, 3));
    assert_eq!(sink.rows().len(), 27);
    assert_eq!(script.settled(), Checkpoint::from([("s".into(), 30)]));
    assert!(!harness.dead_letters_at().exists());
}

#[tokio::test(start_paused = true)]
async fn a_bad_record_stops_the_pipeline_where_the_user_says_so() {
    let harness = Harness::new("stop").source("in").sink("out", &["in"]).on_error(OnError::Stop);
    let script = SourceScript::new([
        Step::Batch(numbered("s", 0..10, 2)),
        Step::Batch(with_rejected(10..20, b"oops")),
        Step::Batch(numbered("s", 21..30, 2)),
    ])
    .named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!(report.outcome, Outcome::Failed);
    let error = report.error.expect("why").to_string();
    assert_eq!(error, "expected `{` (stage: decode, split: s, position: 20, node: in)");
    assert_eq!(numbers(&sink.rows()).len(), 10, "what was read before is delivered");
    assert_eq!(script.settled(), Checkpoint::from([("s".into(), 10)]));
}

#[tokio::test(start_paused = true)]
async fn dead_letters_that_cannot_be_written_hold_everything_up() {
    let mut harness = Harness::new("letters-fail").source("in").sink("out", &["in"]);
    // A program that runs cannot be written to, which may pass, as a full disk does.
    let file = harness.folder.path().join("letters.jsonl");
    std::os::unix::fs::symlink("/proc/self/exe", &file).expect("linked");
    harness.pipeline.errors.dead_letter.file = Some(file.clone());
    let script = half_bad().named(harness.script("in"));
    let sink = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
    let running = harness.start();
    crate::harness::pass(60_000).await;
    assert_eq!((sink.attempts(), script.settled()), (0, Checkpoint::new()));
    std::fs::remove_file(&file).expect("removed");
    let report = running.wait().await;
    assert_eq!((report.outcome, report.dead, sink.rows().len()), (Outcome::Completed, 2, 28));
    assert_eq!(crate::harness::lines(&file).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn positions_of_rejected_rows_are_given_again_once_they_are_safe() {
    let harness = Harness::new("held-back").source("in").sink("out", &["in"]);
    let _script = SourceScript::numbered("s", 200, 100).named(harness.script("in"));
    let sink = ScriptedSink::new()
        .with_checkpoints()
        .rejecting(|row| (row.time == 42).then(|| "no".to_owned()))
        .named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.dead), (Outcome::Completed, 1));
    let ranges: Vec<_> =
        sink.batches().iter().map(|batch| (batch.rows(), batch.positions[0].range.clone())).collect();
    assert_eq!(ranges, [(0, 0..0), (100, 0..100), (0, 0..100), (100, 100..200)]);
}

#[tokio::test(start_paused = true)]
async fn the_report_counts_each_kind_of_reason() {
    let harness = Harness::new("reasons").source("in").sink("out", &["in"]);
    let _script = half_bad().named(harness.script("in"));
    let reject =
        |row: &levada_testkit::Row| (row.time < 5).then(|| format!("a: `{}` is too small", row.time));
    let _sink = ScriptedSink::new().rejecting(reject).named(harness.script("out"));
    let report = harness.start().wait().await;
    let reasons: Vec<_> = (report.reasons.iter())
        .map(|each| (each.node.as_str(), each.stage, each.reason.as_str(), each.count))
        .collect();
    assert_eq!(reasons, [("out", "write", "a: `0` is too small", 5), ("in", "decode", "expected `{`", 2)]);
    assert_eq!((report.other_reasons, report.nothing_arrived()), (0, false));
    let letters = harness.dead_letters();
    for time in 0..5 {
        let own = format!("a: `{time}` is too small");
        assert_eq!(letters.iter().filter(|letter| letter["error"] == json!(own)).count(), 1, "{own}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_report_says_where_nothing_arrived() {
    let harness = Harness::new("nothing").source("in").sink("out", &["in"]);
    let _script = half_bad().named(harness.script("in"));
    let _sink = ScriptedSink::new().rejecting(|_| Some("no".to_owned())).named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.rows_sent, report.dead), (Outcome::Completed, 0, 30));
    assert!(report.nothing_arrived());
    // Where there was nothing to read, nothing is missing.
    let harness = Harness::new("empty").source("in").sink("out", &["in"]);
    let _script = SourceScript::new([]).named(harness.script("in"));
    let _sink = ScriptedSink::new().named(harness.script("out"));
    assert!(!harness.start().wait().await.nothing_arrived());
}
