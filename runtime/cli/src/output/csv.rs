//! Comma-separated values: a header, then a line for each row. Times are milliseconds, nulls are empty, a text is quoted
//! where it must be (RFC 4180) or would be taken for a null. In files texts are quoted always, and heads have types, as in
//! `root.plant.d1.count(INT32)`, unless they are not wanted.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use arrow_array::RecordBatch;

use super::{Header, RowFormat, cell};

pub(super) struct Csv {
    header: Header,
    style: CsvStyle,
    line: String,
    text: String,
}

/// How much a reader is told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CsvStyle {
    /// Types in the heads.
    pub(crate) types: bool,
    /// Quotes around every text.
    pub(crate) quoted: bool,
}

impl Csv {
    pub(super) fn new(header: Header, style: CsvStyle) -> Self {
        Self { header, style, line: String::new(), text: String::new() }
    }
}

impl RowFormat for Csv {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let names = self.header.columns.iter().enumerate().map(|(at, column)| {
            if self.style.types && !is_device(at, &column.name) {
                Cow::Owned(format!("{}({})", column.name, column.data_type))
            } else {
                Cow::Borrowed(column.name.as_str())
            }
        });
        let mut line = String::new();
        let time = self.header.has_time.then_some(Cow::Borrowed("Time"));
        for (index, name) in time.into_iter().chain(names).enumerate() {
            if index > 0 {
                line.push(',');
            }
            quote(&mut line, &name, false);
        }
        writeln!(out, "{line}")
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            self.line.clear();
            let mut arrays = batch.columns().iter();
            if self.header.has_time
                && let Some(times) = arrays.next()
            {
                self.line.push_str(&cell::time(times, row).to_string());
                if !self.header.columns.is_empty() {
                    self.line.push(',');
                }
            }
            for (index, (array, column)) in arrays.zip(&self.header.columns).enumerate() {
                if index > 0 {
                    self.line.push(',');
                }
                self.text.clear();
                if cell::push(&mut self.text, array, column.data_type, row) {
                    let is_text = column.data_type.is_text() && !is_device(index, &column.name);
                    let like_null = is_text && matches!(self.text.as_str(), "" | "null");
                    quote(&mut self.line, &self.text, like_null || is_text && self.style.quoted);
                }
            }
            writeln!(out, "{}", self.line)?;
        }
        Ok(())
    }

    fn end(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Whether a column says whose row it is, and is none of values.
fn is_device(at: usize, name: &str) -> bool {
    at == 0 && name == "Device"
}

/// Appends a field, between quotes where that is asked for, or a comma, a quote or a line break makes them needed. A line that
/// begins with `#` is a remark to many.
fn quote(line: &mut String, text: &str, always: bool) {
    if always || text.contains([',', '"', '\n', '\r']) || (line.is_empty() && text.starts_with('#')) {
        line.push('"');
        line.push_str(&text.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(text);
    }
}
