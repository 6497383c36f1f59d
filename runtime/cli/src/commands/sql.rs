//! `levada sql`: a shell on a data folder or a node.
//!
//! A folder that is missing is made by the first statement that is no query: a mistyped name is told, and not made.

use std::{fs, path::PathBuf, process::ExitCode, sync::Arc};

use async_trait::async_trait;
use levada_engine::{Access, EmbeddedSession, Engine, EngineOptions, is_query};
use levada_model::{
    Checkpoint, Device, Outcome, Path as DevicePath, PathPattern, Rows, Series, SeriesSchema, Session,
    SessionCapabilities, SessionError, SessionOptions, StatusCode, Write, WriteReport,
};
use tokio::sync::OnceCell;

use super::export::ParquetFile;
use crate::{
    exit::Failure,
    functions,
    node::{self, NodeArgs, is_missing, no_folder},
    output::{Format, Zone},
    shell::{Sessions, Shell, statements},
};

/// The form of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum SqlFormat {
    /// Boxes, as IoTDB's own tools draw them.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON array of objects.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// A file of Apache Parquet.
    Parquet,
}

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
    /// Run the statements of this file, and end; `-` is the standard input
    #[arg(short = 'f', long = "file", value_name = "FILE", conflicts_with = "execute")]
    file: Option<PathBuf>,
    /// How rows are printed; `parquet` writes those of one query to --output, or to the standard output where that is no terminal
    #[arg(long, value_enum, default_value = "table")]
    format: SqlFormat,
    /// The file of --format parquet
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace a file that exists, once all rows are written
    #[arg(long, requires = "output")]
    force: bool,
    /// The time zone times are read and printed in (`UTC`, `Europe/Lisbon`, `+08:00`); the machine's if not given
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
}

pub(super) fn sql(args: &SqlArgs) -> anyhow::Result<ExitCode> {
    let zone = Zone::parse(args.zone.as_deref()).map_err(Failure::invalid)?;
    let asked = args.asked()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let data = match node::Store::named(args.data.as_deref(), &args.node)? {
        node::Store::Node(address, args_of_node) => {
            let node = Node { address, args: args_of_node };
            return runtime.block_on(converse(&node, asked, zone, address));
        }
        node::Store::Folder(data) => data,
    };
    let mut options = EngineOptions::new(data);
    options.udf_loader = Some(functions::loader());
    options.storage.access = if args.read_only { Access::Read } else { Access::WriteOrRead };
    let folder = Folder(Arc::new(Lazy { options, engine: OnceCell::new() }));
    let missing = is_missing(data);
    if missing && args.read_only {
        return Err(Failure::invalid(no_folder(data)).into());
    }
    let outcome = runtime.block_on(async {
        if !missing {
            folder.0.engine().await?;
        }
        let name = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
        converse(&folder, asked, zone, &name.display().to_string()).await
    });
    if let Some(engine) = folder.0.engine.get() {
        runtime.block_on(engine.close())?;
    }
    outcome
}

/// What is asked, and where the rows go.
enum Asked {
    /// Statements, or those that are typed where there are none, whose rows are printed.
    Printed(Format, Option<String>),
    /// A query, whose rows are a file.
    Parquet(String, ParquetFile),
}

impl SqlArgs {
    /// What is asked, and where the rows go.
    fn asked(&self) -> anyhow::Result<Asked> {
        let format = match self.format {
            SqlFormat::Table => Format::Table,
            SqlFormat::Csv => Format::Csv,
            SqlFormat::Json => Format::Json,
            SqlFormat::Jsonl => Format::Jsonl,
            SqlFormat::Parquet => {
                // What is not there is said before anything is read.
                let file = ParquetFile::choose(self.output.as_deref(), self.force)?;
                let statements = self.text()?.map(|text| statements(&text)).unwrap_or_default();
                return match <[String; 1]>::try_from(statements) {
                    Ok([query]) => Ok(Asked::Parquet(query, file)),
                    Err(others) => {
                        let message = format!(
                            "--format parquet has the rows of one query, and there are {}: give it with -e or -f",
                            others.len()
                        );
                        Err(Failure::invalid(message).into())
                    }
                };
            }
        };
        if self.output.is_some() {
            let message = "--output is for --format parquet: other formats go to the standard output";
            return Err(Failure::invalid(message).into());
        }
        Ok(Asked::Printed(format, self.text()?))
    }

    /// The statements that were given; `None` where they are read one after the other.
    fn text(&self) -> anyhow::Result<Option<String>> {
        let mut text = match &self.file {
            None => return Ok(self.execute.clone()),
            Some(file) if file.as_os_str() == "-" => std::io::read_to_string(std::io::stdin())?,
            Some(file) => fs::read_to_string(file)
                .map_err(|error| Failure::invalid(format!("cannot read {}: {error}", file.display())))?,
        };
        // Editors begin files with a byte order mark.
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        Ok(Some(text))
    }
}

/// Writes the file that is asked for, or runs statements: those that are given, or those that are typed.
async fn converse(
    sessions: &dyn Sessions,
    asked: Asked,
    zone: Zone,
    store: &str,
) -> anyhow::Result<ExitCode> {
    let (format, text) = match asked {
        Asked::Printed(format, text) => (format, text),
        Asked::Parquet(query, file) => {
            let session = sessions.open(&zone, None).await?;
            let written = file.write(&*session, &query).await;
            session.close().await?;
            return written.map(|()| ExitCode::SUCCESS);
        }
    };
    let mut shell = Shell::new(sessions, format, zone).await?;
    let outcome = match text {
        Some(text) => shell.execute(&text).await,
        None => shell.run(store).await,
    };
    shell.session().close().await?;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// A node.
struct Node<'a> {
    address: &'a str,
    args: &'a NodeArgs,
}

#[async_trait]
impl Sessions for Node<'_> {
    async fn open(&self, zone: &Zone, fetch_size: Option<usize>) -> anyhow::Result<Arc<dyn Session>> {
        // Statements are run one after the other, and what one sets holds for the next.
        self.args.open_fetching(self.address, 1, Some(zone.name()), fetch_size).await
    }
}

/// The engine of a folder, opened when something is asked of it.
#[derive(Debug)]
struct Lazy {
    options: EngineOptions,
    engine: OnceCell<Engine>,
}

impl Lazy {
    async fn engine(&self) -> anyhow::Result<&Engine> {
        self.engine.get_or_try_init(async || Ok(Engine::open(self.options.clone())?)).await
    }
}

/// A data folder.
#[derive(Debug)]
struct Folder(Arc<Lazy>);

#[async_trait]
impl Sessions for Folder {
    async fn open(&self, zone: &Zone, fetch_size: Option<usize>) -> anyhow::Result<Arc<dyn Session>> {
        let store =
            Store { folder: Arc::clone(&self.0), zone: zone.name(), fetch_size, session: OnceCell::new() };
        Ok(Arc::new(store))
    }

    async fn apart(&self, zone: &Zone, sql: &str) -> anyhow::Result<Result<Option<Vec<Rows>>, SessionError>> {
        // A folder that is not there is not made for a query.
        let Some(engine) = self.0.engine.get() else { return Ok(Ok(None)) };
        Ok(engine.session(Some(&zone.name()))?.query_apart(sql, None).await)
    }
}

/// A session with a data folder, opened when something is asked of it.
#[derive(Debug)]
struct Store {
    folder: Arc<Lazy>,
    zone: String,
    fetch_size: Option<usize>,
    session: OnceCell<EmbeddedSession>,
}

impl Store {
    async fn open(&self) -> anyhow::Result<&EmbeddedSession> {
        let open = async || {
            let (zone, fetch_size) = (Some(self.zone.clone()), self.fetch_size);
            let options = SessionOptions { zone, fetch_size, ..SessionOptions::default() };
            Ok(self.folder.engine().await?.open_session(options).await?)
        };
        self.session.get_or_try_init(open).await
    }

    /// The session; a folder that is missing is made where `writes`.
    async fn session(&self, writes: bool) -> Result<&EmbeddedSession, SessionError> {
        if self.folder.engine.get().is_none() && !writes {
            return Err(SessionError::new(
                StatusCode::SEMANTIC_ERROR,
                no_folder(&self.folder.options.storage.dir),
            ));
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
        let writes = self.folder.engine.get().is_some() || !is_query(sql)?;
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

    async fn find_views(&self, pattern: &PathPattern) -> Result<Vec<Series>, SessionError> {
        self.session(false).await?.find_views(pattern).await
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
        match self.session.get() {
            Some(session) => session.close().await,
            None => Ok(()),
        }
    }
}
