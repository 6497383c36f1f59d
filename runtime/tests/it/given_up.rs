//! Splits that a source gives up: the others go on, and everybody is told.

use std::time::Duration;

use levada_connector_api::model::Checkpoint;
use levada_runtime::{GivenUp, NodeReport, Outcome};
use levada_testkit::{Fault, ScriptedSink, SourceScript, Step, numbered};

use crate::harness::{Harness, pass};

fn given_up(nodes: &[NodeReport]) -> Vec<GivenUp> {
    nodes.iter().flat_map(|node| node.given_up.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_split_that_is_given_up_holds_up_no_other_and_the_run_is_partial() {
    let harness = Harness::new("partial").source("in").sink("out", &["in"]);
    let script = SourceScript::new([
        Step::Batch(numbered("whole", 0..10, 2)),
        Step::Batch(numbered("broken", 0..3, 1)),
        Step::Fail(Fault::giving_up("broken", "the file ends too early")),
        Step::Batch(numbered("whole", 10..20, 2)),
    ])
    .named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    for rows in [23, 0] {
        let report = harness.start().wait().await;
        assert_eq!((report.outcome, report.given_up, report.rows_sent), (Outcome::Partial, 1, rows));
        let expected = GivenUp { split: "broken".to_owned(), error: "the file ends too early".to_owned() };
        assert_eq!(given_up(&report.nodes), [expected]);
        assert!(!report.is_clean());
        // What had been read of it stays, and the next run goes on there.
        assert_eq!(script.settled(), Checkpoint::from([("broken".into(), 3), ("whole".into(), 20)]));
    }
    assert_eq!((sink.rows().len(), script.violations()), (23, Vec::<String>::new()));
    let metric = r#"levada_input_given_up_total{node="in",pipeline="partial"} 2"#;
    let metrics = harness.runtime.metrics_text().expect("metrics");
    assert!(metrics.contains(metric), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_with_a_split_given_up_is_not_ready_and_goes_on() {
    let harness = Harness::new("degraded").source("in").sink("out", &["in"]);
    let _script = SourceScript::new([
        Step::Batch(numbered("a", 0..10, 2)),
        Step::Wait(Duration::from_secs(5)),
        Step::Fail(Fault::giving_up("b", "no codec for zstd")),
        Step::Batch(numbered("a", 10..20, 2)),
    ])
    .unbounded()
    .named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let running = harness.start();
    sink.wait_for_rows(10).await;
    pass(1_000).await;
    assert!(running.handle().is_ready());
    sink.wait_for_rows(20).await;
    pass(20_000).await;
    let handle = running.handle();
    assert!(!handle.is_ready() && !handle.is_stopping());
    assert_eq!(given_up(&handle.nodes()).len(), 1);
    running.stop();
    assert_eq!(running.wait().await.outcome, Outcome::Partial);
}

#[tokio::test(start_paused = true)]
async fn a_source_of_which_every_split_is_given_up_ends() {
    let harness = Harness::new("nothing-left").source("in").sink("out", &["in"]);
    let faults = (0..150).map(|n| Step::Fail(Fault::giving_up(format!("s{n}").as_str(), "gone")));
    let script = SourceScript::new(faults).named(harness.script("in"));
    let _sink = ScriptedSink::new().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.given_up, report.rows_read), (Outcome::Partial, 150, 0));
    assert_eq!(given_up(&report.nodes).len(), 100, "the first hundred by name");
    assert_eq!((script.settled(), script.closes()), (Checkpoint::new(), 1));
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_the_whole_sources_still_ends_the_pipeline() {
    let harness = Harness::new("both").source("in").sink("out", &["in"]);
    let _script = SourceScript::new([
        Step::Fail(Fault::giving_up("b", "gone")),
        Step::Batch(numbered("a", 0..10, 2)),
        Step::Fail(Fault::fatal("wrong password")),
    ])
    .named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.given_up, sink.rows().len()), (Outcome::Failed, 1, 10));
}
