//! Values of one column, typed.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, StringArray,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use bytes::{BufMut, Bytes, BytesMut};
use levada_model::DataType;

use super::numbers::{get_valid, put_valid, take, take_byte, take_count};
use crate::thrift::WireError;

/// How many bytes a decoded column may have: offsets into strings must fit 31 bits.
const MAX_COLUMN_BYTES: usize = 1 << 30;

/// Appends the values that are not null one after the other: numbers by their width, a boolean as a byte, strings after their
/// length.
pub(super) fn put_values(array: &ArrayRef, data_type: DataType, to: &mut BytesMut) {
    match data_type {
        DataType::Boolean => to.extend(array.as_boolean().iter().flatten().map(u8::from)),
        DataType::Int32 | DataType::Date => put_valid(array.as_primitive::<Int32Type>(), to),
        DataType::Int64 | DataType::Timestamp => put_valid(array.as_primitive::<Int64Type>(), to),
        DataType::Float => put_valid(array.as_primitive::<Float32Type>(), to),
        DataType::Double => put_valid(array.as_primitive::<Float64Type>(), to),
        DataType::Text | DataType::String => {
            array.as_string::<i32>().iter().flatten().for_each(|text| put_blob(text.as_bytes(), to));
        }
        DataType::Blob => array.as_binary::<i32>().iter().flatten().for_each(|blob| put_blob(blob, to)),
    }
}

/// Appends a length, then bytes.
pub(super) fn put_blob(blob: &[u8], to: &mut BytesMut) {
    // An Arrow array of 32-bit offsets holds nothing longer.
    to.put_u32(u32::try_from(blob.len()).unwrap_or(u32::MAX));
    to.put_slice(blob);
}

/// Values of a type for the rows that are not null, as [`put_values`] writes them.
pub(crate) fn get_values(
    data_type: DataType,
    rows: usize,
    nulls: Option<NullBuffer>,
    from: &mut Bytes,
) -> Result<ArrayRef, WireError> {
    Ok(match data_type {
        DataType::Boolean => {
            let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
            let count = rows - nulls.as_ref().map_or(0, NullBuffer::null_count);
            let bytes = take(from, count, "a column")?;
            match nulls {
                None => Arc::new(bytes.iter().map(|byte| Some(*byte != 0)).collect::<BooleanArray>()),
                Some(nulls) => {
                    let mut values = bytes.iter().map(|byte| *byte != 0);
                    let cells = nulls.iter().map(|valid| if valid { values.next() } else { None });
                    Arc::new(cells.collect::<BooleanArray>())
                }
            }
        }
        DataType::Int32 | DataType::Date => Arc::new(get_valid::<Int32Type>(rows, nulls, from)?),
        DataType::Int64 | DataType::Timestamp => Arc::new(get_valid::<Int64Type>(rows, nulls, from)?),
        DataType::Float => Arc::new(get_valid::<Float32Type>(rows, nulls, from)?),
        DataType::Double => Arc::new(get_valid::<Float64Type>(rows, nulls, from)?),
        DataType::Text | DataType::String | DataType::Blob => get_blobs(data_type, rows, nulls, from)?,
    })
}

/// Strings or blobs, each after its length, for the rows that are not null.
pub(super) fn get_blobs(
    data_type: DataType,
    rows: usize,
    nulls: Option<NullBuffer>,
    from: &mut Bytes,
) -> Result<ArrayRef, WireError> {
    // Each row that is not null has at least its length: this bounds what is reserved.
    let present = rows - nulls.as_ref().map_or(0, NullBuffer::null_count);
    if present.saturating_mul(4) > from.len() {
        return Err(WireError::Ends { what: "a column", needed: present * 4, left: from.len() });
    }
    let mut offsets = Vec::with_capacity(rows + 1);
    let mut bytes = Vec::with_capacity((from.len() - present * 4).min(rows * 16));
    offsets.push(0i32);
    for row in 0..rows {
        if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
            let length = take_count(from, "a value")?;
            bytes.extend_from_slice(&take(from, length, "a value")?);
        }
        offsets.push(offset(bytes.len())?);
    }
    Ok(blobs(data_type, offsets, bytes, nulls))
}

/// Strings or blobs that lie one behind the other, by their lengths.
pub(crate) fn blobs_of(
    data_type: DataType,
    lengths: &[usize],
    bytes: Vec<u8>,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, WireError> {
    let mut end = 0;
    let mut offsets = Vec::with_capacity(lengths.len() + 1);
    offsets.push(0);
    for length in lengths {
        end += length;
        offsets.push(offset(end)?);
    }
    Ok(blobs(data_type, offsets, bytes, nulls))
}

fn offset(bytes: usize) -> Result<i32, WireError> {
    i32::try_from(bytes)
        .ok()
        .filter(|_| bytes <= MAX_COLUMN_BYTES)
        .ok_or_else(|| WireError::Mismatch(format!("a column of more than {MAX_COLUMN_BYTES} bytes")))
}

/// An array of strings or blobs. Invalid UTF-8 in a string is replaced, as the peer's own clients do.
fn blobs(data_type: DataType, offsets: Vec<i32>, bytes: Vec<u8>, nulls: Option<NullBuffer>) -> ArrayRef {
    // Offsets ascend from 0.
    let array = BinaryArray::new(OffsetBuffer::new(ScalarBuffer::from(offsets)), bytes.into(), nulls);
    if data_type == DataType::Blob {
        return Arc::new(array);
    }
    let (offsets, bytes, nulls) = array.into_parts();
    match StringArray::try_new(offsets.clone(), bytes.clone(), nulls.clone()) {
        Ok(texts) => Arc::new(texts),
        Err(_) => {
            let array = BinaryArray::new(offsets, bytes, nulls);
            Arc::new(array.iter().map(|each| each.map(String::from_utf8_lossy)).collect::<StringArray>())
        }
    }
}

/// A value `rows` times.
pub(super) fn repeated(array: &ArrayRef, data_type: DataType, rows: usize) -> Result<ArrayRef, WireError> {
    if array.is_empty() || array.is_null(0) {
        return Ok(arrow_array::new_null_array(&data_type.arrow(), rows));
    }
    let bytes = match data_type {
        DataType::Text | DataType::String => array.as_string::<i32>().value_length(0),
        DataType::Blob => array.as_binary::<i32>().value_length(0),
        _ => 8,
    };
    let most = MAX_COLUMN_BYTES / usize::try_from(bytes).unwrap_or(1).max(1);
    if rows > most {
        return Err(WireError::Mismatch(format!("{rows} times a value of {bytes} bytes")));
    }
    let indexes = arrow_array::UInt32Array::from_value(0, rows);
    arrow_select::take::take(array, &indexes, None).map_err(|error| WireError::Mismatch(error.to_string()))
}

/// A type code that stands before values.
pub(crate) fn take_type(from: &mut Bytes) -> Result<DataType, WireError> {
    let code = take_byte(from, "a type")?;
    DataType::from_code(code).ok_or(WireError::Code { what: "data type", code: code.into() })
}
