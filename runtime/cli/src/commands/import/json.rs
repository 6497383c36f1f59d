//! JSON lines as `levada export` and the `file` sink write them: an object for each row.
//!
//! ```text
//!   {"Time":1,"Device":"root.plant.d1","x":21.5,"measurements":{"time":777}}     keys are measurements
//!   {"Time":1,"root.plant.d1.x":21.5}                                            keys are series
//! ```
//!
//! The first key that is `Time` (or, where there is none, `Timestamp`), whatever its case, is the time, the first that is `Device`
//! the device; what stands in an object `measurements` is measurements whatever they are called. A null, or a key that is
//! missing, is no value.
//!
//! Values get the types of their series, by their digits as they are written. Where there is no such series, the whole file is
//! looked at: booleans are BOOLEAN, whole numbers INT64, numbers DOUBLE (`"NaN"`, `"Infinity"` and `"-Infinity"` are some), all
//! else is TEXT. A line that is no such row is rejected: it goes to `FILE.failed`, and the others are stored. Lines that begin
//! with `#`, and empty ones, are passed over.

mod guess;
mod object;

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{BufRead, BufReader},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use arrow_array::Array;
use levada_model::{Column, DataType, Path as DevicePath, Tablet};

use self::{
    guess::Guesses,
    object::{Object, Token},
};
use super::{
    csv::column,
    failed::Failed,
    moments::{Moments, TimeArgs},
    rows::{Find, Rejected, RowReader, Rows, measurement, series, without},
};
use crate::output::APART;

/// Rows that are taken in at once, and bytes.
const ROWS: usize = 8_192;
const BYTES: usize = 8 << 20;
const MARK: &[u8] = "\u{feff}".as_bytes();

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    lines: Lines,
    batch: Batch,
    /// Types of series that the store does not have, once one was asked for.
    guesses: Option<Guesses>,
    moments: Moments,
    times: TimeArgs,
    failed: Failed,
}

/// Some lines, one behind the other.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Their numbers and where they are.
    lines: Vec<(u64, Range<usize>)>,
}

/// Gives the lines of a file.
#[derive(Debug)]
struct Lines {
    file: BufReader<File>,
    number: u64,
}

impl Lines {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self { file: BufReader::with_capacity(256 << 10, file), number: 0 })
    }

    /// The next lines that may be rows; none at the end.
    fn next(&mut self, mut batch: Batch) -> std::io::Result<Batch> {
        batch.bytes.clear();
        batch.lines.clear();
        while batch.lines.len() < ROWS && batch.bytes.len() < BYTES {
            let mut from = batch.bytes.len();
            if self.file.read_until(b'\n', &mut batch.bytes)? == 0 {
                break;
            }
            self.number += 1;
            if self.number == 1 && batch.bytes.starts_with(MARK) {
                from += MARK.len();
            }
            let line = batch.bytes[from..].trim_ascii_end();
            if !line.is_empty() && !line.starts_with(b"#") {
                let range = from..from + line.len();
                batch.lines.push((self.number, range));
            }
        }
        Ok(batch)
    }
}

/// Rows of one device: which of the lines they are, their times, and by measurement the values that there are, with their row.
#[derive(Debug, Default)]
struct DeviceRows<'a> {
    places: Vec<usize>,
    times: Vec<i64>,
    values: BTreeMap<Arc<str>, Vec<(usize, Token<'a>)>>,
}

type Devices<'a> = BTreeMap<DevicePath, DeviceRows<'a>>;

impl Reader {
    pub(super) fn open(path: &Path, times: &TimeArgs) -> anyhow::Result<Self> {
        let (moments, times) = (Moments::new(times), times.clone());
        let (lines, failed) = (Lines::open(path)?, Failed::new(path, None));
        Ok(Self {
            path: path.to_owned(),
            lines,
            batch: Batch::default(),
            guesses: None,
            moments,
            times,
            failed,
        })
    }

    fn rows(&mut self, batch: &Batch, find: Find<'_>, rejected: &mut Rejected) -> anyhow::Result<Vec<Rows>> {
        let mut devices = Devices::new();
        let mut names = Names::default();
        for (place, (_, line)) in batch.lines.iter().enumerate() {
            let line = &batch.bytes[line.clone()];
            if let Err(error) = take(line, place, &mut self.moments, &mut names, &mut devices) {
                rejected.insert(place, format!("{error:#}"));
            }
        }
        let mut all = Vec::with_capacity(devices.len());
        for (device, rows) in devices {
            all.extend(self.tablet(batch, device, rows, find, rejected)?);
        }
        without(all, rejected)
    }

    fn tablet(
        &mut self,
        batch: &Batch,
        device: DevicePath,
        rows: DeviceRows<'_>,
        find: Find<'_>,
        rejected: &mut Rejected,
    ) -> anyhow::Result<Option<Rows>> {
        let known = find(&device);
        let count = rows.times.len();
        let mut columns = Vec::with_capacity(rows.values.len());
        for (name, values) in rows.values {
            let data_type = match known.types.get(&name) {
                Some(data_type) => *data_type,
                None => self.guessed(batch, &device, &name)?,
            };
            let mut texts: Vec<Option<Cow<'_, str>>> = vec![None; count];
            for (row, token) in values {
                texts[row] = Some(token.text());
            }
            let (values, wrong) = column::read(data_type, texts.into_iter(), self.moments.zone());
            for (row, reason) in wrong {
                rejected.entry(rows.places[row]).or_insert_with(|| format!("`{name}`: {reason}"));
            }
            if values.null_count() < count {
                columns.push(Column { name, data_type, values });
            }
        }
        if columns.is_empty() {
            return Ok(None);
        }
        let tablet = Tablet::try_new(device, known.aligned, rows.times.into(), columns)?;
        Ok(Some(Rows { tablet, places: rows.places }))
    }

    /// The type of a series that the store does not have.
    fn guessed(&mut self, batch: &Batch, device: &DevicePath, name: &Arc<str>) -> anyhow::Result<DataType> {
        if self.guesses.as_ref().is_none_or(|guesses| !guesses.knows(device, name)) {
            let guesses = self.guesses.get_or_insert_default();
            if std::fs::metadata(&self.path).is_ok_and(|found| found.is_file()) {
                look(&self.path, &self.times, guesses)?;
            } else {
                // A stream is read once: what is there already has to do.
                guess(batch, &mut Names::default(), &mut Moments::new(&self.times), guesses);
            }
        }
        Ok(self.guesses.as_ref().map_or(DataType::Text, |guesses| guesses.data_type(device, name)))
    }
}

/// Looks at all values of a file.
fn look(path: &Path, times: &TimeArgs, guesses: &mut Guesses) -> anyhow::Result<()> {
    // What is noticed here is noticed again when rows are read.
    let mut moments = Moments::new(times);
    let (mut names, mut lines, mut batch) = (Names::default(), Lines::open(path)?, Batch::default());
    loop {
        batch = lines.next(batch).with_context(|| format!("cannot read {}", path.display()))?;
        if batch.lines.is_empty() {
            return Ok(());
        }
        guess(&batch, &mut names, &mut moments, guesses);
    }
}

/// Looks at all values of some lines.
fn guess(batch: &Batch, names: &mut Names, moments: &mut Moments, guesses: &mut Guesses) {
    let mut devices = Devices::new();
    for (place, (_, line)) in batch.lines.iter().enumerate() {
        // What is no row counts for nothing.
        drop(take(&batch.bytes[line.clone()], place, moments, names, &mut devices));
    }
    for (device, rows) in devices {
        for (name, values) in rows.values {
            guesses.see(&device, &name, values.iter().map(|(_, token)| token));
        }
    }
}

impl RowReader for Reader {
    fn next(&mut self, find: Find<'_>) -> anyhow::Result<Option<Vec<Rows>>> {
        let before = std::mem::take(&mut self.batch);
        let batch =
            self.lines.next(before).with_context(|| format!("cannot read {}", self.path.display()))?;
        if batch.lines.is_empty() {
            return Ok(None);
        }
        let mut rejected = Rejected::new();
        let rows = self.rows(&batch, find, &mut rejected);
        self.batch = batch;
        for (&place, reason) in &rejected {
            self.reject(&[place], reason)?;
        }
        rows.map(Some)
    }

    fn reject(&mut self, places: &[usize], reason: &str) -> anyhow::Result<()> {
        for (number, line) in places.iter().filter_map(|&place| self.batch.lines.get(place)) {
            self.failed.add(&format!("line {number}"), &self.batch.bytes[line.clone()], reason)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<Option<(u64, PathBuf)>> {
        self.moments.tell(&self.path);
        std::mem::replace(&mut self.failed, Failed::new(&self.path, None)).finish()
    }
}

/// Names that were met, as what they are: most lines have the same.
#[derive(Debug, Default)]
struct Names {
    devices: HashMap<String, DevicePath>,
    measurements: HashMap<String, Arc<str>>,
    series: HashMap<String, (DevicePath, Arc<str>)>,
}

impl Names {
    fn device(&mut self, text: &str) -> anyhow::Result<DevicePath> {
        if let Some(known) = self.devices.get(text) {
            return Ok(known.clone());
        }
        let device = DevicePath::parse(text).map_err(|error| anyhow!("`{text}` is no device: {error}"))?;
        self.devices.insert(text.to_owned(), device.clone());
        Ok(device)
    }

    fn measurement(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.measurements.get(text) {
            return Arc::clone(known);
        }
        let name = measurement(text);
        self.measurements.insert(text.to_owned(), Arc::clone(&name));
        name
    }

    fn series(&mut self, text: &str) -> anyhow::Result<(DevicePath, Arc<str>)> {
        if let Some((device, name)) = self.series.get(text) {
            return Ok((device.clone(), Arc::clone(name)));
        }
        let (device, name) = series(text)?;
        let device = device.ok_or_else(|| anyhow!("`{text}` is no series"))?;
        self.series.insert(text.to_owned(), (device.clone(), Arc::clone(&name)));
        Ok((device, name))
    }
}

/// Puts a row where it belongs; where it is none, nothing of it.
fn take<'a>(
    line: &'a [u8],
    place: usize,
    moments: &mut Moments,
    names: &mut Names,
    devices: &mut Devices<'a>,
) -> anyhow::Result<()> {
    let text = std::str::from_utf8(line).map_err(|error| anyhow!("it is no UTF-8 text: {error}"))?;
    let object = Object::parse(text)?;
    let is = |name: &'static str| move |(key, _): &(Cow<'_, str>, Token<'_>)| key.eq_ignore_ascii_case(name);
    let time = object.iter().position(is("time")).or_else(|| object.iter().position(is("timestamp")));
    let time_at = time.filter(|&at| !matches!(object[at].1, Token::Null)).context("it has no `Time`")?;
    let moment = moments.read(&object[time_at].1.text())?;
    let millis = moment.millis();
    let device_at = object.iter().position(is("device"));
    let device = match device_at.map(|at| &object[at].1) {
        Some(Token::Text(name)) => Some(names.device(name)?),
        Some(other) => return Err(anyhow!("the device is no text: {}", other.text())),
        None => None,
    };
    moments.note(device.as_ref().map_or("", DevicePath::as_str), moment);
    let mut values = Vec::with_capacity(object.len());
    for (at, (key, token)) in object.into_iter().enumerate() {
        match (&device, token) {
            _ if Some(at) == time || Some(at) == device_at => {}
            (_, Token::Null) => {}
            (Some(device), Token::Other(inner)) if key == APART && inner.starts_with('{') => {
                for (key, token) in Object::parse(inner)? {
                    if !matches!(token, Token::Null) {
                        values.push((device.clone(), names.measurement(&key), token));
                    }
                }
            }
            (Some(device), token) => values.push((device.clone(), names.measurement(&key), token)),
            (None, token) => {
                let (device, name) = names.series(&key)?;
                values.push((device, name, token));
            }
        }
    }
    for (device, name, token) in values {
        let rows = devices.entry(device).or_default();
        if rows.places.last() != Some(&place) {
            rows.places.push(place);
            rows.times.push(millis);
        }
        let row = rows.places.len() - 1;
        rows.values.entry(name).or_default().push((row, token));
    }
    Ok(())
}
