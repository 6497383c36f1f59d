//! What the figures in `bench/README.md` are measured with: known readings into a topic, a bare consumer to compare with,
//! tablets straight into the engine, and queries of what is stored.

mod fill;
mod ingest;
mod message;
mod poll;
mod queries;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand, ValueEnum};

pub(crate) use message::Readings;

use crate::node::NodeArgs;

/// Options of `bench`.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Fill a topic with readings whose counts and sums are known
    Fill(FillArgs),
    /// Send files, each as one message
    Send(SendArgs),
    /// Read a topic from beginning to end with a bare consumer that only polls: the yardstick of a pipeline
    Poll(PollArgs),
    /// Write tablets straight into an embedded engine
    Ingest(IngestArgs),
    /// Ask queries of 10,000,000 readings, which are written first where they are missing
    Queries(QueriesArgs),
}

/// Options of `bench fill`.
#[derive(Clone, Debug, Args)]
pub(crate) struct FillArgs {
    /// The brokers
    #[arg(long, default_value = "127.0.0.1:29192")]
    pub(crate) brokers: String,
    /// The topic; made if it does not exist
    #[arg(long, default_value = "bench")]
    pub(crate) topic: String,
    /// Partitions of a topic that is made
    #[arg(long, default_value_t = 4)]
    pub(crate) partitions: i32,
    /// Messages to send
    #[arg(long, default_value_t = 2_000_000)]
    pub(crate) messages: u64,
    /// Devices they come from, in turn
    #[arg(long, default_value_t = 100)]
    pub(crate) devices: u64,
    /// Make every Nth message malformed
    #[arg(long, value_name = "N")]
    pub(crate) malformed_every: Option<u64>,
    /// Send no more than this many a second
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<u64>,
    /// Write what the store must hold afterwards, device by device, as CSV: Device,count,sum(temperature),sum(sequence)
    #[arg(long, value_name = "FILE")]
    pub(crate) expect: Option<PathBuf>,
}

/// Options of `bench send`.
#[derive(Clone, Debug, Args)]
pub(crate) struct SendArgs {
    /// The brokers
    #[arg(long, default_value = "127.0.0.1:29192")]
    pub(crate) brokers: String,
    /// The topic; made if it does not exist
    #[arg(long, default_value = "bench")]
    pub(crate) topic: String,
    /// The files
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
}

/// Options of `bench poll`.
#[derive(Clone, Debug, Args)]
pub(crate) struct PollArgs {
    /// The brokers
    #[arg(long, default_value = "127.0.0.1:29192")]
    pub(crate) brokers: String,
    /// The topic
    #[arg(long, default_value = "bench")]
    pub(crate) topic: String,
}

/// A count of something there must be.
fn at_least_one() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..)
}

/// Options of `bench ingest`.
#[derive(Clone, Debug, Args)]
pub(crate) struct IngestArgs {
    /// The data folder; it must not exist
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Points to write
    #[arg(long, default_value_t = 200_000_000, value_parser = at_least_one())]
    pub(crate) points: u64,
    /// Devices, written in turn
    #[arg(long, default_value_t = 100, value_parser = at_least_one())]
    pub(crate) devices: u64,
    /// Measurements of a device
    #[arg(long, default_value_t = 10, value_parser = at_least_one())]
    pub(crate) measurements: u64,
    /// Rows of a tablet
    #[arg(long, default_value_t = 1_000, value_parser = at_least_one())]
    pub(crate) rows: u64,
    /// Threads that write
    #[arg(long, default_value_t = 2, value_parser = at_least_one())]
    pub(crate) threads: u64,
    /// What an acknowledgement promises
    #[arg(long, value_enum, default_value = "group")]
    pub(crate) wal: Wal,
    /// Write this share of rows twelve hours late, in percent
    #[arg(long, default_value_t = 0)]
    pub(crate) late: u64,
    /// What the readings are
    #[arg(long = "type", value_enum, default_value = "double")]
    pub(crate) kind: Kind,
    /// Wait until files are compacted as far as it pays, and say what that took
    #[arg(long)]
    pub(crate) settle: bool,
}

/// Options of `bench queries`.
#[derive(Clone, Debug, Args)]
pub(crate) struct QueriesArgs {
    /// A data folder of an embedded engine, or else `--node`; one that is missing is made, and filled
    #[arg(long, value_name = "DIR", required_unless_present = "node")]
    pub(crate) data: Option<PathBuf>,
    /// The node.
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// The node has the readings already
    #[arg(long, requires = "node")]
    pub(crate) filled: bool,
    /// A path of the node stands for all that begin with it, as before 0.13
    #[arg(long, requires = "node")]
    pub(crate) prefixes: bool,
    /// How often most queries are asked; short ones more often, the longest less
    #[arg(long, default_value_t = 20)]
    pub(crate) runs: usize,
}

/// What the readings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// DOUBLE: a slow wave with noise, two decimals.
    Double,
    /// INT64: a random walk, up to 99 up or down a row.
    Int64,
}

/// What an acknowledgement promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wal {
    /// Every write is synced on its own.
    Always,
    /// Writes are synced together.
    Group,
    /// There is no log.
    Off,
}

/// Runs a measurement.
///
/// # Errors
/// The broker or the folder is not as needed.
pub(crate) fn run(args: BenchArgs) -> anyhow::Result<ExitCode> {
    match args.what {
        What::Fill(args) => fill::fill(&args)?.print(),
        What::Send(args) => fill::send_files(&args)?,
        What::Poll(args) => poll::poll(&args)?,
        What::Ingest(args) => ingest::ingest(&args)?,
        What::Queries(args) => queries::queries(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}
