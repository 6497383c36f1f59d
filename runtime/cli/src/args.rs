//! What can be typed after `levada`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args as ArgGroup, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use levada_connector_api::{ByteSize, Interval, SyncMode};

use crate::{
    bench::BenchArgs,
    commands::{ExportArgs, FsckArgs, ImportArgs, OffsetsArgs, UdfCommand},
    logging::LogArgs,
    node::NodeArgs,
    output::Format,
};

/// What scripts can rely on; see [`crate::exit`].
const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed while running, found damage, or refused lines of a file; 2 the command line is wrong; 3 a \
pipeline file, a statement or an option is wrong and nothing was started; 4 stopped before everything was settled; 5 \
records were read and nothing of them arrived: all were dead-lettered, dropped or without values; 6 sources gave splits up; 130 \
interrupted: run twice, import and export before all was done";

/// Stream processing for time series: pipelines, an embedded IoTDB-compatible engine, one binary
#[derive(Debug, Parser)]
#[command(name = "levada", version, propagate_version = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// What is logged.
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run pipelines until they end or are stopped
    Run(RunArgs),
    /// Serve a data folder to clients of IoTDB
    Serve(ServeArgs),
    /// Check pipeline files without running them
    Lint(LintArgs),
    /// Run the tests that pipeline files hold, without touching the world
    Test(TestArgs),
    /// Print a pipeline file to start from
    Create(CreateArgs),
    /// List the connectors there are
    List(ListArgs),
    /// Print the page of a topic or a connector, or the list of them
    Docs(DocsArgs),
    /// Print a pipeline file as it is understood, secrets masked
    Echo(EchoArgs),
    /// Draw the graph of a pipeline file
    Graph(GraphArgs),
    /// A SQL shell on a data folder or a running IoTDB
    Sql(SqlArgs),
    /// Store TsFiles, Parquet, CSV and JSON lines in a data folder
    Import(ImportArgs),
    /// Write rows of a data folder to files
    Export(ExportArgs),
    /// Check a data folder or a TsFile, and repair it
    Fsck(FsckArgs),
    /// Show how far the sources of a pipeline are, and set where the next run begins
    Offsets(OffsetsArgs),
    /// The main job on simulated sensors: sensors, a mock Kafka, a pipeline, the embedded engine, a query
    Quickstart(QuickstartArgs),
    /// Functions of your own: make, build, list, test and measure modules
    #[command(subcommand)]
    Udf(UdfCommand),
    /// Measure this machine
    Bench(BenchArgs),
    /// Print a completion script for a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
}

/// Options of `run`.
#[derive(Clone, Debug, ArgGroup)]
pub(crate) struct RunArgs {
    /// Pipeline files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// How long a stop waits for what is under way (`30s`); as the file says if not given
    #[arg(long, value_name = "TIME")]
    pub(crate) grace: Option<Interval>,
    /// Serve /metrics, /ping and /ready on this address
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<SocketAddr>,
    /// Folder for what a pipeline remembers from one run to the next
    #[arg(long, value_name = "DIR", default_value = ".levada")]
    pub(crate) state: PathBuf,
    /// Show no progress
    #[arg(long)]
    pub(crate) quiet: bool,
}

/// Options of `serve`. What is not given is as `--config` says, or else the default.
#[derive(Clone, Debug, ArgGroup)]
pub(crate) struct ServeArgs {
    /// Settings: a YAML file, as config/levada.yaml, or `iotdb-*.properties` of an IoTDB; of several, a later one comes before an
    /// earlier one, and options before all
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Vec<PathBuf>,
    /// The data folder; it is made where there is none
    #[arg(long, value_name = "DIR", required_unless_present = "config")]
    pub(crate) data: Option<PathBuf>,
    /// Serve clients of IoTDB on this address; 127.0.0.1:6667 if not given
    #[arg(long, value_name = "ADDR")]
    pub(crate) rpc: Option<SocketAddr>,
    /// Serve IoTDB's REST interface on this address
    #[arg(long, value_name = "ADDR")]
    pub(crate) rest: Option<SocketAddr>,
    /// Serve /metrics, /ping and /ready on this address
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<SocketAddr>,
    /// Encrypt all connections of --rpc and --rest with this certificate (PEM, with those between it and an authority); read anew when
    /// it changes
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert (PEM, not encrypted)
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Run the pipelines of this folder too, all files `*.yaml` and `*.yml` of it but hidden ones, also those that come, change or go
    /// later; those that store into the data folder share its engine
    #[arg(long, value_name = "DIR")]
    pub(crate) pipelines: Option<PathBuf>,
    /// Folder for what a pipeline remembers from one run to the next; .levada if not given
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// The password of the user `root`, where none has been set in this folder yet; it is `root` without, or where this is
    /// empty. From the environment, others on this machine do not see it
    #[arg(long, value_name = "TEXT", env = "LEVADA_ROOT_PASSWORD", hide_env_values = true)]
    pub(crate) root_password: Option<String>,
    /// How many clients may be connected at once; 10000 if not given
    #[arg(long, value_name = "COUNT")]
    pub(crate) connections: Option<usize>,
    /// The longest request that is read; 128MiB if not given
    #[arg(long, value_name = "SIZE")]
    pub(crate) frame: Option<ByteSize>,
    /// How much all requests that are under way may have together; 512MiB if not given
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory: Option<ByteSize>,
    /// How long a query may compute, where its client does not say; 60s if not given
    #[arg(long, value_name = "TIME")]
    pub(crate) query_timeout: Option<Interval>,
    /// When a write is acknowledged: `always` and `group` (if not given) when it is on disk, `interval` when it is with the operating
    /// system, which loses up to a second of writes where the power fails
    #[arg(long, value_enum)]
    pub(crate) sync: Option<SyncArg>,
    /// How long a stop waits for what is under way; 10s if not given
    #[arg(long, value_name = "TIME")]
    pub(crate) grace: Option<Interval>,
}

/// When a write is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SyncArg {
    /// On disk, each by itself.
    Always,
    /// On disk, with others.
    Group,
    /// Written, and on disk within a second.
    Interval,
}

impl From<SyncArg> for SyncMode {
    fn from(given: SyncArg) -> Self {
        match given {
            SyncArg::Always => Self::Always,
            SyncArg::Group => Self::Group,
            SyncArg::Interval => Self::Interval,
        }
    }
}

/// Options of `echo`.
#[derive(Debug, ArgGroup)]
pub(crate) struct EchoArgs {
    /// Pipeline files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// Options of `graph`.
#[derive(Debug, ArgGroup)]
pub(crate) struct GraphArgs {
    /// A pipeline file
    pub(crate) file: PathBuf,
    /// What to draw it as
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: GraphFormat,
}

/// What a graph is drawn as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GraphFormat {
    /// A table for people.
    Text,
    /// For Graphviz.
    Dot,
    /// For Mermaid, in Markdown.
    Mermaid,
}

/// Options of `lint`.
#[derive(Debug, ArgGroup)]
pub(crate) struct LintArgs {
    /// Pipeline files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: TextFormat,
}

/// Options of `test`.
#[derive(Debug, ArgGroup)]
pub(crate) struct TestArgs {
    /// Pipeline files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Only tests whose names hold this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
    /// How the outcome is printed
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: TextFormat,
}

/// For people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Options of `create`.
#[derive(Debug, ArgGroup)]
pub(crate) struct CreateArgs {
    /// `SOURCE/SINK` or `SOURCE/TRANSFORM,…/SINK`, as in `kafka/iotdb`
    pub(crate) shape: String,
}

/// Options of `list`.
#[derive(Debug, ArgGroup)]
pub(crate) struct ListArgs {
    /// Only this kind
    #[arg(value_enum)]
    pub(crate) kind: Option<KindArg>,
    /// How the list is printed
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: ListFormat,
}

/// A kind of connector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    /// Where readings come from.
    Sources,
    /// What makes rows of bytes.
    Decoders,
    /// What changes readings.
    Transforms,
    /// Where readings go.
    Sinks,
    /// What makes bytes of rows.
    Encoders,
}

/// How `list` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    /// For people.
    Text,
    /// Names and summaries, for programs.
    Json,
    /// The JSON Schema of a pipeline file, for editors.
    Jsonschema,
}

/// Options of `docs`.
#[derive(Debug, ArgGroup)]
pub(crate) struct DocsArgs {
    /// A topic (`variables`, `records`, …), `functions`, or a connector: `kafka`, or `sink/file` where a source and a sink share a name.
    /// All there are are listed if not given
    #[arg(value_name = "NAME")]
    pub(crate) page: Option<String>,
}

/// Options of `sql`.
#[derive(Clone, Debug, ArgGroup)]
pub(crate) struct SqlArgs {
    /// The data folder of an embedded engine, or else `--node`; one that is missing is made by the first statement that is no
    /// query. Where it cannot be written to, as the disk is full, it is open to read
    #[arg(long, value_name = "DIR", required_unless_present = "node")]
    pub(crate) data: Option<PathBuf>,
    /// Write nothing, not even the lock file: several may read a folder at once
    #[arg(long, conflicts_with = "node")]
    pub(crate) read_only: bool,
    /// The node.
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// Run these statements, separated by semicolons, and end
    #[arg(short = 'e', long = "execute", value_name = "SQL", allow_hyphen_values = true)]
    pub(crate) execute: Option<String>,
    /// How rows are printed
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
    /// The time zone times are read and printed in (`UTC`, `Europe/Lisbon`, `+08:00`); the machine's if not given
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
}

/// Options of `quickstart`.
#[derive(Clone, Debug, ArgGroup)]
pub(crate) struct QuickstartArgs {
    /// Readings to send
    #[arg(long, default_value_t = 1_000_000)]
    pub(crate) messages: u64,
    /// The data folder; it may exist already
    #[arg(long, value_name = "DIR", default_value = "levada-quickstart")]
    pub(crate) data: PathBuf,
}
