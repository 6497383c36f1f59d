//! Pipes: what is stored here, and what is written from now on, sent to another server.
//!
//! ```text
//!   statements ─► Pipes ─┬─ Book         which pipes and sinks there are; replaced whole, durable before it counts
//!                        ├─ PipeRunner   handed in: connects, sends, tries again; one task for each pipe that is RUNNING
//!                        │    └ PipeWork the pipe's own view of the engine: its feed of changes, its progress, its message
//!                        ├─ Receivers    pipes of others that end here, as long as they are connected
//!                        └─ Writers      the engines whose pipes have ever ended here, and the databases that they sent
//! ```
//!
//! # Invariants
//! * A pipe's progress is a position of the change feed (see [`crate::ChangeFeed`]) that is durable before the feed is told that what lies before it
//!   is not needed any more. So what a crash of either end leaves undone is sent again, and a row that is sent twice replaces itself.
//! * How far what is stored has come is durable, too, device by device. A history that is broken off goes on there, as long as the log is kept from
//!   where it began.
//! * What is written behind the start of a pipe is owed to its receiver. Where that start is in the log is durable with the statement, and the
//!   log is kept from there, so that it can be sent without what was stored before.
//! * A statement that returned without an error is durable: after a crash a pipe is RUNNING that was started, and is not that was
//!   stopped.
//! * What runs pipes knows no more of the engine than [`PipeWork`] shows; the engine knows no network.

mod attributes;
mod book;
mod change;
mod definition;
mod feed;
mod progress;
mod receivers;
mod selection;
mod show;
mod work;
mod writers;

use std::{
    collections::{BTreeMap, BTreeSet, hash_map::RandomState},
    fmt,
    hash::{BuildHasher, Hasher},
    path::Path,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::BoxFuture;
use levada_model::{Path as DevicePath, PathPattern, SessionError};
use levada_storage::{Catalog, Clock, Disk, Storage, StorageError};
use parking_lot::RwLock;
use tokio::{
    sync::Mutex,
    task::{JoinHandle, spawn_blocking},
};

use self::{book::Book, progress::Progress, receivers::Receivers, work::Status, writers::Writers};
pub use self::{
    definition::{PipeDefinition, PipeTarget, PipeTls},
    receivers::{Received, Sender},
    selection::Selection,
    work::{PipeInfo, PipeMessage, PipeWork},
    writers::Origins,
};
use crate::{document::DocumentFile, error::panicked};

/// What runs pipes: tasks, connections, trying again.
pub trait PipeRunner: fmt::Debug + Send + Sync {
    /// Runs a pipe. The engine polls it in a task of its own, and drops it when the pipe is stopped: what was not settled then
    /// comes again. It ends by itself only where nothing is left to be sent.
    fn run(&self, work: PipeWork) -> BoxFuture<'static, ()>;

    /// Whether the receiver of a pipe that is to be made can be reached.
    ///
    /// # Errors
    /// Why not, in words: `Connection refused …`.
    fn reach(&self, pipe: PipeDefinition) -> BoxFuture<'static, Result<(), String>>;
}

/// The pipes of an engine.
#[derive(Debug)]
pub(crate) struct Pipes {
    storage: Storage,
    clock: Arc<dyn Clock>,
    document: DocumentFile,
    book: RwLock<Arc<Book>>,
    /// Whether the book is on the disk: before, each opening gives the engine another name.
    is_stored: AtomicBool,
    /// Held while a statement changes pipes: it may wait for a task to end. Says whether there are to be no more.
    changing: Mutex<Closed>,
    runner: OnceLock<Arc<dyn PipeRunner>>,
    /// The pipes that are known, by number.
    live: parking_lot::Mutex<BTreeMap<u64, Live>>,
    receivers: Arc<Receivers>,
    writers: Writers,
}

/// Whether the engine is closed: then its folder is another's.
type Closed = bool;

/// A pipe in this process.
#[derive(Debug)]
struct Live {
    status: Arc<Status>,
    task: Option<JoinHandle<()>>,
}

impl Pipes {
    /// Reads the pipes of a folder; none where there are none.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub(crate) fn open(
        data: &Path,
        disk: Arc<dyn Disk>,
        storage: Storage,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StorageError> {
        let document = DocumentFile::new(data.join("pipes"), "pipes.json", disk);
        let stored = document.read::<Book>()?;
        let is_stored = AtomicBool::new(stored.is_some());
        let book = stored.unwrap_or_else(|| Book::new(new_name()));
        document.check_version(book.version, book::VERSION)?;
        forget_dropped(&storage, &book);
        let mut live = BTreeMap::new();
        for pipe in book.pipes.values() {
            let progress = Progress::open(&document, pipe.id)?;
            live.insert(pipe.id, Live { status: Arc::new(Status::new(progress)), task: None });
        }
        let writers = Writers::open(document.beside("writers.json"))?;
        Ok(Self {
            storage,
            clock,
            document,
            book: RwLock::new(Arc::new(book)),
            is_stored,
            changing: Mutex::new(false),
            runner: OnceLock::new(),
            live: parking_lot::Mutex::new(live),
            receivers: Arc::default(),
            writers,
        })
    }

    fn book(&self) -> Arc<Book> {
        Arc::clone(&self.book.read())
    }

    /// What this engine is known by to those that it sends to.
    pub(crate) fn engine(&self) -> String {
        self.book().engine.clone()
    }

    /// See [`crate::Engine::receive`].
    pub(crate) async fn receive(
        &self,
        sender: Sender,
        database: String,
        came_by: Vec<String>,
    ) -> Result<Received, SessionError> {
        Writers::check(&came_by)?;
        Ok(self.receivers.begin(sender, database, self.clock.now()))
    }

    /// What is to be noted before rows of devices are stored that come by a pipe; `None` where it is known. By which engines they come,
    /// their owner says, the nearest first and `<` between them.
    pub(crate) fn unknown_origins<'a>(
        &self,
        owner: &str,
        devices: impl Iterator<Item = &'a DevicePath>,
    ) -> Option<NewOrigins> {
        let came_by = owner.strip_prefix("pipe:").filter(|came_by| !came_by.is_empty())?;
        let engines: Vec<&str> = came_by.split('<').filter(|engine| !engine.is_empty()).collect();
        let origins = self.writers.origins();
        let is_known = |device: &DevicePath| engines.iter().all(|engine| origins.has(engine, device));
        let mut new: Vec<&DevicePath> = devices.filter(|device| !is_known(device)).collect();
        new.dedup();
        if new.is_empty() {
            return None;
        }
        let catalog = self.storage.catalog();
        let databases = new.into_iter().filter_map(|device| database_of(&*catalog, device)).collect();
        Some(NewOrigins { engines: engines.into_iter().map(str::to_owned).collect(), databases })
    }

    /// Takes note of where rows come from. Returns when that is durable.
    ///
    /// # Errors
    /// It could not be stored: the rows may not be taken.
    pub(crate) async fn note_origins(&self, new: NewOrigins) -> Result<(), SessionError> {
        self.keep_name().await?;
        let writers = self.writers.clone();
        let noted = spawn_blocking(move || writers.remember(new.engines, new.databases));
        noted.await.map_err(panicked)??;
        Ok(())
    }

    /// Keeps the engine's name: who sends here knows by it, also after a restart, that what has come is here. Returns when it is durable.
    async fn keep_name(&self) -> Result<(), SessionError> {
        if self.is_stored.load(Ordering::Acquire) {
            return Ok(());
        }
        let closed = self.changing.lock().await;
        if *closed {
            return Err(StorageError::Closed.into());
        }
        if !self.is_stored.load(Ordering::Acquire) {
            let (document, book) = (self.document.clone(), self.book());
            spawn_blocking(move || document.write(&*book)).await.map_err(panicked)??;
            self.is_stored.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Runs pipes from now on, those first that are RUNNING. A second call does nothing.
    pub(crate) async fn run(self: &Arc<Self>, runner: Arc<dyn PipeRunner>) -> Result<(), SessionError> {
        self.to_its_end(|pipes| async move { pipes.run_all(runner).await }).await
    }

    /// Does something that changes pipes, one after the other. It is done to its end also where whoever asks for it goes away meanwhile:
    /// what is stored and what runs are never apart.
    async fn to_its_end<F: Future<Output = Result<(), SessionError>> + Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(Arc<Self>) -> F + Send + 'static,
    ) -> Result<(), SessionError> {
        let pipes = Arc::clone(self);
        let done = tokio::spawn(async move {
            let closed = pipes.changing.lock().await;
            if *closed {
                return Err(StorageError::Closed.into());
            }
            work(Arc::clone(&pipes)).await
        });
        done.await.map_err(panicked)?
    }

    async fn run_all(&self, runner: Arc<dyn PipeRunner>) -> Result<(), SessionError> {
        if self.runner.set(runner).is_err() {
            return Ok(());
        }
        let book = Book::clone(&self.book());
        let running = book.pipes.iter().filter(|(_, pipe)| pipe.running).map(|(name, _)| name.clone());
        let running: Vec<_> = running.collect();
        // Pipes that an older version of this program started have not noted when they began.
        self.store_begun(book, &running).await?;
        let book = self.book();
        for (name, pipe) in running.iter().filter_map(|name| Some((name, book.pipes.get(name)?))) {
            match definition::definition(&book, name, pipe) {
                Ok(definition) => self.begin(definition)?,
                // It was right when it was made; another version of this program may see it otherwise.
                Err(error) => {
                    self.status(pipe.id, |status| status.say(PipeMessage::Error(error.message.clone())))
                }
            }
        }
        Ok(())
    }

    fn runner_for(&self, name: &str) -> Result<&Arc<dyn PipeRunner>, SessionError> {
        self.runner.get().ok_or_else(|| {
            attributes::pipe_error(format!(
                "Fail to start PIPE [{name}] because nothing runs pipes here: serve the folder with `levada serve`"
            ))
        })
    }

    /// Ends the tasks of all pipes. They go on when the folder is opened again.
    pub(crate) async fn close(&self) {
        let mut closed = self.changing.lock().await;
        *closed = true;
        let tasks: Vec<_> = self.live.lock().values_mut().filter_map(|live| live.task.take()).collect();
        tasks.iter().for_each(JoinHandle::abort);
        for task in tasks {
            end(task).await;
        }
    }

    /// Begins the task of a pipe, as the book has it.
    fn begin(&self, definition: PipeDefinition) -> Result<(), SessionError> {
        let runner = self.runner_for(&definition.name)?;
        let began = self.book().pipes.get(&definition.name).and_then(|pipe| pipe.began);
        let mut live = self.live.lock();
        let Some(live) = live.get_mut(&definition.id) else { return Ok(()) };
        if live.task.as_ref().is_some_and(|task| !task.is_finished()) {
            return Ok(());
        }
        live.status.begin();
        let work = PipeWork::new(self, definition, Arc::clone(&live.status), began.unwrap_or_default());
        live.task = Some(tokio::spawn(runner.run(work)));
        Ok(())
    }

    /// Ends the task of a pipe, if it has one.
    async fn end(&self, id: u64) {
        let task = self.live.lock().get_mut(&id).and_then(|live| live.task.take());
        if let Some(task) = task {
            end(task).await;
        }
    }

    fn status(&self, id: u64, with: impl FnOnce(&Status)) {
        if let Some(live) = self.live.lock().get(&id) {
            with(&live.status);
        }
    }
}

/// Engines, and databases that rows of theirs come into.
#[derive(Debug)]
pub(crate) struct NewOrigins {
    engines: Vec<String>,
    databases: BTreeSet<String>,
}

/// The database that a device is in, or that its rows make.
fn database_of(catalog: &dyn Catalog, device: &DevicePath) -> Option<String> {
    let mut above = std::iter::successors(device.parent(), DevicePath::parent);
    let is_database = |path: &DevicePath| !catalog.databases(&PathPattern::from(path)).is_empty();
    let known = above.find(is_database);
    let usual = || {
        let mut nodes = device.nodes();
        Some(format!("{}.{}", nodes.next()?, nodes.next()?))
    };
    known.map(|database| database.as_str().to_owned()).or_else(usual)
}

async fn end(task: JoinHandle<()>) {
    task.abort();
    match task.await {
        Err(error) if error.is_panic() => tracing::error!(%error, "a pipe ended in a panic"),
        _ => {}
    }
}

/// Keeps nothing for pipes that a crash left half dropped.
fn forget_dropped(storage: &Storage, book: &Book) {
    let known: Vec<String> = book.pipes.values().map(|pipe| reader(pipe.id)).collect();
    let readers = storage.readers().into_iter().filter_map(|reader| reader.name);
    for name in
        readers.filter(|name| name.starts_with(READER) && !known.iter().any(|known| **name == **known))
    {
        forget(storage, &name);
    }
}

/// Keeps nothing any more for a reader. Blocks.
fn forget(storage: &Storage, name: &str) {
    if let Err(error) = storage.forget_reader(name) {
        tracing::warn!(reader = name, %error, "after a restart the log may still be kept for a pipe that is not there");
    }
}

/// What the names of pipes' readers begin with.
const READER: &str = "pipe:";

/// A name that no other engine has.
fn new_name() -> String {
    // The keys of hashers are the operating system's randomness.
    let random = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", random(), random())
}

/// What a reader of changes is called that a pipe has.
fn reader(id: u64) -> String {
    format!("{READER}{id}")
}
