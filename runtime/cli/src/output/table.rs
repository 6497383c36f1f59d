//! Boxes, as IoTDB's own tools draw them.
//!
//! ```text
//!   +------------------------+---------------+
//!   |                    Time|root.plant.d1.t|
//!   +------------------------+---------------+
//!   |2024-01-01T00:00:00.000Z|           21.3|
//!   +------------------------+---------------+
//! ```
//!
//! Characters that a terminal obeys are escaped. Widths are measured on the first thousand rows; a later cell that is wider pushes its line out rather than being cut.

use std::io::{self, Write};

use arrow_array::RecordBatch;

use super::{Header, RowFormat, Zone, cell};

/// Rows that widths are measured on.
const MEASURED: usize = 1_000;

pub(super) struct Table {
    header: Header,
    zone: Zone,
    widths: Vec<usize>,
    waiting: Vec<Vec<String>>,
    begun: bool,
}

impl Table {
    pub(super) fn new(header: Header, zone: Zone) -> Self {
        let titles = titles(&header);
        Self {
            widths: titles.map(|title| display_width(&title)).collect(),
            header,
            zone,
            waiting: Vec::new(),
            begun: false,
        }
    }

    fn line(&self, out: &mut dyn Write) -> io::Result<()> {
        for width in &self.widths {
            write!(out, "+{}", "-".repeat(*width))?;
        }
        writeln!(out, "+")
    }

    fn cells(&self, cells: &[impl AsRef<str>], out: &mut dyn Write) -> io::Result<()> {
        for (cell, width) in cells.iter().zip(&self.widths) {
            let cell = cell.as_ref();
            write!(out, "|{}{cell}", " ".repeat(width.saturating_sub(display_width(cell))))?;
        }
        writeln!(out, "|")
    }

    /// Draws the head and the rows that waited for the widths.
    fn begin_drawing(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if self.begun || self.widths.is_empty() {
            return Ok(());
        }
        self.begun = true;
        for row in &self.waiting {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(display_width(cell));
            }
        }
        self.line(out)?;
        self.cells(&titles(&self.header).collect::<Vec<_>>(), out)?;
        self.line(out)?;
        for row in std::mem::take(&mut self.waiting) {
            self.cells(&row, out)?;
        }
        Ok(())
    }

    fn row(&self, batch: &RecordBatch, row: usize) -> Vec<String> {
        let mut cells = Vec::with_capacity(self.widths.len());
        let mut arrays = batch.columns().iter();
        if self.header.has_time {
            cells.extend(arrays.next().map(|times| self.zone.format(cell::time(times, row))));
        }
        for (array, column) in arrays.zip(&self.header.columns) {
            let mut text = String::new();
            if !cell::push(&mut text, array, column.data_type, row) {
                text.push_str("null");
            }
            cells.push(shown(text));
        }
        cells
    }
}

impl RowFormat for Table {
    fn begin(&mut self, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()> {
        for row in 0..batch.num_rows() {
            let cells = self.row(batch, row);
            if self.begun {
                self.cells(&cells, out)?;
            } else {
                self.waiting.push(cells);
                if self.waiting.len() == MEASURED {
                    self.begin_drawing(out)?;
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.begin_drawing(out)?;
        if self.begun { self.line(out) } else { Ok(()) }
    }
}

/// A text without the characters that a terminal obeys: those are escaped, as `\u{1b}`, so that a value draws and clears nothing.
fn shown(text: String) -> String {
    if !text.contains(char::is_control) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c.is_control() { shown.extend(c.escape_default()) } else { shown.push(c) }
    }
    shown
}

fn titles(header: &Header) -> impl Iterator<Item = String> {
    header
        .has_time
        .then(|| "Time".to_owned())
        .into_iter()
        .chain(header.columns.iter().map(|column| shown(column.name.clone())))
}

/// Columns of a terminal that a text takes: wide East Asian characters take two.
fn display_width(text: &str) -> usize {
    text.chars().map(|c| if matches!(c, '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}' | '\u{FF00}'..='\u{FF60}') { 2 } else { 1 }).sum()
}
