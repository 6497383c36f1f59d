//! Stops: with data under way, with a sink that does not answer, twice.

use std::time::Duration;

use levada_connector_api::model::Checkpoint;
use levada_runtime::Outcome;
use levada_testkit::{Fault, ScriptedSink, SourceScript, Step, numbered};

use crate::harness::{Harness, pass, slow};

#[tokio::test(start_paused = true)]
async fn a_stop_delivers_and_settles_what_was_read() {
    let harness = Harness::new("drain").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 100_000, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().reacting(slow(50)).named(harness.script("out"));
    let running = harness.start();
    sink.wait_for_rows(500).await;
    running.stop();
    let report = running.wait().await;
    assert_eq!((report.outcome, report.rows_unsettled), (Outcome::Stopped, 0));
    assert!(report.rows_read < 2_000, "it read on: {}", report.rows_read);
    assert_eq!(script.settled(), script.given());
    assert_eq!(script.settled()[&"s".into()] as usize, sink.rows().len());
    assert_eq!((script.closes(), sink.closes()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_does_not_answer_is_left_when_the_grace_is_over() {
    let harness = Harness::new("grace").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 100_000, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().reacting(slow(5)).named(harness.script("out"));
    let running = harness.start();
    sink.wait_for_rows(500).await;
    sink.stall();
    pass(100).await;
    let settled = script.settled();
    running.stop();
    let stopped = tokio::time::Instant::now();
    let report = running.wait().await;
    assert_eq!(report.outcome, Outcome::Aborted);
    assert_eq!(stopped.elapsed().as_secs(), 10);
    assert_eq!(script.settled(), settled);
    assert_eq!(report.rows_unsettled, script.given()[&"s".into()] - settled[&"s".into()]);
    assert_eq!((script.closes(), sink.closes()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_second_stop_does_not_wait() {
    let harness = Harness::new("twice").source("in").sink("out", &["in"]);
    let _script = SourceScript::numbered("s", 100_000, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().reacting(slow(5)).named(harness.script("out"));
    sink.stall();
    let running = harness.start();
    pass(100).await;
    // A sink that stalls does not even connect; nothing was read, and there is nothing to wait for.
    running.stop();
    assert_eq!(running.wait().await.rows_read, 0);
    sink.heal();
    let running = harness.start();
    sink.wait_for_rows(100).await;
    sink.stall();
    running.stop();
    pass(100).await;
    let stopped = tokio::time::Instant::now();
    running.abort();
    assert_eq!(running.wait().await.outcome, Outcome::Aborted);
    assert!(stopped.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_waiting_for_a_sink_that_cannot_connect() {
    let harness = Harness::new("connecting").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 1_000, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    sink.fail(Fault::transient("away"));
    let running = harness.start();
    pass(20_000).await;
    running.stop();
    let report = running.wait().await;
    assert_eq!((report.outcome, report.rows_read), (Outcome::Stopped, 0));
    assert_eq!((script.connects().len(), sink.closes()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_idle_pipeline_stops_at_once() {
    let harness = Harness::new("idle").source("in").sink("out", &["in"]);
    let script =
        SourceScript::new([Step::Batch(numbered("s", 0..5, 1)), Step::Stall]).named(harness.script("in"));
    let _sink = ScriptedSink::new().named(harness.script("out"));
    let running = harness.start();
    pass(10_000).await;
    assert!(running.handle().is_ready());
    assert_eq!(script.settled(), Checkpoint::from([("s".into(), 5)]));
    let stopped = tokio::time::Instant::now();
    running.stop();
    assert_eq!(running.wait().await.outcome, Outcome::Stopped);
    assert!(stopped.elapsed() < Duration::from_millis(10));
}

#[tokio::test(start_paused = true)]
async fn dropping_a_pipeline_stops_it() {
    let harness = Harness::new("dropped").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 100_000, 10).unbounded().named(harness.script("in"));
    let sink = ScriptedSink::new().reacting(slow(5)).named(harness.script("out"));
    let running = harness.start();
    sink.wait_for_rows(100).await;
    drop(running);
    pass(20_000).await;
    assert_eq!((script.closes(), sink.closes()), (1, 1));
    assert_eq!(script.settled(), script.given());
}
