//! A TsFile of all rows, device by device and in order of time: of two rows of one device and time the later one's values count.
//!
//! ```text
//!   places of a device's tablets, by their first time      │ what waits │ the next tablet's first time
//!   load the next ─► what lies before the first time of the one after it is written, the rest waits
//! ```
//!
//! So what is in memory is about a chunk, and as many rows as overlap in time.

use std::{collections::BTreeMap, io::Write, sync::Arc};

use arrow_array::{
    Array, ArrayRef, RecordBatch, UInt32Array, cast::AsArray, new_null_array, types::Int64Type,
};
use arrow_select::{concat::concat, take::take};
use levada_connector_api::{
    Error, Result,
    model::{DataType, Path, SeriesSchema},
};
use levada_tsfile::Version;

use super::cannot_read;
use crate::{
    file::{
        disk::DiskFile,
        journal::{Heading, Place, heading, rows, rows_at, visit},
    },
    table::tsfile::{TableDevice, TableWriter},
};

/// Rows that wait before they are put in order.
const ROWS: usize = 100_000;

/// What a journal holds of one device.
#[derive(Debug, Default)]
struct Found {
    /// Whether all its tablets say so.
    plain: bool,
    types: BTreeMap<Arc<str>, DataType>,
    tablets: Vec<Tablet>,
}

#[derive(Clone, Copy, Debug)]
struct Tablet {
    place: Place,
    first: i64,
    /// The order in which tablets came.
    came: usize,
}

/// Rows that wait, in columns: time, then the device's.
#[derive(Debug, Default)]
struct Waiting {
    arrays: Vec<Vec<ArrayRef>>,
    /// For each row, the order in which its tablet came.
    came: Vec<usize>,
    times: Vec<i64>,
    /// So many rows were there after the last time that rows were written.
    left: usize,
}

/// Writes all rows of a journal. It is read once to find where what is.
pub(super) fn make<W: Write>(journal: &mut dyn DiskFile, out: W) -> Result<W> {
    let mut devices: BTreeMap<Path, Found> = BTreeMap::new();
    let (mut failed, mut came) = (None, 0);
    let visited = visit(journal, |place, body| {
        came += 1;
        note(&mut devices, place, came, body).map_err(|error| {
            failed = Some(error);
            std::io::Error::other("stopped")
        })
    });
    visited.map_err(|error| failed.take().unwrap_or_else(|| cannot_read(error)))?;
    let mut writer = TableWriter::new(out, Version::V4)?;
    for (path, mut found) in devices {
        let names: Vec<_> =
            found.types.iter().map(|(name, data_type)| (Arc::clone(name), *data_type)).collect();
        let series =
            names.iter().map(|(name, data_type)| (Arc::clone(name), SeriesSchema::default_for(*data_type)));
        writer.begin(TableDevice { path, aligned: !found.plain, series: series.collect() })?;
        found.tablets.sort_by_key(|tablet| (tablet.first, tablet.came));
        let mut waiting = Waiting { arrays: vec![Vec::new(); names.len()], ..Waiting::default() };
        for (nth, tablet) in found.tablets.iter().enumerate() {
            waiting.add(tablet.came, &rows_at(journal, tablet.place)?, &names)?;
            let next = found.tablets.get(nth + 1).map(|next| next.first);
            // What overlaps is not put in order again for every few rows.
            if next.is_none() || waiting.times.len() >= ROWS.max(2 * waiting.left) {
                waiting.write_before(next, &mut writer)?;
            }
        }
        writer.end()?;
    }
    Ok(writer.finish()?)
}

fn note(devices: &mut BTreeMap<Path, Found>, place: Place, came: usize, body: &[u8]) -> Result<()> {
    let Heading { device, aligned, columns } = heading(body)?;
    let batch = rows(body)?;
    let times = batch.column(0).as_primitive_opt::<Int64Type>();
    let times = times.ok_or_else(|| Error::data("a journal's times are of another type"))?;
    let found = devices.entry(device).or_default();
    found.plain |= !aligned;
    for (name, data_type) in columns {
        found.types.entry(name).or_insert(data_type);
    }
    let first = times.values().iter().copied().min();
    found.tablets.extend(first.map(|first| Tablet { place, first, came }));
    Ok(())
}

impl Waiting {
    fn add(&mut self, came: usize, batch: &RecordBatch, names: &[(Arc<str>, DataType)]) -> Result<()> {
        let times = batch.column(0).as_primitive_opt::<Int64Type>();
        let times = times.ok_or_else(|| Error::data("a journal's times are of another type"))?;
        self.times.extend_from_slice(times.values());
        self.came.resize(self.times.len(), came);
        for ((name, data_type), arrays) in names.iter().zip(&mut self.arrays) {
            let column = batch.column_by_name(name).filter(|column| *column.data_type() == data_type.arrow());
            arrays.push(match column {
                Some(column) => Arc::clone(column),
                None => new_null_array(&data_type.arrow(), batch.num_rows()),
            });
        }
        Ok(())
    }

    /// Writes the rows before a time, or all; the others wait on.
    fn write_before<W: Write>(&mut self, bound: Option<i64>, writer: &mut TableWriter<W>) -> Result<()> {
        let mut joined = Vec::with_capacity(self.arrays.len());
        for arrays in &mut self.arrays {
            let arrays = std::mem::take(arrays);
            let all: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
            joined.push(concat(&all).map_err(|error| Error::bug(error.to_string()))?);
        }
        let is_due = |row: &u32| bound.is_none_or(|bound| self.times[*row as usize] < bound);
        let all = 0..u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        let (mut due, rest): (Vec<u32>, Vec<u32>) = all.partition(is_due);
        due.sort_by_key(|&row| (self.times[row as usize], self.came[row as usize], row));
        if !due.is_empty() {
            let (times, firsts) = self.moments(&due);
            let columns = joined.iter().map(|column| latest(column, &due, &firsts));
            writer.add(&times, columns.collect::<Result<_>>()?)?;
        }
        self.came = rest.iter().map(|&row| self.came[row as usize]).collect();
        self.times = rest.iter().map(|&row| self.times[row as usize]).collect();
        let rest = UInt32Array::from(rest);
        for (arrays, column) in self.arrays.iter_mut().zip(&joined) {
            arrays.push(pick(column, &rest)?);
        }
        self.left = self.times.len();
        Ok(())
    }

    /// The different times of rows in order, and where the rows of each begin.
    fn moments(&self, rows: &[u32]) -> (ArrayRef, Vec<usize>) {
        let (mut times, mut firsts) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for (at, &row) in rows.iter().enumerate() {
            let time = self.times[row as usize];
            if times.last() != Some(&time) {
                times.push(time);
                firsts.push(at);
            }
        }
        (Arc::new(arrow_array::Int64Array::from(times)), firsts)
    }
}

/// Of each group of rows, the last value there is. `firsts` says where groups begin among `rows`.
fn latest(column: &ArrayRef, rows: &[u32], firsts: &[usize]) -> Result<ArrayRef> {
    if firsts.len() == rows.len() {
        return pick(column, &UInt32Array::from(rows.to_vec()));
    }
    let ends = firsts.iter().skip(1).copied().chain([rows.len()]);
    let picked = firsts.iter().zip(ends).map(|(&first, end)| {
        let group = &rows[first..end];
        let valid = group.iter().rev().find(|&&row| column.is_valid(row as usize));
        valid.or(group.last()).copied()
    });
    pick(column, &picked.collect::<UInt32Array>())
}

fn pick(column: &ArrayRef, rows: &UInt32Array) -> Result<ArrayRef> {
    take(column, rows, None).map_err(|error| Error::bug(error.to_string()))
}
