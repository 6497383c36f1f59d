//! Starts pipelines, and shows how they are doing.

use std::{
    collections::hash_map::RandomState,
    fmt,
    hash::{BuildHasher, Hasher},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use levada_config::{Pipeline, RetryPolicy};
use levada_connector_api::{Error, Registry, Result, Stores};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{
    dead_letters,
    disk::Disk,
    metrics::Metrics,
    parts::{Instead, Origin, Parts},
    rejections::{Clock, Rejections},
    retry::{Attempts, Chance},
    running::{Live, PipelineHandle, RunningPipeline},
    shared::{Deadlines, Shared},
    supervisor::Supervisor,
    topology::{Builder, Topology},
};

/// How pipelines are run.
#[derive(Clone)]
pub struct RuntimeOptions {
    /// Where a pipeline keeps what it has to remember, in a folder of its name, where its document does not say.
    pub state_dir: PathBuf,
    /// How long a stop waits for what is under way; the document's `grace` where not given.
    pub grace: Option<Duration>,
    /// How long connectors may take.
    pub deadlines: Deadlines,
    /// Chance, for jitter.
    pub chance: Chance,
    /// The wall clock, for what is written for people.
    pub clock: Clock,
    /// The disk, for dead letters and states.
    pub disk: Disk,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        // A process-wide random seed: the only chance the standard library has.
        let seed = RandomState::new().build_hasher().finish();
        Self {
            state_dir: PathBuf::from(".levada"),
            grace: None,
            deadlines: Deadlines::default(),
            chance: Chance::seeded(seed),
            clock: Arc::new(SystemTime::now),
            disk: Disk::default(),
        }
    }
}

impl fmt::Debug for RuntimeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RuntimeOptions")
            .field("state_dir", &self.state_dir)
            .field("grace", &self.grace)
            .field("deadlines", &self.deadlines)
            .finish_non_exhaustive()
    }
}

/// Starts pipelines. Clones are the same runtime.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    registry: Arc<Registry>,
    stores: Arc<dyn Stores>,
    prometheus: prometheus::Registry,
    metrics: Metrics,
    options: RuntimeOptions,
    pipelines: Mutex<Vec<PipelineHandle>>,
}

impl Runtime {
    /// A runtime for the components of a registry. Its metrics are registered with `prometheus`.
    ///
    /// # Errors
    /// Another runtime's metrics are registered there already.
    pub fn new(
        registry: Registry,
        stores: Arc<dyn Stores>,
        prometheus: prometheus::Registry,
        options: RuntimeOptions,
    ) -> Result<Self> {
        let metrics = Metrics::register(&prometheus)
            .map_err(|error| Error::bug("metrics cannot be registered").caused_by(error))?;
        let (registry, pipelines) = (Arc::new(registry), Mutex::default());
        Ok(Self(Arc::new(Inner { registry, stores, prometheus, metrics, options, pipelines })))
    }

    /// Builds a pipeline and starts it. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// A component rejects its options, or a pipeline of this name runs already. What goes wrong later (no broker answers) is told by
    /// [`RunningPipeline::wait`].
    pub fn start(&self, pipeline: &Pipeline) -> Result<RunningPipeline> {
        self.start_with(pipeline, None)
    }

    /// As [`Runtime::start`], with something else in the place of its sources.
    pub(crate) fn start_with(
        &self,
        pipeline: &Pipeline,
        instead: Option<Instead>,
    ) -> Result<RunningPipeline> {
        let Inner { registry, stores, metrics, options, .. } = &*self.0;
        if self.pipelines().iter().any(|each| each.name() == pipeline.name && !each.is_ended()) {
            return Err(Error::config(format!("a pipeline named `{}` runs already", pipeline.name)));
        }
        let name: Arc<str> = pipeline.name.as_str().into();
        let state_dir = state_dir(pipeline, &options.state_dir);
        let (letters, dead_letters) = dead_letters::start(
            letters_at(pipeline, &state_dir),
            Arc::clone(&name),
            Attempts::new(RetryPolicy::default(), options.chance.clone()),
            options.disk.clone(),
        );
        let clock = Arc::clone(&options.clock);
        let rejections =
            Rejections::new(Arc::clone(&name), pipeline.errors.on_error, letters, metrics.clone(), clock);
        let shared = Arc::new(Shared::new(name, rejections, options.deadlines, options.chance.clone()));
        let origin = Origin {
            pipeline: pipeline.clone(),
            registry: Arc::clone(registry),
            stores: Arc::clone(stores),
            state_dir: state_dir.clone(),
            disk: options.disk.clone(),
            instead: instead.clone(),
        };
        let (stores, disk) = (Arc::clone(stores), options.disk.clone());
        let parts = Parts { pipeline, registry, stores, state_dir, disk, instead };
        let builder = Builder { parts, metrics, shared: &shared };
        let Topology { sources, transforms, sinks, nodes, ledgers, edges } = builder.build()?;
        let started = Instant::now();
        let live = Arc::new(Live { shared, nodes, ledgers, edges, started, rates: Mutex::default() });
        let handle = PipelineHandle(Arc::clone(&live));
        let grace = options.grace.unwrap_or(pipeline.grace.0);
        let supervisor = Supervisor { live, sources, transforms, sinks, origin, dead_letters, grace };
        let task = tokio::spawn(supervisor.run());
        self.keep(handle.clone());
        Ok(RunningPipeline { handle, task: Some(task) })
    }

    /// Where a pipeline keeps what it has to remember.
    pub fn state_dir(&self, pipeline: &Pipeline) -> PathBuf {
        state_dir(pipeline, &self.0.options.state_dir)
    }

    /// The components there are.
    pub(crate) fn registry(&self) -> &Registry {
        &self.0.registry
    }

    /// The pipelines that were started, the last of each name.
    pub fn pipelines(&self) -> Vec<PipelineHandle> {
        self.0.pipelines.lock().clone()
    }

    /// Leaves out a pipeline that has ended from what is told of pipelines: it is not meant to run any more.
    pub fn forget(&self, name: &str) {
        self.0.pipelines.lock().retain(|each| each.name() != name || !each.is_ended());
    }

    /// Where sessions with stores come from: the same that connectors are given.
    pub fn stores(&self) -> Arc<dyn Stores> {
        Arc::clone(&self.0.stores)
    }

    /// The metrics of all pipelines, in the text format of Prometheus.
    ///
    /// # Errors
    /// A metric of somebody else's in the same registry is not well formed.
    pub fn metrics_text(&self) -> Result<String> {
        for pipeline in self.pipelines() {
            pipeline.0.observe();
        }
        prometheus::TextEncoder::new()
            .encode_to_string(&self.0.prometheus.gather())
            .map_err(|error| Error::bug("metrics cannot be written").caused_by(error))
    }

    fn keep(&self, handle: PipelineHandle) {
        let mut pipelines = self.0.pipelines.lock();
        pipelines.retain(|each| each.name() != handle.name());
        pipelines.push(handle);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("options", &self.0.options).finish_non_exhaustive()
    }
}

/// Where a pipeline keeps what it has to remember: where it says so itself, or in a folder of its name.
pub(crate) fn state_dir(pipeline: &Pipeline, all: &Path) -> PathBuf {
    pipeline.state_dir.clone().unwrap_or_else(|| all.join(file_name(&pipeline.name)))
}

/// Where a pipeline's dead letters go.
pub(crate) fn letters_at(pipeline: &Pipeline, state_dir: &Path) -> PathBuf {
    pipeline.errors.dead_letter.file.clone().unwrap_or_else(|| state_dir.join("dead-letters.jsonl"))
}

/// A pipeline's name as that of a folder.
fn file_name(name: &str) -> String {
    let kept = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
    let name: String = name.chars().map(kept).collect();
    if name.chars().all(|c| c == '.') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_name_never_leaves_its_folder() {
        assert_eq!(file_name("plant-a"), "plant-a");
        assert_eq!(file_name("../x/y"), ".._x_y");
        assert_eq!(file_name(".."), "_..");
        assert_eq!(file_name(""), "_");
    }
}
