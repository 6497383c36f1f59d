//! What the tests build pipelines with.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use levada_config::{
    ComponentRef, ErrorSettings, LogSettings, OnError, Pipeline, QueueLimits, RetryPolicy, SinkNode,
    SourceNode, TransformNode,
};
use levada_connector_api::{
    BatchLimits, ByteSize, Interval, NoStores, Registry, Result, SinkType, SourceType,
};
use levada_runtime::{
    Chance, Outcome, RunningPipeline, Runtime, RuntimeOptions,
    offsets::{self, Position, Reset},
};
use levada_testkit::{HoldRows, HoldState, Reaction, Row, ScriptedSink, ScriptedSource};
use serde_json::json;

use crate::{functions, transforms::Keep};

/// A pipeline to be changed, a folder for it, and a runtime that knows the scripted parts.
pub(crate) struct Harness {
    pub(crate) pipeline: Pipeline,
    pub(crate) prometheus: prometheus::Registry,
    pub(crate) runtime: Runtime,
    pub(crate) folder: tempfile::TempDir,
}

impl Harness {
    /// A pipeline with no nodes.
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let prometheus = prometheus::Registry::new();
        let options = RuntimeOptions {
            state_dir: folder.path().to_owned(),
            chance: Chance::seeded(7),
            ..RuntimeOptions::default()
        };
        let runtime = Runtime::new(registry(), Arc::new(NoStores), prometheus.clone(), options)
            .expect("metrics of its own");
        Self { pipeline: empty(name), prometheus, runtime, folder }
    }

    /// With a scripted source, known by the pipeline's name and the node's.
    pub(crate) fn source(mut self, node: &str) -> Self {
        let component = self.scripted(node);
        let queue = QueueLimits { rows: 200, bytes: ByteSize(1 << 20) };
        self.pipeline.sources.push(SourceNode { name: node.to_owned(), component, decode: None, queue });
        self
    }

    /// With a scripted sink, likewise.
    pub(crate) fn sink(mut self, node: &str, inputs: &[&str]) -> Self {
        let component = self.scripted(node);
        let linger = Interval(Duration::from_millis(200));
        self.pipeline.sinks.push(SinkNode {
            name: node.to_owned(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            component,
            encode: None,
            batch: BatchLimits { rows: 100, bytes: ByteSize(1 << 20), linger },
            retry: RetryPolicy::default(),
        });
        self
    }

    /// With a transform that keeps the rows whose number is a multiple, and rejects those of a record.
    pub(crate) fn keep(self, node: &str, inputs: &[&str], multiples_of: i64) -> Self {
        self.transform(node, inputs, "keep", json!({"multiples_of": multiples_of}))
    }

    /// With any transform that the runtime knows.
    pub(crate) fn transform(
        mut self,
        node: &str,
        inputs: &[&str],
        component: &str,
        options: serde_json::Value,
    ) -> Self {
        self.pipeline.transforms.push(TransformNode {
            name: node.to_owned(),
            inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
            component: ComponentRef { name: component.to_owned(), options },
            queue: QueueLimits { rows: 200, bytes: ByteSize(1 << 20) },
        });
        self
    }

    pub(crate) fn on_error(mut self, policy: OnError) -> Self {
        self.pipeline.errors.on_error = policy;
        self
    }

    /// Every node's name, inputs before those they feed: sources, transforms as they were added, sinks.
    fn ordered(&self) -> Pipeline {
        let mut pipeline = self.pipeline.clone();
        let sources = pipeline.sources.iter().map(|node| node.name.clone());
        let transforms = pipeline.transforms.iter().map(|node| node.name.clone());
        let sinks = pipeline.sinks.iter().map(|node| node.name.clone());
        pipeline.order = sources.chain(transforms).chain(sinks).collect();
        pipeline
    }

    pub(crate) fn start(&self) -> RunningPipeline {
        self.try_start().expect("it starts")
    }

    pub(crate) fn try_start(&self) -> Result<RunningPipeline> {
        self.runtime.start(&self.ordered())
    }

    /// Runs again and again until a run completes. Each run has so many milliseconds, and then crashes, or is stopped where `end`
    /// says `true`, which is given the number of the run.
    pub(crate) async fn complete_through_crashes(
        &self,
        what: &str,
        runs: u64,
        mut end: impl FnMut(u64) -> (u64, bool),
    ) {
        for run in 0.. {
            assert!(run < runs, "{what}: it gets nowhere");
            let running = self.start();
            let handle = running.handle();
            let (millis, gently) = end(run);
            let crash = async {
                pass(millis).await;
                if gently {
                    handle.stop();
                } else {
                    handle.abort();
                }
                std::future::pending::<()>().await;
            };
            let report = tokio::select! { report = running.wait() => report, () = crash => continue };
            assert!(report.error.is_none(), "{what}: {:?}", report.error);
            if report.outcome == Outcome::Completed {
                return;
            }
        }
    }

    /// Where the next run begins, after a reset where one is asked for.
    pub(crate) async fn offsets(&self, reset: Option<&Reset>) -> Result<Vec<Position>> {
        offsets::positions(&self.ordered(), &registry(), Arc::new(NoStores), self.folder.path(), reset).await
    }

    /// The name under which a node's script has to be made known.
    pub(crate) fn script(&self, node: &str) -> String {
        format!("{}/{node}", self.pipeline.name)
    }

    fn scripted(&self, node: &str) -> ComponentRef {
        ComponentRef { name: ScriptedSink::NAME.to_owned(), options: json!({"script": self.script(node)}) }
    }

    pub(crate) fn dead_letters_at(&self) -> PathBuf {
        self.folder.path().join(&self.pipeline.name).join("dead-letters.jsonl")
    }

    pub(crate) fn dead_letters(&self) -> Vec<serde_json::Value> {
        lines(&self.dead_letters_at())
    }
}

fn registry() -> Registry {
    functions::register(Registry::new())
        .with_source::<ScriptedSource>()
        .with_sink::<ScriptedSink>()
        .with_transform::<Keep>()
        .with_transform::<HoldRows>()
        .with_transform::<HoldState>()
}

pub(crate) fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// Every write takes so long.
pub(crate) fn slow(millis: u64) -> impl Iterator<Item = Reaction> {
    std::iter::repeat_n(Reaction::Delay(Duration::from_millis(millis)), 5_000)
}

/// Lets the sink connect and answer nothing after that.
pub(crate) async fn stall_once_connected(sink: &ScriptedSink) {
    while sink.connects() == 0 {
        tokio::task::yield_now().await;
    }
    sink.stall();
}

/// Lets everybody work until all wait, and the clock go on by so much.
pub(crate) async fn pass(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// The numbers of rows; a number that is there twice counts once.
pub(crate) fn numbers(rows: &[Row]) -> BTreeSet<i64> {
    rows.iter().filter_map(|row| row.number).collect()
}

fn empty(name: &str) -> Pipeline {
    assert_eq!(ScriptedSink::NAME, ScriptedSource::NAME);
    Pipeline {
        name: name.to_owned(),
        sources: Vec::new(),
        transforms: Vec::new(),
        sinks: Vec::new(),
        errors: ErrorSettings::default(),
        state_dir: None,
        grace: Interval(Duration::from_secs(10)),
        http: None,
        log: LogSettings::default(),
        tests: Vec::new(),
        order: Vec::new(),
    }
}
