//! CSV as `levada export` and IoTDB's own tools write it.
//!
//! ```text
//!   Time,Device,temperature,status(BOOLEAN)           a device in every row: columns are measurements
//!   Time,root.plant.d1.temperature,root.plant.d2.x    columns are series
//! ```
//!
//! A time is a number, or a date and time. An empty field is no value, `""` is an empty text. The type of a
//! series that exists counts, then the one in the head, then what [`Guess`] makes of the column. A line that is no row of these
//! types is rejected: it goes to `FILE.failed`, and the others are stored.

pub(super) mod column;
mod record;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use arrow_array::Int64Array;
use levada_connector_api::csv::{self, Field};
use levada_model::{Column, DataType, Moment, Path as DevicePath, Tablet, convert::Given};

use self::record::{Batch, Record, Records};
use super::{
    failed::Failed,
    guess::{Guess, Mixed, Seen, other_kind},
    moments::{Moments, TimeArgs},
    rows::{
        Find, Heading, Rejected, RowReader, Rows, Taken, add, by_device, moved, named_twice, of_one_series,
        sifted,
    },
};

/// Rows that are taken in at once.
const ROWS: usize = 8_192;
/// Columns whose guessed types are told of.
const TOLD: usize = 20;

/// All files of rows in a folder and the folders in it.
pub(super) fn find(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries =
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| {
                let known = ["csv", "jsonl", "ndjson", "parquet"];
                known.iter().any(|known| extension.eq_ignore_ascii_case(known))
            }) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Reader {
    path: PathBuf,
    records: Records,
    batch: Batch,
    headings: Vec<Heading>,
    /// Headings by whose columns they are above.
    owners: Vec<(Option<DevicePath>, Vec<usize>)>,
    /// Where the device stands.
    device: Option<usize>,
    /// How many fields a line has.
    width: usize,
    /// What the columns without a type look like, once that was asked for.
    guesses: Option<Vec<Guess>>,
    mixed: Mixed,
    moments: Moments,
    failed: Failed,
    /// What devices are put below.
    prefix: Option<DevicePath>,
}

impl RowReader for Reader {
    fn next(&mut self, find: Find<'_>) -> anyhow::Result<Option<Taken>> {
        self.batch =
            self.records.next(ROWS).with_context(|| format!("cannot read {}", self.path.display()))?;
        if self.batch.records.is_empty() {
            return Ok(None);
        }
        let mut rejected = Rejected::new();
        let times = self.times(&mut rejected);
        let mut all = Vec::new();
        for (device, places) in self.by_device(&mut rejected) {
            let name = device.as_ref().map_or("", DevicePath::as_str);
            places.iter().for_each(|&place| self.moments.note(name, times[place]));
            for owner in 0..self.owners.len() {
                let Some(path) = device.as_ref().or(self.owners[owner].0.as_ref()).cloned() else { continue };
                all.extend(self.rows(path, owner, &places, &times, find, &mut rejected)?);
            }
        }
        for (&place, reason) in &rejected {
            self.reject(&[place], reason)?;
        }
        sifted(all, &rejected, self.batch.records.len()).map(Some)
    }

    fn reject(&mut self, places: &[usize], reason: &str) -> anyhow::Result<()> {
        for record in places.iter().filter_map(|&place| self.batch.records.get(place)) {
            self.failed.add(&format!("line {}", record.line), self.batch.raw(record), reason)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<Option<(u64, PathBuf)>> {
        self.moments.tell(&self.path);
        std::mem::replace(&mut self.failed, Failed::new(&self.path, None)).finish()
    }
}

impl Reader {
    pub(super) fn open(path: &Path, times: &TimeArgs, prefix: Option<&DevicePath>) -> anyhow::Result<Self> {
        let mut records = Records::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let batch = records.next(1).with_context(|| format!("cannot read {}", path.display()))?;
        let Some(head) = batch.records.first() else { bail!("{} is empty: it has no head", path.display()) };
        if let Some(wrong) = &head.wrong {
            bail!("{}, line {}: {wrong}", path.display(), head.line);
        }
        let fields: Vec<String> = (0..batch.width(head)).map(|at| name(batch.field(head, at))).collect();
        let quoted = (0..batch.width(head)).any(|at| batch.field(head, at).is_quoted());
        if !quoted && fields == ["time", "device", "measurement", "value"] {
            bail!(
                "{}: this is the long form, a value a line, and import reads columns: let a pipeline read it (`file` with `decode: csv`), \
                 or write it with `form: wide`; where `measurement` and `value` are measurements, put them between quotes",
                path.display()
            );
        }
        if !fields.first().is_some_and(|name| name.eq_ignore_ascii_case("time")) {
            let other = fields.first().filter(|_| fields.len() == 1).and_then(|head| other_separator(head));
            bail!("{}: the first column must be `Time`{}", path.display(), other.unwrap_or_default());
        }
        let device = fields.iter().position(|name| name.eq_ignore_ascii_case("device"));
        let mut headings = Vec::new();
        for (index, text) in fields.iter().enumerate().skip(1).filter(|(index, _)| Some(*index) != device) {
            let heading = Heading::parse(text, index, device.is_some());
            headings.push(heading.with_context(|| format!("{}: column {}", path.display(), index + 1))?);
        }
        if let Some(wrong) = named_twice(&fields).or_else(|| of_one_series(&fields, &headings)) {
            bail!("{}: {wrong}", path.display());
        }
        let mut owners: BTreeMap<Option<DevicePath>, Vec<usize>> = BTreeMap::new();
        for (at, heading) in headings.iter().enumerate() {
            let device = heading.device.as_ref().map(|device| moved(prefix, device));
            owners.entry(device).or_default().push(at);
        }
        let failed = Failed::new(path, Some(batch.raw(head).to_vec()));
        Ok(Self {
            path: path.to_owned(),
            width: fields.len(),
            owners: owners.into_iter().collect(),
            batch: Batch::default(),
            guesses: None,
            mixed: Mixed::default(),
            moments: Moments::new(times),
            records,
            headings,
            device,
            failed,
            prefix: prefix.cloned(),
        })
    }

    /// The times of all lines; of those that are no rows, any.
    fn times(&self, rejected: &mut Rejected) -> Vec<Moment> {
        let time = |(place, record): (usize, &Record)| {
            let text = self.batch.field(record, 0).text();
            let time = self.moments.read(&text);
            let (width, expected) = (self.batch.width(record), self.width);
            let wrong = if let Some(wrong) = &record.wrong {
                Some(wrong.clone())
            } else if width != expected {
                Some(format!("it has {width} fields, and the head has {expected}"))
            } else {
                time.as_ref().err().map(|error| format!("column 1: {error}"))
            };
            rejected.extend(wrong.map(|wrong| (place, wrong)));
            time.unwrap_or_default()
        };
        self.batch.records.iter().enumerate().map(time).collect()
    }

    /// Lines by the device that they name; all together where columns are series.
    fn by_device(&self, rejected: &mut Rejected) -> BTreeMap<Option<DevicePath>, Vec<usize>> {
        let sound = self.batch.records.iter().enumerate().filter(|(place, _)| !rejected.contains_key(place));
        let Some(index) = self.device else {
            return BTreeMap::from([(None, sound.map(|(place, _)| place).collect())]);
        };
        let mut by_text: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for (place, record) in sound {
            by_text.entry(self.batch.field(record, index).text()).or_default().push(place);
        }
        let read = |text: &str| {
            let device = DevicePath::parse(text.trim());
            device.map_err(|error| format!("column {}: `{text}` is no device: {error}", index + 1))
        };
        let by_device = by_device(by_text, self.prefix.as_ref(), rejected, read);
        by_device.into_iter().map(|(device, places)| (Some(device), places)).collect()
    }

    /// Rows of one device: mostly one tablet, more where a measurement has several columns.
    fn rows(
        &mut self,
        device: DevicePath,
        owner: usize,
        places: &[usize],
        times: &[Moment],
        find: Find<'_>,
        rejected: &mut Rejected,
    ) -> anyhow::Result<Vec<Rows>> {
        let known = find(&device);
        let (mut tablets, mut names): (Vec<Vec<Column>>, _) = (Vec::new(), HashMap::new());
        for at in self.owners[owner].1.clone() {
            let Heading { name, data_type, index, .. } = &self.headings[at];
            let (name, index) = (Arc::clone(name), *index);
            // A head that says that these are numbers is believed also where nobody writes a number so.
            let says_number = data_type.is_some_and(DataType::is_numeric);
            let data_type = match known.types.get(&name).copied().or(*data_type) {
                None => self.guessed(&device, at)?,
                known => known,
            };
            let Some(data_type) = data_type else { continue };
            let texts = places.iter().map(|&place| {
                let field = self.batch.field(&self.batch.records[place], index);
                let text = field.text();
                (!field.is_null() && (data_type.is_text() || !text.is_empty())).then_some(text)
            });
            let texts: Vec<_> = texts.collect();
            let given = if says_number && data_type.is_numeric() { Given::Number } else { Given::Text };
            let given: Vec<_> = texts.iter().map(|text| text.as_deref().map(given)).collect();
            let (values, wrong) = column::read(data_type, &given, self.moments.zone());
            for (row, reason) in wrong {
                let reason = || format!("column {}, `{name}`: {reason}", index + 1);
                rejected.entry(places[row]).or_insert_with(reason);
            }
            let is_mixed = self.mixed.has(&device, &name);
            let others = texts.iter().enumerate().filter(|_| is_mixed);
            for (row, text) in others.filter_map(|(row, text)| Some((row, text.as_deref()?))) {
                if !Seen::of(text.trim()).is(data_type) {
                    rejected.entry(places[row]).or_insert_with(|| {
                        let reason = other_kind(text, data_type);
                        format!(
                            "column {}, `{name}`: {reason}; `{name}(TYPE)` in the head says another",
                            index + 1
                        )
                    });
                }
            }
            if values.null_count() == values.len() {
                continue;
            }
            add(&mut tablets, Column { name, data_type, values }, &mut names, places, rejected);
        }
        let times: Int64Array = places.iter().map(|&place| times[place].millis()).collect::<Vec<_>>().into();
        let tablets = tablets.into_iter().map(|columns| {
            let tablet = Tablet::try_new(device.clone(), known.aligned, times.clone(), columns)?;
            Ok(Rows { tablet, places: places.to_vec() })
        });
        tablets.collect()
    }

    /// The type that a column looks like; `None` where it has no value.
    fn guessed(&mut self, device: &DevicePath, at: usize) -> anyhow::Result<Option<DataType>> {
        if self.guesses.is_none() {
            let guesses = self.look().with_context(|| format!("cannot read {}", self.path.display()))?;
            self.tell(&guesses);
            self.guesses = Some(guesses);
        }
        let Some(guess) = self.guesses.as_ref().map(|guesses| &guesses[at]) else { return Ok(None) };
        let Some((data_type, fitting)) = guess.data_type() else { return Ok(None) };
        if fitting < guess.count() {
            self.mixed.add(device, &self.headings[at].name);
        }
        Ok(Some(data_type))
    }

    /// Looks at all values of columns without a type.
    fn look(&self) -> std::io::Result<Vec<Guess>> {
        let mut guesses = vec![Guess::default(); self.headings.len()];
        let wanted: Vec<(usize, usize)> = self
            .headings
            .iter()
            .enumerate()
            .filter(|(_, heading)| heading.data_type.is_none())
            .map(|(at, heading)| (at, heading.index))
            .collect();
        let mut records = Records::open(&self.path)?;
        records.next(1)?;
        loop {
            let batch = records.next(ROWS)?;
            if batch.records.is_empty() {
                return Ok(guesses);
            }
            for record in batch.records.iter().filter(|record| batch.width(record) == self.width) {
                // Who has quotes around a time has them around everything.
                let loose = batch.field(record, 0).is_quoted();
                for &(at, index) in &wanted {
                    guesses[at].see_field(batch.field(record, index), loose);
                }
            }
        }
    }

    /// Says which types were guessed.
    fn tell(&self, guesses: &[Guess]) {
        let guessed = self.headings.iter().zip(guesses).filter_map(|(heading, guess)| {
            let (data_type, fitting) = guess.data_type().filter(|_| heading.data_type.is_none())?;
            Some((heading, data_type, fitting, guess.count()))
        });
        let mut more = 0;
        for (told, (heading, data_type, fitting, count)) in guessed.enumerate() {
            if told >= TOLD {
                more += 1;
                continue;
            }
            let (path, name, column) = (self.path.display(), &heading.name, heading.index + 1);
            let device = heading.device.as_ref().map(|device| format!("{device}.")).unwrap_or_default();
            let values =
                if fitting == count { format!("all {count}") } else { format!("{fitting} of {count}") };
            eprintln!(
                "{path}: column {column}, `{device}{name}`, is {data_type} where there is no such series yet ({values} values); \
                 `{device}{name}(TYPE)` in the head says another"
            );
        }
        if more > 0 {
            eprintln!(
                "{}: so are the types of {more} more columns from what is in them",
                self.path.display()
            );
        }
    }
}

/// What to do where the fields of a head stand between something else than commas.
fn other_separator(head: &str) -> Option<String> {
    let separator = csv::other_separator(head)?.to_string();
    Some(format!(
        ", and `{}` separates the fields, it seems: import reads commas; a pipeline reads others (`file` with `decode: {{csv: {{separator: {separator:?}}}}}`)",
        separator.escape_debug()
    ))
}

/// What stands above a column: blanks around it are no part of it, unless they stand between quotes.
fn name(field: Field<'_>) -> String {
    let text = field.text();
    if field.is_quoted() { text.into_owned() } else { text.trim().to_owned() }
}
