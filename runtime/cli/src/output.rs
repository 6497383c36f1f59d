//! Rows of a query on standard output, in the form that was asked for. Rows stream: none of the forms holds a result whole.

mod cell;
mod csv;
mod json;
mod table;
mod time_display;

use std::io::{self, Write};

use arrow_array::RecordBatch;
use clap::ValueEnum;
use futures::StreamExt;
use levada_model::{ResultColumn, Rows};

pub(crate) use cell::Zone;
pub(crate) use csv::CsvStyle;
pub(crate) use json::{APART, TYPES, two_of};
pub(crate) use time_display::TimeDisplay;

/// The form of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Boxes, as IoTDB's own tools draw them.
    Table,
    /// Comma-separated values with a header.
    Csv,
    /// One JSON array of objects.
    Json,
    /// One JSON object a line.
    Jsonl,
}

/// For people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum TextFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Writes rows in one form.
trait RowFormat {
    /// Called once, before any rows.
    fn begin(&mut self, out: &mut dyn Write) -> io::Result<()>;
    /// Rows, in order.
    fn rows(&mut self, batch: &RecordBatch, out: &mut dyn Write) -> io::Result<()>;
    /// Called once, after all rows.
    fn end(&mut self, out: &mut dyn Write) -> io::Result<()>;
}

/// The columns of a result, with the time where it has one.
#[derive(Debug)]
struct Header {
    has_time: bool,
    columns: Vec<ResultColumn>,
}

/// Writes all rows and gives their number.
///
/// # Errors
/// The query fails on the way, the output cannot be written to, or two columns would have one key.
pub(crate) async fn write(
    rows: Rows,
    format: Format,
    style: CsvStyle,
    zone: &Zone,
    out: &mut dyn Write,
) -> anyhow::Result<u64> {
    let Rows { has_time, columns, mut batches, .. } = rows;
    let header = Header { has_time, columns };
    let mut form: Box<dyn RowFormat> = match format {
        Format::Table => Box::new(table::Table::new(header, zone.clone())),
        Format::Csv => Box::new(csv::Csv::new(header, style)),
        Format::Json | Format::Jsonl => {
            Box::new(json::Json::new(&header, format == Format::Json, style.types, style.by_device)?)
        }
    };
    form.begin(out)?;
    let mut count = 0;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        count += batch.num_rows() as u64;
        form.rows(&batch, out)?;
        // Batches may come as fast as they are written: whoever wants to end this has its turn in between.
        tokio::task::yield_now().await;
    }
    form.end(out)?;
    Ok(count)
}
