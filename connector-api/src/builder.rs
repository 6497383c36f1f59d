//! Rows to columns: what decoders put their rows into.
//!
//! ```text
//!   row("d1", t, [("a", 1.0), ("b", true)])
//!        │
//!        ▼ the device of the row before, or the one that followed that last time, else a hash of its name
//!   DeviceRows d1 ── times    t0 t1 t2
//!        │           records   0  0  1            which record each row came from
//!        │           column a  1. 2. 3.           found where it stood in the row before, else by a hash
//!                    column b  ·  ·  true         begins late: nulls before
//! ```
//!
//! A column begins with the type of its first value. Where another comes, each value is held as it was written
//! ([`FieldValue::Written`]), with its own kind: what it becomes is decided by whoever knows the type of the series.
//!
//! Invariants: a row is held whole, in the order of its device's rows and with one value of a name, or not at all; the rows of a
//! rejected record are taken back; no value changes; what a builder keeps between batches (device and column names, sizes to
//! expect) is bounded.

use std::{collections::HashMap, ops::Range, sync::Arc};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use levada_model::{Kind, Moment, SplitName, SplitRange};

use crate::{Batch, MetaValue, RecordRef, RecordsBuilder, RejectedRecord, meta::Known};

mod beside;
mod column;
mod device;
mod names;
#[cfg(test)]
mod tests;

use beside::Beside;
use device::DeviceRows;

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
    /// BLOB, as `0x` and two hexadecimal digits for each byte.
    Hex(&'a str),
    /// A value as it was written, whose type is not known yet.
    Written(Kind, &'a str),
}

impl FieldValue<'_> {
    /// Bytes it takes in a column, about.
    fn bytes(&self) -> usize {
        match self {
            Self::Null | Self::Boolean(_) => 1,
            Self::Int32(_) | Self::Float(_) | Self::Date(_) => 4,
            Self::Int64(_) | Self::Double(_) | Self::Timestamp(_) => 8,
            Self::Text(text) | Self::String(text) | Self::Hex(text) => 4 + text.len(),
            Self::Blob(bytes) => 4 + bytes.len(),
            Self::Written(_, text) => 5 + text.len(),
        }
    }
}

/// Why a row cannot be held.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RowError(pub String);

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It is held.
    Held,
    /// It is held, and lies in the millisecond of another row of its device that was written as another moment.
    OnAnother,
    /// It has no value that is not null: it is not held.
    Empty,
}

/// Names of devices and columns that may be kept from one batch to the next.
const KEPT_DEVICES: usize = 50_000;
const KEPT_COLUMNS: usize = 200_000;
/// Bytes of records for which room is made ahead: one huge record must not make all that follow look huge.
const KEPT_BYTES: usize = 8 << 20;
/// Bytes of values that a batch may hold. Values are written out at a few times their size at most, which 32 bits can count.
const MOST_BYTES: usize = 256 << 20;

/// Collects the rows of many records, device by device, as columns.
///
/// A device's name is a path (`root.plant.d1`, `plant.d1`) whose nodes get quotes where they need them; a measurement's
/// name is one node. A row whose fields are all null is not held. Rows of a batch come either all from records
/// ([`BatchBuilder::record`]) or all from none.
///
/// ```
/// use levada_connector_api::{BatchBuilder, FieldValue};
/// let mut rows = BatchBuilder::new();
/// rows.split(&"readings/0".into());
/// rows.record(b"d1,1,21.5", 0);
/// rows.row("root.plant.d1", 1, &[("temperature", FieldValue::Double(21.5))])?;
/// rows.record(b"d1,oops", 1);
/// rows.reject("no value".to_owned());
/// let batch = rows.finish(Vec::new());
/// assert_eq!((batch.rows(), batch.rejected.len()), (1, 1));
/// # Ok::<(), levada_connector_api::RowError>(())
/// ```
#[derive(Debug, Default)]
pub struct BatchBuilder {
    devices: Vec<DeviceRows>,
    by_name: HashTable<u32>,
    hasher: RandomState,
    /// The devices that have rows in this batch, in the order in which they came.
    active: Vec<u32>,
    last: usize,
    columns: usize,
    records: RecordsBuilder,
    /// The record that rows come from, and how many rows there were before it.
    current: Option<(u32, usize)>,
    /// The part of the current record that rows come from.
    part: Option<u32>,
    split: Option<SplitName>,
    rejected: Vec<(u32, String)>,
    rows: usize,
    value_bytes: usize,
    fine: FineTimes,
    beside: Beside,
    known: Known,
}

/// Moments that are kept from one batch to the next, to compare those of its rows with.
const KEPT_MOMENTS: usize = 100_000;

/// The moments of rows by device and millisecond, kept from when one is finer than a millisecond on: all of a batch, and those of
/// the batches before as long as they are not too many.
#[derive(Debug, Default)]
struct FineTimes {
    seen: HashMap<(u32, i64), Moment, RandomState>,
    /// Whether there was a finer one ever: rows whose times are all whole milliseconds cost nothing.
    any: bool,
}

impl FineTimes {
    /// Whether a row lies in the millisecond of another moment.
    #[inline]
    fn falls_on_another(&mut self, device: u32, before: Option<Moment>, at: Moment) -> bool {
        if !self.any && !at.is_finer() {
            return false;
        }
        self.any = true;
        let seen = self.seen.insert((device, at.millis()), at);
        seen.or(before).is_some_and(|seen| seen.falls_on(at))
    }
}

impl BatchBuilder {
    /// An empty builder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records from now on come from this split.
    pub fn split(&mut self, split: &SplitName) {
        self.records.split(split);
        if self.split.as_ref() != Some(split) {
            self.split = Some(split.clone());
        }
    }

    /// The rows pushed from now on come from this record.
    pub fn record(&mut self, bytes: &[u8], position: u64) {
        self.current = Some((self.records.push(bytes, position), self.rows));
        self.part = None;
        self.beside.clear();
        self.known.clear();
    }

    /// The rows pushed from now on come from these bytes of the current record, a line among others: where such a row is
    /// rejected, here or by a sink, a dead letter holds the part alone.
    pub fn part(&mut self, bytes: Range<usize>) {
        self.part = self.records.part(bytes);
    }

    /// The rows pushed from now on come from the current record as a whole.
    pub fn whole(&mut self) {
        self.part = None;
    }

    /// Every row of the current record that has a value gets this column too: a TEXT, an INT64 or a TIMESTAMP, which is something
    /// that came with the record beside its bytes.
    pub fn beside(&mut self, name: &str, value: FieldValue<'_>) {
        self.beside.add(name, value);
    }

    /// The next of what the decoder needs of the current record beside its bytes; `None` where the record has no such thing. See
    /// [`DecoderFactory::wanted`](crate::DecoderFactory::wanted).
    pub fn know(&mut self, value: Option<MetaValue<'_>>) {
        self.known.add(value);
    }

    /// What was given as the n-th with [`BatchBuilder::know`] of the current record.
    pub fn known(&self, nth: usize) -> Option<MetaValue<'_>> {
        self.known.get(nth)
    }

    /// As [`BatchBuilder::beside`], of what was given as the n-th with [`BatchBuilder::know`].
    ///
    /// # Errors
    /// It is no text.
    pub fn beside_known(&mut self, name: &str, nth: usize) -> Result<(), RowError> {
        let Some(value) = self.known.get(nth) else { return Ok(()) };
        let field = match value {
            MetaValue::Bytes(bytes) => std::str::from_utf8(bytes)
                .map(FieldValue::Text)
                .map_err(|_| RowError(format!("what comes with the record as `{name}` is not UTF-8")))?,
            MetaValue::Integer(number) => FieldValue::Int64(number),
            MetaValue::Time(time) => FieldValue::Timestamp(time),
        };
        self.beside.add(name, field);
        Ok(())
    }

    /// The device of the current record's rows, where the record itself names none.
    pub fn usual_device(&mut self, name: &str) {
        self.beside.set_device(name);
    }

    /// What [`BatchBuilder::usual_device`] said of the current record.
    pub fn device_beside(&self) -> Option<&str> {
        self.beside.device()
    }

    /// What came with the current record: its key, its time in milliseconds, and whether it has a value at all.
    pub fn envelope(&mut self, key: Option<&[u8]>, time: Option<i64>, has_value: bool) {
        self.records.envelope(key, time, has_value);
    }

    /// Another header of the current record's envelope.
    pub fn header(&mut self, name: &str, value: Option<&[u8]>) {
        self.records.header(name, value);
    }

    /// Adds a row of the current record, as [`BatchBuilder::row_at`] does.
    ///
    /// # Errors
    /// As [`BatchBuilder::row_at`].
    pub fn row(
        &mut self,
        device: &str,
        time: i64,
        fields: &[(&str, FieldValue<'_>)],
    ) -> Result<(), RowError> {
        self.row_at(device, Moment::of_millis(time), fields).map(|_| ())
    }

    /// Adds a row of the current record, and says what became of it. A field that is null may stand beside another of its name.
    ///
    /// # Errors
    /// The device's or a measurement's name is empty, or two values have one name: which is meant is not for us to say. The row is
    /// not held.
    pub fn row_at(
        &mut self,
        device: &str,
        at: Moment,
        fields: &[(&str, FieldValue<'_>)],
    ) -> Result<Placed, RowError> {
        let mut bytes = 12;
        let mut values = false;
        for (name, value) in fields {
            if name.is_empty() {
                return Err(RowError("a measurement's name is empty".to_owned()));
            }
            bytes += value.bytes();
            values |= !matches!(value, FieldValue::Null);
        }
        if self.value_bytes + bytes > MOST_BYTES {
            return Err(RowError(format!("a batch holds {MOST_BYTES} bytes of values at most")));
        }
        let index = self.device(device)?;
        if !values {
            return Ok(Placed::Empty);
        }
        let rows = &mut self.devices[index];
        if !rows.active {
            rows.active = true;
            self.active.push(index as u32);
        }
        let record = self.part.or(self.current.map(|(record, _)| record));
        let all: Vec<(&str, FieldValue<'_>)>;
        let fields = if self.beside.is_empty() {
            fields
        } else {
            all = fields.iter().copied().chain(self.beside.fields()).collect();
            bytes += self.beside.fields().map(|(_, value)| value.bytes()).sum::<usize>();
            &all
        };
        self.columns += rows
            .push(at.millis(), record, fields, &self.hasher)
            .map_err(|name| RowError(format!("two values of one row are named `{name}`")))?;
        let before = rows.last.replace(at);
        self.rows += 1;
        self.value_bytes += bytes;
        let on_another = self.fine.falls_on_another(index as u32, before, at);
        Ok(if on_another { Placed::OnAnother } else { Placed::Held })
    }

    /// Takes back the rows that the current record has pushed so far.
    pub fn take_back(&mut self) {
        let Some((record, before)) = self.current else { return };
        if self.rows == before {
            return;
        }
        for &at in &self.active {
            self.devices[at as usize].take_back(record);
        }
        self.rows = before;
    }

    /// Takes back the current record and all that came of it, as if it had never come: it cannot be read [for
    /// now](crate::DecodeError::not_now). There is no current record then.
    pub fn take_back_record(&mut self) {
        self.take_back();
        let Some((record, _)) = self.current.take() else { return };
        self.rejected.truncate(self.rejected.len() - self.rejected_of(record));
        self.records.take_back();
        self.part = None;
        self.beside.clear();
        self.known.clear();
    }

    /// Removes rows from the end until `rows` are left, as [`BatchBuilder::rows`] counts them. The removed rows must be of the device
    /// that was pushed last.
    pub fn take_back_to(&mut self, rows: usize) {
        let more = self.rows.saturating_sub(rows);
        if let Some(device) = self.devices.get_mut(self.last).filter(|_| more > 0) {
            device.take_back_last(more);
            self.rows = rows;
        }
    }

    /// A part of the current record cannot be made into rows: it will be dead-lettered with this reason, and rows of the other
    /// parts stay. The part is that of [`BatchBuilder::part`], or else the record is dead-lettered as a whole.
    pub fn reject_part(&mut self, error: String) {
        let Some(record) = self.part.or(self.current.map(|(record, _)| record)) else { return };
        match self.rejected.last_mut().filter(|(rejected, _)| *rejected == record) {
            Some((_, before)) => {
                before.push_str("; ");
                before.push_str(&error);
            }
            None => self.rejected.push((record, error)),
        }
    }

    /// Why parts of the current record were rejected, where any were.
    pub fn rejected_parts(&self) -> impl ExactSizeIterator<Item = &str> {
        let from = self.rejected.len() - self.current.map_or(0, |(record, _)| self.rejected_of(record));
        self.rejected[from..].iter().map(|(_, error)| error.as_str())
    }

    /// How many rejections there are of a record, the current one, and its parts.
    fn rejected_of(&self, record: u32) -> usize {
        self.rejected.iter().rev().take_while(|(rejected, _)| *rejected >= record).count()
    }

    /// The current record cannot be made into rows: rows it pushed are taken back, and it will be dead-lettered.
    pub fn reject(&mut self, error: String) {
        self.take_back();
        if let Some((record, _)) = self.current {
            self.rejected.truncate(self.rejected.len() - self.rejected_of(record));
            self.rejected.push((record, error));
        }
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Records so far, the rejected among them.
    pub fn records(&self) -> usize {
        self.records.len()
    }

    /// Bytes of memory held so far, about.
    pub fn bytes(&self) -> usize {
        self.value_bytes + self.records.bytes() + self.records.len() * 16
    }

    /// Whether there is neither a row nor a record.
    pub fn is_empty(&self) -> bool {
        self.rows == 0 && self.records.is_empty()
    }

    /// The batch of all rows so far, covering these ranges; the builder is empty again and keeps its memory.
    pub fn finish(&mut self, positions: Vec<SplitRange>) -> Batch {
        let next = self.records.successor(KEPT_BYTES);
        let records = std::mem::replace(&mut self.records, next).finish();
        if let Some(split) = &self.split {
            self.records.split(split);
        }
        let mut readings = Vec::with_capacity(self.active.len());
        for &at in &self.active {
            self.devices[at as usize].finish(&records, &mut readings);
        }
        let rejected = self
            .rejected
            .drain(..)
            .map(|(record, error)| RejectedRecord {
                record: RecordRef::new(Arc::clone(&records), record),
                error,
            })
            .collect();
        self.active.clear();
        (self.rows, self.value_bytes, self.current, self.part) = (0, 0, None, None);
        if self.fine.seen.len() > KEPT_MOMENTS {
            self.fine.seen.clear();
        }
        if self.devices.len() > KEPT_DEVICES || self.columns > KEPT_COLUMNS {
            self.fine.seen.clear();
            self.devices.clear();
            self.by_name.clear();
            (self.last, self.columns) = (0, 0);
        }
        Batch { readings, positions, rejected }
    }

    /// Where a device's rows are.
    fn device(&mut self, name: &str) -> Result<usize, RowError> {
        let before = self.last;
        // Devices mostly come in the same order again and again.
        let expected = self.devices.get(before).map_or(before, |rows| rows.follower);
        for at in [before, expected] {
            if self.devices.get(at).is_some_and(|rows| names::same(&rows.key, name)) {
                self.last = at;
                return Ok(at);
            }
        }
        let hash = column::hash_of(&self.hasher, name);
        let devices = &self.devices;
        self.last = match self.by_name.find(hash, |&at| *devices[at as usize].key == *name) {
            Some(&at) => at as usize,
            None => {
                let at = self.devices.len();
                self.devices.push(DeviceRows::new(name, names::device_path(name)?));
                let (devices, hasher) = (&self.devices, &self.hasher);
                self.by_name
                    .insert_unique(hash, at as u32, |&at| column::hash_of(hasher, &devices[at as usize].key));
                at
            }
        };
        if let Some(rows) = self.devices.get_mut(before) {
            rows.follower = self.last;
        }
        Ok(self.last)
    }
}
