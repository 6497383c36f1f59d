//! Records: single rows. A type and a value for each measurement; type 254 is a null without a value.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array,
    Int64Array, PrimitiveArray, StringArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{Buffer, ScalarBuffer};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use levada_model::{DataType, Value};

use super::{
    numbers::{take, take_byte, take_count},
    values::put_blob,
};
use crate::thrift::WireError;

const NULL_TYPE: u8 = 0xfe;
/// A string whose type is to be inferred; sent between servers only.
const RAW_TYPE: u8 = 0xff;

/// A record's values as bytes.
pub fn encode(values: &[Option<Value>]) -> Bytes {
    let mut to = BytesMut::with_capacity(values.len() * 9);
    for value in values {
        let Some(value) = value else {
            to.put_u8(NULL_TYPE);
            continue;
        };
        to.put_u8(value.data_type().code());
        match value {
            Value::Boolean(value) => to.put_u8((*value).into()),
            Value::Int32(value) | Value::Date(value) => to.put_i32(*value),
            Value::Int64(value) | Value::Timestamp(value) => to.put_i64(*value),
            Value::Float(value) => to.put_f32(*value),
            Value::Double(value) => to.put_f64(*value),
            Value::Text(text) | Value::String(text) => put_blob(text.as_bytes(), &mut to),
            Value::Blob(blob) => put_blob(blob, &mut to),
        }
    }
    to.freeze()
}

/// A record's values, `count` of them.
///
/// # Errors
/// The bytes are not such values.
pub fn decode(count: usize, mut from: Bytes) -> Result<Vec<Option<Value>>, WireError> {
    if count > from.len() {
        return Err(WireError::Ends { what: "a record", needed: count, left: from.len() });
    }
    (0..count).map(|_| value(&mut from)).collect()
}

/// A record's values, `count` of them, as columns of one row; `None` for a null. All its numbers share one buffer.
///
/// # Errors
/// The bytes are not such values.
pub fn decode_row(count: usize, from: Bytes) -> Result<Vec<Option<(DataType, ArrayRef)>>, WireError> {
    let values = decode(count, from)?;
    let words: Buffer =
        values.iter().map(|value| value.as_ref().map_or(0, word)).collect::<Vec<u64>>().into();
    let column = |(at, value): (usize, Option<Value>)| {
        let value = value?;
        Some(match value.data_type() {
            DataType::Int32 | DataType::Date => (value.data_type(), number::<Int32Type>(&words, at)),
            DataType::Int64 | DataType::Timestamp => (value.data_type(), number::<Int64Type>(&words, at)),
            DataType::Float => (DataType::Float, number::<Float32Type>(&words, at)),
            DataType::Double => (DataType::Double, number::<Float64Type>(&words, at)),
            DataType::Boolean | DataType::Text | DataType::String | DataType::Blob => values_of(value),
        })
    };
    Ok(values.into_iter().enumerate().map(column).collect())
}

/// A number at the beginning of eight bytes; 0 for what is none.
fn word(value: &Value) -> u64 {
    let short = |bytes: [u8; 4]| u64::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3], 0, 0, 0, 0]);
    match value {
        Value::Int32(value) | Value::Date(value) => short(value.to_ne_bytes()),
        Value::Float(value) => short(value.to_ne_bytes()),
        Value::Int64(value) | Value::Timestamp(value) => value.cast_unsigned(),
        Value::Double(value) => value.to_bits(),
        Value::Boolean(_) | Value::Text(_) | Value::String(_) | Value::Blob(_) => 0,
    }
}

/// The number at the beginning of the eight bytes of a place.
fn number<P: ArrowPrimitiveType>(words: &Buffer, at: usize) -> ArrayRef {
    let first = at * (size_of::<u64>() / size_of::<P::Native>());
    Arc::new(PrimitiveArray::<P>::new(ScalarBuffer::new(words.clone(), first, 1), None))
}

/// A value behind its type; `None` for a null.
pub(crate) fn value(from: &mut Bytes) -> Result<Option<Value>, WireError> {
    let code = take_byte(from, "a type")?;
    if code == NULL_TYPE {
        return Ok(None);
    }
    let data_type = if code == RAW_TYPE { Some(DataType::Text) } else { DataType::from_code(code) };
    let data_type = data_type.ok_or(WireError::Code { what: "data type", code: code.into() })?;
    let mut fixed = |bytes| take(from, bytes, "a value");
    Ok(Some(match data_type {
        DataType::Boolean => Value::Boolean(fixed(1)?[0] != 0),
        DataType::Int32 => Value::Int32(fixed(4)?.get_i32()),
        DataType::Date => Value::Date(fixed(4)?.get_i32()),
        DataType::Int64 => Value::Int64(fixed(8)?.get_i64()),
        DataType::Timestamp => Value::Timestamp(fixed(8)?.get_i64()),
        DataType::Float => Value::Float(fixed(4)?.get_f32()),
        DataType::Double => Value::Double(fixed(8)?.get_f64()),
        DataType::Text => Value::Text(text(from)?),
        DataType::String => Value::String(text(from)?),
        DataType::Blob => {
            let length = take_count(from, "a value")?;
            Value::Blob(take(from, length, "a value")?.to_vec())
        }
    }))
}

/// A value as a column of one row.
pub(crate) fn values_of(value: Value) -> (DataType, ArrayRef) {
    let data_type = value.data_type();
    let values: ArrayRef = match value {
        Value::Boolean(value) => Arc::new(BooleanArray::from(vec![value])),
        Value::Int32(value) | Value::Date(value) => Arc::new(Int32Array::from(vec![value])),
        Value::Int64(value) | Value::Timestamp(value) => Arc::new(Int64Array::from(vec![value])),
        Value::Float(value) => Arc::new(Float32Array::from(vec![value])),
        Value::Double(value) => Arc::new(Float64Array::from(vec![value])),
        Value::Text(text) | Value::String(text) => Arc::new(StringArray::from(vec![text])),
        Value::Blob(blob) => Arc::new(BinaryArray::from(vec![blob.as_slice()])),
    };
    (data_type, values)
}

fn text(from: &mut Bytes) -> Result<String, WireError> {
    let length = take_count(from, "a value")?;
    let bytes = take(from, length, "a value")?;
    std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| WireError::Text)
}
