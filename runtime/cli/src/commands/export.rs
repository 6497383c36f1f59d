//! `levada export`: rows of a data folder as files.
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
//! | TsFile | nothing; version 3 has no TIMESTAMP, DATE, BLOB, STRING, and is refused then |
//! | Parquet | encoding, compression, whether a device is aligned; by other programs' files: STRING (comes as TEXT) |
//! | CSV | as Parquet; and an empty text, which comes back as no value; with `--query`, types |
//! | JSON lines | as CSV with `--query`, but empty texts are kept; NaN and infinities, which are null |
//!
//! Where series exist before the import, their types count.
//!
//! A file has its name only when it is whole. No format holds a result whole; a TsFile keeps the index of its chunks,
//! a Parquet file one row group.

mod devices;
#[cfg(feature = "parquet")]
mod parquet;
mod tsfile;

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context;
use clap::ValueEnum;
use levada_engine::{Engine, EngineOptions};
use levada_model::{PathPattern, Rows, Session};
use levada_tsfile::Version;

use crate::{
    exit::{self, Failure},
    output::{self, Format, Zone},
};

/// The key under which a Parquet column says of which type it is: of texts, Parquet has one kind only.
#[cfg(feature = "parquet")]
pub(super) const TYPE_NOTE: &str = "iotdb.type";

/// Options of `export`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct ExportArgs {
    /// The data folder of an embedded engine
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The rows that this statement gives
    #[arg(long, value_name = "SQL", group = "what")]
    query: Option<String>,
    /// All rows of the series that this pattern matches, as in 'root.plant.**'
    #[arg(long, value_name = "PATTERN", group = "what")]
    path: Option<String>,
    /// What is written
    #[arg(long, value_enum, default_value = "csv")]
    format: FileFormat,
    /// The file, or a folder for `export.<format>`
    #[arg(short, long, value_name = "FILE|DIR")]
    output: PathBuf,
    /// The version of a TsFile: 4 for servers from 2.0 on, 3 for those before
    #[arg(long, value_name = "VERSION", default_value_t = 4, value_parser = clap::value_parser!(u8).range(3..=4))]
    tsfile_version: u8,
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

pub(super) fn export(args: &ExportArgs) -> anyhow::Result<ExitCode> {
    if !args.data.is_dir() {
        return Err(Failure::invalid(format!("there is no data folder {}", args.data.display())).into());
    }
    #[cfg(not(feature = "parquet"))]
    if args.format == FileFormat::Parquet {
        return Err(without_parquet());
    }
    let pattern = args.path.as_deref().map(PathPattern::parse).transpose();
    let pattern = pattern.map_err(|error| Failure::invalid(format!("--path: {error}")))?;
    let to = destination(&args.output, args.format);
    let mut part = to.clone().into_os_string();
    part.push(".part");
    let part = PathBuf::from(part);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let engine = Engine::open(EngineOptions::new(&args.data))?;
    let written = runtime.block_on(async {
        let session: Arc<dyn Session> = Arc::new(engine.session(None)?);
        write(session, args, pattern, &part).await
    });
    let closed = runtime.block_on(engine.close());
    let rows = match written {
        Ok(rows) => rows,
        Err(error) => {
            // What is wrong is the error; that its beginning stays behind is not.
            drop(fs::remove_file(&part));
            return Err(error);
        }
    };
    closed?;
    fs::rename(&part, &to).with_context(|| format!("cannot move {} into place", part.display()))?;
    println!("exported {rows} rows to {}", to.display());
    Ok(ExitCode::SUCCESS)
}

fn destination(output: &Path, format: FileFormat) -> PathBuf {
    let extension = match format {
        FileFormat::Tsfile => "tsfile",
        FileFormat::Csv => "csv",
        FileFormat::Jsonl => "jsonl",
        FileFormat::Parquet => "parquet",
    };
    if output.is_dir() { output.join("export").with_extension(extension) } else { output.to_owned() }
}

#[cfg(not(feature = "parquet"))]
fn without_parquet() -> anyhow::Error {
    Failure::invalid("this build of levada has no Parquet: build it with the feature `parquet`").into()
}

/// Writes the file and syncs it; how many rows it has.
async fn write(
    session: Arc<dyn Session>,
    args: &ExportArgs,
    pattern: Option<PathPattern>,
    part: &Path,
) -> anyhow::Result<u64> {
    let create = || File::create(part).with_context(|| format!("cannot create {}", part.display()));
    let version = if args.tsfile_version == 3 { Version::V3 } else { Version::V4 };
    if let (FileFormat::Tsfile, Some(pattern)) = (args.format, &pattern) {
        let devices = devices::find(&*session, pattern).await?;
        return tsfile::write_devices(&*session, &devices, create()?, version).await;
    }
    let rows = match (pattern, &args.query) {
        (Some(pattern), _) => {
            let devices = devices::find(&*session, &pattern).await?;
            devices::rows(session, devices)?
        }
        (None, Some(query)) => ask(&*session, query).await?,
        (None, None) => return Err(Failure::invalid("give --query or --path").into()),
    };
    match args.format {
        FileFormat::Tsfile => tsfile::write_rows(rows, create()?, version).await,
        FileFormat::Csv => text(typed(rows, args.path.is_some()), Format::Csv, create()?).await,
        FileFormat::Jsonl => text(rows, Format::Jsonl, create()?).await,
        #[cfg(feature = "parquet")]
        FileFormat::Parquet => parquet::write(rows, create()?).await,
        #[cfg(not(feature = "parquet"))]
        FileFormat::Parquet => Err(without_parquet()),
    }
}

/// Rows whose columns say of which type they are, as in `count(INT32)`: what reads CSV guesses otherwise.
fn typed(mut rows: Rows, is_wanted: bool) -> Rows {
    for column in rows.columns.iter_mut().skip(1).filter(|_| is_wanted) {
        column.name = format!("{}({})", column.name, column.data_type);
    }
    rows
}

async fn text(rows: Rows, format: Format, file: File) -> anyhow::Result<u64> {
    let mut out = BufWriter::with_capacity(256 << 10, file);
    let zone = Zone::parse(Some("UTC")).map_err(Failure::invalid)?;
    let count = output::write(rows, format, &zone, &mut out).await?;
    out.flush()?;
    out.get_ref().sync_all()?;
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
