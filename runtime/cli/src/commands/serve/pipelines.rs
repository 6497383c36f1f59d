//! The pipelines of a folder, kept as its files say while the server runs.
//!
//! ```text
//!   look: names, sizes, times ─▶ what has changed, and stands ─▶ read ─┬─ right, also beside the others ─▶ stop old, start new
//!                                                                      └─ wrong: reported; the old one runs on
//! ```
//!
//! What changes is taken when two looks, one after the other, found it the same: whoever writes a file may take a while. A file that is
//! saved with the same content restarts its pipeline only where that has ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{ErrorKind, IsTerminal},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use levada_config::{Diagnostic, Pipeline};
use levada_connector_api::Registry;
use levada_runtime::{PipelineHandle, Runtime};
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use super::super::{Document, run::tell};
use crate::exit::Failure;

/// The folder, and what runs of it.
pub(super) struct Folder {
    dir: PathBuf,
    registry: Registry,
    files: BTreeMap<PathBuf, File>,
    /// What the last look found of files that have changed since; to be taken when the next finds the same.
    unsettled: BTreeMap<PathBuf, Option<Mark>>,
    /// The folder could not be read, and that was told.
    unreadable: bool,
}

/// A file, as it was when it was read last.
struct File {
    mark: Mark,
    /// What it says, or said when it was right the last time.
    pipeline: Option<Pipeline>,
    running: Option<Running>,
}

struct Running {
    handle: PipelineHandle,
    /// Ends when the pipeline has ended and that was told.
    told: JoinHandle<()>,
}

/// What tells whether a file has changed: device, inode, length, seconds and nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark(u64, u64, u64, i64, i64);

/// A file that is to be taken as it is now.
struct Change {
    path: PathBuf,
    /// What it says now; `None` where it is gone.
    now: Option<(Mark, Pipeline)>,
}

impl Folder {
    /// Reads all pipelines; nothing is started yet.
    ///
    /// # Errors
    /// The folder cannot be read, or a file of it is wrong, which was told.
    pub(super) fn open(dir: &Path, registry: Registry) -> anyhow::Result<Self> {
        let found = scan(dir).map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::NotFound => ": make it, or leave --pipelines out",
                _ => "",
            };
            Failure::invalid(format!("cannot read the folder {}: {error}{hint}", dir.display()))
        })?;
        let paths: Vec<PathBuf> = found.keys().cloned().collect();
        let pipelines = super::super::run::read_all(&paths, &registry)?;
        let files = found
            .into_iter()
            .zip(pipelines)
            .map(|((path, mark), pipeline)| (path, File { mark, pipeline: Some(pipeline), running: None }));
        let (dir, files) = (dir.to_owned(), files.collect());
        Ok(Self { dir, registry, files, unsettled: BTreeMap::new(), unreadable: false })
    }

    /// Starts all pipelines.
    ///
    /// # Errors
    /// One cannot start.
    pub(super) fn start(&mut self, runtime: &Runtime) -> anyhow::Result<()> {
        for file in self.files.values_mut() {
            if let Some(pipeline) = &file.pipeline {
                file.running = Some(Running::start(runtime, pipeline)?);
            }
        }
        Ok(())
    }

    /// Takes what has changed in the folder: at once, or when it stands.
    pub(super) async fn look(&mut self, runtime: &Runtime, at_once: bool) {
        // A folder may be on another machine, and take its time.
        let found = match tokio::task::block_in_place(|| scan(&self.dir)) {
            Ok(found) => found,
            Err(error) => {
                if !std::mem::replace(&mut self.unreadable, true) {
                    warn!(folder = %self.dir.display(), %error, "the folder of pipelines cannot be read: all run on as they are");
                }
                return;
            }
        };
        self.unreadable = false;
        let changed = self.changed(&found, at_once);
        let mut changes: Vec<Change> = Vec::new();
        for path in changed {
            match found.get(&path) {
                None => changes.push(Change { path, now: None }),
                Some(&mark) => changes.extend(self.read(path, mark)),
            }
        }
        let changes = self.compatible(changes);
        if !changes.is_empty() {
            self.apply(changes, runtime).await;
        }
    }

    /// Stops all pipelines, and waits until they have ended.
    pub(super) async fn stop(self) {
        let running: Vec<Running> = self.files.into_values().filter_map(|file| file.running).collect();
        running.iter().for_each(|running| running.handle.stop());
        for running in running {
            running.ended().await;
        }
    }

    /// The files that have changed: where it is not urgent, those of which the last look found the same.
    fn changed(&mut self, found: &BTreeMap<PathBuf, Mark>, at_once: bool) -> Vec<PathBuf> {
        let paths: BTreeSet<&PathBuf> = found.keys().chain(self.files.keys()).collect();
        let changed = paths.into_iter().filter_map(|path| {
            let now = found.get(path).copied();
            (self.files.get(path).map(|file| file.mark) != now).then(|| (path.clone(), now))
        });
        let changed: BTreeMap<PathBuf, Option<Mark>> = changed.collect();
        let before = std::mem::replace(&mut self.unsettled, changed.clone());
        changed
            .into_iter()
            .filter(|(path, now)| at_once || before.get(path) == Some(now))
            .map(|(path, _)| path)
            .collect()
    }

    /// What a file that has changed says, where that is right and asks for anything.
    fn read(&mut self, path: PathBuf, mark: Mark) -> Option<Change> {
        let document = Document::read(&path, &self.registry);
        let file = self.files.entry(path.clone());
        let file = file.or_insert(File { mark, pipeline: None, running: None });
        file.mark = mark;
        let pipeline = match document {
            Ok(document) => {
                document.print();
                document.pipeline
            }
            Err(error) => {
                eprintln!("{error:#}");
                None
            }
        };
        let Some(pipeline) = pipeline else {
            rejected(&path, file);
            return None;
        };
        let runs = file.running.as_ref().is_some_and(|running| !running.handle.is_ended());
        let same = file.pipeline.as_ref() == Some(&pipeline);
        (!same || !runs).then_some(Change { path, now: Some((mark, pipeline)) })
    }

    /// The changes that can be made beside each other and beside what stays: all of them, or else as many as can, in order.
    fn compatible(&self, changes: Vec<Change>) -> Vec<Change> {
        if self.conflicts(&changes).is_empty() {
            return changes;
        }
        let mut taken: Vec<Change> = Vec::new();
        for change in changes {
            taken.push(change);
            let conflicts = self.conflicts(&taken);
            if !conflicts.is_empty()
                && let Some(change) = taken.pop()
            {
                eprint!("{}", levada_config::render(&conflicts, "", std::io::stderr().is_terminal()));
                if let Some(file) = self.files.get(&change.path) {
                    rejected(&change.path, file);
                }
            }
        }
        taken
    }

    fn conflicts(&self, changes: &[Change]) -> Vec<Diagnostic> {
        let changing = |path: &PathBuf| changes.iter().any(|change| change.path == *path);
        let stays = self.files.iter().filter(|(path, _)| !changing(path));
        let stays = stays.filter_map(|(_, file)| file.running.as_ref().and(file.pipeline.as_ref()));
        let comes = changes.iter().filter_map(|change| change.now.as_ref().map(|(_, pipeline)| pipeline));
        let together: Vec<&Pipeline> = stays.chain(comes).collect();
        let found = levada_config::check_together(&together, &self.registry);
        found.into_iter().filter(Diagnostic::is_error).collect()
    }

    /// Stops what is to be replaced, all at the same time, and starts what comes instead.
    async fn apply(&mut self, changes: Vec<Change>, runtime: &Runtime) {
        let mut before = Vec::with_capacity(changes.len());
        for change in &changes {
            let running = self.files.get_mut(&change.path).and_then(|file| file.running.take());
            let ran = running.as_ref().is_some_and(|running| !running.handle.is_ended());
            if let Some(running) = &running {
                running.handle.stop();
            }
            before.push((ran, running));
        }
        let mut ran = Vec::with_capacity(changes.len());
        for (did, running) in before {
            ran.push(did);
            if let Some(running) = running {
                let name = running.handle.name().to_owned();
                running.ended().await;
                runtime.forget(&name);
            }
        }
        for (Change { path, now }, ran) in changes.into_iter().zip(ran) {
            match now {
                None => {
                    info!(file = %path.display(), "the file is gone: its pipeline has ended");
                    self.files.remove(&path);
                }
                Some((mark, pipeline)) => self.replace(path, mark, pipeline, ran, runtime),
            }
        }
    }

    /// Starts what a file says now, or what it said before where that cannot be.
    fn replace(&mut self, path: PathBuf, mark: Mark, pipeline: Pipeline, ran: bool, runtime: &Runtime) {
        let old = self.files.remove(&path).and_then(|file| file.pipeline);
        let (pipeline, running) = match Running::start(runtime, &pipeline) {
            Ok(running) => (Some(pipeline), Some(running)),
            Err(error) => {
                error!(file = %path.display(), error = format!("{error:#}"), "the pipeline cannot start");
                let again = old.as_ref().filter(|_| ran).map(|old| Running::start(runtime, old));
                let again = again.and_then(|again| {
                    again
                        .inspect_err(|error| error!(error = format!("{error:#}"), "nor can the one before"))
                        .ok()
                });
                (old, again)
            }
        };
        self.files.insert(path, File { mark, pipeline, running });
    }
}

impl Running {
    fn start(runtime: &Runtime, pipeline: &Pipeline) -> anyhow::Result<Self> {
        let name = &pipeline.name;
        let running = runtime
            .start(pipeline)
            .map_err(|error| anyhow::Error::new(error).context(format!("pipeline `{name}` cannot start")))?;
        info!(pipeline = %name, "started");
        let handle = running.handle();
        let told = tokio::spawn(async move {
            tell(&running.wait().await);
        });
        Ok(Self { handle, told })
    }

    async fn ended(self) {
        if let Err(error) = self.told.await {
            error!(%error, "a pipeline's end could not be told");
        }
    }
}

/// The pipeline files of a folder. What is hidden is none: editors and file systems leave such files beside those that people write.
fn scan(dir: &Path) -> std::io::Result<BTreeMap<PathBuf, Mark>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        if !path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            continue;
        }
        // A file may go between the two.
        let Ok(about) = std::fs::metadata(&path) else { continue };
        if about.is_file() {
            let mark = Mark(about.dev(), about.ino(), about.len(), about.mtime(), about.mtime_nsec());
            files.insert(path, mark);
        }
    }
    Ok(files)
}

fn rejected(path: &Path, file: &File) {
    let what = match &file.running {
        Some(running) if !running.handle.is_ended() => "the pipeline that runs goes on as it is",
        _ => "nothing of it runs",
    };
    error!(file = %path.display(), "the file is rejected: {what}");
}
