//! InfluxDB's line protocol: `measurement,tag=value field=value,field=value time`.
//!
//! ```text
//!   weather,site=hall\ 1,line=7 temperature=21.5,on=t,count=3i,note="it is, well" 1700000000000000000
//!   ───┬─── ──────────┬──────── ──────────────────────┬────────────────────────── ────────┬──────────
//!   table           tags            fields: DOUBLE, BOOLEAN, INT64, TEXT            nanoseconds
//! ```
//!
//! The device is `root`, the table, then each tag's value, in the order of the tags' names: `root.weather.7.hall 1`, whatever order
//! the line has them in. With `tags: columns` it is `root` and the table alone, and each tag a TEXT measurement. A record is any
//! number of lines, each taken or rejected for itself. Empty lines and those that begin with `#` are passed over.
//!
//! Between names a backslash stands before a comma, an equals sign or a space that is meant itself, within quotes before a quote
//! or a backslash.

use std::{borrow::Cow, sync::Arc};

use levada_connector_api::{
    BatchBuilder, BuildContext, DecodeError, Decoder, DecoderFactory, DecoderType, FieldValue, Problem,
    Result,
    model::{
        Moment, Path,
        convert::{Given, Reason},
        quote_node,
    },
    text_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    account::Account,
    parts::Parts,
    time::{MissingTime, TimeReader, TimeUnit},
};

/// How lines are read.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InfluxOptions {
    /// What times count: nanoseconds unless given.
    pub time_unit: TimeUnit,
    /// What becomes of a line without a time.
    pub missing_time: MissingTime,
    /// What stands before the table in the device's name.
    pub prefix: String,
    /// What tags become.
    pub tags: Tags,
}

impl Default for InfluxOptions {
    fn default() -> Self {
        Self {
            time_unit: TimeUnit::Ns,
            missing_time: MissingTime::default(),
            prefix: "root".to_owned(),
            tags: Tags::default(),
        }
    }
}

/// What tags become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tags {
    /// Nodes of the device's name, in the order of their names.
    #[default]
    Device,
    /// TEXT measurements of their names.
    Columns,
}

/// The type of the decoder, for the registry.
#[derive(Debug)]
pub struct InfluxDecoder {
    prefix: Arc<str>,
    tags: Tags,
    time: TimeReader,
    account: Arc<Account>,
    name: String,
}

impl DecoderType for InfluxDecoder {
    const NAME: &'static str = "influx";
    const SUMMARY: &'static str = "InfluxDB's line protocol: table,tag=value field=value time.";
    type Options = InfluxOptions;

    fn check(options: &InfluxOptions) -> Vec<Problem> {
        let error = Path::parse(&options.prefix).err();
        error.map(|error| Problem::new("prefix", error.to_string())).into_iter().collect()
    }

    fn build(options: InfluxOptions, context: &BuildContext) -> Result<DecoderFactory> {
        let time = TimeReader::new(options.time_unit, options.missing_time, None, &context.node);
        let account = Arc::new(Account::default());
        let noticed = Arc::clone(&account);
        let prefix: Arc<str> = options.prefix.into();
        let make = move || -> Box<dyn Decoder> {
            let (prefix, account) = (Arc::clone(&prefix), Arc::clone(&account));
            Box::new(Self { prefix, tags: options.tags, time: time.clone(), account, name: String::new() })
        };
        Ok(DecoderFactory::new(make).noticing(noticed))
    }
}

impl Decoder for InfluxDecoder {
    fn decode(&mut self, record: &[u8], rows: &mut BatchBuilder) -> Result<(), DecodeError> {
        let text = text_of(record).map_err(DecodeError::new)?;
        let mut rest = text;
        let mut parts = Parts::default();
        for number in 1.. {
            let from = record.len() - rest.len();
            let line;
            (line, rest) = cut_line(rest);
            let bytes = (number > 1 || !rest.is_empty()).then(|| from..from + line.trim_end().len());
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                parts.part(rows, bytes, || format!("line {number}"), |rows| self.line(line, rows));
            }
            if rest.is_empty() {
                break;
            }
        }
        parts.end(rows).map_err(DecodeError::new)
    }
}

impl InfluxDecoder {
    fn line(&mut self, line: &str, rows: &mut BatchBuilder) -> Result<(), String> {
        let (series, rest) = cut(line, b' ', false);
        let (fields, time) = cut(rest.trim_start(), b' ', true);
        let (table, mut tags) = cut(series, b',', false);
        if table.is_empty() {
            return Err("there is no table".to_owned());
        }
        let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
        while !tags.is_empty() {
            let tag;
            (tag, tags) = cut(tags, b',', false);
            let (name, value) = cut(tag, b'=', false);
            if name.is_empty() || value.is_empty() {
                return Err(format!("the tag `{tag}` is no name=value"));
            }
            pairs.push((plain(name), plain(value)));
        }
        pairs.sort();
        if let Some([(name, _), _]) = pairs.array_windows().find(|[(one, _), (other, _)]| one == other) {
            return Err(format!("the tag `{name}` stands twice"));
        }
        let mut values: Vec<(Cow<'_, str>, FieldText<'_>)> = Vec::new();
        let mut left = fields;
        while !left.is_empty() {
            let field;
            (field, left) = cut(left, b',', true);
            let (name, value) = cut(field, b'=', false);
            if name.is_empty() || value.is_empty() {
                return Err(format!("the field `{field}` is no name=value"));
            }
            values.push((
                plain(name),
                FieldText::read(value).map_err(|reason| format!("the field `{name}`: {reason}"))?,
            ));
        }
        if values.is_empty() {
            return Err("there is no field".to_owned());
        }
        self.name.clear();
        self.name.push_str(&self.prefix);
        let nodes = pairs.iter().filter(|_| self.tags == Tags::Device).map(|(_, value)| value);
        for node in std::iter::once(&plain(table)).chain(nodes) {
            self.name.push('.');
            self.name.push_str(&quote_node(node));
        }
        let at = self.moment(time.trim())?;
        let mut all: Vec<(&str, FieldValue<'_>)> =
            values.iter().map(|(name, value)| (&**name, value.value())).collect();
        if self.tags == Tags::Columns {
            all.extend(pairs.iter().map(|(name, value)| (&**name, FieldValue::Text(value))));
        }
        self.account.row(rows, &self.name, at, &all)
    }

    fn moment(&self, time: &str) -> Result<Moment, String> {
        match time {
            "" => self.time.missing(&self.name),
            time => match time.parse() {
                Ok(time) => self.time.integer(time),
                Err(_) => Err(format!("`{time}` is no time, which is a whole number")),
            },
        }
    }
}

/// A field's value, without the notation.
enum FieldText<'t> {
    Number(f64),
    Integer(i64),
    Boolean(bool),
    Text(Cow<'t, str>),
}

impl<'t> FieldText<'t> {
    fn read(value: &'t str) -> Result<Self, String> {
        if let Some(inner) = value.strip_prefix('"') {
            let inner = inner.strip_suffix('"').ok_or("a quote is not closed")?;
            return Ok(Self::Text(unescaped(inner, b"\"\\")));
        }
        match value {
            "t" | "T" | "true" | "True" | "TRUE" => return Ok(Self::Boolean(true)),
            "f" | "F" | "false" | "False" | "FALSE" => return Ok(Self::Boolean(false)),
            _ => {}
        }
        if let Some(digits) = value.strip_suffix(['i', 'u']) {
            let whole = digits.parse().ok().filter(|whole| *whole >= 0 || value.ends_with('i'));
            return whole
                .map(Self::Integer)
                .ok_or_else(|| format!("`{value}` is no whole number that an INT64 holds"));
        }
        let is_plain = value.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        match Given::Number(value).double() {
            Ok(number) if is_plain => Ok(Self::Number(number)),
            Err(Reason::Inexact) => {
                Err(format!("a DOUBLE does not hold `{value}` exactly; a whole number has an `i` behind it"))
            }
            _ => Err(format!("`{value}` is no number that a DOUBLE holds; texts stand between quotes")),
        }
    }

    fn value(&self) -> FieldValue<'_> {
        match self {
            Self::Number(value) => FieldValue::Double(*value),
            Self::Integer(value) => FieldValue::Int64(*value),
            Self::Boolean(value) => FieldValue::Boolean(*value),
            Self::Text(text) => FieldValue::Text(text),
        }
    }
}

/// What stands before the first separator that is meant as one, and what stands behind it.
fn cut(text: &str, separator: u8, quotes: bool) -> (&str, &str) {
    let (mut escaped, mut quoted) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' if quotes => quoted = !quoted,
            byte if byte == separator && !quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

/// The first line; a line break between the quotes of a field ends none.
fn cut_line(text: &str) -> (&str, &str) {
    let is_remark = text.trim_start_matches([' ', '\r']).starts_with('#');
    let (mut escaped, mut quoted, mut in_fields) = (false, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' if !quoted => return (&text[..at], &text[at + 1..]),
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            // Quotes in the names of tables and tags are characters like others.
            b' ' => in_fields |= !is_remark,
            b'"' if in_fields => quoted = !quoted,
            _ => {}
        }
    }
    (text, "")
}

/// A name without its backslashes.
fn plain(text: &str) -> Cow<'_, str> {
    unescaped(text, b",= \\")
}

fn unescaped<'t>(text: &'t str, meant: &[u8]) -> Cow<'t, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(each) = chars.next() {
        let is_meant = |next: &char| u8::try_from(*next).is_ok_and(|next| meant.contains(&next));
        match each {
            '\\' => out.push(chars.next_if(is_meant).unwrap_or(each)),
            _ => out.push(each),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
