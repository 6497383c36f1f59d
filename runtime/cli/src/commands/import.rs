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
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use levada_engine::{
    EmbeddedSession, Engine, EngineOptions,
    tsfiles::{self, Parcel, Tablets},
};
use levada_model::{Path as DevicePath, Session, Tablet, Write};

use crate::exit::Failure;

/// Options of `import`.
#[derive(Debug, clap::Args)]
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
    let imported = runtime.block_on(async {
        let session = engine.session(None)?;
        let bar = if args.quiet { ProgressBar::hidden() } else { bar(files.len()) };
        let mut import = Import { session: &session, prefix, bar, rows: 0, points: 0 };
        let started = Instant::now();
        for file in &files {
            import.file(file).await?;
        }
        import.bar.finish_and_clear();
        Ok::<_, anyhow::Error>((import.rows, import.points, started.elapsed()))
    });
    let closed = runtime.block_on(engine.close());
    let (rows, points, elapsed) = imported?;
    closed?;
    let count = files.len();
    let seconds = elapsed.as_secs_f64();
    println!(
        "imported {points} values in {rows} rows from {count} {} in {seconds:.1} s",
        if count == 1 { "file" } else { "files" }
    );
    Ok(ExitCode::SUCCESS)
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
    bar: ProgressBar,
    rows: u64,
    points: u64,
}

impl Import<'_> {
    async fn file(&mut self, file: &Path) -> anyhow::Result<()> {
        let extension = file.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("csv") => {
                let mut reader = csv::Reader::open(file)?;
                while let Some(tablets) = reader.next()? {
                    // Types of CSV are guessed: those of series that exist come first.
                    self.store(tablets, true, file).await?;
                }
            }
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
        let mut tablets = Tablets::read(file);
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

    async fn store(&mut self, mut tablets: Vec<Tablet>, coerce: bool, file: &Path) -> anyhow::Result<()> {
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
                .map(|tablet| match self.session.series_of(tablet.device()).first() {
                    Some(known) => tablet.with_aligned(known.aligned),
                    None => tablet,
                })
                .collect();
        }
        let rows: u64 = tablets.iter().map(|tablet| tablet.rows() as u64).sum();
        let points: u64 = tablets.iter().map(|tablet| tablet.points() as u64).sum();
        let devices: Vec<DevicePath> = tablets.iter().map(|tablet| tablet.device().clone()).collect();
        let write = Write { tablets, coerce, ..Write::default() };
        let report = self.session.insert_tablets(write).await.with_context(|| {
            format!("{} could not be stored beyond {} values", file.display(), self.points)
        })?;
        if let Some(first) = report.rejected.first() {
            let device = devices.get(first.tablet).map(DevicePath::as_str).unwrap_or_default();
            let series = first.measurement.as_deref().map(|name| format!(".{name}")).unwrap_or_default();
            bail!(
                "{}: rows of {device}{series} are refused: {} ({})",
                file.display(),
                first.message,
                first.code
            );
        }
        self.rows += rows;
        self.points += points;
        self.bar.set_message(format!("{} values", self.points));
        Ok(())
    }
}
