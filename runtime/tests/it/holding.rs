//! Transforms that hold rows: nothing that was held is lost by a crash, and nothing doubled where the sink stores positions.

use std::{collections::BTreeMap, time::Duration};

use levada_connector_api::{Point, model::Checkpoint};
use levada_runtime::{Outcome, offsets::Reset};
use levada_testkit::{Fault, Reaction, Row, ScriptedSink, SourceScript, Step, numbered};
use serde_json::json;

use crate::harness::{Harness, numbers, pass};

const ROWS: u64 = 400;

fn at(split: &str, position: u64) -> Checkpoint {
    Checkpoint::from([(split.into(), position)])
}

/// All rows, ten in a batch, with a pause behind every sixth: what is held is saved meanwhile.
fn script() -> SourceScript {
    let batches = (0..ROWS / 10).flat_map(|n| {
        let pause = (n % 6 == 5).then_some(Step::Wait(Duration::from_millis(600)));
        [Step::Batch(numbered("s", n * 10..n * 10 + 10, 3))].into_iter().chain(pause)
    });
    SourceScript::new(batches)
}

/// How often each number arrived.
fn counts(rows: &[Row]) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    rows.iter().filter_map(|row| row.number).for_each(|number| *counts.entry(number).or_default() += 1);
    counts
}

/// What a run meets at one of its writes.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// The write is not answered, and stores nothing.
    Before,
    /// It stores everything, and is not answered.
    After,
}

/// Runs until a write is cut short, then as a new process to the end.
async fn cut_and_go_on(harness: &Harness, sink: &ScriptedSink, write: usize, cut: Cut) -> Outcome {
    let mut reactions = vec![Reaction::Deliver; write];
    if matches!(cut, Cut::After) {
        reactions.push(Reaction::FailAfterStoring(Fault::transient("the answer is lost")));
    }
    reactions.push(Reaction::Stall);
    let sink = sink.clone().reacting(reactions);
    let running = harness.start();
    let handle = running.handle();
    let stalled = async {
        // Everybody waits: the write that is cut, or the end.
        pass(20_000).await;
        handle.abort();
        std::future::pending::<()>().await;
    };
    let first =
        tokio::select! { report = running.wait() => report.outcome, () = stalled => Outcome::Aborted };
    drop(sink.reacting([]));
    match first {
        Outcome::Completed => first,
        _ => {
            let report = harness.start().wait().await;
            assert_eq!(
                (report.outcome, report.error.is_none()),
                (Outcome::Completed, true),
                "{:?}",
                report.error
            );
            Outcome::Aborted
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_cut_at_any_write_loses_and_doubles_nothing() {
    for cut in [Cut::Before, Cut::After] {
        for write in 0.. {
            let harness = Harness::new(&format!("cut-{cut:?}-{write}"))
                .source("in")
                .transform("hold", &["in"], "hold_state", json!({"rows": 37}))
                .sink("out", &["hold"]);
            let script = script().forgetful().named(harness.script("in"));
            let sink = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
            let outcome = cut_and_go_on(&harness, &sink, write, cut).await;
            let counts = counts(&sink.rows());
            assert_eq!(counts.len() as u64, ROWS, "{cut:?} {write}");
            assert!(counts.values().all(|&times| times == 1), "{cut:?} {write}: {counts:?}");
            // Where all was stored before the cut, the source was told so and had nothing to read.
            let told = script.connects().last().and_then(|stored| stored.get(&"s".into()).copied());
            assert_eq!(told.max(script.settled().get(&"s".into()).copied()), Some(ROWS), "{cut:?} {write}");
            assert_eq!(script.violations(), Vec::<String>::new());
            if outcome == Outcome::Completed {
                assert!(write > 5, "it is cut at several writes");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn for_a_sink_without_positions_the_state_is_noted_before_the_source_commits() {
    for forgetful in [false, true] {
        for write in 0.. {
            let harness = Harness::new(&format!("noted-{forgetful}-{write}"))
                .source("in")
                .transform("hold", &["in"], "hold_state", json!({"rows": 37}))
                .sink("out", &["hold"]);
            let script = script();
            let script = if forgetful { script.forgetful() } else { script };
            let script = script.named(harness.script("in"));
            let sink = ScriptedSink::new().named(harness.script("out"));
            let outcome = cut_and_go_on(&harness, &sink, write, Cut::Before).await;
            // The write that was cut stored nothing, and all before it were noted.
            let counts = counts(&sink.rows());
            assert_eq!(counts.len() as u64, ROWS, "{write}");
            assert!(counts.values().all(|&times| times == 1), "{write}: {counts:?}");
            assert_eq!(script.settled(), at("s", ROWS));
            assert_eq!(script.violations(), Vec::<String>::new());
            if outcome == Outcome::Completed {
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn crashes_at_any_time_lose_and_double_nothing_that_two_transforms_hold() {
    for seed in 0..40u64 {
        let checkpoints = seed % 4 > 0;
        let harness = Harness::new(&format!("any-{seed}"))
            .source("in")
            .transform("first", &["in"], "hold_state", json!({"rows": 5 + seed}))
            .keep("all", &["first"], 1)
            .transform("second", &["all"], "hold_state", json!({"rows": 60 - seed}))
            .sink("out", &["second"]);
        let script = SourceScript::numbered("s", 2_000, 7 + seed).forgetful().named(harness.script("in"));
        let delays = (0..400).map(|n| Reaction::Delay(Duration::from_millis((seed * 7 + n * 13) % 50)));
        let sink = ScriptedSink::new().reacting(delays);
        let sink = if checkpoints { sink.with_checkpoints() } else { sink };
        let sink = sink.named(harness.script("out"));
        let end = |run| ((seed * 31 + run * 17) % 900, run % 5 == 4);
        harness.complete_through_crashes(&format!("seed {seed}"), 300, end).await;
        let counts = counts(&sink.rows());
        assert_eq!(counts.len(), 2_000, "seed {seed}");
        if checkpoints {
            assert!(counts.values().all(|&times| times == 1), "seed {seed}: {counts:?}");
        }
        assert_eq!(script.violations(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_beside_the_transform_that_is_behind_makes_nothing_count_twice() {
    for seed in 0..20u64 {
        let harness = Harness::new(&format!("beside-{seed}"))
            .source("in")
            .transform("hold", &["in"], "hold_state", json!({"rows": 20}))
            .sink("held", &["hold"])
            .sink("plain", &["in"]);
        let _script = SourceScript::numbered("s", 1_000, 10).forgetful().named(harness.script("in"));
        let slow = |step: u64| (0..300).map(move |n| Reaction::Delay(Duration::from_millis((n * step) % 90)));
        let held = ScriptedSink::new().with_checkpoints().reacting(slow(7)).named(harness.script("held"));
        let plain =
            ScriptedSink::new().with_checkpoints().reacting(slow(13 + seed)).named(harness.script("plain"));
        let end = |run| ((seed * 37 + run * 23) % 700, false);
        harness.complete_through_crashes(&format!("seed {seed}"), 200, end).await;
        let counts = counts(&held.rows());
        assert_eq!((counts.len(), numbers(&plain.rows()).len()), (1_000, 1_000), "seed {seed}");
        assert!(counts.values().all(|&times| times == 1), "seed {seed}: {counts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_are_held_unsaved_keep_their_batches_unsettled() {
    let harness = Harness::new("unsaved")
        .source("in")
        .transform("hold", &["in"], "hold_rows", json!({"rows": 25}))
        .sink("out", &["hold"]);
    let script = SourceScript::numbered("s", 100, 10).unbounded().named(harness.script("in"));
    let sink = ScriptedSink::new().with_checkpoints().with_max_in_flight(4).named(harness.script("out"));
    let running = harness.start();
    pass(5_000).await;
    assert_eq!(sink.rows().len(), 75);
    // Of the eighth batch five rows are held.
    assert_eq!((script.settled(), sink.stored()), (at("s", 70), at("s", 70)));
    running.abort();
    running.wait().await;
    // What was held is read again. A stop emits it.
    let running = harness.start();
    pass(5_000).await;
    running.stop();
    assert_eq!(running.wait().await.outcome, Outcome::Stopped);
    assert_eq!((numbers(&sink.rows()).len(), script.settled()), (100, at("s", 100)));
    assert_eq!(script.violations(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn held_rows_go_on_when_their_time_has_come() {
    for component in ["hold_rows", "hold_state"] {
        let harness = Harness::new(&format!("tick-{component}"))
            .source("in")
            .transform("hold", &["in"], component, json!({"rows": 25, "millis": 3_000}))
            .sink("out", &["hold"]);
        let script = SourceScript::numbered("s", 100, 10).unbounded().named(harness.script("in"));
        let sink = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
        let running = harness.start();
        pass(2_500).await;
        assert_eq!(sink.rows().len(), 75);
        pass(2_500).await;
        assert_eq!((sink.rows().len(), script.settled()), (100, at("s", 100)));
        running.stop();
        running.wait().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_fails_for_good_behind_a_transform_that_holds_rows_ends_the_run_without_the_grace() {
    let harness = Harness::new("fails-behind")
        .source("in")
        .transform("hold", &["in"], "hold_state", json!({"rows": 20}))
        .sink("out", &["hold"]);
    // All is sent by then, and nothing more comes.
    let _script = SourceScript::numbered("s", 100, 10).named(harness.script("in"));
    let fails = [Reaction::Fail(Fault::fatal("no permission"))];
    let _sink = ScriptedSink::new().reacting(fails).named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!(report.error.expect("why").to_string(), "no permission (node: out)");
    assert!(report.elapsed < Duration::from_secs(10), "{:?}", report.elapsed);
}

#[tokio::test(start_paused = true)]
async fn a_stop_keeps_the_state_and_the_next_run_goes_on_with_it() {
    let harness = Harness::new("kept")
        .source("in")
        .transform("hold", &["in"], "hold_state", json!({"rows": 25}))
        .sink("out", &["hold"]);
    let script = SourceScript::numbered("s", 100, 10).unbounded().named(harness.script("in"));
    let sink = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
    let running = harness.start();
    pass(2_000).await;
    running.stop();
    let report = running.wait().await;
    assert_eq!((report.outcome, report.rows_unsettled), (Outcome::Stopped, 0));
    assert_eq!((sink.rows().len(), script.settled()), (75, at("s", 100)));
    // The same input, and its end: what was held comes now.
    let _script = SourceScript::numbered("s", 100, 10).forgetful().named(harness.script("in"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.rows_read, sink.rows().len()), (Outcome::Completed, 0, 100));
}

#[tokio::test(start_paused = true)]
async fn a_state_that_is_gone_ends_the_run_and_a_reset_begins_without_it() {
    let harness = Harness::new("gone")
        .source("in")
        .transform("hold", &["in"], "hold_state", json!({"rows": 25}))
        .sink("out", &["hold"]);
    let script = SourceScript::numbered("s", 100, 10).forgetful().named(harness.script("in"));
    let sink = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
    let running = harness.start();
    sink.wait_for_rows(75).await;
    running.abort();
    running.wait().await;
    let folder = harness.folder.path().join("gone/hold.state");
    std::fs::rename(&folder, harness.folder.path().join("elsewhere")).expect("it is there");
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.rows_read, script.connects().len()), (Outcome::Failed, 0, 1));
    let error = report.error.expect("why").to_string();
    assert!(error.starts_with("version ") && error.contains("there is none at all"), "{error}");
    assert!(error.contains("--reset") && error.ends_with("(node: hold)"), "{error}");
    assert!(harness.offsets(None).await.expect_err("the same").to_string().contains("there is none at all"));
    harness.offsets(Some(&Reset::To(Point::Earliest))).await.expect("reset");
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.rows_read), (Outcome::Completed, 100));
    assert_eq!(counts(&sink.rows()).len(), 100);
}

#[tokio::test(start_paused = true)]
async fn what_goes_into_a_sink_and_into_transforms_with_state_is_taken_in_once_by_each() {
    for seed in 0..40u64 {
        // Of every second what is held goes on by the clock, too.
        let with = |rows: u64| match seed % 2 {
            0 => json!({"rows": rows}),
            _ => json!({"rows": rows, "millis": 5 + seed}),
        };
        let harness = Harness::new(&format!("beside-{seed}"))
            .source("in")
            .transform("first", &["in"], "hold_state", with(5 + seed))
            .transform("second", &["first"], "hold_state", with(20 + seed))
            .transform("third", &["second"], "hold_state", json!({"rows": 60 - seed}))
            .sink("near", &["first"])
            .sink("middle", &["second"])
            .sink("far", &["third"]);
        let script = SourceScript::numbered("s", 2_000, 7 + seed).forgetful().named(harness.script("in"));
        let sink = |node: &str, factor: u64| {
            let delays =
                (0..400).map(move |n| Reaction::Delay(Duration::from_millis((seed * 7 + n * factor) % 50)));
            ScriptedSink::new().reacting(delays).with_checkpoints().named(harness.script(node))
        };
        let sinks = [sink("near", 13), sink("middle", 31), sink("far", 3)];
        let end = |run| ((seed * 31 + run * 17) % 900, run % 5 == 4);
        harness.complete_through_crashes(&format!("seed {seed}"), 300, end).await;
        for (sink, once) in sinks.iter().zip([false, false, true]) {
            let counts = counts(&sink.rows());
            assert_eq!(counts.len(), 2_000, "seed {seed}");
            assert!(!once || counts.values().all(|&times| times == 1), "seed {seed}: {counts:?}");
        }
        assert_eq!(script.violations(), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_moves_the_source_and_empties_the_state() {
    let harness = Harness::new("moved")
        .source("s")
        .transform("hold", &["s"], "hold_state", json!({"rows": 25}))
        .sink("out", &["hold"]);
    let script = SourceScript::numbered("s", 100, 10).forgetful().unbounded().named(harness.script("s"));
    let sink = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
    let running = harness.start();
    pass(2_000).await;
    running.stop();
    running.wait().await;
    let known = harness.offsets(None).await.expect("known");
    assert_eq!(known.iter().map(|each| (&*each.split, each.stored)).collect::<Vec<_>>(), [("s", Some(100))]);
    let to = Reset::Split { name: "s".to_owned(), position: 40 };
    let moved = harness.offsets(Some(&to)).await.expect("reset");
    assert_eq!(moved.iter().map(|each| each.stored).collect::<Vec<_>>(), [Some(40)]);
    let before = sink.rows().len();
    let running = harness.start();
    pass(2_000).await;
    running.stop();
    running.wait().await;
    assert_eq!(script.connects().last(), Some(&at("s", 40)));
    // Sixty rows, the last 25 of them held.
    let numbers: Vec<_> = sink.rows()[before..].iter().filter_map(|row| row.number).collect();
    assert_eq!((numbers.len(), numbers.iter().min()), (35, Some(&40)));
}

#[tokio::test(start_paused = true)]
async fn rows_and_what_is_made_of_them_may_go_into_one_sink() {
    for seed in 0..20u64 {
        let harness = Harness::new(&format!("both-{seed}"))
            .source("in")
            .transform("hold", &["in"], "hold_state", json!({"rows": 20}))
            .sink("out", &["in", "hold"]);
        let _script = SourceScript::numbered("s", 1_000, 10).forgetful().named(harness.script("in"));
        let delays = (0..300).map(|n| Reaction::Delay(Duration::from_millis((n * (7 + seed)) % 90)));
        let sink = ScriptedSink::new().with_checkpoints().reacting(delays).named(harness.script("out"));
        let end = |run| ((seed * 41 + run * 29) % 800, false);
        harness.complete_through_crashes(&format!("seed {seed}"), 200, end).await;
        // Once as it came, and once held; what came may come again where it was read again for the other.
        let counts = counts(&sink.rows());
        assert_eq!(counts.len(), 1_000, "seed {seed}");
        assert!(counts.values().all(|&times| times >= 2), "seed {seed}: {counts:?}");
    }
}
