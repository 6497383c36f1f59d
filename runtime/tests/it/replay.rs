//! Dead letters are sent again: once each, to whom did not have them, through crashes.

use std::{path::PathBuf, sync::Arc};

use levada_config::Pipeline;
use levada_connector_api::{Error, NoStores, Registry, Result};
use levada_runtime::{
    Chance, Outcome, Report, Runtime, RuntimeOptions,
    replay::{Found, Replay, Selection},
    transform::{Dedupe, Rename, Window},
};
use levada_source::{decode::JsonDecoder, file::FileSource};
use levada_testkit::{NUMBER, Row, ScriptedSink};

use crate::harness::{lines, pass, slow};

fn registry() -> Registry {
    Registry::new()
        .with_source::<FileSource>()
        .with_decoder::<JsonDecoder>()
        .with_sink::<ScriptedSink>()
        .with_transform::<Rename>()
        .with_transform::<Dedupe>()
        .with_transform::<Window>()
}

/// A pipeline that reads JSON lines, with what stands behind its source.
struct Plant {
    folder: tempfile::TempDir,
    name: String,
    nodes: String,
}

impl Plant {
    fn new(name: &str, nodes: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, name: name.to_owned(), nodes: nodes.to_owned() }
    }

    fn read(&self, records: impl IntoIterator<Item = String>) {
        let lines: String = records.into_iter().map(|record| record + "\n").collect();
        std::fs::write(self.folder.path().join("in.jsonl"), lines).expect("written");
    }

    /// A sink by its node's name.
    fn sink(&self, node: &str, sink: ScriptedSink) -> ScriptedSink {
        sink.named(format!("{}/{node}", self.name))
    }

    fn pipeline(&self) -> Pipeline {
        let (name, at) = (&self.name, self.folder.path().display());
        let nodes = self.nodes.replace("SCRIPT", name);
        let text = format!(
            "name: {name}\nsources:\n  in:\n    file: {{paths: \"{at}/in.jsonl\"}}\n    decode: {{json: {{}}}}\n{nodes}"
        );
        let (pipeline, found) = levada_config::load(&text, "plant.yaml", &registry(), &|_| None);
        pipeline.unwrap_or_else(|| panic!("{found:?}\n{text}"))
    }

    /// A process: its runtime.
    fn runtime(&self) -> Runtime {
        let options = RuntimeOptions {
            state_dir: self.folder.path().join("state"),
            chance: Chance::seeded(7),
            ..RuntimeOptions::default()
        };
        Runtime::new(registry(), Arc::new(NoStores), prometheus::Registry::new(), options).expect("a runtime")
    }

    async fn run(&self) -> Report {
        self.runtime().start(&self.pipeline()).expect("it starts").wait().await
    }

    fn letters(&self) -> PathBuf {
        self.folder.path().join("state").join(&self.name).join("dead-letters.jsonl")
    }

    fn plan(&self, selection: Selection) -> Result<Replay> {
        Replay::plan(&self.runtime(), &self.pipeline(), &self.letters(), selection)
    }

    /// Replays to the end; gives what the file held, and how many letters were written again.
    async fn replay(&self, selection: Selection) -> (Found, u64) {
        let replay = self.plan(selection).expect("planned");
        let mut dead = 0;
        for run in 0..replay.runs() {
            let report = replay.start(run).expect("it starts").wait().await;
            assert_eq!(report.outcome, Outcome::Completed, "{:?}", report.error);
            dead += report.dead;
        }
        (replay.found().clone(), dead)
    }
}

fn record(n: i64) -> String {
    format!(r#"{{"device":"root.d{}","time":{n},"number":{n}}}"#, n % 3)
}

fn times(rows: &[Row]) -> Vec<i64> {
    let mut times: Vec<_> = rows.iter().map(|row| row.time).collect();
    times.sort_unstable();
    times
}

const TWO_SINKS: &str = "sinks:
  a: {inputs: [in], scripted: {script: SCRIPT/a}}
  b: {inputs: [in], scripted: {script: SCRIPT/b}}
";

#[tokio::test(start_paused = true)]
async fn a_letter_goes_again_to_the_sink_that_rejected_it_and_nowhere_else() {
    let plant = Plant::new("again", TWO_SINKS);
    plant.read((0..10).map(record).chain(["{oops".to_owned()]));
    plant.sink(
        "a",
        ScriptedSink::new().rejecting(|row| (row.time % 4 == 1).then(|| "one too many".to_owned())),
    );
    let b = plant.sink("b", ScriptedSink::new());
    assert_eq!(plant.run().await.dead, 4);
    let had = b.rows().len();
    // What was wrong with two of three is mended; the record that is no JSON is none for ever.
    let a =
        plant.sink("a", ScriptedSink::new().rejecting(|row| (row.time == 5).then(|| "still not".to_owned())));
    let (found, dead) = plant.replay(Selection::default()).await;
    assert_eq!((found.letters, found.selected, dead), (4, 4, 2));
    assert_eq!((times(&a.rows()), b.rows().len()), (vec![1, 9], had));
    // Letters that failed again are letters of their own, and the others are done with.
    let a = plant.sink("a", ScriptedSink::new());
    let (found, dead) = plant.replay(Selection::default()).await;
    assert_eq!((found.letters, found.replayed_before, found.selected, dead), (6, 4, 2, 1));
    assert_eq!(times(&a.rows()), [5]);
    let reasons: Vec<_> = lines(&plant.letters()).iter().map(|letter| letter["error"].to_string()).collect();
    assert_eq!(reasons.iter().filter(|reason| reason.contains("still not")).count(), 1, "{reasons:?}");
}

#[tokio::test(start_paused = true)]
async fn of_an_array_the_elements_that_were_rejected_go_again_and_no_other() {
    let plant = Plant::new("elements", TWO_SINKS);
    plant.read([format!("[{}, {{\"device\":\"root.d\",\"at\":7,\"number\":2}}, {}]", record(1), record(3))]);
    let reject = |row: &Row| (row.time == 3).then(|| "no more than two".to_owned());
    let (a, b) =
        (plant.sink("a", ScriptedSink::new().rejecting(reject)), plant.sink("b", ScriptedSink::new()));
    assert_eq!(plant.run().await.dead, 2);
    assert_eq!((times(&a.rows()), times(&b.rows())), (vec![1], vec![1, 3]));
    let letters = lines(&plant.letters());
    let mut texts: Vec<_> = letters.iter().filter_map(|letter| letter["text"].as_str()).collect();
    texts.sort_unstable();
    assert_eq!(texts, ["{\"device\":\"root.d\",\"at\":7,\"number\":2}", &record(3)]);
    assert!(
        letters.iter().any(|letter| letter["error"].as_str().is_some_and(|it| it.contains("element 1: ")))
    );
    // The element without a time is read otherwise now; the one that a sink rejected goes to that sink.
    let (a, b) = (plant.sink("a", ScriptedSink::new()), plant.sink("b", ScriptedSink::new()));
    let mut pipeline = plant.pipeline();
    pipeline.sources[0].decode.as_mut().expect("json").options = serde_json::json!({"missing_time": "now"});
    let replay = Replay::plan(&plant.runtime(), &pipeline, &plant.letters(), Selection::default());
    let replay = replay.expect("planned");
    for run in 0..replay.runs() {
        let report = replay.start(run).expect("it starts").wait().await;
        assert_eq!((report.outcome, report.dead), (Outcome::Completed, 0), "{:?}", report.error);
    }
    let had = times(&a.rows());
    assert!(had.len() == 2 && had[0] == 3 && had[1] > 7, "{had:?}");
    assert_eq!(b.rows().len(), 1, "the good elements do not go again");
}

#[tokio::test(start_paused = true)]
async fn a_record_that_could_not_be_read_goes_to_all_that_reads_its_source() {
    let plant = Plant::new("mended", TWO_SINKS);
    plant.read([record(1), "{\"device\":\"root.d\",\"at\":7,\"number\":2}".to_owned()]);
    let (a, b) = (plant.sink("a", ScriptedSink::new()), plant.sink("b", ScriptedSink::new()));
    assert_eq!(plant.run().await.dead, 1);
    let mut pipeline = plant.pipeline();
    pipeline.sources[0].decode.as_mut().expect("json").options = serde_json::json!({"time": "$.at"});
    let replay = Replay::plan(&plant.runtime(), &pipeline, &plant.letters(), Selection::default());
    let replay = replay.expect("planned");
    let report = replay.start(0).expect("it starts").wait().await;
    assert_eq!((report.outcome, report.dead), (Outcome::Completed, 0));
    assert_eq!((times(&a.rows()), times(&b.rows())), (vec![1, 7], vec![1, 7]));
}

#[tokio::test(start_paused = true)]
async fn only_what_is_selected_is_sent_and_the_rest_waits() {
    let plant = Plant::new("selected", "sinks:\n  a: {inputs: [in], scripted: {script: SCRIPT/a}}\n");
    plant.read((0..30).map(record));
    plant.sink("a", ScriptedSink::new().rejecting(|row| Some(format!("reason {}", row.time % 3))));
    assert_eq!(plant.run().await.dead, 30);
    let a = plant.sink("a", ScriptedSink::new());
    let reason = Selection { reason: Some("reason 1".to_owned()), ..Selection::default() };
    let (found, _) = plant.replay(Selection { limit: Some(4), ..reason.clone() }).await;
    assert_eq!((found.selected, found.not_selected), (4, 26));
    assert_eq!(times(&a.rows()), [1, 4, 7, 10]);
    let (found, _) = plant.replay(reason).await;
    assert_eq!((found.selected, found.replayed_before), (6, 4));
    let never = Selection { until: Some(0), ..Selection::default() };
    assert_eq!(plant.replay(never).await.0.selected, 0);
    let elsewhere = Selection { node: Some("b".to_owned()), ..Selection::default() };
    assert_eq!(plant.replay(elsewhere).await.0.selected, 0);
    assert_eq!(plant.replay(Selection::default()).await.0.selected, 20);
    assert_eq!(times(&a.rows()), (0..30).collect::<Vec<_>>());
    assert_eq!(plant.replay(Selection { again: true, ..Selection::default() }).await.0.selected, 30);
}

/// Replays letters with a crash in the middle, and then to the end; what the sink has then.
async fn through_a_crash(name: &str, crash_after: u64, rejects: bool) -> (Plant, Vec<i64>) {
    let plant = Plant::new(
        &format!("{name}-{crash_after}"),
        "sinks:\n  a: {inputs: [in], scripted: {script: SCRIPT/a}, batch: {rows: 500}}\n",
    );
    plant.read((0..2_500).map(record));
    plant.sink("a", ScriptedSink::new().rejecting(|_| Some("shut".to_owned())));
    assert_eq!(plant.run().await.dead, 2_500);
    let a = ScriptedSink::new()
        .rejecting(move |row| (rejects && row.time % 3 == 0).then(|| "never".to_owned()))
        .with_checkpoints()
        .reacting(slow(50));
    let a = plant.sink("a", a);
    let replay = plant.plan(Selection::default()).expect("planned");
    let running = replay.start(0).expect("it starts");
    pass(crash_after).await;
    running.abort();
    running.wait().await;
    drop(replay);
    plant.replay(Selection::default()).await;
    (plant, times(&a.rows()))
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_a_sink_with_positions_has_each_letter_once() {
    for crash_after in [1, 130, 190] {
        let (_, had) = through_a_crash("once", crash_after, false).await;
        assert!(had.iter().copied().eq(0..2_500), "after {crash_after} ms: {} rows", had.len());
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_crash_no_letter_that_fails_again_is_lost() {
    for crash_after in [30, 130] {
        let (plant, mut had) = through_a_crash("failing", crash_after, true).await;
        // The positions of a write with rejected rows are stored when their letters are durable: such a write may come twice.
        had.dedup();
        assert!(had.into_iter().eq((0..2_500).filter(|n| n % 3 != 0)), "after {crash_after} ms");
        let letters = lines(&plant.letters());
        let again = letters.iter().filter(|letter| letter["error"] == "never");
        let again: std::collections::BTreeSet<_> =
            again.filter_map(|letter| letter["position"].as_u64()).collect();
        assert_eq!(again.len(), 834, "after {crash_after} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_said_twice_of_a_record_is_sent_once() {
    let plant = Plant::new("twice", "sinks:\n  a: {inputs: [in], scripted: {script: SCRIPT/a}}\n");
    plant.read([record(1)]);
    plant.sink("a", ScriptedSink::new().rejecting(|_| Some("no".to_owned())));
    plant.run().await;
    let letter = std::fs::read_to_string(plant.letters()).expect("a letter");
    let later = letter.replace("\"time\":\"2", "\"time\":\"3");
    std::fs::write(plant.letters(), format!("{letter}{later}not a letter\n\n{{\"time\":")).expect("written");
    let a = plant.sink("a", ScriptedSink::new());
    let (found, _) = plant.replay(Selection::default()).await;
    assert_eq!((found.letters, found.selected, found.unreadable, a.rows().len()), (2, 2, 1, 1));
    assert_eq!(found.unreadable_lines[0].0, 3);
    let (found, _) = plant.replay(Selection::default()).await;
    assert_eq!((found.replayed_before, found.selected), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_transform_is_passed_again_and_one_that_remembers_is_left_out() {
    let plant = Plant::new(
        "ways",
        "transforms:
  named: {inputs: [in], rename: {device: {prefix: root.plant}}}
  once: {inputs: [named], dedupe: {}}
sinks:
  a: {inputs: [once], scripted: {script: SCRIPT/a}}
  all: {inputs: [in], scripted: {script: SCRIPT/all}}
",
    );
    plant.read((10..20).map(record));
    let rejecting = ScriptedSink::new().rejecting(|row| (row.time > 15).then(|| "no".to_owned()));
    plant.sink("a", rejecting.with_checkpoints());
    let all = plant.sink("all", ScriptedSink::new());
    assert_eq!(plant.run().await.dead, 4);
    let (a, had) = (plant.sink("a", ScriptedSink::new().with_checkpoints()), all.rows().len());
    let (found, dead) = plant.replay(Selection::default()).await;
    assert_eq!((found.selected, dead), (4, 0));
    assert_eq!((times(&a.rows()), all.rows().len()), ((16..20).collect(), had));
    assert!(a.rows().iter().all(|row| row.device.starts_with("root.plant.")), "{:?}", a.rows());
}

#[tokio::test(start_paused = true)]
async fn rows_that_came_from_no_record_go_to_their_sink_with_their_types() {
    let plant = Plant::new("rows", "sinks:\n  a: {inputs: [in], scripted: {script: SCRIPT/a}}\n");
    std::fs::create_dir_all(plant.letters().parent().expect("a folder")).expect("made");
    let letter = serde_json::json!({
        "time": "2026-01-01T00:00:00Z", "pipeline": "rows", "node": "a", "stage": "write", "error": "e",
        "row": {"device": "root.d", "time": 7, "values": {NUMBER: 9_007_199_254_740_993i64}, "types": {NUMBER: "INT64"}},
    });
    std::fs::write(plant.letters(), format!("{letter}\n")).expect("written");
    let a = plant.sink("a", ScriptedSink::new());
    assert_eq!(plant.replay(Selection::default()).await.0.selected, 1);
    let rows: Vec<_> = a.rows().into_iter().map(|row| (row.device, row.time, row.number)).collect();
    assert_eq!(rows, [("root.d".to_owned(), 7, Some(9_007_199_254_740_993))]);
}

#[tokio::test(start_paused = true)]
async fn letters_before_a_window_stay_and_say_why() {
    let plant = Plant::new(
        "window",
        "transforms:
  minutes: {inputs: [in], window: {size: 1m, aggregates: {number: [avg]}}}
sinks:
  a: {inputs: [minutes], scripted: {script: SCRIPT/a}}
",
    );
    std::fs::create_dir_all(plant.letters().parent().expect("a folder")).expect("made");
    let letter = |node: &str, pipeline: &str| {
        format!(
            "{{\"time\":\"2026-01-01T00:00:00Z\",\"pipeline\":\"{pipeline}\",\"node\":\"{node}\",\"stage\":\"decode\",\"error\":\"e\",\"attempts\":1,\"split\":\"in/t\",\"position\":1,\"text\":\"\"}}\n"
        )
    };
    let letters = [letter("in", "window"), letter("gone", "window"), letter("in", "other")];
    std::fs::write(plant.letters(), letters.concat()).expect("written");
    let (found, _) = plant.replay(Selection::default()).await;
    let reasons: Vec<_> = found.left.iter().map(|left| left.reason.as_str()).collect();
    for reason in ["of the pipeline `other`", "leads through `minutes`", "no node `gone`"] {
        assert!(reasons.iter().any(|each| each.contains(reason)), "{reason}: {reasons:?}");
    }
    assert_eq!((found.letters, found.selected), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn two_processes_do_not_replay_at_the_same_time() {
    let plant = Plant::new("locked", TWO_SINKS);
    plant.read(["{oops".to_owned()]);
    let sinks = ["a", "b"].map(|node| plant.sink(node, ScriptedSink::new()));
    plant.run().await;
    let first = plant.plan(Selection::default()).expect("planned");
    let second: Error = plant.plan(Selection::default()).expect_err("locked");
    assert!(second.message().contains("another process"), "{second}");
    drop(first);
    plant.plan(Selection::default()).expect("free again");
    drop(sinks);
}
