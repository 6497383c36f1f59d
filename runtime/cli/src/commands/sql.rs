//! `levada sql`: a shell on a data folder or a node.
//!
//! A folder that is missing is made by the first statement that is no query: a mistyped name is told, and not made.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use async_trait::async_trait;
use levada_engine::{Access, EmbeddedSession, Engine, EngineOptions, is_query};
use levada_model::{
    Checkpoint, Device, Outcome, Path as DevicePath, PathPattern, Rows, Series, SeriesSchema, Session,
    SessionCapabilities, SessionError, StatusCode, Write, WriteReport,
};
use tokio::sync::OnceCell;

use crate::{
    exit::Failure,
    functions,
    node::{self, NodeArgs, is_missing, no_folder},
    output::{Format, Zone},
    shell::Shell,
};

/// Options of `sql`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SqlArgs {
    /// The data folder of an embedded engine, or else `--node`; one that is missing is made by the first statement that is no
    /// query. Where it cannot be written to, as the disk is full, it is open to read
    #[arg(long, value_name = "DIR", required_unless_present = "node")]
    data: Option<PathBuf>,
    /// Write nothing, not even the lock file: several may read a folder at once
    #[arg(long, conflicts_with = "node")]
    read_only: bool,
    /// The node.
    #[command(flatten)]
    node: NodeArgs,
    /// Run these statements, separated by semicolons, and end
    #[arg(short = 'e', long = "execute", value_name = "SQL", allow_hyphen_values = true)]
    execute: Option<String>,
    /// How rows are printed
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// The time zone times are read and printed in (`UTC`, `Europe/Lisbon`, `+08:00`); the machine's if not given
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
}

pub(super) fn sql(args: &SqlArgs) -> anyhow::Result<ExitCode> {
    let zone = Zone::parse(args.zone.as_deref()).map_err(Failure::invalid)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let data = match node::Store::named(args.data.as_deref(), &args.node)? {
        node::Store::Node(node, _) => return runtime.block_on(at_node(args, node, zone)),
        node::Store::Folder(data) => data,
    };
    let mut options = EngineOptions::new(data);
    options.udf_loader = Some(functions::loader());
    options.storage.access = if args.read_only { Access::Read } else { Access::WriteOrRead };
    let store = Store { options, zone: zone.name(), opened: OnceCell::new() };
    let missing = is_missing(data);
    if missing && args.read_only {
        return Err(Failure::invalid(no_folder(data)).into());
    }
    let outcome = runtime.block_on(async {
        if !missing {
            store.open().await?;
        }
        let shell = Shell::new(&store, args.format, zone);
        match &args.execute {
            Some(text) => shell.execute(text).await,
            None => shell.run().await,
        }
    });
    if let Some((engine, _)) = store.opened.get() {
        runtime.block_on(engine.close())?;
    }
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn at_node(args: &SqlArgs, node: &str, zone: Zone) -> anyhow::Result<ExitCode> {
    // Statements are run one after the other, and what one sets holds for the next.
    let session = args.node.open(node, 1, Some(zone.name())).await?;
    let shell = Shell::new(&*session, args.format, zone);
    let outcome = match &args.execute {
        Some(text) => shell.execute(text).await,
        None => shell.run().await,
    };
    session.close().await?;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// The store of a folder, opened when something is asked of it.
#[derive(Debug)]
struct Store {
    options: EngineOptions,
    zone: String,
    opened: OnceCell<(Engine, EmbeddedSession)>,
}

impl Store {
    async fn open(&self) -> anyhow::Result<&EmbeddedSession> {
        let open = async || {
            let engine = Engine::open(self.options.clone())?;
            let session = engine.session(Some(&self.zone))?;
            Ok::<_, anyhow::Error>((engine, session))
        };
        self.opened.get_or_try_init(open).await.map(|(_, session)| session)
    }

    /// The session; a folder that is missing is made where `writes`.
    async fn session(&self, writes: bool) -> Result<&EmbeddedSession, SessionError> {
        if self.opened.get().is_none() && !writes {
            return Err(SessionError::new(StatusCode::SEMANTIC_ERROR, no_folder(&self.options.storage.dir)));
        }
        self.open().await.map_err(|error| SessionError::new(StatusCode::NOT_READY, format!("{error:#}")))
    }
}

#[async_trait]
impl Session for Store {
    fn capabilities(&self) -> SessionCapabilities {
        SessionCapabilities { checkpoints: true }
    }

    async fn insert_tablets(&self, write: Write) -> Result<WriteReport, SessionError> {
        self.session(true).await?.insert_tablets(write).await
    }

    async fn execute(&self, sql: &str) -> Result<Outcome, SessionError> {
        let writes = self.opened.get().is_some() || !is_query(sql)?;
        self.session(writes).await?.execute(sql).await
    }

    async fn query(&self, sql: &str) -> Result<Rows, SessionError> {
        self.session(false).await?.query(sql).await
    }

    async fn create_database(&self, database: &DevicePath) -> Result<(), SessionError> {
        self.session(true).await?.create_database(database).await
    }

    async fn create_series(&self, series: &[Series]) -> Result<Vec<(usize, SessionError)>, SessionError> {
        self.session(true).await?.create_series(series).await
    }

    async fn find_series(&self, pattern: &PathPattern) -> Result<Vec<Series>, SessionError> {
        self.session(false).await?.find_series(pattern).await
    }

    async fn find_devices(&self, pattern: &PathPattern) -> Result<Vec<Device>, SessionError> {
        self.session(false).await?.find_devices(pattern).await
    }

    async fn rows_of(
        &self,
        device: &DevicePath,
        series: &[(Arc<str>, SeriesSchema)],
    ) -> Result<Rows, SessionError> {
        self.session(false).await?.rows_of(device, series).await
    }

    async fn checkpoint(&self, owner: &str) -> Result<Checkpoint, SessionError> {
        self.session(false).await?.checkpoint(owner).await
    }

    async fn close(&self) -> Result<(), SessionError> {
        match self.opened.get() {
            Some((_, session)) => session.close().await,
            None => Ok(()),
        }
    }
}
