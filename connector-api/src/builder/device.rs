//! One device's rows.

use std::sync::Arc;

use arrow_array::Int64Array;
use foldhash::fast::RandomState;
use hashbrown::HashTable;
use levada_model::{Moment, Path, Tablet};

use super::{
    FieldValue,
    column::{ColumnRows, hash_of},
    names::{raw_measurement, same},
};
use crate::{Readings, Records};

/// The rows of one device.
#[derive(Debug)]
pub(super) struct DeviceRows {
    /// The name as it came.
    pub(super) key: Box<str>,
    /// Whether it has rows in this batch.
    pub(super) active: bool,
    /// The moment of the row that came last, in this batch or the one before.
    pub(super) last: Option<Moment>,
    /// The device that came after this one last time.
    pub(super) follower: usize,
    path: Path,
    times: Vec<i64>,
    records: Vec<u32>,
    columns: Vec<ColumnRows>,
    by_name: HashTable<u32>,
    /// How many rows the batch before had: room for as many is made at once.
    expected: usize,
}

impl DeviceRows {
    pub(super) fn new(key: &str, path: Path) -> Self {
        Self {
            key: key.into(),
            active: false,
            last: None,
            follower: usize::MAX,
            path,
            times: Vec::new(),
            records: Vec::new(),
            columns: Vec::new(),
            by_name: HashTable::new(),
            expected: 0,
        }
    }

    /// Adds a row, of which one field at least has a value; gives the number of columns that had to be made for it.
    ///
    /// # Errors
    /// The name that two values have; nothing of the row is held.
    pub(super) fn push<'n>(
        &mut self,
        time: i64,
        record: Option<u32>,
        fields: &[(&'n str, FieldValue<'_>)],
        hasher: &RandomState,
    ) -> Result<usize, &'n str> {
        let row = self.times.len();
        let known = self.columns.len();
        let mut hint = 0;
        for &(name, value) in fields {
            if matches!(value, FieldValue::Null) {
                continue;
            }
            let at = match self.columns.get(hint) {
                Some(column) if same(&column.key, name) => hint,
                _ => self.column(name, &value, hasher),
            };
            hint = at + 1;
            if self.columns[at].reaches_beyond(row) {
                self.columns.iter_mut().for_each(|column| column.truncate(row));
                return Err(name);
            }
            self.columns[at].push(row, value);
        }
        if row == 0 {
            self.times.reserve(self.expected);
            self.records.reserve(record.map_or(0, |_| self.expected));
        }
        self.times.push(time);
        self.records.extend(record);
        Ok(self.columns.len() - known)
    }

    /// Takes back the rows of the record that came last.
    pub(super) fn take_back(&mut self, record: u32) {
        let before = self.records.partition_point(|&each| each < record);
        self.take_back_last(self.records.len() - before);
    }

    /// Removes the last `count` rows.
    pub(super) fn take_back_last(&mut self, count: usize) {
        if count > 0 {
            let rows = self.times.len().saturating_sub(count);
            self.records.truncate(self.records.len().saturating_sub(count));
            self.times.truncate(rows);
            for column in &mut self.columns {
                column.truncate(rows);
            }
        }
    }

    /// Adds its rows to a batch and keeps nothing but names and sizes.
    pub(super) fn finish(&mut self, records: &Arc<Records>, readings: &mut Vec<Readings>) {
        self.active = false;
        let rows = self.times.len();
        self.expected = rows;
        let times = Int64Array::from(std::mem::take(&mut self.times));
        let from: Arc<[u32]> = self.records.as_slice().into();
        self.records.clear();
        let columns: Vec<_> = self.columns.iter_mut().filter_map(|column| column.finish(rows)).collect();
        if rows > 0 && !columns.is_empty() {
            let tablet = Tablet::try_new(self.path.clone(), false, times, columns)
                .expect("every column was filled up to the rows, with an array of its type");
            let records = (from.len() == rows).then(|| (Arc::clone(records), from));
            readings.push(Readings { tablet, records });
        }
    }

    /// Where a column is; made where there is none.
    fn column(&mut self, name: &str, value: &FieldValue<'_>, hasher: &RandomState) -> usize {
        let raw = raw_measurement(name);
        let hash = hash_of(hasher, &raw);
        let columns = &self.columns;
        if let Some(&at) = self.by_name.find(hash, |&at| *columns[at as usize].key == *raw) {
            return at as usize;
        }
        let at = self.columns.len();
        self.columns.push(ColumnRows::new(&raw, value, self.expected));
        let columns = &self.columns;
        self.by_name.insert_unique(hash, at as u32, |&at| hash_of(hasher, &columns[at as usize].key));
        at
    }
}
