//! Restarts: nothing is lost, and nothing doubled where the sink keeps positions.

use std::collections::BTreeMap;

use levada_connector_api::model::Checkpoint;
use levada_runtime::Outcome;
use levada_testkit::{Reaction, ScriptedSink, SourceScript, Step, numbered};

use crate::harness::{Harness, numbers, pass, slow};

#[tokio::test(start_paused = true)]
async fn what_was_under_way_at_a_crash_is_read_again() {
    let harness = Harness::new("again").source("in").sink("out", &["in"]);
    let script = SourceScript::numbered("s", 3_000, 10).named(harness.script("in"));
    let sink = ScriptedSink::new().with_max_in_flight(4).reacting(slow(5)).named(harness.script("out"));
    for more in [1, 300, 600] {
        let running = harness.start();
        sink.wait_for_rows(sink.rows().len() + more).await;
        sink.stall();
        pass(500).await;
        running.abort();
        assert_eq!(running.wait().await.outcome, Outcome::Aborted);
        sink.heal();
    }
    assert_eq!(harness.start().wait().await.outcome, Outcome::Completed);
    assert_eq!(numbers(&sink.rows()).len(), 3_000);
    assert_eq!(script.violations(), Vec::<String>::new());
    assert_eq!(script.settled(), Checkpoint::from([("s".into(), 3_000)]));
}

#[tokio::test(start_paused = true)]
async fn positions_kept_with_the_rows_make_it_exactly_once() {
    let harness = Harness::new("once").source("in").sink("out", &["in"]);
    // The source remembers nothing of its own: all it knows it is told.
    let script = SourceScript::numbered("s", 3_000, 10).forgetful().named(harness.script("in"));
    let sink = ScriptedSink::new().with_checkpoints().reacting(slow(5)).named(harness.script("out"));
    for rows in [300, 1_500] {
        let running = harness.start();
        sink.wait_for_rows(rows).await;
        sink.stall();
        pass(500).await;
        running.abort();
        running.wait().await;
        sink.heal();
    }
    let stored = sink.stored();
    assert_eq!(harness.start().wait().await.outcome, Outcome::Completed);
    assert_eq!(script.connects().last(), Some(&stored));
    assert_eq!((sink.rows().len(), numbers(&sink.rows()).len()), (3_000, 3_000));
}

#[tokio::test(start_paused = true)]
async fn of_two_sinks_with_positions_the_one_behind_counts() {
    let harness = Harness::new("behind").source("in").sink("a", &["in"]).sink("b", &["in"]);
    let script = SourceScript::numbered("s", 1_000, 10).forgetful().named(harness.script("in"));
    let a = ScriptedSink::new().with_checkpoints().named(harness.script("a"));
    // What it is given first is where the split begins.
    let b = ScriptedSink::new()
        .with_checkpoints()
        .reacting([Reaction::Deliver, Reaction::Deliver, Reaction::Stall])
        .named(harness.script("b"));
    let running = harness.start();
    a.wait_for_rows(300).await;
    running.abort();
    running.wait().await;
    assert_eq!(b.stored(), Checkpoint::from([("s".into(), 100)]));
    assert!(a.stored()[&"s".into()] >= 300);
    harness.start().wait().await;
    assert_eq!(script.connects()[1], Checkpoint::from([("s".into(), 100)]));
    assert_eq!((numbers(&a.rows()).len(), b.rows().len()), (1_000, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_sink_without_positions_beside_one_with_them_loses_nothing() {
    let harness = Harness::new("mixed").source("in").sink("keeps", &["in"]).sink("not", &["in"]);
    let script = SourceScript::numbered("s", 1_000, 10).named(harness.script("in"));
    let keeps = ScriptedSink::new().with_checkpoints().named(harness.script("keeps"));
    let not = ScriptedSink::new().reacting([Reaction::Deliver, Reaction::Stall]).named(harness.script("not"));
    let running = harness.start();
    keeps.wait_for_rows(300).await;
    running.abort();
    running.wait().await;
    harness.start().wait().await;
    assert_eq!(script.connects()[1], Checkpoint::new());
    assert_eq!((numbers(&keeps.rows()).len(), numbers(&not.rows()).len()), (1_000, 1_000));
}

#[tokio::test(start_paused = true)]
async fn a_split_that_comes_back_further_on_is_known_to_be_there() {
    let harness = Harness::new("came-back").source("in").sink("out", &["in"]);
    // Somebody else read from 100 to 300.
    let script = SourceScript::new([
        Step::Batch(numbered("s", 0..50, 2)),
        Step::Batch(numbered("s", 50..100, 2)),
        Step::Batch(numbered("s", 300..350, 2)),
        Step::Batch(numbered("s", 350..400, 2)),
    ])
    .named(harness.script("in"));
    let sink = ScriptedSink::new().with_checkpoints().with_max_in_flight(3).named(harness.script("out"));
    assert_eq!(harness.start().wait().await.outcome, Outcome::Completed);
    assert_eq!(sink.stored(), Checkpoint::from([("s".into(), 400)]));
    assert_eq!(script.settled(), Checkpoint::from([("s".into(), 400)]));
}

#[tokio::test(start_paused = true)]
async fn crashes_at_any_time_lose_nothing() {
    for seed in 0..30u64 {
        let harness = Harness::new(&format!("any-{seed}")).source("in").sink("out", &["in"]);
        let script = SourceScript::numbered("s", 2_000, 7 + seed).forgetful().named(harness.script("in"));
        let delays =
            (0..60).map(|n| Reaction::Delay(std::time::Duration::from_millis((seed * 7 + n * 13) % 50)));
        let sink = ScriptedSink::new()
            .with_checkpoints()
            .with_max_in_flight(1 + (seed % 3) as usize)
            .reacting(delays)
            .named(harness.script("out"));
        let end = |run| ((seed * 31 + (run + 1) * 17) % 140, false);
        harness.complete_through_crashes(&format!("seed {seed}"), 199, end).await;
        let mut seen: BTreeMap<i64, usize> = BTreeMap::new();
        sink.rows()
            .iter()
            .filter_map(|row| row.number)
            .for_each(|number| *seen.entry(number).or_default() += 1);
        assert_eq!(seen.len(), 2_000, "seed {seed}");
        if seed % 3 == 0 {
            assert!(seen.values().all(|&times| times == 1), "doubled with one write at a time (seed {seed})");
        }
        assert_eq!(script.violations(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_settled_is_remembered_for_sinks_that_store_no_positions() {
    let harness = Harness::new("remembered").source("in").sink("out", &["in"]).sink("keeps", &["in"]);
    let script = SourceScript::numbered("s", 1_000, 10).forgetful().named(harness.script("in"));
    let out = ScriptedSink::new().named(harness.script("out"));
    let keeps = ScriptedSink::new().with_checkpoints().named(harness.script("keeps"));
    for _ in 0..3 {
        assert_eq!(harness.start().wait().await.outcome, Outcome::Completed);
    }
    assert_eq!((out.rows().len(), keeps.rows().len()), (1_000, 1_000));
    assert_eq!(script.connects()[2], Checkpoint::from([("s".into(), 1_000)]));
    let file = harness.folder.path().join("remembered/in.positions.json");
    // Forgotten, it begins anew; where the other sink stands makes no difference.
    std::fs::remove_file(&file).expect("it is there");
    harness.start().wait().await;
    assert_eq!((script.connects()[3].clone(), out.rows().len()), (Checkpoint::new(), 2_000));
    // One that cannot be read is no reason to write all again.
    std::fs::write(&file, "{").expect("written");
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.rows_read, script.connects().len()), (Outcome::Failed, 0, 4));
    let error = report.error.expect("why").to_string();
    assert!(error.contains("in.positions.json"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn positions_are_remembered_while_a_pipeline_runs_and_never_beyond_what_is_settled() {
    let harness = Harness::new("while").source("in").sink("out", &["in"]);
    let _script = SourceScript::numbered("s", 100_000, 10).forgetful().named(harness.script("in"));
    let sink = ScriptedSink::new().reacting(slow(50)).named(harness.script("out"));
    let running = harness.start();
    sink.wait_for_rows(3_000).await;
    // What a process that is killed here leaves behind.
    let text =
        std::fs::read(harness.folder.path().join("while/in.positions.json")).expect("written meanwhile");
    let kept: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    let position = kept["positions"]["s"].as_u64().expect("a position");
    assert!((1..=sink.rows().len() as u64).contains(&position), "{position}");
    running.abort();
    running.wait().await;
}

#[tokio::test(start_paused = true)]
async fn positions_that_cannot_be_remembered_fail_the_run() {
    let harness = Harness::new("unwritable").source("in").sink("out", &["in"]);
    let _script = SourceScript::numbered("s", 100, 10).forgetful().named(harness.script("in"));
    let sink = ScriptedSink::new().named(harness.script("out"));
    std::fs::write(harness.folder.path().join("unwritable"), "in the way").expect("written");
    let report = harness.start().wait().await;
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(sink.rows().len() <= 100);
}
