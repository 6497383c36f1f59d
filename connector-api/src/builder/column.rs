//! One column's values while they arrive.

use std::{hash::BuildHasher, io::Write as _, sync::Arc};

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
    cast::AsArray,
};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use foldhash::fast::RandomState;
use levada_model::{Column, DataType, Kind, Kinds, Value, convert::Given, quote_node};

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
    form: Form,
    values: Values,
    /// Which rows hold a value; `None` while all do.
    validity: Option<BooleanBufferBuilder>,
    /// How many rows hold a value.
    held: usize,
    /// How many rows the batch before had, and how many bytes their texts.
    expected: usize,
    expected_bytes: usize,
}

/// What a column's values are.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// Of a type.
    Typed(DataType),
    /// As they were written, of these kinds.
    Written(Kinds),
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
        let form = form_of(first);
        Self {
            key: raw.into(),
            node: quote_node(raw).into(),
            form,
            values: Values::of(form, expected, 0),
            validity: None,
            held: 0,
            expected,
            expected_bytes: 0,
        }
    }

    /// Whether there is a value of a row that is the last, already.
    #[inline]
    pub(super) fn reaches_beyond(&self, row: usize) -> bool {
        self.held > 0 && self.values.len() > row
    }

    /// Sets the value of a row, which is the last.
    #[inline]
    pub(super) fn push(&mut self, row: usize, value: FieldValue<'_>) {
        if self.held == 0 {
            self.begin(&value);
        }
        let len = self.values.len();
        if len != row {
            self.align(len, row);
        }
        match (&mut self.values, value, &mut self.form) {
            (Values::Bytes { ends, bytes }, FieldValue::Written(kind, text), Form::Written(kinds)) => {
                kinds.see(kind);
                bytes.reserve(1 + text.len());
                bytes.push(kind.tag());
                push_bytes(ends, bytes, text.as_bytes());
            }
            (Values::F64(values), FieldValue::Double(value), _) => values.push(value),
            (Values::Bits(values), FieldValue::Boolean(value), _) => values.push(value),
            (_, value, _) => self.push_other(value),
        }
        self.held += 1;
        if let Some(validity) = &mut self.validity {
            validity.append(true);
        }
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
        let values = std::mem::replace(&mut self.values, Values::of(self.form, 0, 0));
        if let Values::Bytes { bytes, .. } = &values {
            self.expected_bytes = (bytes.len() + bytes.len() / 8).min(super::KEPT_BYTES);
        }
        let values = values.into_array(self.form, nulls);
        let data_type = match self.form {
            Form::Typed(data_type) => data_type,
            Form::Written(kinds) => kinds.data_type(),
        };
        Some(Column { name: Arc::clone(&self.node), data_type, values })
    }

    /// The first value of a batch decides the form anew, so that one odd batch does not shape all that follow.
    fn begin(&mut self, value: &FieldValue<'_>) {
        let form = form_of(value);
        if form != self.form || self.values.capacity() == 0 {
            self.form = form;
            self.values = Values::of(form, self.expected, self.expected_bytes);
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

    /// A value of another form than the most frequent ones.
    fn push_other(&mut self, value: FieldValue<'_>) {
        let data_type = match form_of(&value) {
            Form::Typed(data_type) if self.form == Form::Typed(data_type) => data_type,
            _ => return self.push_mixed(value),
        };
        match (&mut self.values, value) {
            (Values::I32(values), FieldValue::Int32(value) | FieldValue::Date(value)) => values.push(value),
            (Values::I64(values), FieldValue::Int64(value) | FieldValue::Timestamp(value)) => {
                values.push(value)
            }
            (Values::F32(values), FieldValue::Float(value)) => values.push(value),
            (Values::Bytes { ends, bytes }, FieldValue::Text(text) | FieldValue::String(text)) => {
                push_bytes(ends, bytes, text.as_bytes());
            }
            (Values::Bytes { ends, bytes }, FieldValue::Blob(blob)) => push_bytes(ends, bytes, blob),
            (Values::Bytes { ends, bytes }, FieldValue::Hex(digits)) => {
                bytes.extend(Given::Text(digits).blob().unwrap_or_default().as_ref());
                push_bytes(ends, bytes, b"");
            }
            _ => unreachable!("a column of {data_type} holds its values in the form of the type"),
        }
    }

    /// A value of another type than the values so far: from now on each is held as it was written, with its own kind.
    fn push_mixed(&mut self, value: FieldValue<'_>) {
        let mut kinds = match self.form {
            Form::Written(kinds) => kinds,
            Form::Typed(data_type) => {
                self.write_all(data_type);
                Kinds::new(Kind::Typed(data_type))
            }
        };
        let Values::Bytes { ends, bytes } = &mut self.values else {
            unreachable!("written values are bytes")
        };
        let kind = kind_of(&value);
        kinds.see(kind);
        bytes.push(kind.tag());
        match value {
            FieldValue::Written(_, text)
            | FieldValue::Text(text)
            | FieldValue::String(text)
            | FieldValue::Hex(text) => {
                bytes.extend_from_slice(text.as_bytes());
            }
            FieldValue::Null => {}
            FieldValue::Boolean(value) => put(bytes, value),
            FieldValue::Int32(value) | FieldValue::Date(value) => put(bytes, value),
            FieldValue::Int64(value) | FieldValue::Timestamp(value) => put(bytes, value),
            FieldValue::Float(value) => put(bytes, Value::Float(value)),
            FieldValue::Double(value) => put(bytes, Value::Double(value)),
            FieldValue::Blob(value) => put(bytes, Value::Blob(value.to_owned())),
        }
        push_bytes(ends, bytes, b"");
        self.form = Form::Written(kinds);
    }

    /// Makes values of a type written ones.
    #[cold]
    fn write_all(&mut self, data_type: DataType) {
        let rows = self.values.len();
        let nulls = self.validity.as_mut().map(|validity| NullBuffer::new(validity.finish_cloned()));
        let values = std::mem::replace(&mut self.values, Values::Bits(Vec::new()));
        let typed = Column {
            name: Arc::clone(&self.node),
            data_type,
            values: values.into_array(Form::Typed(data_type), nulls),
        };
        let (offsets, bytes, _) = typed.to_written().values.as_binary::<i32>().clone().into_parts();
        let mut ends = Vec::with_capacity(self.expected.max(rows + 1));
        ends.extend_from_slice(offsets.get(1..).unwrap_or_default());
        self.values = Values::Bytes { ends, bytes: bytes.to_vec() };
    }
}

impl Values {
    fn of(form: Form, expected: usize, expected_bytes: usize) -> Self {
        let bytes =
            || Self::Bytes { ends: Vec::with_capacity(expected), bytes: Vec::with_capacity(expected_bytes) };
        let Form::Typed(data_type) = form else { return bytes() };
        match data_type {
            DataType::Boolean => Self::Bits(Vec::with_capacity(expected)),
            DataType::Int32 | DataType::Date => Self::I32(Vec::with_capacity(expected)),
            DataType::Int64 | DataType::Timestamp => Self::I64(Vec::with_capacity(expected)),
            DataType::Float => Self::F32(Vec::with_capacity(expected)),
            DataType::Double => Self::F64(Vec::with_capacity(expected)),
            DataType::Text | DataType::String | DataType::Blob => bytes(),
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

    fn into_array(self, form: Form, nulls: Option<NullBuffer>) -> ArrayRef {
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
                if matches!(form, Form::Written(_) | Form::Typed(DataType::Blob)) {
                    Arc::new(BinaryArray::new(offsets, Buffer::from_vec(bytes), nulls))
                } else {
                    Arc::new(StringArray::new(offsets, Buffer::from_vec(bytes), nulls))
                }
            }
        }
    }
}

/// The form that a value makes a column of; a null makes none, and is never asked.
fn form_of(value: &FieldValue<'_>) -> Form {
    match kind_of(value) {
        Kind::Typed(data_type) => Form::Typed(data_type),
        kind => Form::Written(Kinds::new(kind)),
    }
}

/// What a value is among written ones.
fn kind_of(value: &FieldValue<'_>) -> Kind {
    Kind::Typed(match value {
        FieldValue::Written(kind, _) => return *kind,
        FieldValue::Boolean(_) => DataType::Boolean,
        FieldValue::Int32(_) => DataType::Int32,
        FieldValue::Int64(_) => DataType::Int64,
        FieldValue::Float(_) => DataType::Float,
        FieldValue::Double(_) => DataType::Double,
        FieldValue::Null | FieldValue::Text(_) => DataType::Text,
        FieldValue::Timestamp(_) => DataType::Timestamp,
        FieldValue::Date(_) => DataType::Date,
        FieldValue::Blob(_) | FieldValue::Hex(_) => DataType::Blob,
        FieldValue::String(_) => DataType::String,
    })
}

/// Ends a value with these bytes.
#[inline]
fn push_bytes(ends: &mut Vec<i32>, bytes: &mut Vec<u8>, value: &[u8]) {
    bytes.extend_from_slice(value);
    // A batch is bounded far below.
    ends.push(i32::try_from(bytes.len()).expect("the builder takes no more bytes than 32 bits can count"));
}

fn put(bytes: &mut Vec<u8>, value: impl std::fmt::Display) {
    write!(bytes, "{value}").expect("a vector takes everything");
}
