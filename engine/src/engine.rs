//! The engine's handle.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use jiff::tz::TimeZone;
use levada_model::{SessionError, SessionOptions};
use levada_query::{FunctionDefinition, FunctionRegistry, QueryContext, QueryError};
use levada_sql::ParseContext;
use levada_storage::{ChangesFrom, Clock, Finding, ReaderInfo, Stats, Storage};
use levada_udf::{Scratch, Spill, UdfFactory, UdfLimits};
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::{
    ChangeFeed, ContinuousQueryInfo, EmbeddedSession, EngineError, EngineOptions, Host,
    continuous::{ContinuousQueries, Runner},
    document::DocumentFile,
    error::panicked,
    functions::{Functions, ModuleFolder},
    gate::{Caller, Gate},
    pipes::{PipeInfo, PipeRunner, Pipes, Received, Sender},
    repair::Repair,
    users::{Users, UsersFile, check_password},
};

/// An open engine. Cheap to clone; sessions keep it open.
#[derive(Clone, Debug)]
pub struct Engine {
    pub(crate) shared: Arc<Shared>,
}

/// What all sessions of an engine share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) storage: Storage,
    clock: Arc<dyn Clock>,
    query_memory: usize,
    /// What queries may call.
    pub(crate) functions: Arc<Functions>,
    /// What statements and tablets have to pass.
    pub(crate) gate: Gate,
    /// What is sent to other servers.
    pub(crate) pipes: Arc<Pipes>,
    /// What runs again and again.
    pub(crate) continuous: Arc<ContinuousQueries>,
    /// `set configuration 'enable_auto_create_schema'`
    pub(crate) auto_create_schema: AtomicBool,
    /// What serves it, if anything does.
    pub(crate) host: OnceLock<Arc<dyn Host>>,
    pub(crate) repair: Arc<Repair>,
    /// See [`Engine::received_files`].
    received_files: PathBuf,
}

impl Engine {
    /// Opens a data folder, or makes one, and recovers what its log holds. Blocks meanwhile.
    ///
    /// # Errors
    /// Another process owns the folder, it cannot be read, or it is damaged beyond recovery.
    pub fn open(options: EngineOptions) -> Result<Self, EngineError> {
        let clock = Arc::clone(&options.storage.clock);
        let users = UsersFile::new(&options.storage.dir, Arc::clone(&options.storage.disk));
        let (dir, disk) = (options.storage.dir.clone(), Arc::clone(&options.storage.disk));
        let storage = Storage::open(options.storage)?;
        for finding in storage.recovery() {
            warn!(path = %finding.path.display(), offset = finding.offset, finding = finding.what, "recovered with damage");
        }
        let modules = options.udf_root_dir.unwrap_or_else(|| dir.join("ext").join("udf"));
        let functions = Functions::open(
            DocumentFile::new(dir.join("functions"), "functions.json", Arc::clone(&disk)),
            ModuleFolder::new(modules, Arc::clone(&disk), options.udf_loader),
            UdfLimits {
                memory: options.udf_memory,
                spill: Some(Spill {
                    memory: options.udf_rows_memory.min(options.udf_memory),
                    disk: options.udf_disk,
                    scratch: Scratch::new(dir.clone()),
                }),
            },
        )?;
        let continuous = ContinuousQueries::open(&dir, Arc::clone(&disk), clock.now())?;
        let shared = Shared {
            continuous: Arc::new(continuous),
            gate: Gate::new(Users::open(users)?),
            pipes: Arc::new(Pipes::open(&dir, disk, storage.clone(), Arc::clone(&clock))?),
            storage,
            clock,
            query_memory: options.query_memory,
            functions: Arc::new(functions),
            auto_create_schema: AtomicBool::new(options.auto_create_schema),
            host: OnceLock::new(),
            repair: Arc::default(),
            received_files: dir.join("pipes").join("received"),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A conversation with it, of the user `root`. Literals of time without an offset, and calendar months, are read in `zone`: a
    /// name of the time zone database or an offset (`+08:00`), UTC where there is none.
    ///
    /// # Errors
    /// There is no such zone.
    pub fn session(&self, zone: Option<&str>) -> Result<EmbeddedSession, EngineError> {
        let zone = zone.map_or(Ok(TimeZone::UTC), zone_of)?;
        Ok(EmbeddedSession::new(Arc::clone(&self.shared), Caller::root(), zone, None, None))
    }

    /// A conversation with it, as the options say: of the user who logs in, or of `root` where none does.
    ///
    /// # Errors
    /// User and password do not fit, or there is no such time zone.
    pub async fn open_session(&self, options: SessionOptions) -> Result<EmbeddedSession, SessionError> {
        let SessionOptions { login, address, zone, fetch_size, timeout } = options;
        let mut caller = Caller::root();
        if let Some(login) = login {
            caller.identity = self.shared.gate.users.log_in(&login.user, &login.password).await?;
        }
        caller.address = address.map(Into::into);
        let zone = zone.as_deref().map_or(Ok(TimeZone::UTC), zone_of)?;
        Ok(EmbeddedSession::new(Arc::clone(&self.shared), caller, zone, fetch_size, timeout))
    }

    /// That a password is one that a user can have. Needs no folder.
    ///
    /// # Errors
    /// It is too short or too long, or has characters that are not allowed.
    pub fn check_password(password: &str) -> Result<(), SessionError> {
        check_password(password)
    }

    /// Sets the password of `root`, if nobody has set one in this folder; says whether it did. Returns when it is durable.
    ///
    /// # Errors
    /// It is no legal password, or cannot be stored.
    pub async fn set_first_root_password(&self, password: String) -> Result<bool, SessionError> {
        let shared = Arc::clone(&self.shared);
        let set = spawn_blocking(move || {
            shared.may_store()?;
            shared.gate.users.set_first_password(&password)
        });
        set.await.map_err(panicked)?
    }

    /// Whether the password of `root` is still the one that everybody knows.
    pub fn has_first_root_password(&self) -> bool {
        self.shared.gate.users.has_first_password()
    }

    /// The functions that queries may call now.
    pub fn functions(&self) -> Arc<FunctionRegistry> {
        self.shared.functions.current()
    }

    /// Adds a function for queries that begin from now on, of this session and of others. It is gone when the engine is
    /// closed.
    ///
    /// # Errors
    /// Another function has the name, in whatever case.
    pub fn register_function(&self, definition: FunctionDefinition) -> Result<(), QueryError> {
        self.shared.functions.register(definition)
    }

    /// Lets `create function` make functions of this one's id, under any name: those are kept over restarts, after which the program
    /// offers it again. It goes before modules that declare the id.
    pub fn offer_function(&self, factory: Arc<dyn UdfFactory>) {
        self.shared.functions.offer(factory);
    }

    /// Takes a function away that was added; queries that run keep it. Returns when it is durable that one of
    /// `create function` is gone. Blocks meanwhile.
    ///
    /// # Errors
    /// There is no such function, it is built in, or this cannot be stored.
    pub fn drop_function(&self, name: &str) -> Result<(), SessionError> {
        self.shared.functions.remove(name)
    }

    /// Sets whether writes from now on make the databases and series they need.
    pub fn set_auto_create_schema(&self, creates: bool) {
        self.shared.auto_create_schema.store(creates, Ordering::Release);
    }

    /// Says what serves it: statements that are about a server are answered by that. A second call does nothing.
    pub fn set_host(&self, host: Arc<dyn Host>) {
        self.shared.host.get_or_init(|| host);
    }

    /// All that is done to the engine, in order, from somewhere on: see [`levada_storage::Storage::changes`].
    ///
    /// # Errors
    /// See there.
    pub async fn changes(&self, reader: Option<&str>, from: ChangesFrom) -> Result<ChangeFeed, EngineError> {
        ChangeFeed::begin(&self.shared.storage, reader, (from, None)).await
    }

    /// Who follows it, and how far they are, for metrics.
    pub fn change_readers(&self) -> Vec<ReaderInfo> {
        self.shared.storage.readers()
    }

    /// Keeps nothing any more for a reader by its name; says whether there is one.
    ///
    /// # Errors
    /// The manifest cannot be written.
    pub async fn forget_change_reader(&self, name: &str) -> Result<bool, EngineError> {
        let (storage, name) = (self.shared.storage.clone(), name.to_owned());
        let forgotten = spawn_blocking(move || storage.forget_reader(&name));
        Ok(forgotten.await.map_err(EngineError::Interrupted)??)
    }

    /// Runs pipes from now on, first those that were started: see [`PipeRunner`]. Must be called within a tokio runtime; a second call
    /// does nothing.
    ///
    /// # Errors
    /// None that is known.
    pub async fn run_pipes(&self, runner: Arc<dyn PipeRunner>) -> Result<(), SessionError> {
        self.shared.pipes.run(runner).await
    }

    /// The pipes that send from here, for metrics.
    pub fn pipes(&self) -> Vec<PipeInfo> {
        self.shared.pipes.infos()
    }

    /// Runs continuous queries from now on, when the clock says that they are due, until the engine is closed or nobody holds it any
    /// more. Must be called within a tokio runtime; a second call does nothing. What was due while nothing ran them comes first, where
    /// their policy says so.
    pub fn run_continuous_queries(&self) {
        let runner: Arc<dyn Runner> = Arc::clone(&self.shared) as _;
        self.shared.continuous.start(Arc::downgrade(&runner));
    }

    /// Runs the continuous queries that are due, and returns when none is any more. Those that fail are logged and counted. What is
    /// written is durable then. Dropped, it leaves open how much of the run under way is written, which comes again.
    pub async fn run_due_continuous_queries(&self) {
        let runner: Arc<dyn Runner> = Arc::clone(&self.shared) as _;
        self.shared.continuous.run_due(&runner).await;
    }

    /// How continuous queries do, by name, for metrics.
    pub fn continuous_queries(&self) -> Vec<ContinuousQueryInfo> {
        self.shared.continuous.infos(self.shared.now())
    }

    /// What this engine is known by to those that its pipes send to; no other engine has the same.
    pub fn name(&self) -> String {
        self.shared.pipes.engine()
    }

    /// Lists a pipe of another engine that sends a database here, until what is returned is dropped. `came_by` are the engines
    /// that its rows come by, the nearest first. That they have sent rows of a database is kept for good, before the first of these are stored.
    ///
    /// # Errors
    /// One of the names is too long: rows of the pipe may not be taken.
    pub async fn receive(
        &self,
        sender: Sender,
        database: String,
        came_by: Vec<String>,
    ) -> Result<Received, SessionError> {
        self.shared.pipes.receive(sender, database, came_by).await
    }

    /// A folder of its data folder for files that others send, until they are loaded. What is in it is of no use after a restart.
    pub fn received_files(&self) -> &Path {
        &self.shared.received_files
    }

    /// How much it holds, for metrics.
    pub fn stats(&self) -> Stats {
        self.shared.storage.stats()
    }

    /// What was wrong with the folder when it was opened, and was put right.
    pub fn findings(&self) -> &[Finding] {
        self.shared.storage.recovery()
    }

    /// Ends the engine: what was written becomes durable and the folder is released; requests after it fail. Queries that
    /// run already end in their own time. A second call does nothing.
    ///
    /// # Errors
    /// What was written since the last sync may not be durable.
    pub async fn close(&self) -> Result<(), EngineError> {
        self.shared.repair.stop();
        self.shared.pipes.close().await;
        let continuous = self.shared.continuous.close().await;
        let storage = self.shared.storage.clone();
        spawn_blocking(move || storage.close()).await.map_err(EngineError::Interrupted)??;
        continuous.map_err(EngineError::Interrupted)
    }
}

/// A zone by its name, or by its offset.
pub(crate) fn zone_of(name: &str) -> Result<TimeZone, EngineError> {
    levada_model::parse_zone(name).map_err(|_| EngineError::Zone(name.to_owned()))
}

impl Shared {
    /// Milliseconds since 1970 UTC.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now()
    }

    pub(crate) fn parse_context(&self, zone: &TimeZone) -> ParseContext {
        ParseContext { zone: zone.clone(), now: self.now() }
    }

    pub(crate) fn query_context(&self, zone: &TimeZone) -> QueryContext {
        QueryContext {
            zone: zone.clone(),
            memory: self.query_memory,
            functions: self.functions.current(),
            ..QueryContext::new(self.now())
        }
    }

    /// That the folder may be written to.
    ///
    /// # Errors
    /// It is open to read alone.
    pub(crate) fn may_store(&self) -> Result<(), SessionError> {
        self.storage.read_only().map_or(Ok(()), |error| Err(error.into()))
    }

    pub(crate) fn creates_schema(&self) -> bool {
        self.auto_create_schema.load(Ordering::Acquire)
    }
}
