//! A Parquet file of all rows in the order in which they came: time, device, and a column for each measurement and type.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
    sync::Arc,
};

use arrow_array::{Array, ArrayRef, NullArray, RecordBatch, StringArray, new_null_array};
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

/// Tablets are put together until they have as many rows, bytes, or places for a value in all columns.
const ROWS: usize = 16 << 10;
const BYTES: usize = 8 << 20;
const PLACES: usize = 4 << 20;

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
            let places = gathered.rows * columns.len();
            if gathered.rows >= ROWS || gathered.bytes >= BYTES || places >= PLACES {
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
        // For each column of the file, the values that tablets have, and the row at which they begin.
        let mut pieces: Vec<Vec<(usize, ArrayRef)>> = vec![Vec::new(); columns.len()];
        let mut rows = 0;
        for (heading, batch) in &tablets {
            for (key, values) in heading.columns.iter().zip(batch.columns().iter().skip(1)) {
                // Of two columns of one name and type the later counts.
                if let Some(pieces) = columns.get(key).and_then(|&at| pieces.get_mut(at)) {
                    pieces.pop_if(|(at, _)| *at == rows);
                    pieces.push((rows, Arc::clone(values)));
                }
            }
            rows += batch.num_rows();
        }
        // A column that none of them has takes no memory.
        let nothing: ArrayRef = Arc::new(NullArray::new(rows));
        let mut types: Vec<(usize, DataType)> =
            columns.iter().map(|((_, data_type), &at)| (at, *data_type)).collect();
        types.sort_unstable_by_key(|(at, _)| *at);
        for ((_, data_type), pieces) in types.into_iter().zip(pieces) {
            let whole =
                if pieces.is_empty() { Ok(Arc::clone(&nothing)) } else { filled(pieces, data_type, rows) };
            arrays.push(whole?);
        }
        Ok(writer.write(&arrays)?)
    }
}

/// One array of so many rows, null where there is no piece.
fn filled(pieces: Vec<(usize, ArrayRef)>, data_type: DataType, rows: usize) -> Result<ArrayRef> {
    let (mut arrays, mut filled) = (Vec::with_capacity(pieces.len()), 0);
    let gap = |rows: usize| (rows > 0).then(|| new_null_array(&data_type.arrow(), rows));
    for (from, values) in pieces {
        arrays.extend(gap(from - filled));
        filled = from + values.len();
        arrays.push(values);
    }
    arrays.extend(gap(rows - filled));
    join(&arrays.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

fn join(arrays: &[&dyn Array]) -> Result<ArrayRef> {
    concat(arrays).map_err(|error| Error::bug(error.to_string()))
}
