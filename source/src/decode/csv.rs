//! Lines of separated values (RFC 4180, but a value may not hold a line break).
//!
//! ```text
//!   time,device,temperature(FLOAT),on          a header, or `columns` in the options
//!   2026-05-01T12:00:00Z,d1,21.3,true          → d1: temperature FLOAT 21.3, on BOOLEAN true
//!   2026-05-01T12:00:01Z,d1,,false             → d1: on BOOLEAN false
//! ```
//!
//! A column's type stands in brackets behind its name or in `cast`. Without one a value stays as it is written until the type of
//! its series is known: that of a series that exists or is declared, otherwise BOOLEAN for true and false, DOUBLE for numbers
//! (or INT64 for whole ones, with `integers: int64`), TEXT for the rest and for digits behind a zero.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use levada_connector_api::{
    BatchBuilder, BuildContext, DecodeError, Decoder, DecoderFactory, DecoderType, FieldValue, Problem,
    Result, model::DataType,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    account::Account,
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
}

/// Which column is what.
#[derive(Debug)]
struct Header {
    columns: usize,
    device: Option<usize>,
    time: Option<usize>,
    fields: Vec<(usize, String, Option<DataType>)>,
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
            && let Err(error) = Header::new(options, columns.iter().map(String::as_str))
        {
            problems.push(Problem::new("columns", error));
        }
        if options.device.is_some() && options.device_name.is_some() {
            problems.push(Problem::new("device_name", "the device stands in a column or is given, not both"));
        }
        problems.extend(zone_problem(options.zone.as_deref()));
        problems
    }

    fn build(options: CsvOptions, context: &BuildContext) -> Result<DecoderFactory> {
        let zone = options.zone.as_deref();
        let time = TimeReader::new(options.time_unit, options.missing_time, zone, &context.node);
        let account = Arc::new(Account::default());
        let noticed = Arc::clone(&account);
        let separator = options.separator.and_then(|each| u8::try_from(each).ok()).unwrap_or(b',');
        let make = move || -> Box<dyn Decoder> {
            let columns = options.columns.as_ref();
            // A header that cannot be used is found again, and reported, at the first line.
            let header =
                columns.and_then(|columns| Header::new(&options, columns.iter().map(String::as_str)).ok());
            let (options, time, account) = (options.clone(), time.clone(), Arc::clone(&account));
            Box::new(Self { options, separator, time, header, account })
        };
        Ok(DecoderFactory::new(make).noticing(noticed))
    }
}

impl Decoder for CsvDecoder {
    fn decode(&mut self, record: &[u8], rows: &mut BatchBuilder) -> Result<(), DecodeError> {
        let text = std::str::from_utf8(record).map_err(|_| DecodeError::new("not UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut values = Vec::new();
        let result = text.lines().filter(|line| !line.trim().is_empty()).try_for_each(|line| {
            split(line, self.separator, &mut values)?;
            match &self.header {
                Some(header) => self.row(header, &values, rows),
                None => {
                    self.header = Some(Header::new(&self.options, values.iter().map(|value| &**value))?);
                    Ok(())
                }
            }
        });
        result.map_err(|message| {
            rows.take_back();
            DecodeError { message }
        })
    }

    fn header_lines(&self) -> usize {
        usize::from(self.options.columns.is_none())
    }
}

impl CsvDecoder {
    fn row(&self, header: &Header, values: &[Cow<'_, str>], rows: &mut BatchBuilder) -> Result<(), String> {
        if values.len() != header.columns {
            return Err(format!("{} values where there are {} columns", values.len(), header.columns));
        }
        let value =
            |at: Option<usize>| at.and_then(|at| values.get(at)).filter(|value| !value.trim().is_empty());
        let device = match (&self.options.device_name, value(header.device)) {
            (Some(name), _) => name,
            (None, Some(name)) => name.trim(),
            (None, None) => return Err("there is no device".to_owned()),
        };
        let time = value(header.time).map_or_else(|| self.time.missing(), |text| self.time.text(text))?;
        let mut fields = Vec::with_capacity(header.fields.len());
        for (at, name, data_type) in &header.fields {
            let Some(text) = value(Some(*at)) else { continue };
            let value = match data_type {
                Some(data_type) => {
                    text_as(text, *data_type).map_err(|error| format!("column `{name}`: {error}"))?
                }
                None => self.options.integers.inferred(text),
            };
            fields.push((name.as_str(), value));
        }
        let fields: &[(&str, FieldValue<'_>)] = &fields;
        self.account.row(rows, device, time, fields)
    }
}

impl Header {
    /// # Errors
    /// The columns that are needed are not there, or two have one name.
    fn new<'a>(options: &CsvOptions, names: impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let names: Vec<&str> = names.map(str::trim).collect();
        let time = role(&names, options.time.as_deref(), &["time", "timestamp"])?;
        let device = match options.device_name {
            Some(_) => None,
            None => role(&names, options.device.as_deref(), &["device"])?,
        };
        let mut header = Self { columns: names.len(), device, time, fields: Vec::new() };
        let mut known = HashSet::new();
        for (at, name) in names.iter().enumerate().filter(|&(at, _)| Some(at) != time && Some(at) != device) {
            let (name, data_type) = named_type(name)?;
            if !known.insert(name) {
                return Err(format!("two columns are named `{name}`"));
            }
            let data_type = options.cast.get(name).copied().or(data_type);
            header.fields.push((at, name.to_owned(), data_type));
        }
        if device.is_none() && options.device_name.is_none() {
            let wanted = options.device.as_deref().unwrap_or("device");
            return Err(format!("no column is named `{wanted}`, and no `device_name` is given"));
        }
        if time.is_none() && options.missing_time == MissingTime::Reject {
            return Err(format!("no column is named `{}`", options.time.as_deref().unwrap_or("time")));
        }
        Ok(header)
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
            Ok(data_type) => Ok((name.trim(), Some(data_type))),
            Err(error) => Err(format!("column `{name}`: {error}")),
        },
        None => Ok((name, None)),
    }
}

/// Splits a line; a value between quotes may hold separators, and quotes doubled.
fn split<'a>(line: &'a str, separator: u8, values: &mut Vec<Cow<'a, str>>) -> Result<(), String> {
    values.clear();
    let mut rest = line;
    loop {
        let end = if let Some(inner) = rest.strip_prefix('"') {
            let length = quoted_length(inner).ok_or("a quote is not closed")?;
            let value = &inner[..length];
            values.push(if value.contains('"') {
                Cow::Owned(value.replace("\"\"", "\""))
            } else {
                Cow::Borrowed(value)
            });
            length + 2
        } else {
            let end = rest.bytes().position(|byte| byte == separator).unwrap_or(rest.len());
            values.push(Cow::Borrowed(&rest[..end]));
            end
        };
        match rest.as_bytes().get(end) {
            None => return Ok(()),
            Some(&byte) if byte == separator => rest = &rest[end + 1..],
            Some(_) => return Err("something stands behind a closing quote".to_owned()),
        }
    }
}

/// How long the text before the closing quote is.
fn quoted_length(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at += bytes.get(at..)?.iter().position(|&byte| byte == b'"')?;
        if bytes.get(at + 1) != Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use levada_connector_api::{Batch, model::Value};
    use proptest::prelude::*;

    use super::*;

    fn decode(options: CsvOptions, records: &[&[u8]]) -> Result<Batch, DecodeError> {
        let factory = CsvDecoder::build(options, &BuildContext::new("p", "n")).expect("options that work");
        let mut decoder = factory.make();
        let mut rows = BatchBuilder::new();
        for (at, record) in records.iter().enumerate() {
            rows.record(record, at as u64);
            decoder.decode(record, &mut rows)?;
        }
        Ok(rows.finish(Vec::new()))
    }

    #[test]
    fn a_header_names_columns_and_types() {
        let batch = decode(
            CsvOptions::default(),
            &[
                b"\xef\xbb\xbfTime, Device ,temperature(FLOAT),note,on",
                b"2026-05-01T12:00:00Z,d1,21.5,\"a, \"\"b\"\"\",true\r\n",
                b"1777636800001,d1,,,",
                b"1777636800002,d1,22,x,false",
            ],
        )
        .expect("well formed");
        let tablet = &batch.readings[0].tablet;
        assert_eq!(tablet.times().values(), &[1_777_636_800_000, 1_777_636_800_002]);
        let first: Vec<_> = tablet.columns().iter().filter_map(|column| column.value(0)).collect();
        assert_eq!(first, [Value::Float(21.5), Value::Text("a, \"b\"".to_owned()), Value::Boolean(true)]);
    }

    #[test]
    fn columns_and_a_device_may_be_given() {
        let options = CsvOptions {
            columns: Some(vec!["at".to_owned(), "n".to_owned()]),
            separator: Some(';'),
            device_name: Some("root.x".to_owned()),
            time: Some("at".to_owned()),
            cast: BTreeMap::from([("n".to_owned(), DataType::Int64)]),
            ..CsvOptions::default()
        };
        let batch = decode(options, &[b"1777636800000;7"]).expect("well formed");
        let column = &batch.readings[0].tablet.columns()[0];
        assert_eq!(Value::at(&column.values, column.data_type, 0), Some(Value::Int64(7)));
    }

    #[test]
    fn values_without_a_type_keep_their_characters() {
        let batch = decode(
            CsvOptions::default(),
            &[
                b"time,device,serial,zip,on,n",
                b"1777636800000,d,A12,\"00123\",TRUE,1",
                b"1777636800001,d,1E5,02142,false,2.50",
                b"1777636800002,d,9007199254740993,10001,yes,1e400",
            ],
        )
        .expect("well formed");
        let tablet = &batch.readings[0].tablet;
        assert_eq!((batch.readings.len(), tablet.rows()), (1, 3));
        let texts: Vec<Vec<String>> = tablet
            .columns()
            .iter()
            .map(|column| {
                let texts = column.to(DataType::Text).values;
                let value = |row| Value::at(&texts, DataType::Text, row).expect("a value").to_string();
                (0..3).map(value).collect()
            })
            .collect();
        assert_eq!(
            texts,
            [
                ["A12", "1E5", "9007199254740993"],
                ["00123", "02142", "10001"],
                ["TRUE", "false", "yes"],
                ["1", "2.50", "1e400"],
            ]
        );
        let types: Vec<DataType> = tablet.columns().iter().map(|column| column.data_type).collect();
        assert_eq!(types, [DataType::Text, DataType::Text, DataType::Boolean, DataType::Double]);
        assert_eq!(tablet.columns()[3].to(DataType::Double).rejected.len(), 1);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let header: &[u8] = b"time,device,a(INT32)";
        for wrong in
            ["1777636800000,d", "1777636800000,d,x", "x,d,1", "1777636800000,,1", "1777636800000,\"d,1"]
        {
            assert!(decode(CsvOptions::default(), &[header, wrong.as_bytes()]).is_err(), "{wrong}");
        }
        for header in ["time,a", "device,a", "time,device,a(WORD)"] {
            assert!(decode(CsvOptions::default(), &[header.as_bytes()]).is_err(), "{header}");
        }
    }

    #[test]
    fn a_name_twice_in_the_head_is_an_error_that_names_it() {
        for (header, reason) in [
            ("time,device,a,a", "two columns are named `a`"),
            ("time,device,a(INT32),b,a(DOUBLE)", "two columns are named `a`"),
            ("time,device,a,time", "two columns are named `time`"),
            ("device,time,Device,a", "`device` and `Device` are columns of one name"),
        ] {
            let error = decode(CsvOptions::default(), &[header.as_bytes()]).expect_err(header);
            assert_eq!(error.message, reason, "{header}");
        }
        let columns = ["time", "device", "a", "a"].map(str::to_owned).to_vec();
        let problems = CsvDecoder::check(&CsvOptions { columns: Some(columns), ..CsvOptions::default() });
        assert_eq!(problems, [Problem::new("columns", "two columns are named `a`")]);
    }

    #[test]
    fn time_counts_before_timestamp_wherever_they_stand() {
        for header in ["timestamp,device,time", "device,TIME,timestamp"] {
            let row = header.replace("timestamp", "5").replace("device", "d").to_lowercase();
            let row = row.replace("time", "1777636800000");
            let batch =
                decode(CsvOptions::default(), &[header.as_bytes(), row.as_bytes()]).expect("well formed");
            let tablet = &batch.readings[0].tablet;
            assert_eq!(
                (tablet.times().value(0), &*tablet.columns()[0].name),
                (1_777_636_800_000, "timestamp")
            );
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..64), text in "[a1\",\n]{0,30}") {
            let header: &[u8] = b"time,device,a,b";
            let outcomes = [
                decode(CsvOptions::default(), &[&bytes]),
                decode(CsvOptions::default(), &[header, text.as_bytes()]),
            ];
            prop_assert_eq!(outcomes.len(), 2);
        }
    }
}
