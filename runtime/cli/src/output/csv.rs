//! Comma-separated values: a header, then a line for each row. Times are milliseconds, nulls are empty, a text is quoted
//! where it must be (RFC 4180) or would be taken for a null. In files texts are quoted always, and heads have types, as in
//! `root.plant.d1.count(INT32)`, unless they are not wanted.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use arrow_array::RecordBatch;
use levada_connector_api::csv;
use levada_model::ResultColumn;

use super::{Header, RowFormat, cell};

pub(super) struct Csv {
    header: Header,
    style: CsvStyle,
    line: Vec<u8>,
    text: String,
}

/// How much a reader is told, and of what.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CsvStyle {
    /// Types in the heads.
    pub(crate) types: bool,
    /// Quotes around every text.
    pub(crate) quoted: bool,
    /// The first column says whose row it is, and the others are measurements.
    pub(crate) by_device: bool,
}

impl Csv {
    pub(super) fn new(header: Header, style: CsvStyle) -> Self {
        Self { header, style, line: Vec::new(), text: String::new() }
    }
}

impl RowFormat for Csv {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let by_device =
            self.style.quoted && self.header.columns.first().is_some_and(|first| is_device(0, first));
        let names = self.header.columns.iter().enumerate().map(|(at, column)| {
            if self.style.types && !is_device(at, column) {
                Cow::Owned(format!("{}({})", column.name, column.data_type))
            } else if by_device && at > 0 && is_role(&column.name) {
                Cow::Owned(format!("`{}`", column.name))
            } else {
                Cow::Borrowed(column.name.as_str())
            }
        });
        let mut line = Vec::new();
        let time = self.header.has_time.then_some(Cow::Borrowed("Time"));
        for (index, name) in time.into_iter().chain(names).enumerate() {
            if index > 0 {
                line.push(b',');
            }
            csv::put_field(&name, b',', false, &mut line);
        }
        line.push(b'\n');
        out.write_all(&line)
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            self.line.clear();
            let mut arrays = batch.columns().iter();
            if self.header.has_time
                && let Some(times) = arrays.next()
            {
                write!(self.line, "{}", cell::time(times, row))?;
                if !self.header.columns.is_empty() {
                    self.line.push(b',');
                }
            }
            for (index, (array, column)) in arrays.zip(&self.header.columns).enumerate() {
                if index > 0 {
                    self.line.push(b',');
                }
                self.text.clear();
                if cell::push(&mut self.text, array, column.data_type, row) {
                    let is_text = column.data_type.is_text() && !is_device(index, column);
                    csv::put_field(&self.text, b',', is_text && self.style.quoted, &mut self.line);
                }
            }
            self.line.push(b'\n');
            out.write_all(&self.line)?;
        }
        Ok(())
    }

    fn end(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a name without a type would be read as that of the time or the device.
fn is_role(name: &str) -> bool {
    ["time", "timestamp", "device"].iter().any(|role| name.eq_ignore_ascii_case(role))
}

/// Whether a column says whose row it is, and is none of values.
fn is_device(at: usize, column: &ResultColumn) -> bool {
    at == 0 && column.name == "Device"
}
