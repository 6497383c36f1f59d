//! `levada import`: files from elsewhere into a data folder.
//!
//! ```text
//!   paths ─► files, in order ─► tablets, a few MiB at a time ─► Session::insert_tablets, one write under way
//! ```
//!
//! A series that is missing is made with the encoding and compression that its file has; one that exists stays as it is. What was
//! read of a file before an error is stored; importing it again replaces each row by itself.

mod csv;
mod json;
#[cfg(feature = "parquet")]
mod parquet;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use levada_engine::{
    EmbeddedSession, Engine, EngineOptions,
    tsfiles::{self, Damaged, Parcel, Tablets},
};
use levada_model::{Column, Path as DevicePath, RejectedRows, Session, Tablet, Write};

use crate::exit::{self, Failure};

const REFUSALS: &str = "A line of a CSV file that is no row of the types there are (of the series, where it exists; of the head, \
`temperature(DOUBLE)`; or guessed from the whole column) is not stored: it goes to FILE.failed, behind a remark with its number and \
the reason, and all others are stored. Mended, that file can be imported as it is.

Exit codes: 0 all is stored; 1 lines were refused, or it failed on the way; 2 the command line is wrong; 3 an option is wrong";

/// Options of `import`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = REFUSALS)]
pub(crate) struct ImportArgs {
    /// TsFiles (version 3 or 4), Parquet, CSV, JSON lines (.jsonl), folders of these
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The data folder of an embedded engine
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Store `root.a.b` as `PREFIX.a.b`
    #[arg(long, value_name = "PREFIX")]
    device_prefix: Option<String>,
    /// Make new devices of CSV, JSON lines and Parquet aligned: one time column for all their series. Devices that exist stay as
    /// they are, and TsFiles say it themselves
    #[arg(long)]
    aligned: bool,
    /// Of a TsFile in which values are damaged, store what is sound and tell what is not; without this, nothing of it is stored
    #[arg(long)]
    keep_sound: bool,
    /// Show no progress
    #[arg(long)]
    quiet: bool,
}

pub(super) fn import(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    let prefix = args.device_prefix.as_deref().map(DevicePath::parse).transpose();
    let prefix = prefix.map_err(|error| Failure::invalid(format!("--device-prefix: {error}")))?;
    let files = files(&args.paths)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let engine = Engine::open(EngineOptions::new(&args.data))?;
    let started = Instant::now();
    let imported = runtime.block_on(async {
        let session = engine.session(None)?;
        let bar = if args.quiet { ProgressBar::hidden() } else { bar(files.len()) };
        let (aligned, refused) = (args.aligned, Vec::new());
        let damaged = if args.keep_sound { Damaged::Skip } else { Damaged::Reject };
        let mut import =
            Import { session: &session, prefix, aligned, damaged, bar, rows: 0, points: 0, refused };
        let mut outcome = Ok(());
        for file in &files {
            outcome = import.file(file).await;
            if outcome.is_err() {
                break;
            }
        }
        import.bar.finish_and_clear();
        Ok::<_, anyhow::Error>((import.rows, import.points, import.refused, outcome))
    });
    let closed = runtime.block_on(engine.close());
    let (rows, points, refused, outcome) = imported?;
    let count = files.len();
    if outcome.is_err() {
        eprintln!("{points} values in {rows} rows were stored before it failed");
    } else {
        let (seconds, files) = (started.elapsed().as_secs_f64(), if count == 1 { "file" } else { "files" });
        println!("imported {points} values in {rows} rows from {count} {files} in {seconds:.1} s");
    }
    for (lines, path) in &refused {
        let lines = if *lines == 1 { "1 line was".to_owned() } else { format!("{lines} lines were") };
        println!("{lines} refused: see {}, where a reason stands above each", path.display());
    }
    outcome?;
    closed?;
    Ok(if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
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

struct Import<'a> {
    session: &'a EmbeddedSession,
    prefix: Option<DevicePath>,
    /// Whether new devices of files that do not say it are aligned.
    aligned: bool,
    /// What becomes of a TsFile in which values are damaged.
    damaged: Damaged,
    bar: ProgressBar,
    rows: u64,
    points: u64,
    /// How many lines of CSV files were refused, and where they are now.
    refused: Vec<(u64, PathBuf)>,
}

impl Import<'_> {
    async fn file(&mut self, file: &Path) -> anyhow::Result<()> {
        let extension = file.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("csv") => self.csv(file).await?,
            // What was refused before, mended.
            Some("failed") if is_csv(&file.with_extension("")) => self.csv(file).await?,
            Some("jsonl" | "ndjson") => self.json(file).await?,
            #[cfg(feature = "parquet")]
            Some("parquet") => {
                let mut reader = parquet::Reader::open(file)?;
                while let Some(tablets) = reader.next()? {
                    self.store(tablets, true, file).await?;
                }
            }
            _ => self.tsfile(file).await?,
        }
        self.bar.inc(1);
        Ok(())
    }

    async fn tsfile(&mut self, file: &Path) -> anyhow::Result<()> {
        let mut tablets = Tablets::read(file, self.damaged);
        while let Some(parcel) = tablets.next().await {
            let Parcel { mut series, tablets } = parcel?;
            for series in &mut series {
                series.device = self.moved(&series.device);
            }
            self.session.create_missing(series).await?;
            self.store(tablets, false, file).await?;
        }
        Ok(())
    }

    async fn csv(&mut self, file: &Path) -> anyhow::Result<()> {
        let mut reader = csv::Reader::open(file)?;
        while let Some(rows) = reader.next(&|device| Some(self.known(device)))? {
            let (tablets, places): (Vec<_>, Vec<_>) =
                rows.into_iter().map(|rows| (rows.tablet, rows.places)).unzip();
            for rejected in self.write(tablets, true, file).await? {
                let places = &places[rejected.tablet];
                let lines: Vec<usize> = match &rejected.rows {
                    Some(rows) => rows.iter().filter_map(|&row| places.get(row as usize).copied()).collect(),
                    None => places.clone(),
                };
                let what = match &rejected.measurement {
                    Some(name) => format!("`{name}` is not stored, what else is in the line is: "),
                    None => String::new(),
                };
                reader.refuse(&lines, &format!("{what}{} ({})", rejected.message, rejected.code))?;
            }
        }
        self.refused.extend(reader.finish()?);
        Ok(())
    }

    /// What the store has of a device that files call by this name.
    fn known(&self, device: &DevicePath) -> csv::Known {
        let known = self.session.series_of(&self.moved(device));
        let aligned = known.first().map_or(self.aligned, |series| series.aligned);
        let types = known.into_iter().map(|series| (series.measurement, series.schema.data_type));
        csv::Known { aligned, types: types.collect() }
    }

    async fn json(&mut self, file: &Path) -> anyhow::Result<()> {
        let mut reader = json::Reader::open(file)?;
        while let Some(devices) = reader.next()? {
            let mut tablets = Vec::with_capacity(devices.len());
            for (device, rows) in devices {
                let known = self.session.series_of(&self.moved(&device)).into_iter();
                let types = known.map(|series| (series.measurement, series.schema.data_type)).collect();
                tablets.extend(reader.tablet(&device, rows, &types)?);
            }
            self.store(tablets, true, file).await?;
        }
        Ok(())
    }

    /// Where rows of a device go.
    fn moved(&self, device: &DevicePath) -> DevicePath {
        match &self.prefix {
            Some(prefix) => device.nodes().skip(1).fold(prefix.clone(), |path, node| path.child(node)),
            None => device.clone(),
        }
    }

    /// Stores rows, all of them.
    async fn store(&mut self, tablets: Vec<Tablet>, coerce: bool, file: &Path) -> anyhow::Result<()> {
        let devices: Vec<DevicePath> = tablets.iter().map(|tablet| self.moved(tablet.device())).collect();
        if let Some(first) = self.write(tablets, coerce, file).await?.first() {
            let device = devices.get(first.tablet).map(DevicePath::as_str).unwrap_or_default();
            let series = first.measurement.as_deref().map(|name| format!(".{name}")).unwrap_or_default();
            bail!(
                "{}: rows of {device}{series} are refused: {} ({})",
                file.display(),
                first.message,
                first.code
            );
        }
        Ok(())
    }

    /// Stores rows and counts them; what is refused of them.
    async fn write(
        &mut self,
        mut tablets: Vec<Tablet>,
        coerce: bool,
        file: &Path,
    ) -> anyhow::Result<Vec<RejectedRows>> {
        if tablets.is_empty() {
            return Ok(Vec::new());
        }
        if self.prefix.is_some() {
            tablets = tablets
                .into_iter()
                .map(|tablet| {
                    let device = self.moved(tablet.device());
                    tablet.with_device(device)
                })
                .collect();
        }
        if coerce {
            // What has no types does not say either whether a device is aligned.
            tablets = tablets
                .into_iter()
                .map(|tablet| {
                    let known = self.session.series_of(tablet.device());
                    tablet.with_aligned(known.first().map_or(self.aligned, |known| known.aligned))
                })
                .collect();
        }
        let rows: u64 = tablets.iter().map(|tablet| tablet.rows() as u64).sum();
        let points: u64 = tablets.iter().map(|tablet| tablet.points() as u64).sum();
        let write = Write { tablets: tablets.clone(), coerce, ..Write::default() };
        let report = self.session.insert_tablets(write).await.with_context(|| {
            format!("{} could not be stored beyond {} values", file.display(), self.points)
        })?;
        let (lost_rows, lost_points) = lost(&tablets, &report.rejected);
        self.rows += rows - lost_rows;
        self.points += points - lost_points;
        self.bar.set_message(format!("{} values", self.points));
        Ok(report.rejected)
    }
}

/// How many whole rows, and how many values, are among what was refused.
fn lost(tablets: &[Tablet], rejected: &[RejectedRows]) -> (u64, u64) {
    let mut lost = (HashSet::new(), HashSet::new());
    for RejectedRows { tablet: at, rows, measurement, .. } in rejected {
        let Some(tablet) = tablets.get(*at) else { continue };
        let all = || (0..tablet.rows()).collect();
        let rows: Vec<usize> =
            rows.as_ref().map_or_else(all, |rows| rows.iter().map(|&row| row as usize).collect());
        for row in rows.into_iter().filter(|&row| row < tablet.rows()) {
            if measurement.is_none() {
                lost.0.insert((*at, row));
            }
            let of = |column: &Column| measurement.as_ref().is_none_or(|name| *name == column.name);
            let columns = tablet.columns().iter().enumerate().filter(|(_, column)| of(column));
            lost.1.extend(
                columns.filter(|(_, column)| column.values.is_valid(row)).map(|(place, _)| (*at, place, row)),
            );
        }
    }
    (lost.0.len() as u64, lost.1.len() as u64)
}

fn is_csv(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}
