//! `levada export`: rows of a data folder, or of a node, as files.
//!
//! ```text
//!   --path 'root.**'  series of the catalog, device by device ─┐
//!                                                              ├─► rows, a batch at a time ─► file.part ─► file
//!   --query SQL       one statement ───────────────────────────┘
//! ```
//!
//! What a format cannot keep, so that an import into an empty folder gives something else:
//!
//! | format | not kept |
//! | --- | --- |
//! | TsFile | that nobody chose an encoding: the one that made its values smallest is the series' own then; version 3 has no TIMESTAMP, DATE, BLOB, STRING, and is rejected then |
//! | Parquet | encoding, compression, whether a device is aligned; by other programs' files: STRING (comes as TEXT) |
//! | CSV, JSON lines | encoding, compression, whether a device is aligned; with `--no-types`, types |
//! | all | that a series was a logical view, which is written only with `--views` |
//!
//! Where series exist before the import, their types count.
//!
//! A series is bound as the catalog has it: whatever it is called, it is read and written as itself. No format holds a result whole; a TsFile keeps the index of its chunks,
//! a Parquet file one row group.

mod devices;
#[cfg(feature = "parquet")]
mod parquet;
mod parquet_file;
mod target;
mod tsfile;

use std::{
    collections::HashSet,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use clap::ValueEnum;
use levada_engine::Access;
use levada_model::{PathPattern, ResultColumn, Rows, Session};
use levada_tsfile::Version;

pub(super) use self::parquet_file::ParquetFile;
use self::target::{Output, STANDARD_OUTPUT, Target};
use crate::{
    exit::{self, Failure},
    interrupt::Interrupt,
    node::{NodeArgs, Store},
    output::{self, CsvStyle, Format, Zone},
};

/// Options of `export`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct ExportArgs {
    /// The data folder of an embedded engine, or else `--node`; where it cannot be written to, it is open to read
    #[arg(long, value_name = "DIR", required_unless_present = "node")]
    data: Option<PathBuf>,
    /// Write nothing to the data folder, not even the lock file: several may read it at once
    #[arg(long, conflicts_with = "node")]
    read_only: bool,
    /// The node.
    #[command(flatten)]
    node: NodeArgs,
    /// The rows that this statement gives
    #[arg(long, value_name = "SQL", group = "what", allow_hyphen_values = true)]
    query: Option<String>,
    /// All rows of the series that this pattern matches, as in 'root.plant.**'
    #[arg(long, value_name = "PATTERN", group = "what")]
    path: Option<String>,
    /// Also the rows of logical views, as if they were series; otherwise views are left out, as nothing of them is stored
    #[arg(long, requires = "path")]
    views: bool,
    /// What is written; unless given, what the file's name ends in, and CSV where it says nothing
    #[arg(long, value_enum)]
    format: Option<FileFormat>,
    /// The file, or a folder for `export.<format>`; a device or a FIFO is written into, and `-` is the standard output
    #[arg(short, long, value_name = "FILE|DIR")]
    output: PathBuf,
    /// The version of a TsFile: 4 for servers from 2.0 on, 3 for those before
    #[arg(long, value_name = "VERSION", default_value_t = 4, value_parser = clap::value_parser!(u8).range(3..=4))]
    tsfile_version: u8,
    /// Leave types out of CSV and JSON lines: otherwise heads of CSV are as in `root.plant.d1.count(INT32)`, and lines of JSON have
    /// `"types":{"count":"INT32"}` where a reader would see another type
    #[arg(long)]
    no_types: bool,
    /// Replace a file that exists, once all rows are written
    #[arg(long)]
    force: bool,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FileFormat {
    /// Apache IoTDB's files.
    Tsfile,
    /// Comma-separated values with a header.
    Csv,
    /// A JSON object a line.
    Jsonl,
    /// Apache Parquet, for tools that analyse.
    Parquet,
}

impl FileFormat {
    /// The format of files that end so.
    fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "tsfile" => Some(Self::Tsfile),
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

impl ExportArgs {
    fn format(&self) -> FileFormat {
        self.format.or_else(|| FileFormat::of(&self.output)).unwrap_or(FileFormat::Csv)
    }
}

pub(super) fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    #[cfg(not(feature = "parquet"))]
    if args.format() == FileFormat::Parquet {
        return Err(without_parquet());
    }
    let pattern = args.path.as_deref().map(PathPattern::parse).transpose();
    let pattern = pattern.map_err(|error| Failure::invalid(format!("--path: {error}")))?;
    let store = Store::check(args.data.as_deref(), &args.node)?;
    let to = destination(&args.output, args.format());
    let target = Target::choose(&to, args.force)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut interrupt = match &target {
        // There is nothing to clear away: a signal ends the process, also while nobody reads.
        Target::Stream(_) => Interrupt::default(),
        Target::File { .. } => {
            let _within = runtime.enter();
            Interrupt::listen()
        }
    };
    let nothing = format!("nothing is written to {}", to.display());
    let access = if args.read_only { Access::Read } else { Access::Existing };
    let opened = match runtime.block_on(interrupt.unless(store.open(access), &nothing)) {
        Ok(opened) => opened,
        Err(error) => {
            // A folder may still be opened, which is not waited for.
            runtime.shutdown_background();
            return Err(error);
        }
    };
    let writing = write(opened.session(), args, pattern, &target);
    let written = runtime.block_on(interrupt.unless(writing, &nothing));
    let closed = runtime.block_on(opened.close());
    let rows = match written {
        Ok(rows) => rows,
        Err(error) => {
            target.discard();
            return Err(error);
        }
    };
    closed?;
    target.finish()?;
    let note = match (rows, &args.query) {
        (0, Some(_)) => ": the query gives none",
        (0, None) => ": the series have no values",
        _ => "",
    };
    let done = format!("exported {rows} rows to {}{note}", to.display());
    // The stream may be the standard output.
    if let Target::Stream(_) = target {
        eprintln!("{done}")
    } else {
        println!("{done}")
    }
    Ok(ExitCode::SUCCESS)
}

fn destination(output: &Path, format: FileFormat) -> PathBuf {
    let extension = match format {
        FileFormat::Tsfile => "tsfile",
        FileFormat::Csv => "csv",
        FileFormat::Jsonl => "jsonl",
        FileFormat::Parquet => "parquet",
    };
    if output.as_os_str() != STANDARD_OUTPUT && output.is_dir() {
        output.join("export").with_extension(extension)
    } else {
        output.to_owned()
    }
}

#[cfg(not(feature = "parquet"))]
fn without_parquet() -> anyhow::Error {
    Failure::invalid("this build of levada has no Parquet: build it with the feature `parquet`").into()
}

/// Writes all rows and syncs them; how many there are.
async fn write(
    session: Arc<dyn Session>,
    args: &ExportArgs,
    pattern: Option<PathPattern>,
    target: &Target,
) -> anyhow::Result<u64> {
    let version = if args.tsfile_version == 3 { Version::V3 } else { Version::V4 };
    let devices = match &pattern {
        Some(pattern) => found(&*session, pattern, args.views).await?,
        None => Vec::new(),
    };
    if let (FileFormat::Tsfile, Some(_)) = (args.format(), &pattern) {
        return tsfile::write_devices(&*session, &devices, target.open()?, version).await;
    }
    let by_device = pattern.is_some();
    let rows = match (pattern, &args.query) {
        (Some(_), _) => devices::rows(session, devices),
        (None, Some(query)) => ask(&*session, query).await?,
        (None, None) => return Err(Failure::invalid("give --query or --path").into()),
    };
    let style = CsvStyle { types: !args.no_types, quoted: true, by_device };
    if args.format() == FileFormat::Csv {
        check_heads(&rows.columns, style)?;
    }
    let file = target.open()?;
    match args.format() {
        FileFormat::Tsfile => tsfile::write_rows(rows, file, version).await,
        FileFormat::Csv => text(rows, Format::Csv, style, file).await,
        FileFormat::Jsonl => text(rows, Format::Jsonl, style, file).await,
        #[cfg(feature = "parquet")]
        FileFormat::Parquet => parquet::write(rows, by_device, file).await,
        #[cfg(not(feature = "parquet"))]
        FileFormat::Parquet => Err(without_parquet()),
    }
}

/// The devices that a pattern matches; says so where views are left out.
///
/// # Errors
/// There are none, or the store cannot say.
async fn found(
    session: &dyn Session,
    pattern: &PathPattern,
    with_views: bool,
) -> anyhow::Result<Vec<devices::Device>> {
    let devices::Found { devices, views_left_out } = devices::find(session, pattern, with_views).await?;
    let views = match views_left_out {
        1 => "1 view".to_owned(),
        many => format!("{many} views"),
    };
    let why = "their rows are those of other series: with --views they are written as series";
    match (devices.is_empty(), views_left_out) {
        (true, 0) => Err(Failure::invalid(format!("no series matches {pattern}: nothing is written")).into()),
        (true, _) => {
            let message = format!("{pattern} matches no series but {views}, and nothing is written: {why}");
            Err(Failure::invalid(message).into())
        }
        (false, 0) => Ok(devices),
        (false, _) => {
            eprintln!("left out of {pattern}: {views}; {why}");
            Ok(devices)
        }
    }
}

/// Whether each head of a CSV is there once.
///
/// # Errors
/// One is there twice, so that nobody could read the file back.
fn check_heads(columns: &[ResultColumn], style: CsvStyle) -> anyhow::Result<()> {
    let mut heads = HashSet::new();
    let head = |column: &ResultColumn| style.types.then_some(column.data_type);
    // A measurement of the name that the first column has is told apart from it by its backquotes.
    let mut measurements =
        columns.iter().skip(usize::from(columns.first().is_some_and(|first| first.name == "Device")));
    match measurements.find(|column| !heads.insert((column.name.as_str(), head(column)))) {
        Some(twice) if style.by_device => {
            let name = &twice.name;
            let message = format!(
                "`{name}` has several types, and without them in its heads a CSV has two columns `{name}`: leave `--no-types` out"
            );
            Err(Failure::invalid(message).into())
        }
        Some(twice) => Err(output::two_of(&twice.name)),
        None => Ok(()),
    }
}

async fn text(rows: Rows, format: Format, style: CsvStyle, file: Output) -> anyhow::Result<u64> {
    let mut out = BufWriter::with_capacity(256 << 10, file);
    let zone = Zone::parse(Some("UTC")).map_err(Failure::invalid)?;
    let count = output::write(rows, format, style, &zone, &mut out).await?;
    out.flush()?;
    out.get_ref().sync()?;
    Ok(count)
}

/// Runs a query; a wrong statement is the user's.
async fn ask(session: &dyn Session, sql: &str) -> anyhow::Result<Rows> {
    let rows = session.query(sql).await;
    Ok(rows.map_err(|error| Failure {
        code: if error.code.0 / 100 == 7 { exit::INVALID } else { exit::FAILED },
        message: Some(error.to_string()),
    })?)
}
