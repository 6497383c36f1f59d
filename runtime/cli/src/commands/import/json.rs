//! JSON lines as `levada export` and the `file` sink write them: an object for each row.
//!
//! ```text
//!   {"Time":1,"Device":"root.plant.d1","x":21.5,"measurements":{"time":777}}     keys are measurements
//!   {"Time":1,"root.plant.d1.x":21.5}                                            keys are series
//! ```
//!
//! The first key that is `Time` (or, where there is none, `Timestamp`), whatever its case, is the time, the first that is `Device`
//! the device; what stands in an object `measurements` or `values` is measurements whatever they are called. What stands in other
//! objects and in lists is measurements called `outer_inner` and `list_0`, as the decoder `json` has it; two values of one name make
//! the line none. A null, or a key that is missing, is no value.
//!
//! Values get the types of their series, by their digits as they are written. Where there is no such series, the type that a line
//! tells of it first (`"types":{"x":"FLOAT"}`) is its own. If that is a type of numbers, a text in the line is read as a number, as in the
//! decoder. Where no line tells a type, the whole file is looked at, by the rule of [`Guess`](super::guess::Guess): booleans are BOOLEAN, whole numbers INT64, numbers DOUBLE (`"NaN"`,
//! `"Infinity"` and `"-Infinity"` are some), one value in a hundred may be something else and its line is rejected, and what is
//! mixed more than that is TEXT; values of several kinds are told of. A line that is no such row is rejected: it goes to
//! `FILE.failed`, and the others are stored. Lines that begin with `#`, and empty ones, are passed over.

mod guess;
mod lines;
mod object;

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow, bail};
use arrow_array::Array;
use levada_connector_api::text_of;
use levada_model::{Column, DataType, Path as DevicePath, Tablet, convert::Given, quote_node, unquote_node};

use self::{
    guess::{Guesses, seen, told},
    lines::{Batch, Lines, is_stream},
    object::{Object, Token, flatten},
};
use super::{
    csv::column,
    failed::Failed,
    guess::{Mixed, other_kind},
    moments::{Moments, TimeArgs},
    rows::{Find, Rejected, RowReader, Rows, Taken, measurement, moved, series, sifted, two_values},
};
use crate::{
    interrupt::Interrupt,
    output::{APART, TYPES},
};

/// Objects whose members are measurements by their own names.
const APARTS: [&str; 2] = [APART, "values"];
/// Series whose guessed types are told of.
const TOLD: usize = 20;

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    lines: Lines,
    batch: Batch,
    /// Types of series that the store does not have, once one was asked for.
    guesses: Option<Guesses>,
    mixed: Mixed,
    /// Types that lines told of series.
    declared: Declared,
    /// Series whose guessed types were told of.
    told: usize,
    moments: Moments,
    times: TimeArgs,
    failed: Failed,
    /// What devices are put below.
    prefix: Option<DevicePath>,
}

/// Rows of one device: which of the lines they are, their times, and by measurement the values that there are, with their row.
#[derive(Debug, Default)]
struct DeviceRows<'a> {
    places: Vec<usize>,
    times: Vec<i64>,
    values: BTreeMap<Arc<str>, Vec<(usize, Token<'a>)>>,
}

type Devices<'a> = BTreeMap<DevicePath, DeviceRows<'a>>;

/// Types of measurements by device.
type Declared = HashMap<DevicePath, HashMap<Arc<str>, DataType>>;

impl Reader {
    pub(super) fn open(
        path: &Path,
        times: &TimeArgs,
        prefix: Option<&DevicePath>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Self> {
        let (moments, times) = (Moments::new(times), times.clone());
        let (lines, failed) = (Lines::open(path, interrupt)?, Failed::new(path, None));
        Ok(Self {
            path: path.to_owned(),
            lines,
            batch: Batch::default(),
            guesses: None,
            mixed: Mixed::default(),
            declared: Declared::new(),
            told: 0,
            moments,
            times,
            failed,
            prefix: prefix.cloned(),
        })
    }

    fn rows(&mut self, batch: &Batch, find: Find<'_>, rejected: &mut Rejected) -> anyhow::Result<Taken> {
        let mut devices = Devices::new();
        let mut names = Names::below_prefix(self.prefix.as_ref());
        for (place, (_, line)) in batch.lines.iter().enumerate() {
            let line = &batch.bytes[line.clone()];
            let into = Places { devices: &mut devices, declared: &mut self.declared };
            if let Err(error) = take(line, place, &mut self.moments, &mut names, into) {
                rejected.insert(place, format!("{error:#}"));
            }
        }
        let mut all = Vec::with_capacity(devices.len());
        for (device, rows) in devices {
            all.extend(self.tablet(batch, device, rows, find, rejected)?);
        }
        sifted(all, rejected, batch.lines.len())
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
                None => match self.declared.get(&device).and_then(|declared| declared.get(&name)) {
                    Some(data_type) => *data_type,
                    None => self.guessed(batch, &device, &name)?,
                },
            };
            let mut given: Vec<Option<Given<'_>>> = vec![None; count];
            for (row, token) in &values {
                given[*row] = Some(token.given());
            }
            let is_mixed = self.mixed.has(&device, &name);
            let is_other =
                |token: &Token<'_>| is_mixed && seen(token).is_some_and(|seen| !seen.is(data_type));
            let (converted, wrong) = column::read(data_type, &given, self.moments.zone());
            for (row, reason) in wrong {
                rejected.entry(rows.places[row]).or_insert_with(|| format!("`{name}`: {reason}"));
            }
            for (row, token) in values.iter().filter(|(_, token)| is_other(token)) {
                let reason = || format!("`{name}`: {}", other_kind(token.text(), data_type));
                rejected.entry(rows.places[*row]).or_insert_with(reason);
            }
            if converted.null_count() < count {
                columns.push(Column { name, data_type, values: converted });
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
        if self.guesses.as_ref().is_none_or(|guesses| guesses.of(device, name).is_none()) {
            let guesses = self.guesses.get_or_insert_default();
            let mut names = Names::below_prefix(self.prefix.as_ref());
            if is_stream(&self.path) {
                // It is read once: what is there already has to do.
                guess(batch, &mut names, &mut Moments::new(&self.times), guesses);
            } else {
                look(&self.path, &self.times, &mut names, guesses)?;
            }
        }
        let guess =
            self.guesses.as_ref().and_then(|guesses| guesses.of(device, name)).cloned().unwrap_or_default();
        let (data_type, fitting) = guess.data_type().unwrap_or((DataType::Text, 0));
        if fitting < guess.count() {
            self.mixed.add(device, name);
        }
        if let Some(told) = told(&guess) {
            self.told += 1;
            if self.told <= TOLD {
                eprintln!("{}: `{device}.{name}` {told}", self.path.display());
            }
        }
        Ok(data_type)
    }
}

/// Looks at all values of a file.
fn look(path: &Path, times: &TimeArgs, names: &mut Names, guesses: &mut Guesses) -> anyhow::Result<()> {
    // What is noticed here is noticed again when rows are read.
    let mut moments = Moments::new(times);
    let (mut lines, mut batch) = (Lines::open(path, &Interrupt::default())?, Batch::default());
    loop {
        batch = lines.next(batch)?;
        if batch.lines.is_empty() {
            return Ok(());
        }
        guess(&batch, names, &mut moments, guesses);
    }
}

/// Looks at all values of some lines.
fn guess(batch: &Batch, names: &mut Names, moments: &mut Moments, guesses: &mut Guesses) {
    let (mut devices, mut declared) = (Devices::new(), Declared::new());
    for (place, (_, line)) in batch.lines.iter().enumerate() {
        // What is no row counts for nothing.
        let into = Places { devices: &mut devices, declared: &mut declared };
        drop(take(&batch.bytes[line.clone()], place, moments, names, into));
    }
    for (device, rows) in devices {
        for (name, values) in rows.values {
            guesses.see(&device, &name, values.iter().map(|(_, token)| token));
        }
    }
}

impl RowReader for Reader {
    fn next(&mut self, find: Find<'_>) -> anyhow::Result<Option<Taken>> {
        let before = std::mem::take(&mut self.batch);
        let batch = self.lines.next(before)?;
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

    fn hears_signals(&self) -> bool {
        self.lines.is_stream()
    }

    fn reject(&mut self, places: &[usize], reason: &str) -> anyhow::Result<()> {
        for (number, line) in places.iter().filter_map(|&place| self.batch.lines.get(place)) {
            self.failed.add(&format!("line {number}"), &self.batch.bytes[line.clone()], reason)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<Option<(u64, PathBuf)>> {
        self.moments.tell(&self.path);
        if self.told > TOLD {
            let more = self.told - TOLD;
            eprintln!("{}: so have {more} more series values of several kinds", self.path.display());
        }
        std::mem::replace(&mut self.failed, Failed::new(&self.path, None)).finish()
    }
}

/// Names that were met, as what they are: most lines have the same.
#[derive(Debug, Default)]
struct Names {
    devices: HashMap<String, DevicePath>,
    measurements: HashMap<String, Arc<str>>,
    /// Of values below others, by all keys above them.
    below: HashMap<String, Arc<str>>,
    series: HashMap<String, (DevicePath, Arc<str>)>,
    /// What devices are put below.
    prefix: Option<DevicePath>,
}

impl Names {
    fn below_prefix(prefix: Option<&DevicePath>) -> Self {
        Self { prefix: prefix.cloned(), ..Self::default() }
    }

    fn device(&mut self, text: &str) -> anyhow::Result<DevicePath> {
        if let Some(known) = self.devices.get(text) {
            return Ok(known.clone());
        }
        let device = DevicePath::parse(text).map_err(|error| anyhow!("`{text}` is no device: {error}"))?;
        let device = moved(self.prefix.as_ref(), &device);
        self.devices.insert(text.to_owned(), device.clone());
        Ok(device)
    }

    fn measurement(&mut self, text: &str) -> anyhow::Result<Arc<str>> {
        if let Some(known) = self.measurements.get(text) {
            return Ok(Arc::clone(known));
        }
        let name = measurement(text)?;
        self.measurements.insert(text.to_owned(), Arc::clone(&name));
        Ok(name)
    }

    /// A measurement that is named by several keys.
    fn below(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.below.get(name) {
            return Arc::clone(known);
        }
        let node: Arc<str> = quote_node(name).into();
        self.below.insert(name.to_owned(), Arc::clone(&node));
        node
    }

    fn series(&mut self, text: &str) -> anyhow::Result<(DevicePath, Arc<str>)> {
        if let Some((device, name)) = self.series.get(text) {
            return Ok((device.clone(), Arc::clone(name)));
        }
        let (device, name) = series(text)?;
        let device = device.ok_or_else(|| anyhow!("`{text}` is no series"))?;
        let device = moved(self.prefix.as_ref(), &device);
        self.series.insert(text.to_owned(), (device.clone(), Arc::clone(&name)));
        Ok((device, name))
    }
}

/// Where rows and the types that they tell are put.
struct Places<'d, 'a> {
    devices: &'d mut Devices<'a>,
    declared: &'d mut Declared,
}

/// The types that an object tells, all of whose members are names of types.
fn told_types(object: &str) -> Option<Vec<(Cow<'_, str>, DataType)>> {
    let members = object.starts_with('{').then(|| Object::parse(object).ok()).flatten()?;
    let told = members.into_iter().map(|(key, token)| match token {
        Token::Text(name) => Some((key, name.parse().ok()?)),
        _ => None,
    });
    told.collect()
}

/// Puts a row where it belongs. Where it is none, some of it may be there all the same: it is rejected, and left out with all that
/// are.
fn take<'a>(
    line: &'a [u8],
    place: usize,
    moments: &mut Moments,
    names: &mut Names,
    Places { devices, declared }: Places<'_, 'a>,
) -> anyhow::Result<()> {
    let text = text_of(line).map_err(|wrong| anyhow!("it is {wrong}"))?;
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
    let mut row = Row { devices, place, millis, numbers: Vec::new() };
    let told = object.iter().enumerate().find_map(|(at, (key, token))| match token {
        Token::Other(inner) if key == TYPES => Some((at, told_types(inner)?)),
        _ => None,
    });
    let told_at = told.as_ref().map(|(at, _)| *at);
    for (key, data_type) in told.into_iter().flat_map(|(_, told)| told) {
        let (device, name) = match &device {
            Some(device) => (device.clone(), names.measurement(&key)?),
            None => names.series(&key)?,
        };
        if data_type.is_numeric() {
            row.numbers.push((device.clone(), Arc::clone(&name)));
        }
        declared.entry(device).or_default().entry(name).or_insert(data_type);
    }
    for (at, (key, token)) in object.into_iter().enumerate() {
        if [time, device_at, told_at].contains(&Some(at)) || token == Token::Null {
            continue;
        }
        match (&device, token) {
            (Some(device), Token::Other(inner)) if APARTS.contains(&&*key) && inner.starts_with('{') => {
                for (key, token) in Object::parse(inner)? {
                    row.member(device, &key, token, names)?;
                }
            }
            (Some(_), Token::Other(_)) if key == APART => {
                bail!("`{APART}` is a list: event maps are read by a pipeline (`decode: json`)");
            }
            (Some(device), token) => row.member(device, &key, token, names)?,
            (None, token) => {
                let (device, name) = names.series(&key)?;
                row.put(&device, name, token, names)?;
            }
        }
    }
    Ok(())
}

/// A row that is being put where it belongs.
struct Row<'d, 'a> {
    devices: &'d mut Devices<'a>,
    place: usize,
    millis: i64,
    /// Series that its line says are of a type of numbers.
    numbers: Vec<(DevicePath, Arc<str>)>,
}

impl<'a> Row<'_, 'a> {
    fn member(
        &mut self,
        device: &DevicePath,
        key: &str,
        token: Token<'a>,
        names: &mut Names,
    ) -> anyhow::Result<()> {
        let name = names.measurement(key)?;
        self.put(device, name, token, names)
    }

    /// Puts a value, or those below it.
    ///
    /// # Errors
    /// The row has another of the same series.
    fn put(
        &mut self,
        device: &DevicePath,
        name: Arc<str>,
        token: Token<'a>,
        names: &mut Names,
    ) -> anyhow::Result<()> {
        match token {
            Token::Null => Ok(()),
            Token::Other(inner) => flatten(&unquote_node(&name), inner, &mut |name, token| {
                let name = names.below(name);
                if token == Token::Null { Ok(()) } else { self.value(device, name, token) }
            }),
            token => self.value(device, name, token),
        }
    }

    fn value(&mut self, device: &DevicePath, name: Arc<str>, token: Token<'a>) -> anyhow::Result<()> {
        let rows = match self.devices.get_mut(device) {
            Some(rows) => rows,
            None => self.devices.entry(device.clone()).or_default(),
        };
        if rows.places.last() != Some(&self.place) {
            rows.places.push(self.place);
            rows.times.push(self.millis);
        }
        let row = rows.places.len() - 1;
        let is_number = || self.numbers.iter().any(|(of, number)| of == device && *number == name);
        let token = match token {
            Token::Text(text) if is_number() => Token::Said(text),
            token => token,
        };
        match rows.values.get_mut(&name) {
            Some(values) if values.last().is_some_and(|(last, _)| *last == row) => bail!(two_values(&name)),
            Some(values) => values.push((row, token)),
            None => drop(rows.values.insert(name, vec![(row, token)])),
        }
        Ok(())
    }
}
