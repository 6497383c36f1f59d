//! Rows arrive, once each where nothing fails, in order, and only what arrived is settled.

use std::time::Duration;

use levada_connector_api::{ByteSize, model::Checkpoint};
use levada_runtime::Outcome;
use levada_testkit::{Fault, Reaction, ScriptedSink, SourceScript};

use crate::harness::{Harness, numbers, pass, slow, stall_once_connected};

fn at(split: &str, position: u64) -> Checkpoint {
    Checkpoint::from([(split.into(), position)])
}

#[tokio::test(start_paused = true)]
async fn a_bounded_pipeline_ends_by_itself_with_everything_settled() {
    let harness = Harness::new("bounded").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 1_050, 25).named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.error.is_none()), (Outcome::Completed, true));
    assert_eq!((report.rows_read, report.rows_sent, report.rows_unsettled), (1_050, 1_050, 0));
    assert_eq!((sink.rows().len(), numbers(&sink.rows()).len()), (1_050, 1_050));
    assert_eq!(sink.batches().len(), 11, "batches of a hundred, and the rest");
    assert_eq!(script.settled(), at("s", 1_050));
    assert_eq!(script.violations(), Vec::<String>::new());
    assert_eq!((script.closes(), sink.closes()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_few_wait_for_the_linger_only() {
    let harness = Harness::new("linger").source("in").sink("out", &["in"]);
    let _script = SourceScript::numbered("s", 30, 10).unbounded().named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let running = harness.start();
    pass(190).await;
    assert_eq!(sink.rows().len(), 0);
    pass(20).await;
    assert_eq!((sink.rows().len(), sink.batches().len()), (30, 1));
    running.stop();
    assert_eq!(running.wait().await.outcome, Outcome::Stopped);
}

#[tokio::test(start_paused = true)]
async fn a_batch_for_two_sinks_is_settled_when_both_have_it() {
    let harness = Harness::new("fan-out").source("in").sink("a", &["in"]).sink("b", &["in"]);
    let script = SourceScript::numbered("s", 100, 10).unbounded().named(harness.script("in"));
    let a = ScriptedSink::new().named(harness.script("a"));
    let late = [Reaction::Delay(Duration::from_secs(5))];
    let b = ScriptedSink::new().reacting(late).named(harness.script("b"));
    let running = harness.start();
    a.wait_for_rows(100).await;
    pass(1_000).await;
    assert_eq!((script.settled(), b.rows().len()), (Checkpoint::new(), 0));
    pass(5_000).await;
    assert_eq!(script.settled(), at("s", 100));
    running.stop();
    let report = running.wait().await;
    assert_eq!((report.outcome, report.rows_sent), (Outcome::Stopped, 200));
}

#[tokio::test(start_paused = true)]
async fn two_sources_meet_in_one_sink() {
    let harness = Harness::new("fan-in").source("x").source("y").sink("out", &["x", "y"]);
    let x = SourceScript::numbered("x", 300, 10).named(harness.script("x"));
    let y = SourceScript::numbered("y", 500, 50).named(harness.script("y"));
    let sink = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.rows_sent), (Outcome::Completed, 800));
    assert_eq!((x.settled(), y.settled()), (at("x", 300), at("y", 500)));
    assert_eq!(sink.stored(), Checkpoint::from([("x".into(), 300), ("y".into(), 500)]));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_stalls_bounds_what_is_read_and_settles_nothing() {
    let harness = Harness::new("stall").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 20_000, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let running = harness.start();
    stall_once_connected(&sink).await;
    pass(60_000).await;
    let held = script.given()[&"s".into()] - sink.rows().len() as u64;
    // One batch under way, one full, 200 rows on the edge, one batch that waits for room there.
    assert!(held <= 100 + 100 + 200 + 10, "{held} rows are held");
    assert_eq!(script.settled().get(&"s".into()).copied().unwrap_or(0), sink.rows().len() as u64);
    sink.heal();
    assert_eq!(running.wait().await.rows_sent, 20_000);
    assert_eq!(script.settled(), at("s", 20_000));
}

#[tokio::test(start_paused = true)]
async fn bytes_bound_what_is_read_as_rows_do() {
    let mut harness = Harness::new("bytes").source("in").sink("out", &["in"]);
    harness.pipeline.sources[0].queue.bytes = ByteSize(64 << 10);
    harness.pipeline.sources[0].queue.rows = 1_000_000;
    harness.pipeline.sinks[0].batch.bytes = ByteSize(64 << 10);
    harness.pipeline.sinks[0].batch.rows = 1_000_000;
    let script = SourceScript::numbered("s", 100_000, 100).named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    let running = harness.start();
    stall_once_connected(&sink).await;
    pass(60_000).await;
    let held = script.given()[&"s".into()] - sink.rows().len() as u64;
    assert!((400..10_000).contains(&held), "{held} rows are held");
    running.abort();
    assert_eq!(running.wait().await.outcome, Outcome::Aborted);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_fails_and_heals_gets_everything_in_order() {
    let harness = Harness::new("heals").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 1_000, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().reacting(slow(5)).named(harness.script("out"));
    sink.fail(Fault::transient("not now"));
    let running = harness.start();
    // It cannot even connect.
    pass(5_000).await;
    assert!(sink.connects() > 2 && !running.handle().is_ready());
    sink.heal();
    sink.wait_for_rows(300).await;
    sink.fail(Fault::transient("not now"));
    pass(120_000).await;
    let settled = script.settled();
    pass(120_000).await;
    assert_eq!(script.settled(), settled);
    sink.heal();
    let report = running.wait().await;
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(report.nodes.iter().any(|node| node.counts.retries > 3));
    let starts: Vec<_> = sink.batches().iter().map(|batch| batch.positions[0].range.start).collect();
    assert!(starts.is_sorted(), "{starts:?}");
    assert_eq!(numbers(&sink.rows()).len(), 1_000);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_doubles_rows_and_loses_none() {
    let harness = Harness::new("lost-answer").source("in").sink("out", &["in"]);
    let _script = SourceScript::numbered("s", 500, 10).named(harness.script("in"));
    let lost = Reaction::FailAfterStoring(Fault::transient("hung up"));
    let sink = ScriptedSink::new().reacting([Reaction::Deliver, lost]).named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.rows_sent), (Outcome::Completed, 500));
    assert_eq!((sink.rows().len(), numbers(&sink.rows()).len()), (600, 500));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_never_answered_is_made_again() {
    let harness = Harness::new("no-answer").source("in").sink("out", &["in"]);
    let _script = SourceScript::numbered("s", 500, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().reacting([Reaction::Stall]).named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, sink.rows().len()), (Outcome::Completed, 500));
    assert!(report.elapsed >= Duration::from_secs(120));
}

#[tokio::test(start_paused = true)]
async fn writes_under_way_at_once_are_as_many_as_the_sink_allows() {
    let harness = Harness::new("in-flight").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 2_000, 10).named(harness.script("in"));
    // The earlier ones take longer: they end in another order than they began.
    let slow = (0..20).map(|n| Reaction::Delay(Duration::from_millis(100 - 40 * (n % 3))));
    let sink = ScriptedSink::new().with_max_in_flight(3).reacting(slow).named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, sink.rows().len()), (Outcome::Completed, 2_000));
    assert_eq!(sink.most_in_flight(), 3);
    assert_eq!(script.violations(), Vec::<String>::new());
    let marks: Vec<_> = script.settles().iter().map(|settled| settled[0].position).collect();
    assert!(marks.is_sorted(), "{marks:?}");
    assert_eq!(script.settled(), at("s", 2_000));
}

#[tokio::test(start_paused = true)]
async fn progress_tells_rate_and_rest() {
    let harness = Harness::new("progress").source("in").sink("out", &["in"]);
    let _script = SourceScript::numbered("s", 10_000, 100).named(harness.script("in"));
    let slow = (0..100).map(|_| Reaction::Delay(Duration::from_millis(100)));
    let sink = ScriptedSink::new().reacting(slow).named(harness.script("out"));
    let running = harness.start();
    pass(1_000).await;
    running.progress();
    pass(4_000).await;
    let progress = running.progress();
    assert_eq!(progress.records_total, Some(10_000));
    assert!((900.0..1_100.0).contains(&progress.rows_per_second), "{progress:?}");
    let eta = progress.eta.expect("the rest is known").as_secs_f64();
    assert!((3.0..6.5).contains(&eta), "{progress:?}");
    assert!(sink.rows().len() >= 4_500);
    running.abort();
    running.wait().await;
}
