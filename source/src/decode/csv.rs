//! Lines of separated values (RFC 4180): between quotes, a value may hold line breaks.
//!
//! ```text
//!   time,device,temperature(FLOAT),on          a header, or `columns` in the options
//!   2026-05-01T12:00:00Z,d1,21.3,true          → d1: temperature FLOAT 21.3, on BOOLEAN true
//!   2026-05-01T12:00:01Z,d1,,false             → d1: on BOOLEAN false
//! ```
//!
//! A head of exactly `time,device,measurement,value`, none of them between quotes, is the long form of the `file` sink: a value a
//! line, of the measurement that the line names.
//!
//! A column's type stands in brackets behind its name or in `cast`. Without one a value stays as it is written until the type of
//! its series is known: that of a series that exists or is declared, otherwise BOOLEAN for true and false, DOUBLE for numbers
//! (or INT64 for whole ones, with `integers: int64`), TEXT for the rest: [`Inferred`] says what a value looks like. What stands
//! between quotes is text, unless even times do (or, without times, devices). An empty field, and `null` without quotes, is no
//! value (`NULL` and `"null"` are text); `""` is an empty text, where the column is one of texts or has no type, and quotes mean
//! something.

use std::{
    borrow::Cow,
    cell::Cell,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use levada_connector_api::{
    BatchBuilder, BuildContext, DecodeError, Decoder, DecoderFactory, DecoderType, FieldValue, Problem,
    Result,
    csv::{self, Field, Place, Scanned, Scanner, trimmed},
    model::{DataType, Kind, convert::Inferred, unquote_node},
    text_of,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    account::Account,
    parts::Parts,
    time::{MissingTime, TimeReader, TimeUnit, zone_problem},
    typed::{Integers, text_as},
};

/// How separated values are read.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CsvOptions {
    /// The columns' names, where the first line does not tell them.
    #[schemars(example = ["time", "device", "temperature"])]
    pub columns: Option<Vec<String>>,
    /// What separates values; a comma unless given.
    #[schemars(example = ';')]
    pub separator: Option<char>,
    /// The column that holds the device; `device` unless given, whatever the case.
    #[schemars(example = &"device")]
    pub device: Option<String>,
    /// The device of all rows, where no column holds it.
    #[schemars(example = &"root.plant.d1")]
    pub device_name: Option<String>,
    /// The column that holds the time; unless given, `time`, and where there is none `timestamp`, whatever the case.
    #[schemars(example = &"time")]
    pub time: Option<String>,
    /// What a time that is a number counts.
    pub time_unit: TimeUnit,
    /// The zone of times that do not say theirs, by its name or offset; UTC unless given.
    #[schemars(example = "Europe/Paris")]
    pub zone: Option<String>,
    /// What becomes of a row without a time.
    pub missing_time: MissingTime,
    /// Types of columns by name.
    #[schemars(with = "BTreeMap<String, String>", example = serde_json::json!({"count": "INT64"}))]
    pub cast: BTreeMap<String, DataType>,
    /// The type of a new series of whole numbers: `double`, or `int64`.
    pub integers: Integers,
}

/// The type of the decoder, for the registry.
#[derive(Debug)]
pub struct CsvDecoder {
    options: CsvOptions,
    separator: u8,
    time: TimeReader,
    header: Option<Header>,
    account: Arc<Account>,
    /// Where the fields of a record are.
    places: Vec<Place>,
}

/// Which column is what.
#[derive(Debug)]
struct Header {
    columns: usize,
    device: Option<usize>,
    time: Option<usize>,
    fields: Vec<(usize, String, Option<DataType>)>,
    /// What the cells of these looked like so far, where they have no type.
    looks: Vec<Looks>,
    /// Where a line names its measurement, and where its value is, in the long form; then there are no fields.
    long: Option<(usize, usize)>,
}

/// What was seen of a column without a type.
#[derive(Debug, Default)]
struct Looks {
    numbers: Cell<bool>,
    labels: Cell<bool>,
}

impl DecoderType for CsvDecoder {
    const NAME: &'static str = "csv";
    const SUMMARY: &'static str = "Lines of separated values, with a header or named columns.";
    type Options = CsvOptions;

    fn check(options: &CsvOptions) -> Vec<Problem> {
        let mut problems = Vec::new();
        if options.separator.is_some_and(|separator| !separator.is_ascii() || separator == '"') {
            problems.push(Problem::new("separator", "is one ASCII character other than the quote"));
        }
        if let Some(columns) = &options.columns
            && let Err(error) = Header::new(options, columns.iter().map(|name| name.trim()), true)
        {
            problems.push(Problem::new("columns", error));
        }
        if options.device.is_some() && options.device_name.is_some() {
            problems.push(Problem::new("device_name", "the device stands in a column or is given, not both"));
        }
        problems.extend(zone_problem(options.zone.as_deref()));
        problems
    }

    fn needs_header(options: &CsvOptions) -> bool {
        options.columns.is_none()
    }

    fn build(options: CsvOptions, context: &BuildContext) -> Result<DecoderFactory> {
        let zone = options.zone.as_deref();
        let time = TimeReader::new(options.time_unit, options.missing_time, zone, &context.node);
        let account = Arc::new(Account::default().casting(options.cast.keys()));
        let noticed = Arc::clone(&account);
        let separator = options.separator.and_then(|each| u8::try_from(each).ok()).unwrap_or(b',');
        let make = move || -> Box<dyn Decoder> {
            let columns = options.columns.as_ref();
            // A header that cannot be used is found again, and reported, at the first line.
            let header = columns
                .and_then(|columns| Header::new(&options, columns.iter().map(|name| name.trim()), true).ok());
            let (options, time, account) = (options.clone(), time.clone(), Arc::clone(&account));
            Box::new(Self { options, separator, time, header, account, places: Vec::new() })
        };
        Ok(DecoderFactory::new(make).noticing(noticed))
    }
}

impl Decoder for CsvDecoder {
    fn decode(&mut self, record: &[u8], rows: &mut BatchBuilder) -> Result<(), DecodeError> {
        let text = text_of(record).map_err(DecodeError::new)?;
        let mut places = std::mem::take(&mut self.places);
        let decoded = self.records(record.len(), text, &mut places, rows);
        self.places = places;
        decoded.map_err(|message| {
            rows.take_back();
            DecodeError::new(message)
        })
    }

    fn separator(&self) -> Option<u8> {
        Some(self.separator)
    }

    fn header_lines(&self) -> usize {
        usize::from(self.options.columns.is_none())
    }
}

impl CsvDecoder {
    /// Takes in a text of one record or several, the end of a message of `length` bytes.
    fn records(
        &mut self,
        length: usize,
        mut text: &str,
        places: &mut Vec<Place>,
        rows: &mut BatchBuilder,
    ) -> Result<(), String> {
        let mut parts = Parts::default();
        for number in 1.. {
            if text.is_empty() {
                break;
            }
            places.clear();
            let scanned = Scanner::new(self.separator, false).scan(text.as_bytes(), true, places);
            let (end, wrong) = match scanned {
                Scanned::Whole { length, wrong } => (length, wrong),
                // There is no more.
                Scanned::Open => (text.len(), Some("it is not whole")),
            };
            let from = length - text.len();
            let (record, rest) = text.split_at(end);
            text = rest;
            if record.trim().is_empty() {
                continue;
            }
            if let Some(wrong) = wrong {
                return Err(wrong.to_owned());
            }
            // The end of the line belongs to no field.
            debug_assert!(places.last().is_none_or(|(last, _)| last.end <= trimmed(record.as_bytes())));
            let fields = Fields { record, places };
            match &self.header {
                Some(header) => {
                    // A record alone needs no number.
                    let alone = number == 1 && text.is_empty();
                    let name = || if alone { String::new() } else { format!("record {number}") };
                    let bytes = (!alone).then(|| from..from + trimmed(record.as_bytes()));
                    parts.part(rows, bytes, name, |rows| self.row(header, fields, rows));
                }
                None => {
                    let names = (0..places.len()).filter_map(|at| fields.get(at));
                    let plain = places.iter().all(|(_, quoted)| !quoted);
                    self.header = Some(Header::new(&self.options, names.map(name), plain)?);
                }
            }
        }
        parts.end(rows)
    }

    fn row(&self, header: &Header, values: Fields<'_>, rows: &mut BatchBuilder) -> Result<(), String> {
        let count = values.places.len();
        if count != header.columns {
            return Err(format!("{count} values where there are {} columns", header.columns));
        }
        let value = |at: Option<usize>| {
            let field = at.and_then(|at| values.get(at))?;
            (field.is_quoted() || !field.is_null() && !field.text().trim().is_empty()).then_some(field)
        };
        let device = match (&self.options.device_name, value(header.device).map(Field::text)) {
            (Some(name), _) => Cow::Borrowed(name.as_str()),
            (None, Some(name)) if !name.trim().is_empty() => name,
            (None, _) => return Err("there is no device".to_owned()),
        };
        let time = value(header.time);
        // Who has quotes around a time has them around everything.
        let loose = time.or_else(|| value(header.device)).is_some_and(Field::is_quoted);
        let time = time.map(Field::text).filter(|text| !text.trim().is_empty());
        let device = device.trim();
        let time = time.map_or_else(|| self.time.missing(device), |text| self.time.text(&text))?;
        let named;
        let columns = match header.long {
            None => &header.fields[..],
            Some((name, at)) => {
                let name = value(Some(name)).ok_or("there is no measurement")?;
                let name =
                    if name.is_quoted() { name.text().into_owned() } else { name.text().trim().to_owned() };
                let cast = self.options.cast.get(&name).copied();
                named = [(at, name, cast)];
                &named[..]
            }
        };
        self.look(columns);
        let mut texts = Vec::with_capacity(columns.len());
        for (nth, (at, name, data_type)) in columns.iter().enumerate() {
            let Some(field) = value(Some(*at)) else { continue };
            let text = field.text();
            let is_value = match data_type {
                Some(data_type) => data_type.is_text() || !text.trim().is_empty(),
                None => !loose || !text.trim().is_empty(),
            };
            if is_value {
                texts.push((nth, name.as_str(), *data_type, field, text));
            }
        }
        let mut fields = Vec::with_capacity(texts.len());
        for (nth, name, data_type, field, text) in &texts {
            let value = match data_type {
                Some(data_type) => text_as(text, *data_type, self.time.zone())
                    .map_err(|error| format!("column `{name}`: {error}"))?,
                None if field.is_quoted() && (!loose || text.trim().is_empty()) => FieldValue::Text(text),
                None if !field.is_quoted() && text.trim() == "null" => FieldValue::Null,
                None => self.options.integers.inferred(text),
            };
            if let Some(looks) = header.looks.get(*nth) {
                looks.see(name, &value, &self.account);
            }
            fields.push((*name, value));
        }
        let fields: &[(&str, FieldValue<'_>)] = &fields;
        self.account.row(rows, device, time, fields)
    }

    /// Takes note of the measurements of `cast` that a record has.
    fn look(&self, columns: &[(usize, String, Option<DataType>)]) {
        if self.options.cast.is_empty() {
            return;
        }
        self.account.looks();
        for (at, cast) in self.options.cast.keys().enumerate() {
            if columns.iter().any(|(_, name, _)| name == cast || unquote_node(name) == *cast) {
                self.account.found(at);
            }
        }
    }
}

impl Looks {
    /// Takes note of a value of a column.
    #[inline]
    fn see(&self, column: &str, value: &FieldValue<'_>, account: &Account) {
        match value {
            FieldValue::Written(Kind::Number | Kind::Integer, _) if !self.numbers.replace(true) => {
                account.has_numbers(column)
            }
            FieldValue::Text(text) if !self.labels.get() && Inferred::is_label(text) => {
                self.labels.set(true);
                account.has_label(column, text);
            }
            _ => {}
        }
    }
}

/// The head of a file in the long form of the `file` sink.
const LONG: [&str; 4] = ["time", "device", "measurement", "value"];

/// The fields of a record.
#[derive(Clone, Copy)]
struct Fields<'a> {
    record: &'a str,
    places: &'a [Place],
}

impl<'a> Fields<'a> {
    fn get(self, at: usize) -> Option<Field<'a>> {
        let (place, quoted) = self.places.get(at)?;
        Some(Field::new(&self.record[place.clone()], *quoted))
    }
}

/// A column's name: blanks around it are no part of it, unless they stand between quotes.
fn name(field: Field<'_>) -> Cow<'_, str> {
    let text = field.text();
    if field.is_quoted() {
        return text;
    }
    let text = text.trim();
    Cow::Owned(match text.strip_suffix(')').and_then(|text| text.rsplit_once('(')) {
        Some((name, data_type)) => format!("{}({data_type})", name.trim_end()),
        None => text.to_owned(),
    })
}

impl Header {
    /// `plain` says that none of the names stands between quotes.
    ///
    /// # Errors
    /// The columns that are needed are not there, or two have one name and not each a type of its own.
    fn new<N: AsRef<str>>(
        options: &CsvOptions,
        names: impl Iterator<Item = N>,
        plain: bool,
    ) -> Result<Self, String> {
        let names: Vec<N> = names.collect();
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let time = role(&names, options.time.as_deref(), &["time", "timestamp"])?;
        let device = match options.device_name {
            Some(_) => None,
            None => role(&names, options.device.as_deref(), &["device"])?,
        };
        let mut header =
            Self { columns: names.len(), device, time, fields: Vec::new(), looks: Vec::new(), long: None };
        if plain && names == LONG && (device, time) == (Some(1), Some(0)) {
            header.long = Some((2, 3));
            return Ok(header);
        }
        let mut known: HashMap<&str, Vec<Option<DataType>>> = HashMap::new();
        for (at, name) in names.iter().enumerate().filter(|&(at, _)| Some(at) != time && Some(at) != device) {
            let (name, data_type) = named_type(name)?;
            // The `file` sink writes a column for each type of a measurement.
            let types = known.entry(name).or_default();
            types.push(data_type);
            if types.len() > 1 && (types.contains(&None) || types[..types.len() - 1].contains(&data_type)) {
                return Err(format!("two columns are named `{name}`"));
            }
            let cast = options.cast.get(name).or_else(|| options.cast.get(&*unquote_node(name)));
            let data_type = cast.copied().or(data_type);
            header.fields.push((at, name.to_owned(), data_type));
        }
        header.looks.resize_with(header.fields.len(), Looks::default);
        let advice = || match names[..] {
            [head] => separator_advice(head),
            _ => String::new(),
        };
        if device.is_none() && options.device_name.is_none() {
            let wanted = options.device.as_deref().unwrap_or("device");
            return Err(format!("no column is named `{wanted}`, and no `device_name` is given{}", advice()));
        }
        if time.is_none() && options.missing_time == MissingTime::Reject {
            let wanted = options.time.as_deref().unwrap_or("time");
            return Err(format!("no column is named `{wanted}`{}", advice()));
        }
        Ok(header)
    }
}

/// What to do where a head is a single column and looks like several.
fn separator_advice(head: &str) -> String {
    match csv::other_separator(head).map(String::from) {
        Some(other) => {
            format!(
                ": `{}` separates the columns, it seems; say `separator: {other:?}`",
                other.escape_debug()
            )
        }
        None => String::new(),
    }
}

/// The column of a given name, or else of the first of some usual ones that any has.
///
/// # Errors
/// Two columns have that name.
fn role(names: &[&str], given: Option<&str>, usual: &[&str]) -> Result<Option<usize>, String> {
    let places = |is: &dyn Fn(&str) -> bool| -> Result<Option<usize>, String> {
        let mut places = (0..names.len()).filter(|&at| is(names[at]));
        let place = places.next();
        match place.zip(places.next()) {
            Some((one, two)) if names[one] == names[two] => {
                Err(format!("two columns are named `{}`", names[one]))
            }
            Some((one, two)) => Err(format!("`{}` and `{}` are columns of one name", names[one], names[two])),
            None => Ok(place),
        }
    };
    match given {
        Some(given) => places(&|name| name == given),
        None => {
            for usual in usual {
                if let Some(place) = places(&|name| name.eq_ignore_ascii_case(usual))? {
                    return Ok(Some(place));
                }
            }
            Ok(None)
        }
    }
}

/// `temperature(FLOAT)` as name and type.
fn named_type(name: &str) -> Result<(&str, Option<DataType>), String> {
    match name.strip_suffix(')').and_then(|name| name.rsplit_once('(')) {
        Some((name, data_type)) => match data_type.trim().parse() {
            Ok(data_type) => Ok((name, Some(data_type))),
            Err(error) => Err(format!("column `{name}`: {error}")),
        },
        None => Ok((name, None)),
    }
}

#[cfg(test)]
mod tests;
