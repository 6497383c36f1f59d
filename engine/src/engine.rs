//! The engine's handle.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};

use jiff::tz::TimeZone;
use levada_query::{FunctionDefinition, FunctionRegistry, QueryContext, QueryError};
use levada_sql::ParseContext;
use levada_storage::{Clock, Finding, Stats, Storage};
use tokio::task::spawn_blocking;
use tracing::warn;

use crate::{EmbeddedSession, EngineError, EngineOptions};

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
    /// What queries may call. Replaced as a whole, so that a query keeps the functions it was planned with.
    functions: RwLock<Arc<FunctionRegistry>>,
    /// `set system to readonly`
    pub(crate) read_only: AtomicBool,
    /// `set configuration 'enable_auto_create_schema'`
    pub(crate) auto_create_schema: AtomicBool,
}

impl Engine {
    /// Opens a data folder, or makes one, and recovers what its log holds. Blocks meanwhile.
    ///
    /// # Errors
    /// Another process owns the folder, it cannot be read, or it is damaged beyond recovery.
    pub fn open(options: EngineOptions) -> Result<Self, EngineError> {
        let clock = Arc::clone(&options.storage.clock);
        let storage = Storage::open(options.storage)?;
        for finding in storage.recovery() {
            warn!(path = %finding.path.display(), offset = finding.offset, finding = finding.what, "recovered with damage");
        }
        let shared = Shared {
            read_only: AtomicBool::new(false),
            storage,
            clock,
            query_memory: options.query_memory,
            functions: RwLock::new(FunctionRegistry::builtin()),
            auto_create_schema: AtomicBool::new(options.auto_create_schema),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A conversation with it. Literals of time without an offset, and calendar months, are read in `zone`: a name of the
    /// time zone database or an offset (`+08:00`), UTC where there is none.
    ///
    /// # Errors
    /// There is no such zone.
    pub fn session(&self, zone: Option<&str>) -> Result<EmbeddedSession, EngineError> {
        let zone = zone.map_or(Ok(TimeZone::UTC), zone_of)?;
        Ok(EmbeddedSession::new(Arc::clone(&self.shared), zone))
    }

    /// The functions that queries may call now.
    pub fn functions(&self) -> Arc<FunctionRegistry> {
        self.shared.functions()
    }

    /// Adds a function for queries that begin from now on, of this session and of others. It is gone when the engine is
    /// closed.
    ///
    /// # Errors
    /// Another function has the name, in whatever case.
    pub fn register_function(&self, definition: FunctionDefinition) -> Result<(), QueryError> {
        let mut functions = self.shared.functions.write().unwrap_or_else(PoisonError::into_inner);
        *functions = Arc::new(functions.with(definition)?);
        Ok(())
    }

    /// Takes a function away that was added; queries that run keep it. Says whether there was one of the name.
    pub fn drop_function(&self, name: &str) -> bool {
        let mut functions = self.shared.functions.write().unwrap_or_else(PoisonError::into_inner);
        let fewer = functions.without(name);
        let found = fewer.is_some();
        if let Some(fewer) = fewer {
            *functions = Arc::new(fewer);
        }
        found
    }

    /// Sets whether writes from now on make the databases and series they need.
    pub fn set_auto_create_schema(&self, creates: bool) {
        self.shared.auto_create_schema.store(creates, Ordering::Release);
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
        let storage = self.shared.storage.clone();
        spawn_blocking(move || storage.close()).await.map_err(EngineError::Interrupted)??;
        Ok(())
    }
}

/// A zone by its name, or by its offset.
fn zone_of(name: &str) -> Result<TimeZone, EngineError> {
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
            functions: self.functions(),
            ..QueryContext::new(self.now())
        }
    }

    fn functions(&self) -> Arc<FunctionRegistry> {
        Arc::clone(&self.functions.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Acquire)
    }

    pub(crate) fn creates_schema(&self) -> bool {
        self.auto_create_schema.load(Ordering::Acquire)
    }
}
