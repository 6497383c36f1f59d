//! Rows to columns: what decoders put their rows into.

use levada_model::{Path, SplitName, SplitRange};

use crate::Batch;

/// A value on its way into a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// No value.
    Null,
    /// BOOLEAN
    Boolean(bool),
    /// INT32
    Int32(i32),
    /// INT64
    Int64(i64),
    /// FLOAT
    Float(f32),
    /// DOUBLE
    Double(f64),
    /// TEXT
    Text(&'a str),
    /// TIMESTAMP, in milliseconds.
    Timestamp(i64),
    /// DATE, as `yyyymmdd`.
    Date(i32),
    /// BLOB
    Blob(&'a [u8]),
    /// STRING
    String(&'a str),
}

/// Why a row cannot be held.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RowError(pub String);

/// Collects the rows of many records, device by device, as columns.
#[derive(Debug, Default)]
pub struct BatchBuilder {}

impl BatchBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records from now on come from this split.
    pub fn split(&mut self, split: &SplitName) {
        let _: &SplitName = split;
    }

    /// The rows pushed from now on come from this record.
    pub fn record(&mut self, bytes: &[u8], position: u64) {
        let _: (&[u8], u64) = (bytes, position);
    }

    /// Adds a row of the current record.
    ///
    /// # Errors
    /// The device's or a measurement's name is empty; the row is not held.
    pub fn row(&mut self, device: &str, time: i64, fields: &[(&str, FieldValue<'_>)]) -> Result<(), RowError> {
        let _: (&str, i64, &[(&str, FieldValue<'_>)], Option<Path>) = (device, time, fields, None);
        Ok(())
    }

    /// The current record cannot be made into rows: rows it pushed are taken back, and it will be dead-lettered.
    pub fn reject(&mut self, error: String) {
        let _: String = error;
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        0
    }

    /// Bytes of memory held so far.
    pub fn bytes(&self) -> usize {
        0
    }

    /// The batch of all rows so far, covering these ranges; the builder is empty again and keeps its memory.
    pub fn finish(&mut self, positions: Vec<SplitRange>) -> Batch {
        Batch { readings: Vec::new(), positions, rejected: Vec::new() }
    }
}
