//! Rows of one device, as tablets.

use std::{ops::Range, sync::Arc};

use arrow_array::{Array, RecordBatch, cast::AsArray, types::Int64Type};
use levada_model::{Column, Tablet};

use crate::{
    Direction, RowIterator, Rows, StorageError, TimeRange,
    catalog::{Device, Series},
    read::Snapshot,
};

/// So many series of a device are read at once.
const SERIES_AT_ONCE: usize = 256;

/// Rows of one device, some series at a time.
pub(super) struct DeviceRows {
    device: Arc<Device>,
    times: TimeRange,
    /// Which of the device's series are read.
    wanted: Vec<usize>,
    /// Of those, the ones that are being read.
    at: Range<usize>,
    rows: RowIterator,
}

impl DeviceRows {
    /// Rows of those series that `wants` says so of.
    pub(super) fn new(device: Arc<Device>, times: TimeRange, wants: impl Fn(&Series) -> bool) -> Self {
        let series = device.all().iter().enumerate();
        let wanted = series.filter(|(_, series)| wants(series)).map(|(at, _)| at).collect();
        Self { device, times, wanted, at: 0..0, rows: Box::new(std::iter::empty()) }
    }

    pub(super) fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// The next rows, and how many bytes they take, about; `None` at the end. After an error the rows of the same series come anew.
    pub(super) fn next(&mut self, snapshot: &Snapshot) -> Result<Option<(Tablet, usize)>, StorageError> {
        loop {
            match self.rows.next() {
                Some(Ok(batch)) => return Ok(Some(self.tablet(&batch))),
                Some(Err(error)) => {
                    self.at.end = self.at.start;
                    self.rows = Box::new(std::iter::empty());
                    return Err(error);
                }
                None => {}
            }
            let at = self.at.end..self.wanted.len().min(self.at.end + SERIES_AT_ONCE);
            if at.is_empty() {
                return Ok(None);
            }
            let all = self.device.all();
            let names: Vec<Arc<str>> =
                self.wanted[at.clone()].iter().map(|at| Arc::clone(&all[*at].measurement)).collect();
            self.rows = snapshot.scan(&self.device.path, &names, self.times, Direction::Ascending)?;
            self.at = at;
        }
    }

    /// Rows as a tablet, without columns that have none.
    fn tablet(&self, batch: &RecordBatch) -> (Tablet, usize) {
        let times = batch.column(0).as_primitive::<Int64Type>().clone();
        let all = self.device.all();
        let series = self.wanted[self.at.clone()].iter().map(|at| &all[*at]);
        let columns: Vec<Column> = series
            .zip(&batch.columns()[1..])
            .filter(|(_, values)| values.null_count() < values.len())
            .map(|(series, values)| Column {
                name: Arc::clone(&series.measurement),
                data_type: series.schema.data_type,
                values: Arc::clone(values),
            })
            .collect();
        let tablet = Tablet::try_new(self.device.path.clone(), self.device.aligned, times, columns)
            .expect("a batch's columns are as long as its times, and of the types of their series");
        (tablet, batch.get_array_memory_size())
    }
}
