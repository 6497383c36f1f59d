//! Comma-separated values: a header, then a line for each row. Times are milliseconds, nulls are empty, a text is quoted
//! where it must be (RFC 4180).

use std::io::{self, Write};

use arrow_array::RecordBatch;

use super::{Header, RowFormat, cell};

pub(super) struct Csv {
    header: Header,
    line: String,
    text: String,
}

impl Csv {
    pub(super) fn new(header: Header) -> Self {
        Self { header, line: String::new(), text: String::new() }
    }
}

impl RowFormat for Csv {
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let names = self.header.columns.iter().map(|column| column.name.as_str());
        let mut line = String::new();
        for (index, name) in self.header.has_time.then_some("Time").into_iter().chain(names).enumerate() {
            if index > 0 {
                line.push(',');
            }
            quote(&mut line, name);
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
                    quote(&mut self.line, &self.text);
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

/// Appends a field, between quotes where a comma, a quote or a line break makes them needed.
fn quote(line: &mut String, text: &str) {
    if text.contains([',', '"', '\n', '\r']) {
        line.push('"');
        line.push_str(&text.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(text);
    }
}
