//! JSON: an object for each row, in one array or one a line. Times are milliseconds; a number that JSON has no form for is the
//! text `"NaN"`, `"Infinity"` or `"-Infinity"`; bytes are the hexadecimal text SQL prints.
//!
//! ```text
//!   {"Time":1,"Device":"root.plant.d1","x":21.5,"measurements":{"time":777}}
//!                                                └ measurements whose names are taken by the row itself
//! ```
//!
//! A file tells the types that a reader would not see, in an object of each line: `"types":{"x":"FLOAT"}`.
//!
//! No two columns share a key: a statement that gives two columns of one name is rejected. Of a device's rows, a measurement of
//! several types has several columns, of which one at most has a value: that is its value.

use std::{
    collections::HashSet,
    io::{self, Write},
};

use arrow_array::{Array, ArrayRef, RecordBatch};
use levada_model::{DataType, Value};

use super::{Header, RowFormat, cell};
use crate::exit::Failure;

/// Keys that say whose row it is, or what is in it, whatever their case.
const TAKEN: [&str; 6] = ["time", "timestamp", "device", "measurements", "types", "values"];
/// The key under which measurements stand whose own key is taken.
pub(crate) const APART: &str = "measurements";
/// The key under which types stand, by measurement.
pub(crate) const TYPES: &str = "types";

pub(super) struct Json {
    has_time: bool,
    keys: Vec<Key>,
    /// Keys whose names are taken.
    apart: Vec<Key>,
    /// Keys whose values alone do not tell their type.
    kinds: Vec<Key>,
    array: bool,
    first: bool,
}

/// A key and the columns that may give its value.
struct Key {
    /// With its quotes and the colon.
    text: Vec<u8>,
    columns: Vec<(usize, DataType)>,
}

impl Json {
    /// One array, or an object a line. `types` has each line tell the types that a reader would not see. `by_device` says that columns are measurements, behind one that names the device.
    ///
    /// # Errors
    /// Two columns have one name, and both may have a value.
    pub(super) fn new(header: &Header, array: bool, types: bool, by_device: bool) -> anyhow::Result<Self> {
        let mut json = Self {
            has_time: header.has_time,
            keys: Vec::new(),
            apart: Vec::new(),
            kinds: Vec::new(),
            array,
            first: true,
        };
        let mut names: HashSet<&str> = header.has_time.then_some("Time").into_iter().collect();
        // A column of a statement may have the name of the object that tells types.
        let types = types && (by_device || header.columns.iter().all(|column| column.name != TYPES));
        for (at, column) in header.columns.iter().enumerate() {
            let is_measurement = by_device && at > 0;
            let taken = is_measurement && TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(&column.name));
            if !is_measurement && !names.insert(&column.name) {
                return Err(two_of(&column.name));
            }
            let text = key(&column.name)?;
            let is_seen = matches!(column.data_type, DataType::Boolean | DataType::Double);
            if types && !is_seen {
                json.kinds.push(Key { text: text.clone(), columns: vec![(at, column.data_type)] });
            }
            let keys = if taken { &mut json.apart } else { &mut json.keys };
            let place = (at, column.data_type);
            // Measurements come by name.
            match keys.last_mut().filter(|known| is_measurement && known.text == text) {
                Some(known) => known.columns.push(place),
                None => keys.push(Key { text, columns: vec![place] }),
            }
        }
        Ok(json)
    }
}

impl Json {
    /// `,"types":{"count":"INT32"}`
    fn put_kinds(&self, columns: &[ArrayRef], row: usize, out: &mut dyn Write) -> io::Result<()> {
        let mut begun = false;
        for key in &self.kinds {
            for &(at, data_type) in &key.columns {
                let Some(value) = Value::at(&columns[at], data_type, row) else { continue };
                // Of texts, those that read like numbers.
                let is_seen = |text: &str| !matches!(text, "NaN" | "Infinity" | "+Infinity" | "-Infinity");
                if matches!(&value, Value::Text(text) if is_seen(text)) {
                    continue;
                }
                if std::mem::replace(&mut begun, true) {
                    out.write_all(b",")?;
                } else {
                    write!(out, ",\"{TYPES}\":{{")?;
                }
                out.write_all(&key.text)?;
                write!(out, "\"{data_type}\"")?;
            }
        }
        if begun { out.write_all(b"}") } else { Ok(()) }
    }
}

/// What is said of two columns that would be one key, or one column of a file.
pub(crate) fn two_of(name: &str) -> anyhow::Error {
    Failure::invalid(format!("two columns are named `{name}`: name them with `as` in the statement")).into()
}

fn key(name: &str) -> io::Result<Vec<u8>> {
    let mut text = serde_json::to_vec(name)?;
    text.push(b':');
    Ok(text)
}

impl RowFormat for Json {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.array { write!(out, "[") } else { Ok(()) }
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        let columns = &batch.columns()[usize::from(self.has_time)..];
        for row in 0..batch.num_rows() {
            if self.array {
                write!(out, "{}\n  ", if self.first { "" } else { "," })?;
            }
            self.first = false;
            out.write_all(b"{")?;
            if self.has_time {
                write!(out, "\"Time\":{}", cell::time(batch.column(0), row))?;
            }
            let mut comma = self.has_time;
            put(&self.keys, columns, row, &mut comma, out)?;
            if self.apart.iter().any(|key| key.value(columns, row).is_some()) {
                write!(out, "{}\"{APART}\":{{", if comma { "," } else { "" })?;
                put(&self.apart, columns, row, &mut false, out)?;
                out.write_all(b"}")?;
            }
            self.put_kinds(columns, row, out)?;
            out.write_all(b"}")?;
            if !self.array {
                writeln!(out)?;
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match (self.array, self.first) {
            (true, true) => writeln!(out, "]"),
            (true, false) => writeln!(out, "\n]"),
            (false, _) => Ok(()),
        }
    }
}

impl Key {
    /// The column that has a value in a row.
    fn value(&self, columns: &[ArrayRef], row: usize) -> Option<(usize, DataType)> {
        self.columns.iter().copied().find(|&(at, _)| columns[at].is_valid(row))
    }
}

/// Members of an object; `comma` says whether there is one before them.
fn put(
    keys: &[Key],
    columns: &[ArrayRef],
    row: usize,
    comma: &mut bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    for key in keys {
        if std::mem::replace(comma, true) {
            out.write_all(b",")?;
        }
        out.write_all(&key.text)?;
        match key.value(columns, row).and_then(|(at, data_type)| Value::at(&columns[at], data_type, row)) {
            Some(value) => put_value(value, out)?,
            None => out.write_all(b"null")?,
        }
    }
    Ok(())
}

fn put_value(value: Value, out: &mut dyn Write) -> io::Result<()> {
    match value {
        Value::Boolean(value) => write!(out, "{value}"),
        Value::Int32(value) => write!(out, "{value}"),
        Value::Int64(value) | Value::Timestamp(value) => write!(out, "{value}"),
        // What is printed of a float is the shortest number that is it again.
        Value::Float(value) if value.is_finite() => write!(out, "{value:?}"),
        Value::Double(value) if value.is_finite() => write!(out, "{value:?}"),
        Value::Text(value) | Value::String(value) => Ok(serde_json::to_writer(out, &value)?),
        other => Ok(serde_json::to_writer(out, &other.to_string())?),
    }
}
