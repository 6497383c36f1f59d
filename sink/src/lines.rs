//! Rows as lines of text, for files and for standard output.
//!
//! | format | one line | |
//! | --- | --- | --- |
//! | `jsonl` | a row | `{"time":1714550400000,"device":"root.plant.d1","temperature":21.3}` |
//! | `csv`, long | a value | `1714550400000,root.plant.d1,temperature,21.3` |
//! | `csv`, wide | a row | `1714550400000,root.plant.d1,21.3,true` |
//! | `text` | a row | `2024-05-01T08:00:00.000Z  root.plant.d1  temperature=21.3  status=true` |
//! | `line` | a row | `root.plant.d1,1714550400000,temperature:status,DOUBLE:BOOLEAN,21.3:true` |
//!
//! Each is an encoder by itself ([`encoders`]), and a `format` of the sinks here.
//!
//! What holds for all: a null is left out (an empty field in wide CSV); BLOB is `0x…`, DATE `2024-05-01`, TIMESTAMP
//! a number of milliseconds; a measurement's name is written without backquotes. In JSON a number that is none is the text
//! `"NaN"`, `"Infinity"` or `"-Infinity"`, and a measurement whose name is taken by the row (`time`, `device`, `values`, …) stands in
//! an object of its own: `"measurements":{"time":5}`. In the head of wide CSV a name that would be read as something else (`time`,
//! `x(INT32)`) stands between backquotes. In CSV an empty text is `""`, and the text null is `"null"`. What is written
//! is read back as it was by the decoders `json` and `csv`; with `types` (in the head of wide CSV, in an object of each line of JSON)
//! with the same types, too.
//!
//! Lines are formatted into one buffer: a name is brought into form once for each tablet, a value costs no allocation.

mod cells;
mod csv;
pub mod encoders;
mod event;
mod jsonl;
mod options;
mod text;

use levada_connector_api::{
    Batch, Encoder, Rejection, Result,
    model::{DataType, unquote_node},
};

#[cfg(feature = "kafka")]
pub(crate) use jsonl::TAKEN;
pub(crate) use options::Of;
pub use options::{CsvForm, LineOptions, TimeFormat};

use cells::put_time;

/// The options of sinks that an encoder says in their place.
pub(crate) const LINE_KEYS: &[&str] = &["format", "form", "columns", "types", "time"];

/// A format with what it leaves open, decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Jsonl,
    /// With the types that a reader would not see.
    JsonlTyped,
    CsvLong,
    /// `columns` are chosen by the user, or come as they are met.
    CsvWide {
        columns: Option<Vec<String>>,
        /// Whether the header says types; only where columns come as they are met.
        typed: bool,
    },
    Text,
    /// Events as the decoder `line` reads them.
    Line,
}

impl Format {
    /// Whether lines stand under a header.
    pub(crate) fn has_header(&self) -> bool {
        matches!(self, Self::CsvLong | Self::CsvWide { .. })
    }

    /// Whether the header says what nobody knows who does not read it.
    pub(crate) fn needs_header(&self) -> bool {
        matches!(self, Self::CsvWide { columns: None, .. })
    }
}

/// A column of wide CSV.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WideColumn {
    /// The measurement, without backquotes.
    pub(crate) name: String,
    /// Its type, where the header says it: then values of another type belong to another column.
    pub(crate) data_type: Option<DataType>,
}

/// Writes batches as lines, and knows the header that the lines so far stand under.
#[derive(Debug)]
pub(crate) struct Lines {
    format: Format,
    time: TimeFormat,
    /// The columns of wide CSV so far.
    columns: Vec<WideColumn>,
}

impl Lines {
    pub(crate) fn new(format: Format, time: TimeFormat) -> Self {
        let columns = match &format {
            Format::CsvWide { columns: Some(columns), .. } => {
                columns.iter().map(|name| WideColumn { name: name.clone(), data_type: None }).collect()
            }
            _ => Vec::new(),
        };
        Self { format, time, columns }
    }
}

impl Encoder for Lines {
    fn meet(&mut self, batch: &Batch) -> Result<()> {
        let Format::CsvWide { columns: None, typed } = self.format else { return Ok(()) };
        let columns = batch.readings.iter().flat_map(|readings| readings.tablet.columns());
        // A header that says types says one for each column.
        for column in columns.flat_map(|column| if typed { column.apart() } else { vec![column.clone()] }) {
            let data_type = typed.then_some(column.data_type);
            let name = unquote_node(&column.name);
            if !self.columns.iter().any(|known| known.name == name && known.data_type == data_type) {
                self.columns.push(WideColumn { name: name.into_owned(), data_type });
            }
        }
        Ok(())
    }

    fn header(&self) -> usize {
        self.columns.len()
    }

    fn put_header(&self, out: &mut Vec<u8>) {
        match &self.format {
            Format::Jsonl | Format::JsonlTyped | Format::Text | Format::Line => {}
            Format::CsvLong => out.extend_from_slice(b"time,device,measurement,value\n"),
            Format::CsvWide { .. } => csv::put_wide_header(&self.columns, out),
        }
    }

    fn put_rows(&self, batch: &Batch, out: &mut Vec<u8>) -> Vec<Rejection> {
        self.put_apart(batch, out, &mut Vec::with_capacity(batch.rows()))
    }

    fn put_apart(&self, batch: &Batch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Vec<Rejection> {
        let mut rejected = Vec::new();
        for (index, readings) in batch.readings.iter().enumerate() {
            let tablet = &readings.tablet;
            match &self.format {
                Format::Jsonl => jsonl::put_rows(tablet, self.time, false, out, ends),
                Format::JsonlTyped => jsonl::put_rows(tablet, self.time, true, out, ends),
                Format::CsvLong => csv::put_long(tablet, self.time, out, ends),
                Format::CsvWide { .. } => csv::put_wide(tablet, self.time, &self.columns, out, ends),
                Format::Text => text::put_rows(tablet, out, ends),
                Format::Line => event::put_rows(index, tablet, out, ends, &mut rejected),
            }
        }
        rejected
    }
}

#[cfg(test)]
mod tests;
