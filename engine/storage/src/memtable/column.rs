//! A column that grows.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, GenericByteArray, Int32Array,
    Int64Array, StringArray,
    cast::AsArray,
    types::{ByteArrayType, Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer};
use levada_model::DataType;

#[derive(Debug)]
enum Values {
    Boolean(BooleanBufferBuilder),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float(Vec<f32>),
    Double(Vec<f64>),
    Bytes { offsets: Vec<i32>, data: Vec<u8> },
}

/// Values of one type, appended in bulk.
#[derive(Debug)]
pub(super) struct GrowingColumn {
    data_type: DataType,
    values: Values,
    // Made with the first null.
    valid: Option<BooleanBufferBuilder>,
    rows: usize,
}

impl GrowingColumn {
    pub(super) fn new(data_type: DataType, rows: usize) -> Self {
        let values = match data_type {
            DataType::Boolean => Values::Boolean(BooleanBufferBuilder::new(rows)),
            DataType::Int32 | DataType::Date => Values::Int32(Vec::with_capacity(rows)),
            DataType::Int64 | DataType::Timestamp => Values::Int64(Vec::with_capacity(rows)),
            DataType::Float => Values::Float(Vec::with_capacity(rows)),
            DataType::Double => Values::Double(Vec::with_capacity(rows)),
            DataType::Text | DataType::String | DataType::Blob => {
                let mut offsets = Vec::with_capacity(rows + 1);
                offsets.push(0);
                Values::Bytes { offsets, data: Vec::new() }
            }
        };
        Self { data_type, values, valid: None, rows: 0 }
    }

    /// Bytes of texts, which must stay below what 32-bit offsets can say.
    pub(super) fn text_bytes(&self) -> usize {
        match &self.values {
            Values::Bytes { data, .. } => data.len(),
            _ => 0,
        }
    }

    /// Appends an array of the Arrow type that belongs to the column's type.
    pub(super) fn append(&mut self, array: &ArrayRef) {
        match &mut self.values {
            Values::Boolean(bits) => bits.append_buffer(array.as_boolean().values()),
            Values::Int32(values) => values.extend_from_slice(array.as_primitive::<Int32Type>().values()),
            Values::Int64(values) => values.extend_from_slice(array.as_primitive::<Int64Type>().values()),
            Values::Float(values) => values.extend_from_slice(array.as_primitive::<Float32Type>().values()),
            Values::Double(values) => values.extend_from_slice(array.as_primitive::<Float64Type>().values()),
            Values::Bytes { offsets, data } => match self.data_type {
                DataType::Blob => append_bytes(offsets, data, array.as_binary::<i32>()),
                _ => append_bytes(offsets, data, array.as_string::<i32>()),
            },
        }
        match (array.nulls().filter(|nulls| nulls.null_count() > 0), &mut self.valid) {
            (None, None) => {}
            (None, Some(valid)) => valid.append_n(array.len(), true),
            (Some(nulls), valid) => valid
                .get_or_insert_with(|| {
                    let mut valid = BooleanBufferBuilder::new(self.rows + array.len());
                    valid.append_n(self.rows, true);
                    valid
                })
                .append_buffer(nulls.inner()),
        }
        self.rows += array.len();
    }

    /// The values so far, copied.
    pub(super) fn copied(&self) -> ArrayRef {
        let nulls = self.valid.as_ref().map(|valid| bits(valid.as_slice(), self.rows)).map(NullBuffer::new);
        match &self.values {
            Values::Boolean(values) => Arc::new(BooleanArray::new(bits(values.as_slice(), self.rows), nulls)),
            Values::Int32(values) => Arc::new(Int32Array::new(values.clone().into(), nulls)),
            Values::Int64(values) => Arc::new(Int64Array::new(values.clone().into(), nulls)),
            Values::Float(values) => Arc::new(Float32Array::new(values.clone().into(), nulls)),
            Values::Double(values) => Arc::new(Float64Array::new(values.clone().into(), nulls)),
            Values::Bytes { offsets, data } => {
                byte_array(self.data_type, offsets.clone(), data.clone(), nulls)
            }
        }
    }

    /// The values, without a copy.
    pub(super) fn frozen(self) -> ArrayRef {
        let nulls = self.valid.map(|mut valid| NullBuffer::new(valid.finish()));
        match self.values {
            Values::Boolean(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Int32(values) => Arc::new(Int32Array::new(values.into(), nulls)),
            Values::Int64(values) => Arc::new(Int64Array::new(values.into(), nulls)),
            Values::Float(values) => Arc::new(Float32Array::new(values.into(), nulls)),
            Values::Double(values) => Arc::new(Float64Array::new(values.into(), nulls)),
            Values::Bytes { offsets, data } => byte_array(self.data_type, offsets, data, nulls),
        }
    }
}

fn bits(bytes: &[u8], len: usize) -> BooleanBuffer {
    BooleanBuffer::new(Buffer::from(bytes), 0, len)
}

fn append_bytes<T: ByteArrayType<Offset = i32>>(
    offsets: &mut Vec<i32>,
    data: &mut Vec<u8>,
    array: &GenericByteArray<T>,
) {
    let from = array.value_offsets();
    let (first, last) = (from[0], from[from.len() - 1]);
    // The caller keeps a column's texts below 2 GiB.
    let base = i32::try_from(data.len()).expect("below 2 GiB");
    offsets.extend(from[1..].iter().map(|offset| base + (offset - first)));
    data.extend_from_slice(&array.value_data()[first as usize..last as usize]);
}

fn byte_array(data_type: DataType, offsets: Vec<i32>, data: Vec<u8>, nulls: Option<NullBuffer>) -> ArrayRef {
    let offsets = OffsetBuffer::new(offsets.into());
    match data_type {
        DataType::Blob => Arc::new(BinaryArray::new(offsets, data.into(), nulls)),
        _ => Arc::new(StringArray::new(offsets, data.into(), nulls)),
    }
}

/// Bytes that an array's rows take in a growing column.
pub(super) fn bytes_of(array: &ArrayRef, data_type: DataType) -> usize {
    let rows = array.len();
    match data_type {
        DataType::Boolean => rows.div_ceil(8),
        DataType::Int32 | DataType::Date | DataType::Float => rows * 4,
        DataType::Int64 | DataType::Timestamp | DataType::Double => rows * 8,
        DataType::Text | DataType::String => rows * 4 + text_bytes(array, data_type),
        DataType::Blob => rows * 4 + text_bytes(array, data_type),
    }
}

/// Bytes of an array's texts; 0 for other types.
pub(super) fn text_bytes(array: &ArrayRef, data_type: DataType) -> usize {
    let offsets = match data_type {
        DataType::Text | DataType::String => array.as_string::<i32>().value_offsets(),
        DataType::Blob => array.as_binary::<i32>().value_offsets(),
        _ => return 0,
    };
    (offsets[offsets.len() - 1] - offsets[0]) as usize
}
