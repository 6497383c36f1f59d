//! Rows of one source that come to a node by several ways: none is lost, whichever way is behind when a run ends.

use std::{collections::BTreeMap, time::Duration};

use levada_testkit::{Reaction, Row, ScriptedSink, SourceScript};
use serde_json::json;

use crate::harness::{Harness, pass};

const ROWS: i64 = 600;

/// How often each number arrived.
fn counts(rows: &[Row]) -> BTreeMap<i64, usize> {
    let mut counts = BTreeMap::new();
    rows.iter().filter_map(|row| row.number).for_each(|number| *counts.entry(number).or_default() += 1);
    counts
}

/// All rows come by one way and even ones by others, too.
fn expected(ways: usize) -> BTreeMap<i64, usize> {
    let times = |n: i64| 1 + if n % 2 == 0 { ways - 1 } else { 0 };
    (0..ROWS).map(|n| (n, times(n))).collect()
}

/// From `in` by `even` at once, and by `slow` over three more nodes or through one that holds rows.
fn two_ways(name: &str, through: &str) -> Harness {
    let harness = Harness::new(name).source("in").keep("even", &["in"], 2);
    match through {
        "nodes" => harness.keep("one", &["in"], 1).keep("two", &["one"], 1).keep("slow", &["two"], 1),
        component => {
            harness.transform("held", &["in"], component, json!({"rows": 37})).keep("slow", &["held"], 1)
        }
    }
}

async fn through_crashes(harness: &Harness, what: &str, seed: u64) {
    let end = |run| ((seed * 37 + run * 29) % 700, run % 7 == 6);
    harness.complete_through_crashes(what, 300, end).await;
}

fn delays(seed: u64) -> impl Iterator<Item = Reaction> {
    (0..400).map(move |n| Reaction::Delay(Duration::from_millis((n * (7 + seed)) % 60)))
}

#[tokio::test(start_paused = true)]
async fn positions_are_stored_with_the_rows_of_every_way() {
    for through in ["nodes", "hold_rows"] {
        for seed in 0..20u64 {
            let what = format!("{through}-{seed}");
            let harness = two_ways(&what, through).sink("out", &["even", "slow"]);
            let script =
                SourceScript::numbered("s", ROWS as u64, 7 + seed).forgetful().named(harness.script("in"));
            let sink = ScriptedSink::new()
                .with_checkpoints()
                .with_max_in_flight(1 + (seed % 3) as usize)
                .reacting(delays(seed))
                .named(harness.script("out"));
            through_crashes(&harness, &what, seed).await;
            let (counts, expected) = (counts(&sink.rows()), expected(2));
            for (n, times) in expected {
                assert!(counts.get(&n).is_some_and(|&there| there >= times), "{what}: {n} of {counts:?}");
            }
            assert_eq!(script.violations(), Vec::<String>::new());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_is_cut_short_leaves_no_position_behind_rows_that_are_not_there() {
    for write in 0..12 {
        let what = format!("cut-{write}");
        let harness = two_ways(&what, "nodes").sink("out", &["even", "slow", "in"]);
        let _script = SourceScript::numbered("s", ROWS as u64, 10).forgetful().named(harness.script("in"));
        let reactions = vec![Reaction::Deliver; write].into_iter().chain([Reaction::Stall]);
        let sink = ScriptedSink::new().with_checkpoints().reacting(reactions).named(harness.script("out"));
        let running = harness.start();
        pass(5_000).await;
        running.abort();
        running.wait().await;
        drop(sink.clone().reacting([]));
        let report = harness.start().wait().await;
        assert!(report.error.is_none(), "{:?}", report.error);
        // What is of one position is written in one step: nothing comes twice.
        let expected: BTreeMap<_, _> = expected(2).into_iter().map(|(n, times)| (n, times + 1)).collect();
        assert_eq!(counts(&sink.rows()), expected, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_transform_with_state_takes_in_the_rows_of_every_way_once() {
    for checkpoints in [true, false] {
        for seed in 0..20u64 {
            let what = format!("state-{checkpoints}-{seed}");
            let harness = two_ways(&what, "nodes")
                .transform("hold", &["even", "slow"], "hold_state", json!({"rows": 20 + seed}))
                .keep("left", &["hold"], 1)
                .sink("out", &["left", "hold"]);
            let script = SourceScript::numbered("s", ROWS as u64, 10).forgetful().named(harness.script("in"));
            let sink = ScriptedSink::new().reacting(delays(seed));
            let sink = if checkpoints { sink.with_checkpoints() } else { sink };
            let sink = sink.named(harness.script("out"));
            if seed == 0 {
                harness.start().wait().await;
            } else {
                through_crashes(&harness, &what, seed).await;
            }
            let expected: BTreeMap<_, _> = expected(2).into_iter().map(|(n, times)| (n, times * 2)).collect();
            let counts = counts(&sink.rows());
            match checkpoints || seed == 0 {
                true => assert_eq!(counts, expected, "{what}"),
                false => {
                    let lacks: Vec<_> = expected
                        .iter()
                        .filter(|(n, times)| counts.get(n).is_none_or(|there| there < times))
                        .collect();
                    assert!(lacks.is_empty(), "{what}: {lacks:?}");
                }
            }
            assert_eq!(script.violations(), Vec::<String>::new());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_ways_into_a_node_that_holds_rows_and_on_into_one_with_state_end() {
    let harness = two_ways("rows-then-state", "nodes")
        .transform("late", &["even", "slow"], "hold_rows", json!({"rows": 33}))
        .transform("hold", &["late"], "hold_state", json!({"rows": 20}))
        .sink("out", &["hold"]);
    let script = SourceScript::numbered("s", ROWS as u64, 10).forgetful().named(harness.script("in"));
    let sink = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
    let report = harness.start().wait().await;
    assert_eq!((report.error.is_none(), report.rows_unsettled), (true, 0));
    assert_eq!(counts(&sink.rows()), expected(2));
    assert_eq!(script.settled().values().copied().collect::<Vec<_>>(), [ROWS as u64]);
}

#[tokio::test(start_paused = true)]
async fn more_ways_than_can_be_followed_are_rejected() {
    let mut harness = Harness::new("many").source("in");
    let mut before = "in".to_owned();
    for level in 0..13 {
        let [left, right, both] = ["l", "r", "b"].map(|side| format!("{side}{level}"));
        harness =
            harness.keep(&left, &[&before], 1).keep(&right, &[&before], 1).keep(&both, &[&left, &right], 1);
        before = both;
    }
    let harness = harness.sink("out", &[&before]);
    let error = harness.try_start().expect_err("8192 ways").to_string();
    assert!(error.contains("more than 4096 ways") && error.ends_with("(node: b12)"), "{error}");
}
