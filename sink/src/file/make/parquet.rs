//! A Parquet file of all rows in the order in which they came: time, device, and a column for each measurement and type.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    sync::Arc,
};

use arrow_array::{Array, ArrayRef, RecordBatch, StringArray, new_null_array};
use arrow_select::concat::concat;
use levada_connector_api::{Error, Result, model::DataType};

use super::cannot_read;
use crate::{
    file::{
        disk::DiskFile,
        journal::{Heading, heading, rows, visit},
    },
    table::{
        measurement_names,
        parquet::{GroupLimit, ParquetWriter, TableColumn},
    },
};

/// Tablets are put together until they have as many rows, or bytes.
const ROWS: usize = 16 << 10;
const BYTES: usize = 8 << 20;

/// Rows that wait to be written together.
#[derive(Debug, Default)]
struct Gathered {
    tablets: Vec<(Heading, RecordBatch)>,
    rows: usize,
    bytes: usize,
}

type Columns = BTreeMap<(Arc<str>, DataType), usize>;

/// Writes all rows of a journal. Its columns are found first, so a journal is read twice.
pub(super) fn make<W: Write + Send>(journal: &mut dyn DiskFile, out: W) -> Result<W> {
    let mut found = BTreeSet::new();
    let mut failed = None;
    let visited = visit(journal, |_, body| match heading(body) {
        Ok(heading) => {
            found.extend(heading.columns);
            Ok(())
        }
        Err(error) => Err(stop(&mut failed, error)),
    });
    visited.map_err(|error| failed.take().unwrap_or_else(|| cannot_read(error)))?;
    let known: Vec<_> = found.iter().map(|(name, data_type)| (&**name, *data_type)).collect();
    let column = |name: String, data_type, nullable| TableColumn { name, data_type, nullable };
    let mut table = vec![
        column("Time".to_owned(), DataType::Timestamp, false),
        column("Device".to_owned(), DataType::Text, false),
    ];
    let named = measurement_names(&known).into_iter().zip(&known);
    table.extend(named.map(|(name, (_, data_type))| column(name.into_owned(), *data_type, true)));
    let mut writer = ParquetWriter::new(out, table, GroupLimit::default())?;
    let columns: Columns = found.into_iter().zip(0..).collect();
    let mut gathered = Gathered::default();
    let visited = visit(journal, |_, body| {
        let mut add = || {
            gathered.add(heading(body)?, rows(body)?);
            if gathered.rows >= ROWS || gathered.bytes >= BYTES {
                gathered.write(&columns, &mut writer)
            } else {
                Ok(())
            }
        };
        add().map_err(|error| stop(&mut failed, error))
    });
    visited.map_err(|error| failed.take().unwrap_or_else(|| cannot_read(error)))?;
    gathered.write(&columns, &mut writer)?;
    Ok(writer.finish()?)
}

/// Keeps an error that ends a visit.
fn stop(failed: &mut Option<Error>, error: Error) -> io::Error {
    *failed = Some(error);
    io::Error::other("stopped")
}

impl Gathered {
    fn add(&mut self, heading: Heading, batch: RecordBatch) {
        self.rows += batch.num_rows();
        self.bytes += batch.get_array_memory_size();
        self.tablets.push((heading, batch));
    }

    fn write<W: Write + Send>(&mut self, columns: &Columns, writer: &mut ParquetWriter<W>) -> Result<()> {
        let Self { tablets, .. } = std::mem::take(self);
        if tablets.is_empty() {
            return Ok(());
        }
        let times: Vec<&dyn Array> = tablets.iter().map(|(_, batch)| batch.column(0).as_ref()).collect();
        let devices = tablets
            .iter()
            .flat_map(|(heading, batch)| std::iter::repeat_n(heading.device.as_str(), batch.num_rows()));
        let mut arrays: Vec<ArrayRef> = vec![join(&times)?, Arc::new(StringArray::from_iter_values(devices))];
        // For each column of the file, what each tablet has of it.
        let mut pieces: Vec<Vec<ArrayRef>> = vec![Vec::with_capacity(tablets.len()); columns.len()];
        for (nth, (heading, batch)) in tablets.iter().enumerate() {
            for (key, values) in heading.columns.iter().zip(batch.columns().iter().skip(1)) {
                // Of two columns of one name and type the later counts.
                if let Some(pieces) = columns.get(key).and_then(|&at| pieces.get_mut(at)) {
                    pieces.truncate(nth);
                    pieces.push(Arc::clone(values));
                }
            }
            for ((_, data_type), &at) in columns {
                if let Some(pieces) = pieces.get_mut(at).filter(|pieces| pieces.len() <= nth) {
                    pieces.push(new_null_array(&data_type.arrow(), batch.num_rows()));
                }
            }
        }
        for pieces in &pieces {
            arrays.push(join(&pieces.iter().map(AsRef::as_ref).collect::<Vec<_>>())?);
        }
        Ok(writer.write(&arrays)?)
    }
}

fn join(arrays: &[&dyn Array]) -> Result<ArrayRef> {
    concat(arrays).map_err(|error| Error::bug(error.to_string()))
}
