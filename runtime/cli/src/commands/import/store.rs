//! Files into the store.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use arrow_array::{Array, BooleanArray};
use indicatif::ProgressBar;
use levada_connector_api::packing_of;
use levada_engine::tsfiles::{Damaged, Parcel, Tablets};
use levada_model::{
    Column, Path as DevicePath, PathPattern, RejectedRows, Series, Session, SessionError, Tablet, Write,
};
use parking_lot::Mutex;
use tokio::{runtime::Handle, task::block_in_place};

#[cfg(feature = "parquet")]
use super::parquet;
use super::{
    Kind, csv, json,
    moments::TimeArgs,
    rows::{Known, ROOT, RowReader, Rows, Taken, moved},
    times::RowCount,
};
use crate::{exit::Failure, interrupt::Interrupt};

/// More devices than this are not remembered at once.
const KNOWN: usize = 100_000;

/// What came of it so far.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) rows: u64,
    pub(super) points: u64,
    /// Records of files that have no value.
    pub(super) empty: u64,
    /// How many rows of files were rejected, and where they are now.
    pub(super) rejected: Vec<(u64, PathBuf)>,
}

/// Where rows go, what devices are made for them, and when they are.
#[derive(Debug)]
pub(super) struct NewDevices {
    /// What takes the place of `root`.
    pub(super) prefix: Option<DevicePath>,
    /// Whether new devices of files that do not say it are aligned.
    pub(super) aligned: bool,
    /// How the times of rows are read, where a file does not say it.
    pub(super) times: TimeArgs,
}

/// One run of `import`.
pub(super) struct Import {
    session: Arc<dyn Session>,
    /// What the store has of devices, as it said when they were asked for.
    known: Mutex<HashMap<DevicePath, Arc<Known>>>,
    /// Why the store did not say.
    unknown: Mutex<Option<SessionError>>,
    /// `*`
    any: PathPattern,
    new: NewDevices,
    /// What becomes of a TsFile in which values are damaged.
    damaged: Damaged,
    bar: ProgressBar,
    interrupt: Interrupt,
    pub(super) stored: Stored,
}

impl Import {
    pub(super) fn new(
        session: Arc<dyn Session>,
        new: NewDevices,
        damaged: Damaged,
        bar: ProgressBar,
        interrupt: Interrupt,
    ) -> Self {
        let (known, unknown) = Default::default();
        let any = PathPattern::parse("*").expect("a pattern");
        Self { session, known, unknown, any, new, damaged, bar, interrupt, stored: Stored::default() }
    }

    /// Stores one file.
    ///
    /// # Errors
    /// It cannot be read or stored, or the process is asked to stop; what came before is stored.
    pub(super) async fn file(&mut self, file: &Path) -> anyhow::Result<()> {
        let (times, prefix) = (&self.new.times, self.new.prefix.as_ref());
        match kind_of(file)? {
            Kind::Csv => self.rows(&mut csv::Reader::open(file, times, prefix)?, file).await,
            Kind::Json => {
                self.rows(&mut json::Reader::open(file, times, prefix, &self.interrupt)?, file).await
            }
            #[cfg(feature = "parquet")]
            Kind::Parquet => self.rows(&mut parquet::Reader::open(file, times, prefix)?, file).await,
            #[cfg(not(feature = "parquet"))]
            Kind::Parquet => bail!("{}: this build of levada has no Parquet", file.display()),
            Kind::TsFile => self.tsfile(file).await,
        }
    }

    /// Stores all of a TsFile that can be, and tells then of what cannot.
    async fn tsfile(&mut self, file: &Path) -> anyhow::Result<()> {
        let mut tablets = Tablets::read(file, self.damaged);
        let mut rows = RowCount::default();
        let mut failures = Vec::new();
        while let Some(parcel) = tablets.next().await {
            let Parcel { mut series, tablets } = match parcel {
                Ok(parcel) => parcel,
                // What is read of the file before is stored.
                Err(error) if failures.is_empty() => return Err(error.into()),
                Err(error) => {
                    failures.push(error.to_string());
                    break;
                }
            };
            for series in &mut series {
                series.device = moved(self.new.prefix.as_ref(), &series.device);
            }
            for (at, error) in self.session.create_series(&series).await? {
                // What cannot be made so is left to the rows, which say why.
                tracing::debug!(at, %error, "a series of a file is not made as it is there");
            }
            let failure = self.store(tablets, &mut rows, file).await?;
            // One tells what is wrong; thousands would tell no more.
            failures.extend(failure.filter(|_| failures.is_empty()));
        }
        if failures.is_empty() { Ok(()) } else { bail!(failures.join("; ")) }
    }

    /// Stores what a reader gives; what is no row, or is rejected by the store, is kept aside.
    async fn rows(&mut self, reader: &mut dyn RowReader, file: &Path) -> anyhow::Result<()> {
        let outcome = self.all_rows(reader, file).await;
        self.stored.rejected.extend(reader.finish()?);
        outcome
    }

    async fn all_rows(&mut self, reader: &mut dyn RowReader, file: &Path) -> anyhow::Result<()> {
        while let Some(Taken { rows, empty }) = reader.next(&|device| self.known(device))? {
            if let Some(error) = self.unknown.lock().take() {
                return Err(error)
                    .with_context(|| format!("{}: the store does not say its series", file.display()));
            }
            self.stored.empty += empty;
            let (tablets, places): (Vec<_>, Vec<_>) = self
                .below_root(rows, reader)?
                .into_iter()
                .map(|Rows { tablet, places }| (tablet, places))
                .unzip();
            if !reader.hears_signals() {
                self.go_on()?;
            }
            for rejected in self.write(tablets, true, file).await? {
                let places = &places[rejected.tablet];
                let of_file: Vec<usize> = match &rejected.rows {
                    Some(rows) => rows.iter().filter_map(|&row| places.get(row as usize).copied()).collect(),
                    None => places.clone(),
                };
                let what = match &rejected.measurement {
                    Some(name) => format!("`{name}` is not stored, what else is in the line is: "),
                    None => String::new(),
                };
                reader.reject(&of_file, &format!("{what}{} ({})", rejected.message, rejected.code))?;
            }
        }
        Ok(())
    }

    /// Rows of devices below `root`; those of others are rejected.
    fn below_root(&self, rows: Vec<Rows>, reader: &mut dyn RowReader) -> anyhow::Result<Vec<Rows>> {
        if self.new.prefix.is_some() {
            return Ok(rows);
        }
        let (rows, others): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|rows| is_below_root(rows.tablet.device()));
        for Rows { tablet, places } in others {
            reader.reject(&places, &outside(tablet.device()))?;
        }
        Ok(rows)
    }

    /// What the store has of a device. What has no types does not say either whether a new device is aligned.
    fn known(&self, device: &DevicePath) -> Arc<Known> {
        if let Some(known) = self.known.lock().get(device) {
            return Arc::clone(known);
        }
        let all = PathPattern::from(device).join(&self.any);
        // Whoever reads a file asks in the middle of it.
        let found = block_in_place(|| Handle::current().block_on(names(&*self.session, &all)));
        let found = found.unwrap_or_else(|error| {
            self.unknown.lock().get_or_insert(error);
            Vec::new()
        });
        let aligned = found.first().map_or(self.new.aligned, |series| series.aligned);
        let types = found.into_iter().map(|series| (series.measurement, series.schema.data_type));
        let found = Arc::new(Known { aligned, types: types.collect() });
        let mut known = self.known.lock();
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(device.clone(), Arc::clone(&found));
        found
    }

    /// Stores rows of devices as the file calls them, and counts them in `count`. Says what is rejected of them, if anything is.
    async fn store(
        &mut self,
        mut tablets: Vec<Tablet>,
        count: &mut RowCount,
        file: &Path,
    ) -> anyhow::Result<Option<String>> {
        if let Some(prefix) = &self.new.prefix {
            let below = |tablet: Tablet| {
                let device = moved(Some(prefix), tablet.device());
                tablet.with_device(device)
            };
            tablets = tablets.into_iter().map(below).collect();
        }
        let (tablets, others): (Vec<_>, Vec<_>) =
            tablets.into_iter().partition(|tablet| is_below_root(tablet.device()));
        self.go_on()?;
        // Of a plain device, each series has a tablet of its own for the same rows.
        let before = (self.stored.rows, count.rows());
        let rejected = self.write(tablets.clone(), false, file).await?;
        let (lost, _) = lost(&tablets, &rejected);
        for (at, tablet) in tablets.iter().enumerate() {
            match lost.iter().any(|(of, _)| *of == at) {
                false => count.add(tablet),
                true => {
                    let kept: BooleanArray =
                        (0..tablet.rows()).map(|row| Some(!lost.contains(&(at, row)))).collect();
                    count.add(&tablet.filter(&kept)?);
                }
            }
        }
        self.stored.rows = before.0 + count.rows() - before.1;
        let others = others.first().map(|other| format!("{}: {}", file.display(), outside(other.device())));
        Ok(others.or_else(|| {
            let first = rejected.first()?;
            let device = tablets.get(first.tablet).map(|tablet| tablet.device().as_str()).unwrap_or_default();
            let series = first.measurement.as_deref().map(|name| format!(".{name}")).unwrap_or_default();
            let (file, message, code) = (file.display(), &first.message, first.code);
            Some(format!("{file}: rows of {device}{series} are rejected: {message} ({code})"))
        }))
    }

    /// # Errors
    /// The process is asked to stop.
    fn go_on(&self) -> anyhow::Result<()> {
        match self.interrupt.is_asked() {
            true => Err(Failure::interrupted("interrupted; imported again, rows replace themselves").into()),
            false => Ok(()),
        }
    }

    /// Stores rows and counts them; what is rejected of them.
    async fn write(
        &mut self,
        tablets: Vec<Tablet>,
        coerce: bool,
        file: &Path,
    ) -> anyhow::Result<Vec<RejectedRows>> {
        if tablets.is_empty() {
            return Ok(Vec::new());
        }
        self.forget_changed(&tablets);
        let rows: u64 = tablets.iter().map(|tablet| tablet.rows() as u64).sum();
        let points: u64 = tablets.iter().map(|tablet| tablet.points() as u64).sum();
        let write = Write { tablets: tablets.clone(), coerce, ..Write::default() };
        let report = self.session.insert_tablets(write).await.with_context(|| {
            format!("{} could not be stored beyond {} values", file.display(), self.stored.points)
        })?;
        let (lost_rows, lost_points) = lost(&tablets, &report.rejected);
        self.stored.rows += match coerce && has_twice(&tablets) {
            true => distinct(&tablets, &lost_rows),
            false => rows - lost_rows.len() as u64,
        };
        self.stored.points += points - lost_points;
        self.bar.set_message(format!("{} values", self.stored.points));
        Ok(report.rejected)
    }

    /// Asks anew for what rows of new series change.
    fn forget_changed(&self, tablets: &[Tablet]) {
        let mut known = self.known.lock();
        for tablet in tablets {
            let has =
                |known: &Known| tablet.columns().iter().all(|column| known.types.contains_key(&column.name));
            if known.get(tablet.device()).is_some_and(|known| !has(known)) {
                known.remove(tablet.device());
            }
        }
    }
}

fn is_below_root(device: &DevicePath) -> bool {
    device.nodes().next() == Some(ROOT)
}

/// Why nothing is stored of a device that does not lie below `root`.
fn outside(device: &DevicePath) -> String {
    format!(
        "the device `{device}` is not below `root`: name it `root.plant.{device}`, or import with `--device-prefix root.plant`"
    )
}

/// Whether several tablets are of one device.
fn has_twice(tablets: &[Tablet]) -> bool {
    let mut devices = HashSet::new();
    !tablets.iter().all(|tablet| devices.insert(tablet.device()))
}

/// How many rows tablets make together, of which some are of one device; without those that are lost.
fn distinct(tablets: &[Tablet], lost: &HashSet<(usize, usize)>) -> u64 {
    let of_tablet = |(at, tablet): (usize, &Tablet)| {
        let kept = (0..tablet.rows()).filter(move |&row| !lost.contains(&(at, row)));
        kept.map(|row| (tablet.device().clone(), tablet.times().value(row))).collect::<Vec<_>>()
    };
    tablets.iter().enumerate().flat_map(of_tablet).collect::<HashSet<_>>().len() as u64
}

/// Rows, all values of which were rejected, by tablet and row; and how many values were.
fn lost(tablets: &[Tablet], rejected: &[RejectedRows]) -> (HashSet<(usize, usize)>, u64) {
    let mut values: HashSet<(usize, usize, usize)> = HashSet::new();
    for RejectedRows { tablet: at, rows, measurement, .. } in rejected {
        let Some(tablet) = tablets.get(*at) else { continue };
        let all = || (0..tablet.rows()).collect();
        let rows: Vec<usize> =
            rows.as_ref().map_or_else(all, |rows| rows.iter().map(|&row| row as usize).collect());
        for row in rows.into_iter().filter(|&row| row < tablet.rows()) {
            let of = |column: &Column| measurement.as_ref().is_none_or(|name| *name == column.name);
            let columns = tablet.columns().iter().enumerate();
            let lost = columns.filter(|(_, column)| of(column) && column.values.is_valid(row));
            values.extend(lost.map(|(place, _)| (*at, row, place)));
        }
    }
    let mut rows: HashMap<(usize, usize), usize> = HashMap::new();
    for (at, row, _) in &values {
        *rows.entry((*at, *row)).or_default() += 1;
    }
    let has = |(at, row): (usize, usize)| {
        let columns = tablets.get(at).map(Tablet::columns).unwrap_or_default();
        columns.iter().filter(|column| column.values.is_valid(row)).count()
    };
    let whole = rows.into_iter().filter(|(place, lost)| has(*place) == *lost).map(|(place, _)| place);
    (whole.collect(), values.len() as u64)
}

/// What a file is, by its name; where that says nothing, by how it begins.
///
/// # Errors
/// It is packed, or nothing that is read: says what to do.
fn kind_of(file: &Path) -> anyhow::Result<Kind> {
    let kind = Kind::of(file);
    // What is wrong with a file that cannot be opened is said by whoever reads it.
    match fs::metadata(file) {
        // Lines are read once, as they come. Of other files the head or the end is looked at first.
        Ok(metadata) if kind == Kind::Json && !metadata.is_file() && !metadata.is_dir() => return Ok(kind),
        Ok(metadata) if !metadata.is_file() => {
            bail!("{}: no plain file: write to a file what is to be imported", file.display())
        }
        Ok(_) => {}
        Err(_) => return Ok(kind),
    }
    let mut head = Vec::new();
    let Ok(opened) = fs::File::open(file) else { return Ok(kind) };
    opened.take(16).read_to_end(&mut head)?;
    match packing_of(&head) {
        Some("gzip") => bail!(
            "{}: packed with gzip: unpack it first, as `gunzip` does, or let a pipeline read it (source `file`)",
            file.display()
        ),
        Some(packing) => bail!("{}: packed with {packing}: unpack it first", file.display()),
        None => {}
    }
    let is_named = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tsfile"));
    if kind == Kind::TsFile && !is_named && !head.starts_with(b"TsFile") {
        bail!(
            "{}: not a TsFile, and its name does not end in .csv, .jsonl, .ndjson or .parquet: rename it to what it is",
            file.display()
        );
    }
    Ok(kind)
}

/// The series that a pattern matches, and the views, through which rows may be written.
async fn names(session: &dyn Session, pattern: &PathPattern) -> Result<Vec<Series>, SessionError> {
    let mut found = session.find_series(pattern).await?;
    found.extend(session.find_views(pattern).await?);
    Ok(found)
}
