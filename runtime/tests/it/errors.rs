//! Errors that pass are sat out; others stop the pipeline after what was read is settled.

use std::time::Duration;

use levada_connector_api::{Interval, model::Checkpoint};
use levada_runtime::{NodeState, Outcome};
use levada_testkit::{Fault, Reaction, ScriptedSink, SourceScript, Step, numbered};

use crate::harness::{Harness, numbers, slow};

#[tokio::test(start_paused = true)]
async fn a_source_whose_errors_pass_goes_on() {
    let harness = Harness::new("source-heals").source("in").sink("out", &["in"]);
    let script = SourceScript::new([
        Step::Batch(numbered("s", 0..10, 2)),
        Step::Fail(Fault::transient("broker away")),
        Step::Fail(Fault::transient("broker away")),
        Step::Batch(numbered("s", 10..20, 2)),
    ])
    .failing_connect([Fault::transient("no broker"), Fault::transient("no broker")])
    .named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.rows_sent, sink.rows().len()), (Outcome::Completed, 20, 20));
    assert_eq!(script.connects().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_for_good_stops_all_after_draining() {
    let harness = Harness::new("source-fails").source("bad").source("good").sink("out", &["bad", "good"]);
    let bad = SourceScript::new([
        Step::Batch(numbered("bad", 0..10, 2)),
        Step::Wait(Duration::from_secs(1)),
        Step::Fail(Fault::fatal("topic gone")),
    ])
    .named(harness.script("bad"));
    let good = SourceScript::numbered("good", 50, 10).unbounded().named(harness.script("good"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.error.expect("why").to_string(), "topic gone (node: bad)");
    assert_eq!((sink.rows().len(), report.rows_unsettled), (60, 0));
    assert_eq!(bad.settled(), Checkpoint::from([("bad".into(), 10)]));
    assert_eq!(good.settled(), Checkpoint::from([("good".into(), 50)]));
    assert_eq!((bad.closes(), good.closes(), sink.closes()), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_fails_for_good_stops_all_and_settles_nothing_of_what_failed() {
    let harness = Harness::new("sink-fails").source("in").sink("bad", &["in"]).sink("good", &["in"]);
    let script = SourceScript::numbered("s", 100_000, 10).named(harness.script("in"));
    let fails = [Reaction::Deliver, Reaction::Fail(Fault::fatal("no permission"))];
    let bad = ScriptedSink::new().reacting(fails).named(harness.script("bad"));
    let good = ScriptedSink::new().named(harness.script("good"));
    let report = harness.start().wait().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.error.expect("why").to_string(), "no permission (node: bad)");
    assert_eq!(script.settled(), Checkpoint::from([("s".into(), 100)]));
    assert!(report.rows_unsettled >= 100);
    assert!(good.rows().len() >= 100 && bad.rows().len() == 100);
    let state = report.nodes.into_iter().find(|node| node.name == "bad").map(|node| node.state);
    assert_eq!(state, Some(NodeState::Failed("no permission".to_owned())));
    assert_eq!((script.closes(), bad.closes(), good.closes()), (1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_retry_with_an_end_gives_up_there() {
    let mut harness = Harness::new("gives-up").source("in").sink("out", &["in"]);
    harness.pipeline.sinks[0].retry.max_elapsed = Some(Interval(Duration::from_secs(60)));
    let script = SourceScript::numbered("s", 1_000, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().reacting(slow(5)).named(harness.script("out"));
    let running = harness.start();
    sink.wait_for_rows(100).await;
    sink.fail(Fault::transient("away"));
    let report = running.wait().await;
    assert_eq!(report.outcome, Outcome::Failed);
    let error = report.error.expect("why").to_string();
    assert!(error.starts_with("away (attempts: "), "{error}");
    assert!((60..200).contains(&report.elapsed.as_secs()), "{:?}", report.elapsed);
    assert_eq!(script.settled()[&"s".into()] as usize, numbers(&sink.rows()).len());
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_cannot_connect_for_good_ends_the_pipeline_before_anything_is_read() {
    let harness = Harness::new("no-connect").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 1_000, 10).named(harness.script("in"));
    let sink =
        ScriptedSink::new().failing_connect([Fault::fatal("wrong password")]).named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.error.expect("why").to_string(), "wrong password (node: out)");
    assert_eq!((script.connects().len(), sink.attempts(), sink.closes()), (0, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_cannot_connect_for_good_ends_the_pipeline_while_another_is_tried_again() {
    let harness = Harness::new("two-connect").source("in").sink("away", &["in"]).sink("wrong", &["in"]);
    let _script = SourceScript::numbered("s", 1_000, 10).named(harness.script("in"));
    let away = ScriptedSink::new().named(harness.script("away"));
    away.fail(Fault::transient("away"));
    let _wrong =
        ScriptedSink::new().failing_connect([Fault::fatal("wrong password")]).named(harness.script("wrong"));
    let report =
        tokio::time::timeout(Duration::from_secs(60), harness.start().wait()).await.expect("it ends");
    assert_eq!(report.outcome, Outcome::Failed);
    assert_eq!(report.error.expect("why").to_string(), "wrong password (node: wrong)");
}

#[tokio::test(start_paused = true)]
async fn a_component_that_is_not_there_is_named() {
    let mut harness = Harness::new("unknown").source("in").sink("out", &["in"]);
    harness.pipeline.sinks[0].component.name = "parchment".to_owned();
    let _script = SourceScript::numbered("s", 1, 1).named(harness.script("in"));
    let error = harness.runtime.start(&harness.pipeline).expect_err("no such sink");
    assert_eq!(error.to_string(), "there is no sink named `parchment` in this build");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_panics_ends_the_pipeline_with_an_error() {
    // Multiples of nothing: the transform divides by zero.
    let harness = Harness::new("panics").source("in").keep("broken", &["in"], 0).sink("out", &["broken"]);
    let script = SourceScript::numbered("s", 1_000, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!(report.outcome, Outcome::Failed);
    let error = report.error.expect("why");
    assert_eq!(error.kind(), levada_connector_api::ErrorKind::Bug);
    assert_eq!((script.settled(), sink.rows().len()), (Checkpoint::new(), 0));
    assert_eq!((script.closes(), sink.closes()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_name_is_free_again_when_its_pipeline_has_ended() {
    let harness = Harness::new("name").source("in").sink("out", &["in"]);
    let _script = SourceScript::numbered("s", 10, 10).unbounded().named(harness.script("in"));
    let _sink = ScriptedSink::new().named(harness.script("out"));
    let running = harness.start();
    let error = harness.runtime.start(&harness.pipeline).expect_err("one is enough");
    assert_eq!(error.to_string(), "a pipeline named `name` runs already");
    running.stop();
    running.wait().await;
    harness.start().abort();
}
