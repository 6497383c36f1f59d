//! Pipelines that change while a transform holds rows: what was held goes on, or the run says that it would be lost.

use levada_connector_api::{Point, model::Checkpoint};
use levada_runtime::{Outcome, offsets::Reset};
use levada_testkit::{ScriptedSink, SourceScript};
use serde_json::json;

use crate::harness::{Harness, numbers, pass};

/// A hundred rows in front of a transform that holds 25 of them.
fn holding(name: &str, transform: &str) -> (Harness, SourceScript) {
    let harness =
        Harness::new(name).source("in").transform(transform, &["in"], "hold_state", json!({"rows": 25}));
    let script = rows(&harness);
    (harness, script)
}

/// A source that remembers what was settled, as a consumer group does.
fn rows(harness: &Harness) -> SourceScript {
    SourceScript::numbered("s", 100, 10).unbounded().named(harness.script("in"))
}

/// Runs for a while, and stops: what is held stays in the state.
async fn run(harness: &Harness) {
    let running = harness.start();
    pass(2_000).await;
    running.stop();
    let report = running.wait().await;
    assert_eq!((report.outcome, report.error.map(|error| error.to_string())), (Outcome::Stopped, None));
}

/// The error of a run that does not begin.
async fn rejected(harness: &Harness) -> String {
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.rows_read, report.rows_sent), (Outcome::Failed, 0, 0));
    let error = report.error.expect("why").to_string();
    assert!(error.contains("levada offsets FILE --reset"), "what to do: {error}");
    error
}

/// Runs to the end: what is held comes then.
async fn complete(harness: &Harness) -> u64 {
    let _script = SourceScript::numbered("s", 100, 10).forgetful().named(harness.script("in"));
    let report = harness.start().wait().await;
    assert_eq!((report.outcome, report.error.map(|error| error.to_string())), (Outcome::Completed, None));
    report.rows_read
}

fn give_up(node: &str) -> Reset {
    Reset::Split { name: format!("{node}/state"), position: 0 }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_is_added_gets_what_is_emitted_from_now_on_and_the_state_stays() {
    for checkpoints in [true, false] {
        let (harness, _script) = holding(&format!("added-{checkpoints}"), "hold");
        let mut harness = harness.sink("old", &["hold"]);
        let old = ScriptedSink::new().with_checkpoints().named(harness.script("old"));
        run(&harness).await;
        assert_eq!(numbers(&old.rows()).len(), 75);
        harness = harness.sink("new", &["hold"]);
        let new = ScriptedSink::new();
        let new = if checkpoints { new.with_checkpoints() } else { new };
        let new = new.named(harness.script("new"));
        // Nothing is emitted in this run: the new one stands where it was put.
        run(&harness).await;
        assert_eq!(complete(&harness).await, 0);
        assert_eq!((numbers(&old.rows()).len(), old.rows().len()), (100, 100));
        assert_eq!(new.rows(), old.rows()[75..]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_got_nothing_before_a_crash_is_not_taken_for_a_new_one() {
    let (harness, _script) = holding("crash", "hold");
    let harness = harness.sink("a", &["hold"]).sink("b", &["hold"]);
    let a = ScriptedSink::new().with_checkpoints().named(harness.script("a"));
    let b = ScriptedSink::new()
        .with_checkpoints()
        .reacting([levada_testkit::Reaction::Stall])
        .named(harness.script("b"));
    let running = harness.start();
    a.wait_for_rows(50).await;
    running.abort();
    running.wait().await;
    assert_eq!(b.rows(), []);
    drop(b.clone().reacting([]));
    complete(&harness).await;
    // It is given again what the other lacks.
    assert_eq!(numbers(&a.rows()).len(), 100);
    assert_eq!((numbers(&b.rows()).len(), b.rows().len()), (100, 100));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_lost_what_it_had_ends_the_run() {
    for beside in [true, false] {
        let (harness, script) = holding(&format!("lost-{beside}"), "hold");
        let mut harness = harness.sink("out", &["hold"]);
        if beside {
            harness = harness.sink("other", &["hold"]);
        }
        let _out = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
        let _other = ScriptedSink::new().with_checkpoints().named(harness.script("other"));
        run(&harness).await;
        assert_eq!(script.settled(), Checkpoint::from([("s".into(), 100)]));
        let out = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
        let error = rejected(&harness).await;
        assert!(error.contains("`out` has nothing of what was emitted here before"), "{error}");
        assert!(error.ends_with("(node: hold)"), "{error}");
        assert_eq!(harness.offsets(None).await.expect_err("the same").to_string(), error);
        // Read again, or without what was held.
        if beside {
            harness.offsets(Some(&Reset::To(Point::Earliest))).await.expect("reset");
            assert_eq!(complete(&harness).await, 100);
            assert_eq!(numbers(&out.rows()).len(), 100);
        } else {
            harness.offsets(Some(&give_up("hold"))).await.expect("given up");
            run(&harness).await;
            assert_eq!(script.connects().last(), Some(&Checkpoint::new()), "the source goes on by itself");
            assert_eq!(out.rows(), []);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn sinks_of_other_names_alone_end_the_run() {
    let (mut harness, _script) = holding("renamed-sink", "hold");
    harness = harness.sink("out", &["hold"]);
    let _out = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
    run(&harness).await;
    harness.pipeline.sinks.clear();
    let harness = harness.sink("output", &["hold"]);
    let _output = ScriptedSink::new().with_checkpoints().named(harness.script("output"));
    let error = rejected(&harness).await;
    assert!(error.contains("was delivered to `out`"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_transform_that_was_renamed_or_removed_ends_the_run_until_its_state_is_given_up() {
    for (checkpoints, folder_goes) in [(true, false), (true, true), (false, false)] {
        let (mut harness, _script) = holding(&format!("renamed-{checkpoints}-{folder_goes}"), "hold");
        harness = harness.sink("out", &["hold"]);
        let out = ScriptedSink::new();
        let out = if checkpoints { out.with_checkpoints() } else { out };
        let out = out.named(harness.script("out"));
        run(&harness).await;
        assert_eq!(out.rows().len(), 75);
        let folder = harness.folder.path().join(&harness.pipeline.name).join("hold.state");
        if folder_goes {
            std::fs::remove_dir_all(&folder).expect("it is there");
        }
        harness.pipeline.transforms[0].name = "keep_back".to_owned();
        harness.pipeline.sinks[0].inputs = vec!["keep_back".to_owned()];
        let error = rejected(&harness).await;
        assert!(error.contains("`hold`") && error.contains("--reset hold/state=0"), "{error}");
        if !folder_goes {
            // Under its own name it goes on.
            harness.pipeline.transforms[0].name = "hold".to_owned();
            harness.pipeline.sinks[0].inputs = vec!["hold".to_owned()];
            run(&harness).await;
        }
        // Without it, all that is held would be missing, too.
        harness.pipeline.transforms.clear();
        harness.pipeline.sinks[0].inputs = vec!["in".to_owned()];
        rejected(&harness).await;
        let elsewhere = Reset::Split { name: "hold/state".to_owned(), position: 3 };
        let error = harness.offsets(Some(&elsewhere)).await.expect_err("no such state").to_string();
        assert!(error.contains("can only be given up"), "{error}");
        harness.offsets(Some(&give_up("hold"))).await.expect("given up");
        assert!(!folder.exists());
        run(&harness).await;
        let error = harness.offsets(Some(&give_up("hold"))).await.expect_err("given up already").to_string();
        assert!(error.contains("there is no split `hold/state`"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_transform_holds_is_given_up_where_it_stands() {
    let (harness, script) = holding("where", "hold");
    let harness = harness.sink("out", &["hold"]);
    let out = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
    run(&harness).await;
    harness.offsets(Some(&give_up("hold"))).await.expect("given up");
    run(&harness).await;
    assert_eq!(script.connects().last(), Some(&Checkpoint::from([("s".into(), 100)])));
    assert_eq!(complete(&harness).await, 0);
    assert_eq!(out.rows().len(), 75, "25 were given up");
}

#[tokio::test(start_paused = true)]
async fn a_reset_of_everything_gives_up_what_has_no_owner() {
    let (mut harness, _script) = holding("everything", "hold");
    harness = harness.sink("out", &["hold"]);
    let out = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
    run(&harness).await;
    harness.pipeline.transforms.clear();
    harness.pipeline.sinks[0].inputs = vec!["in".to_owned()];
    rejected(&harness).await;
    harness.offsets(Some(&Reset::To(Point::Earliest))).await.expect("reset");
    complete(&harness).await;
    assert_eq!(numbers(&out.rows()).len(), 100);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_kept_each_run_begins_anew() {
    let (harness, _script) = holding("nothing", "hold");
    let harness =
        harness.transform("again", &["hold"], "hold_state", json!({"rows": 5})).sink("out", &["again"]);
    for _ in 0..2 {
        let _script = SourceScript::numbered("s", 100, 10).forgetful().named(harness.script("in"));
        let out = ScriptedSink::new().passing().named(harness.script("out"));
        assert_eq!(harness.start().wait().await.outcome, Outcome::Completed);
        assert_eq!(out.rows().len(), 100);
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_pipeline_holds_in_the_same_folder_is_its_own() {
    let (harness, _script) = holding("one", "hold");
    let mut harness = harness.sink("out", &["hold"]);
    harness.pipeline.state_dir = Some(harness.folder.path().join("shared"));
    let _out = ScriptedSink::new().with_checkpoints().named(harness.script("out"));
    run(&harness).await;
    let mut other = Harness::new("two").source("in").sink("out", &["in"]);
    other.pipeline.state_dir.clone_from(&harness.pipeline.state_dir);
    let _script = rows(&other);
    let out = ScriptedSink::new().with_checkpoints().named(other.script("out"));
    run(&other).await;
    assert_eq!(numbers(&out.rows()).len(), 100);
    assert_eq!(complete(&harness).await, 0);
}
