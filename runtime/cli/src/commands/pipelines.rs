//! The pipelines of a folder, or of files, kept as those say while the process runs.
//!
//! ```text
//!   look: names, sizes, times ─▶ what has changed, and stands ─▶ read ─┬─ right, also beside the others ─▶ stop old, start new
//!                                                                      └─ wrong: reported; the old one runs on
//! ```
//!
//! What changes is taken when two looks, one after the other, found it the same: whoever writes a file may take a while. A file that is
//! saved with the same content restarts its pipeline only where that has ended. What has not changed runs on.
//!
//! A pipeline that has changed restarts as a whole: what it has read is settled first, for as long as the grace allows, and the new one
//! goes on behind it. Its nodes are not kept, as positions and the states of transforms are those of a graph: which rows a sink
//! has can be told for the one that it was given.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{ErrorKind, IsTerminal},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use levada_config::{Diagnostic, Pipeline};
use levada_connector_api::Registry;
use levada_runtime::{PipelineHandle, Runtime, http::Idle};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tracing::{error, info, warn};

use super::{Document, told::tell};
use crate::exit::{self, Failure};

mod orders;

/// Where pipeline files are.
enum Place {
    /// All of a folder.
    Folder(PathBuf),
    /// These.
    Files(Vec<PathBuf>),
}

/// The files, and what runs of them.
pub(super) struct Folder {
    place: Place,
    registry: Registry,
    files: BTreeMap<PathBuf, File>,
    /// What the last look found of files that have changed since; to be taken when the next finds the same.
    unsettled: BTreeMap<PathBuf, Option<Mark>>,
    /// The folder could not be read, and that was told.
    unreadable: bool,
    /// Names of pipelines that are not to run.
    paused: BTreeSet<String>,
    /// What is told of those that do not run.
    idle: Arc<Mutex<BTreeMap<String, Idle>>>,
}

/// A file, as it was when it was read last.
struct File {
    mark: Mark,
    /// What it says, or said when it was right the last time.
    pipeline: Option<Pipeline>,
    running: Option<Running>,
    /// Why nothing of it runs, where it is not paused.
    error: Option<String>,
    /// It cannot run beside another: it is looked at again when others have changed.
    waits: bool,
}

struct Running {
    handle: PipelineHandle,
    /// Ends when the pipeline has ended and that was told, with the exit code of it.
    told: JoinHandle<u8>,
}

/// What tells whether a file has changed: device, inode, length, seconds and nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Mark(u64, u64, u64, i64, i64);

/// A file that is to be taken as it is now.
struct Change {
    path: PathBuf,
    /// What it says now; `None` where it is gone.
    now: Option<(Mark, Pipeline)>,
}

impl Folder {
    /// The pipelines of a folder. The first [`Folder::look`] reads and starts them: a file that is wrong costs no other.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(super) fn open(dir: &Path, registry: Registry) -> anyhow::Result<Self> {
        let place = Place::Folder(dir.to_owned());
        place.found()?;
        Ok(Self::new(place, registry, BTreeMap::new()))
    }

    /// Reads the pipelines of files; nothing is started yet.
    ///
    /// # Errors
    /// A file cannot be read or is wrong, which was told.
    pub(super) fn of_files(files: &[PathBuf], registry: Registry) -> anyhow::Result<Self> {
        let place = Place::Files(files.to_vec());
        let found = place.found()?;
        let pipelines = read_all(files, &registry)?;
        let file = |(path, pipeline): (PathBuf, Pipeline)| {
            let mark = found.get(&path).copied().unwrap_or_default();
            (path, File { mark, pipeline: Some(pipeline), running: None, error: None, waits: false })
        };
        let files = files.iter().cloned().zip(pipelines).map(file).collect();
        Ok(Self::new(place, registry, files))
    }

    fn new(place: Place, registry: Registry, files: BTreeMap<PathBuf, File>) -> Self {
        let paused = place.paused();
        let (unsettled, idle) = (BTreeMap::new(), Arc::default());
        Self { place, registry, files, unsettled, unreadable: false, paused, idle }
    }

    /// What is told of pipelines that do not run.
    pub(super) fn idle(&self) -> Arc<Mutex<BTreeMap<String, Idle>>> {
        Arc::clone(&self.idle)
    }

    /// Starts all pipelines that were read.
    ///
    /// # Errors
    /// One cannot start.
    pub(super) fn start(&mut self, runtime: &Runtime) -> anyhow::Result<()> {
        for file in self.files.values_mut() {
            if let Some(pipeline) = file.pipeline.as_ref().filter(|each| !self.paused.contains(&each.name)) {
                file.running = Some(Running::start(runtime, pipeline)?);
            }
        }
        self.tell_idle();
        Ok(())
    }

    /// What the files say.
    pub(super) fn pipelines(&self) -> Vec<Pipeline> {
        self.files.values().filter_map(|file| file.pipeline.clone()).collect()
    }

    /// What runs, or has run.
    pub(super) fn handles(&self) -> Vec<PipelineHandle> {
        self.files.values().filter_map(|file| file.running.as_ref()).map(|each| each.handle.clone()).collect()
    }

    /// Notes which pipelines do not run, and why.
    fn tell_idle(&self) {
        let mut idle = BTreeMap::new();
        for (path, file) in &self.files {
            let id = file.pipeline.as_ref().map_or_else(|| stem(path), |pipeline| pipeline.name.clone());
            if file.running.is_none() {
                let status = match (&file.pipeline, self.paused.contains(&id)) {
                    (Some(_), true) => "paused",
                    (Some(_), false) => "failed",
                    (None, _) => "invalid",
                };
                idle.insert(id, Idle { status, error: file.error.clone() });
            }
        }
        *self.idle.lock() = idle;
    }

    /// Takes what has changed in the folder: at once, or when it stands.
    pub(super) async fn look(&mut self, runtime: &Runtime, at_once: bool) {
        // A folder may be on another machine, and take its time.
        let found = match tokio::task::block_in_place(|| self.place.scan()) {
            Ok(found) => found,
            Err(error) => {
                if !std::mem::replace(&mut self.unreadable, true) {
                    warn!(place = %self.place, %error, "the pipelines cannot be read: all run on as they are");
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
            self.reconsider();
        }
        self.tell_idle();
    }

    /// Stops all pipelines, and waits until they have ended; the highest exit code of any.
    pub(super) async fn stop(self) -> u8 {
        let running: Vec<Running> = self.files.into_values().filter_map(|file| file.running).collect();
        running.iter().for_each(|running| running.handle.stop());
        let mut code = 0;
        for running in running {
            code = code.max(running.ended().await);
        }
        code
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
        let file = file.or_insert(File { mark, pipeline: None, running: None, error: None, waits: false });
        (file.mark, file.waits) = (mark, false);
        let pipeline = match document {
            Ok(document) => {
                document.print();
                file.error = document.report();
                document.pipeline
            }
            Err(error) => {
                eprintln!("{error:#}");
                file.error = Some(format!("{error:#}"));
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
    fn compatible(&mut self, changes: Vec<Change>) -> Vec<Change> {
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
                if let Some(file) = self.files.get_mut(&change.path) {
                    rejected(&change.path, file);
                    file.error = Some(levada_config::render(&conflicts, "", false));
                    file.waits = true;
                }
            }
        }
        taken
    }

    /// Has the next looks read those files again that could not run beside what has changed now.
    fn reconsider(&mut self) {
        self.files.values_mut().filter(|file| file.waits).for_each(|file| file.mark = Mark::default());
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
        let mut failed = None;
        let started = match self.paused.contains(&pipeline.name) {
            true => Ok(None),
            false => Running::start(runtime, &pipeline).map(Some),
        };
        let (pipeline, running) = match started {
            Ok(running) => (Some(pipeline), running),
            Err(error) => {
                failed = Some(format!("{error:#}"));
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
        self.files.insert(path, File { mark, pipeline, running, error: failed, waits: false });
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
        let told = tokio::spawn(async move { tell(&running.wait().await) });
        Ok(Self { handle, told })
    }

    /// Waits for its end; its exit code.
    async fn ended(self) -> u8 {
        self.told.await.unwrap_or_else(|error| {
            error!(%error, "a pipeline's end could not be told");
            exit::FAILED
        })
    }
}

impl Mark {
    /// Of a file; `None` where there is none.
    fn of(path: &Path) -> Option<Self> {
        let about = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
        Some(Self(about.dev(), about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
    }
}

impl Place {
    /// The files, where the folder can be read.
    fn found(&self) -> anyhow::Result<BTreeMap<PathBuf, Mark>> {
        let found = self.scan().map_err(|error| {
            let hint = match error.kind() {
                ErrorKind::NotFound => ": make it, or leave --pipelines out",
                _ => "",
            };
            Failure::invalid(format!("cannot read {self}: {error}{hint}"))
        })?;
        Ok(found)
    }

    /// The pipeline files that are there. What is hidden in a folder is none: editors and file systems leave such files beside those
    /// that people write.
    fn scan(&self) -> std::io::Result<BTreeMap<PathBuf, Mark>> {
        let marked = |path: &PathBuf| Some((path.clone(), Mark::of(path)?));
        let dir = match self {
            Self::Files(files) => return Ok(files.iter().filter_map(marked).collect()),
            Self::Folder(dir) => dir,
        };
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(dir)? {
            let entry = entry?;
            let path = entry.path();
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let is_yaml = path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
            if is_yaml && !is_hidden {
                // A file may go between the two.
                files.extend(marked(&path));
            }
        }
        Ok(files)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Folder(dir) => write!(f, "the folder {}", dir.display()),
            Self::Files(_) => f.write_str("the pipeline files"),
        }
    }
}

/// A file's name without what tells its kind.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads every file, and tells what is wrong with any before nothing is started.
pub(super) fn read_all(files: &[std::path::PathBuf], registry: &Registry) -> anyhow::Result<Vec<Pipeline>> {
    let mut pipelines: Vec<Pipeline> = Vec::new();
    let mut wrong = false;
    for path in files {
        let document = Document::read(path, registry)?;
        document.print();
        wrong |= document.pipeline.is_none();
        pipelines.extend(document.pipeline);
    }
    let together = levada_config::check_together(&pipelines.iter().collect::<Vec<_>>(), registry);
    eprint!("{}", levada_config::render(&together, "", std::io::stderr().is_terminal()));
    wrong |= together.iter().any(Diagnostic::is_error);
    if wrong { Err(Failure::told(exit::INVALID).into()) } else { Ok(pipelines) }
}

fn rejected(path: &Path, file: &File) {
    let what = match &file.running {
        Some(running) if !running.handle.is_ended() => "the pipeline that runs goes on as it is",
        _ => "nothing of it runs",
    };
    error!(file = %path.display(), "the file is rejected: {what}");
}
