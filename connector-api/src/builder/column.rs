//! One column's values while they arrive.

use std::{hash::BuildHasher, sync::Arc};

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use foldhash::fast::RandomState;
use levada_model::{Column, DataType, quote_node};

use super::FieldValue;

/// The hash of a name, the same for devices and columns.
pub(super) fn hash_of(hasher: &RandomState, name: &str) -> u64 {
    hasher.hash_one(name)
}

/// One column's values; rows without a value are filled with nulls only when the next value, or the end, comes.
#[derive(Debug)]
pub(super) struct ColumnRows {
    /// The raw name.
    pub(super) key: Box<str>,
    node: Arc<str>,
    data_type: DataType,
    values: Values,
    /// Which rows hold a value; `None` while all do.
    validity: Option<BooleanBufferBuilder>,
    /// How many rows hold a value.
    held: usize,
    /// How many rows the batch before had.
    expected: usize,
}

/// Values by the form in which they are held; several data types share a form.
#[derive(Debug)]
enum Values {
    Bits(Vec<bool>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Bytes { ends: Vec<i32>, bytes: Vec<u8> },
}

impl ColumnRows {
    /// A column of the type of its first value.
    pub(super) fn new(raw: &str, first: &FieldValue<'_>, expected: usize) -> Self {
        let data_type = type_of(first);
        Self {
            key: raw.into(),
            node: quote_node(raw).into(),
            data_type,
            values: Values::of(data_type, expected),
            validity: None,
            held: 0,
            expected,
        }
    }

    /// Whether there is a value of a row that is the last, already.
    #[inline]
    pub(super) fn reaches_beyond(&self, row: usize) -> bool {
        self.held > 0 && self.values.len() > row
    }

    /// Sets the value of a row, which is the last; false where the column cannot hold it without loss.
    #[inline]
    pub(super) fn push(&mut self, row: usize, value: FieldValue<'_>) -> bool {
        if self.held == 0 {
            self.begin(&value);
        }
        let len = self.values.len();
        if len != row {
            self.align(len, row);
        }
        let fits = match (&mut self.values, value) {
            (Values::F64(values), FieldValue::Double(value)) => {
                values.push(value);
                true
            }
            (Values::Bits(values), FieldValue::Boolean(value)) => {
                values.push(value);
                true
            }
            (_, value) => self.push_other(value),
        };
        if fits {
            self.held += 1;
            if let Some(validity) = &mut self.validity {
                validity.append(true);
            }
        }
        fits
    }

    /// Drops the values of all rows from `rows` on.
    pub(super) fn truncate(&mut self, rows: usize) {
        let len = self.values.len();
        if len <= rows {
            return;
        }
        self.values.truncate(rows);
        match &mut self.validity {
            None => self.held = rows,
            Some(validity) => {
                let dropped = (rows..len).filter(|&row| validity.get_bit(row)).count();
                self.held -= dropped;
                validity.truncate(rows);
            }
        }
    }

    /// The column of that many rows, `None` where it holds no value; empty again afterwards.
    pub(super) fn finish(&mut self, rows: usize) -> Option<Column> {
        if self.held == 0 {
            self.values.truncate(0);
            self.validity = None;
            return None;
        }
        let len = self.values.len();
        if len != rows {
            self.align(len, rows);
        }
        self.expected = rows;
        self.held = 0;
        let nulls = self.validity.take().map(|mut validity| NullBuffer::new(validity.finish()));
        let values = std::mem::replace(&mut self.values, Values::of(self.data_type, 0));
        let values = values.into_array(self.data_type, nulls);
        Some(Column { name: Arc::clone(&self.node), data_type: self.data_type, values })
    }

    /// The first value of a batch decides the type anew, so that one odd batch does not shape all that follow.
    fn begin(&mut self, value: &FieldValue<'_>) {
        let data_type = type_of(value);
        if data_type != self.data_type || self.values.capacity() == 0 {
            self.data_type = data_type;
            self.values = Values::of(data_type, self.expected);
            self.validity = None;
        }
    }

    /// Fills up with nulls to `row` rows, or drops what is beyond.
    #[cold]
    fn align(&mut self, len: usize, row: usize) {
        if len > row {
            self.truncate(row);
            return;
        }
        let validity = self.validity.get_or_insert_with(|| {
            let mut validity = BooleanBufferBuilder::new(row + 1);
            validity.append_n(len, true);
            validity
        });
        validity.append_n(row - len, false);
        self.values.pad(row);
    }

    /// A value that is neither DOUBLE in a DOUBLE column nor BOOLEAN in a BOOLEAN column.
    fn push_other(&mut self, value: FieldValue<'_>) -> bool {
        let given = type_of(&value);
        if given != self.data_type && !self.widen(given) {
            return self.push_narrower(value);
        }
        match (&mut self.values, value) {
            (Values::I32(values), FieldValue::Int32(value) | FieldValue::Date(value)) => values.push(value),
            (Values::I64(values), FieldValue::Int64(value) | FieldValue::Timestamp(value)) => {
                values.push(value)
            }
            (Values::F32(values), FieldValue::Float(value)) => values.push(value),
            (Values::F64(values), FieldValue::Double(value)) => values.push(value),
            (Values::Bytes { ends, bytes }, FieldValue::Text(text) | FieldValue::String(text)) => {
                return push_bytes(ends, bytes, text.as_bytes());
            }
            (Values::Bytes { ends, bytes }, FieldValue::Blob(blob)) => return push_bytes(ends, bytes, blob),
            _ => return false,
        }
        true
    }

    /// A number of a narrower type than the column's, where it is exactly the same number there.
    fn push_narrower(&mut self, value: FieldValue<'_>) -> bool {
        match (self.data_type, &mut self.values, value) {
            (DataType::Int64, Values::I64(values), FieldValue::Int32(value)) => values.push(value.into()),
            (DataType::Double, Values::F64(values), FieldValue::Int32(value)) => values.push(value.into()),
            (DataType::Double, Values::F64(values), FieldValue::Float(value)) => values.push(value.into()),
            (DataType::Double, Values::F64(values), FieldValue::Int64(value)) if is_exact(value) => {
                values.push(value as f64);
            }
            _ => return false,
        }
        true
    }

    /// Makes room for a wider type of number, where every value held stays exactly the same number.
    fn widen(&mut self, wider: DataType) -> bool {
        let values = match (self.data_type, wider, &self.values) {
            (DataType::Int32, DataType::Int64, Values::I32(values)) => {
                Values::I64(values.iter().copied().map(i64::from).collect())
            }
            (DataType::Int32, DataType::Double, Values::I32(values)) => {
                Values::F64(values.iter().copied().map(f64::from).collect())
            }
            (DataType::Float, DataType::Double, Values::F32(values)) => {
                Values::F64(values.iter().copied().map(f64::from).collect())
            }
            (DataType::Int64, DataType::Double, Values::I64(values))
                if values.iter().all(|&value| is_exact(value)) =>
            {
                Values::F64(values.iter().map(|&value| value as f64).collect())
            }
            _ => return false,
        };
        self.values = values;
        self.data_type = wider;
        true
    }
}

impl Values {
    fn of(data_type: DataType, expected: usize) -> Self {
        match data_type {
            DataType::Boolean => Self::Bits(Vec::with_capacity(expected)),
            DataType::Int32 | DataType::Date => Self::I32(Vec::with_capacity(expected)),
            DataType::Int64 | DataType::Timestamp => Self::I64(Vec::with_capacity(expected)),
            DataType::Float => Self::F32(Vec::with_capacity(expected)),
            DataType::Double => Self::F64(Vec::with_capacity(expected)),
            DataType::Text | DataType::String | DataType::Blob => {
                Self::Bytes { ends: Vec::with_capacity(expected), bytes: Vec::new() }
            }
        }
    }

    fn capacity(&self) -> usize {
        match self {
            Self::Bits(values) => values.capacity(),
            Self::I32(values) => values.capacity(),
            Self::I64(values) => values.capacity(),
            Self::F32(values) => values.capacity(),
            Self::F64(values) => values.capacity(),
            Self::Bytes { ends, .. } => ends.capacity(),
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match self {
            Self::Bits(values) => values.len(),
            Self::I32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::Bytes { ends, .. } => ends.len(),
        }
    }

    fn pad(&mut self, rows: usize) {
        match self {
            Self::Bits(values) => values.resize(rows, false),
            Self::I32(values) => values.resize(rows, 0),
            Self::I64(values) => values.resize(rows, 0),
            Self::F32(values) => values.resize(rows, 0.0),
            Self::F64(values) => values.resize(rows, 0.0),
            Self::Bytes { ends, .. } => {
                let end = ends.last().copied().unwrap_or(0);
                ends.resize(rows, end);
            }
        }
    }

    fn truncate(&mut self, rows: usize) {
        match self {
            Self::Bits(values) => values.truncate(rows),
            Self::I32(values) => values.truncate(rows),
            Self::I64(values) => values.truncate(rows),
            Self::F32(values) => values.truncate(rows),
            Self::F64(values) => values.truncate(rows),
            Self::Bytes { ends, bytes } => {
                ends.truncate(rows);
                bytes.truncate(ends.last().map_or(0, |&end| end as usize));
            }
        }
    }

    fn into_array(self, data_type: DataType, nulls: Option<NullBuffer>) -> ArrayRef {
        match self {
            Self::Bits(values) => Arc::new(BooleanArray::new(BooleanBuffer::from(values), nulls)),
            Self::I32(values) => Arc::new(Int32Array::new(values.into(), nulls)),
            Self::I64(values) => Arc::new(Int64Array::new(values.into(), nulls)),
            Self::F32(values) => Arc::new(Float32Array::new(values.into(), nulls)),
            Self::F64(values) => Arc::new(Float64Array::new(values.into(), nulls)),
            Self::Bytes { ends, bytes } => {
                let mut offsets = Vec::with_capacity(ends.len() + 1);
                offsets.push(0);
                offsets.extend(ends);
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                if data_type == DataType::Blob {
                    Arc::new(BinaryArray::new(offsets, Buffer::from_vec(bytes), nulls))
                } else {
                    Arc::new(StringArray::new(offsets, Buffer::from_vec(bytes), nulls))
                }
            }
        }
    }
}

/// The type that a value makes a column of; a null makes none, and is never asked.
fn type_of(value: &FieldValue<'_>) -> DataType {
    match value {
        FieldValue::Boolean(_) => DataType::Boolean,
        FieldValue::Int32(_) => DataType::Int32,
        FieldValue::Int64(_) => DataType::Int64,
        FieldValue::Float(_) => DataType::Float,
        FieldValue::Double(_) => DataType::Double,
        FieldValue::Null | FieldValue::Text(_) => DataType::Text,
        FieldValue::Timestamp(_) => DataType::Timestamp,
        FieldValue::Date(_) => DataType::Date,
        FieldValue::Blob(_) => DataType::Blob,
        FieldValue::String(_) => DataType::String,
    }
}

/// False where the column's bytes would pass what 32-bit offsets can say.
fn push_bytes(ends: &mut Vec<i32>, bytes: &mut Vec<u8>, value: &[u8]) -> bool {
    let Ok(end) = i32::try_from(bytes.len() + value.len()) else { return false };
    bytes.extend_from_slice(value);
    ends.push(end);
    true
}

/// Whether a DOUBLE says the same number.
fn is_exact(value: i64) -> bool {
    value.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS
}
