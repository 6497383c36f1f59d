//! The unit that moves through a pipeline.

use std::sync::Arc;

use arrow_array::{Array, BooleanArray};
use levada_model::{SplitRange, Tablet};

use crate::{RecordRef, Records};

/// A tablet, and which record each of its rows came from.
#[derive(Clone, Debug)]
pub struct Readings {
    /// The rows.
    pub tablet: Tablet,
    /// The records of the batch and, for every row of the tablet, the index of its record. `None` for rows that came
    /// from no bytes: a simulated sensor's, a query's.
    pub records: Option<(Arc<Records>, Arc<[u32]>)>,
}

/// A record that could not be made into rows.
#[derive(Clone, Debug)]
pub struct RejectedRecord {
    /// Its bytes and where they came from.
    pub record: RecordRef,
    /// Why.
    pub error: String,
}

/// Rows on their way, and the positions of the source they stand for.
///
/// All rows of all ranges in `positions` are in this batch, or in one before it: once the batch is settled, so are the
/// ranges. A batch may hold positions and no rows (all was filtered out, or rejected).
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The rows.
    pub readings: Vec<Readings>,
    /// What of each split this batch covers; at most one range for each split.
    pub positions: Vec<SplitRange>,
    /// What could not be decoded. The runtime dead-letters it before the batch counts as settled.
    pub rejected: Vec<RejectedRecord>,
}

impl Readings {
    /// Rows that came from no bytes.
    pub fn synthetic(tablet: Tablet) -> Self {
        Self { tablet, records: None }
    }

    /// The record a row came from.
    pub fn record(&self, row: usize) -> Option<RecordRef> {
        let (records, rows) = self.records.as_ref()?;
        Some(RecordRef::new(Arc::clone(records), *rows.get(row)?))
    }

    /// The rows for which `keep` holds true.
    ///
    /// # Errors
    /// Where `keep` has another number of rows.
    pub fn filter(&self, keep: &BooleanArray) -> Result<Self, crate::Error> {
        let tablet = self.tablet.filter(keep).map_err(|error| crate::Error::bug(error.to_string()))?;
        let records = self.records.as_ref().map(|(records, rows)| {
            let kept = rows
                .iter()
                .enumerate()
                .filter(|(row, _)| *row < keep.len() && keep.is_valid(*row) && keep.value(*row))
                .map(|(_, &record)| record)
                .collect();
            (Arc::clone(records), kept)
        });
        Ok(Self { tablet, records })
    }

    /// `rows` rows from row `from` on.
    ///
    /// # Panics
    /// Where the range is not within the tablet.
    #[must_use]
    pub fn slice(&self, from: usize, rows: usize) -> Self {
        Self {
            tablet: self.tablet.slice(from, rows),
            records: self
                .records
                .as_ref()
                .map(|(records, indexes)| (Arc::clone(records), indexes[from..from + rows].into())),
        }
    }
}

impl Batch {
    /// How many rows.
    pub fn rows(&self) -> usize {
        self.readings.iter().map(|each| each.tablet.rows()).sum()
    }

    /// How many values that are not null.
    pub fn points(&self) -> usize {
        self.readings.iter().map(|each| each.tablet.points()).sum()
    }

    /// Bytes of memory held, the records' among them.
    pub fn bytes(&self) -> usize {
        let mut bytes = 0;
        let mut counted: Option<&Arc<Records>> = None;
        for each in &self.readings {
            bytes += each.tablet.bytes();
            if let Some((records, rows)) = &each.records {
                bytes += rows.len() * size_of::<u32>();
                // A batch's readings share their records; those of another batch follow in one run.
                if !counted.is_some_and(|last| Arc::ptr_eq(last, records)) {
                    bytes += records.bytes();
                    counted = Some(records);
                }
            }
        }
        bytes
    }

    /// Whether it stands for nothing at all.
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty() && self.positions.is_empty() && self.rejected.is_empty()
    }

    /// Adds a batch that came later: rows behind these rows, ranges joined split by split.
    pub fn append(&mut self, later: Self) {
        self.readings.extend(later.readings);
        self.rejected.extend(later.rejected);
        for range in later.positions {
            match self.positions.iter_mut().find(|each| each.split == range.split) {
                Some(known) => known.range.end = range.range.end,
                None => self.positions.push(range),
            }
        }
    }
}
