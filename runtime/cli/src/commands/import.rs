//! `levada import`: files from elsewhere into a data folder, or into a running IoTDB.
//!
//! ```text
//!   paths ─► files, in order ─► tablets, a few MiB at a time ─► Session::insert_tablets, one write under way
//! ```
//!
//! A series that is missing is made with the encoding and compression that its file has; one that exists stays as it is. What was
//! read of a file before an error or an interrupt is stored; importing it again replaces each row by itself.

mod csv;
mod failed;
mod guess;
mod json;
mod moments;
#[cfg(feature = "parquet")]
mod parquet;
mod rows;
mod store;
mod times;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use levada_engine::{
    Access,
    tsfiles::{self, Damaged},
};
use levada_model::Path as DevicePath;

use self::{
    moments::TimeArgs,
    rows::ROOT,
    store::{Import, NewDevices, Stored},
};
use crate::{
    exit::{self, Failure},
    interrupt::Interrupt,
    node::{NodeArgs, Store},
};

const AFTER_HELP: &str = "A line of CSV or JSON, or a row of Parquet, that is no row of the types there are (of the series, where it \
exists; of the head, `temperature(DOUBLE)`, or the Parquet column; or guessed from all values) is not stored: it goes to FILE.failed, \
behind a remark with its number and the reason, and all others are stored. Mended, that file can be imported as it is (rows of \
Parquet become JSON lines). A FILE.failed that somebody has changed stays: FILE.failed-2 is written. Records without any value are counted, and nothing is stored \
of them.

Where neither series nor head says a type, all values of a column of CSV, or of a series of JSON lines, are looked at: BOOLEAN, INT64 \
or DOUBLE where at least 99 in 100 are of it (the other lines are rejected), TEXT otherwise; in JSON lines, values of several kinds are \
told of. Nested objects and lists of JSON are measurements of their own, `outer_inner` and `list_0`, as in pipelines.

Interrupted, it says what is stored and what is not. Imported again, rows replace themselves.

Exit codes: 0 all is stored; 1 rows were rejected, or it failed on the way; 2 the command line is wrong; 3 an option is wrong; 130 \
interrupted";

/// Options of `import`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct ImportArgs {
    /// TsFiles (version 3 or 4), Parquet, CSV, JSON lines (.jsonl), folders of these
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The data folder of an embedded engine, or else `--node`
    #[arg(long, value_name = "DIR", required_unless_present = "node")]
    data: Option<PathBuf>,
    /// The node.
    #[command(flatten)]
    node: NodeArgs,
    /// Store `root.a.b`, and `a.b`, as `PREFIX.a.b`; it is a path below `root`
    #[arg(long, value_name = "PREFIX")]
    device_prefix: Option<String>,
    /// Make new devices of CSV, JSON lines and Parquet aligned: one time column for all their series. Devices that exist stay as
    /// they are, and TsFiles say it themselves
    #[arg(long)]
    aligned: bool,
    /// Of a TsFile in which values are damaged, store what is sound and tell what is not; without this, nothing of it is stored
    #[arg(long)]
    keep_sound: bool,
    /// How the times of CSV, JSON lines and Parquet are read.
    #[command(flatten)]
    times: TimeArgs,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

pub(super) fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let prefix = args.device_prefix.as_deref().map(DevicePath::parse).transpose();
    let prefix = prefix.map_err(|error| Failure::invalid(format!("--device-prefix: {error}")))?;
    if let Some(prefix) = prefix.as_ref().filter(|prefix| prefix.nodes().next() != Some(ROOT)) {
        let wrong = format!(
            "--device-prefix: devices are below `root`, and `{prefix}` is not: is `root.{prefix}` meant?"
        );
        return Err(Failure::invalid(wrong).into());
    }
    let store = Store::named(args.data.as_deref(), &args.node)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut interrupt = {
        let _within = runtime.enter();
        Interrupt::listen()
    };
    let files = files(&args.paths)?;
    let opened = match runtime.block_on(interrupt.unless(store.open(Access::Write), "nothing is stored")) {
        Ok(opened) => opened,
        Err(error) => {
            // A folder may still be opened, which is not waited for.
            runtime.shutdown_background();
            return Err(error);
        }
    };
    let started = Instant::now();
    let imported = runtime.block_on(async {
        let bar = if args.quiet { ProgressBar::hidden() } else { bar(files.len()) };
        let damaged = if args.keep_sound { Damaged::Skip } else { Damaged::Reject };
        let new = NewDevices { prefix, aligned: args.aligned, times: args.times.clone() };
        let mut import = Import::new(opened.session(), new, damaged, bar.clone(), interrupt);
        let mut outcome = Ok(());
        let mut whole = 0;
        for file in &files {
            outcome = import.file(file).await;
            if outcome.is_err() {
                break;
            }
            whole += 1;
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok::<_, anyhow::Error>((import.stored, whole, outcome))
    });
    let closed = runtime.block_on(opened.close());
    let (stored, whole, outcome) = imported?;
    let Stored { rows, points, empty, rejected } = &stored;
    match &outcome {
        Ok(()) => {
            let (seconds, count) = (started.elapsed().as_secs_f64(), files.len());
            let noun = if count == 1 { "file" } else { "files" };
            println!("imported {points} values in {rows} rows from {count} {noun} in {seconds:.1} s");
        }
        Err(_) => tell_rest(&stored, &files, whole),
    }
    match empty {
        0 => {}
        1 => println!("1 record has no value: nothing is stored of it"),
        _ => println!("{empty} records have no value: nothing is stored of them"),
    }
    for (count, path) in rejected {
        let count = if *count == 1 { "1 row was".to_owned() } else { format!("{count} rows were") };
        println!("{count} rejected: see {}, where a reason stands above each", path.display());
    }
    outcome?;
    closed?;
    Ok(if rejected.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}

/// What is stored and what is not, of files of which the first so many are whole.
fn tell_rest(stored: &Stored, files: &[PathBuf], whole: usize) {
    let Stored { rows, points, .. } = stored;
    eprintln!("{points} values in {rows} rows are stored, {whole} of {} files wholly", files.len());
    if let Some(file) = files.get(whole) {
        eprintln!("not stored, or in part: {}", file.display());
    }
    if let [first, .., last] = files.get(whole + 1..).unwrap_or_default() {
        eprintln!(
            "not stored: {} files, from {} to {}",
            files.len() - whole - 1,
            first.display(),
            last.display()
        );
    } else if let Some(last) = files.get(whole + 1) {
        eprintln!("not stored: {}", last.display());
    }
}

/// All files that the paths stand for.
fn files(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let before = files.len();
        files.extend(tsfiles::find(path)?);
        if path.is_dir() {
            files.extend(csv::find(path)?);
            if files.len() == before {
                return Err(Failure::invalid(format!(
                    "there is no .tsfile, .parquet, .csv or .jsonl in {}",
                    path.display()
                ))
                .into());
            }
        }
    }
    Ok(files)
}

fn bar(files: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("[{bar:30}] {pos}/{len} files, {msg}");
    let bar =
        ProgressBar::new(files as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// What a file is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Csv,
    Json,
    #[cfg_attr(not(feature = "parquet"), allow(dead_code, reason = "it is named as what cannot be read"))]
    Parquet,
    TsFile,
}

impl Kind {
    /// Of `x.csv.failed`, and `x.csv.failed-2`, that of what was rejected.
    fn of(file: &Path) -> Self {
        let name =
            file.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        let (mut stem, mut is_rejected) = (name.as_str(), false);
        while let Some((rest, end)) = stem.rsplit_once('.') {
            let number = end.strip_prefix("failed-").is_some_and(|number| number.parse::<u64>().is_ok());
            if end != "failed" && !number {
                break;
            }
            (stem, is_rejected) = (rest, true);
        }
        match stem.rsplit_once('.').map(|(_, extension)| extension) {
            Some("csv") => Self::Csv,
            Some("jsonl" | "ndjson") => Self::Json,
            Some("parquet") if is_rejected => Self::Json,
            Some("parquet") => Self::Parquet,
            _ => Self::TsFile,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_rejected_is_read_as_what_it_was() {
        for (name, kind) in [
            ("a.CSV", Kind::Csv),
            ("a.csv.failed", Kind::Csv),
            ("a.csv.failed-2.failed", Kind::Csv),
            ("a.jsonl.failed-12", Kind::Json),
            ("a.parquet", Kind::Parquet),
            ("a.parquet.failed", Kind::Json),
            ("a.tsfile", Kind::TsFile),
            ("a.csv.failed-x", Kind::TsFile),
            ("failed", Kind::TsFile),
        ] {
            assert_eq!(Kind::of(Path::new(name)), kind, "{name}");
        }
    }
}
