//! TsBlocks: how results are sent from 1.0 on.
//!
//! ```text
//!   columns i32 │ a type for each │ rows i32 │ an encoding for the time, and for each │ time │ columns
//!   column     may have nulls i8 │ flags, highest bit first │ values
//!   encodings  0 bits of all rows · 1 and 2 numbers of 4 and 8 bytes, without nulls · 3 length and bytes, without nulls
//!              4 an encoding and a column of one row, that all rows have
//! ```
//!
//! The types are physical ones: a DATE is sent as INT32, a TIMESTAMP as INT64, STRING and BLOB as TEXT. The logical types are
//! sent beside the blocks.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Int64Array,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use bytes::{BufMut, Bytes, BytesMut};
use levada_model::DataType;

use super::{
    numbers::{get_bits, get_valid, put_all, put_bits, take_byte, take_count},
    values::{get_blobs, put_values, repeated, take_type},
};
use crate::thrift::WireError;

const BYTES: u8 = 0;
const INT32: u8 = 1;
const INT64: u8 = 2;
const BINARY: u8 = 3;
const RUN: u8 = 4;

/// How many rows a block may have if its time column is a run: no bytes bound them then.
const MAX_RUN_ROWS: usize = 1 << 20;

/// The physical type of a type.
const fn physical(data_type: DataType) -> DataType {
    match data_type {
        DataType::Date => DataType::Int32,
        DataType::Timestamp => DataType::Int64,
        DataType::String | DataType::Blob => DataType::Text,
        other => other,
    }
}

const fn encoding(data_type: DataType) -> u8 {
    match data_type {
        DataType::Boolean => BYTES,
        DataType::Int32 | DataType::Float | DataType::Date => INT32,
        DataType::Int64 | DataType::Double | DataType::Timestamp => INT64,
        DataType::Text | DataType::String | DataType::Blob => BINARY,
    }
}

/// Whether a column is sent as a run of one null. The client for Python cannot read a run of dates.
fn is_run(data_type: DataType, array: &ArrayRef) -> bool {
    data_type != DataType::Date && !array.is_empty() && array.null_count() == array.len()
}

/// Rows as a block.
pub fn encode(times: &Int64Array, columns: &[(DataType, ArrayRef)]) -> Bytes {
    let bytes: usize = columns.iter().map(|(_, array)| array.get_array_memory_size()).sum();
    let mut to = BytesMut::with_capacity(bytes + times.len() * 8 + columns.len() * 8 + 16);
    to.put_u32(columns.len() as u32);
    to.extend(columns.iter().map(|(data_type, _)| physical(*data_type).code()));
    to.put_u32(times.len() as u32);
    to.put_u8(INT64);
    let encodings = columns.iter().map(
        |(data_type, array)| {
            if is_run(*data_type, array) { RUN } else { encoding(*data_type) }
        },
    );
    to.extend(encodings);
    to.put_u8(0);
    put_all(times.values(), &mut to);
    for (data_type, array) in columns {
        if is_run(*data_type, array) {
            to.put_slice(&[encoding(*data_type), 1, 0x80]);
            if *data_type == DataType::Boolean {
                to.put_u8(0);
            }
            continue;
        }
        put_flags(array.nulls(), &mut to);
        match data_type {
            DataType::Boolean => put_bits(&values_of(array.as_boolean()), &mut to),
            _ => put_values(array, *data_type, &mut to),
        }
    }
    to.freeze()
}

/// The values, `false` for nulls.
fn values_of(array: &BooleanArray) -> BooleanBuffer {
    match array.nulls() {
        Some(nulls) => array.values() & nulls.inner(),
        None => array.values().clone(),
    }
}

fn put_flags(nulls: Option<&NullBuffer>, to: &mut BytesMut) {
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => to.put_u8(0),
        Some(nulls) => {
            to.put_u8(1);
            put_bits(&!nulls.inner(), to);
        }
    }
}

/// A block's rows: times and columns. `types` gives the types of columns where they are known; otherwise a column has its
/// physical type.
///
/// # Errors
/// The bytes are not such a block.
pub fn decode(
    mut from: Bytes,
    types: &[Option<DataType>],
) -> Result<(Int64Array, Vec<(DataType, ArrayRef)>), WireError> {
    let count = take_count(&mut from, "a block")?;
    if count.saturating_mul(2) > from.len() {
        return Err(WireError::Length { what: "a block", length: count as i64, left: from.len() });
    }
    let sent = (0..count).map(|_| take_type(&mut from)).collect::<Result<Vec<_>, _>>()?;
    let rows = take_count(&mut from, "a block")?;
    let time_encoding = take_byte(&mut from, "an encoding")?;
    let most = if time_encoding == RUN { MAX_RUN_ROWS } else { from.len() / 8 };
    if rows > most {
        return Err(WireError::Length { what: "a block", length: rows as i64, left: from.len() });
    }
    let encodings = (0..count).map(|_| take_byte(&mut from, "an encoding")).collect::<Result<Vec<_>, _>>()?;
    let times = column(time_encoding, DataType::Int64, rows, &mut from)?;
    let times = times.as_primitive::<Int64Type>().clone();
    if times.null_count() > 0 {
        return Err(WireError::Mismatch("a block's time column holds nulls".to_owned()));
    }
    let mut columns = Vec::with_capacity(count);
    for (index, (sent, encoding)) in sent.into_iter().zip(encodings).enumerate() {
        let known = types.get(index).copied().flatten();
        let data_type = known.unwrap_or(sent);
        if physical(data_type) != physical(sent) {
            let message = format!("a column of {data_type} is sent as {sent}");
            return Err(WireError::Mismatch(message));
        }
        columns.push((data_type, column(encoding, data_type, rows, &mut from)?));
    }
    Ok((times, columns))
}

fn column(encoding: u8, data_type: DataType, rows: usize, from: &mut Bytes) -> Result<ArrayRef, WireError> {
    if encoding == RUN {
        let inner = take_byte(from, "an encoding")?;
        if inner == RUN {
            return Err(WireError::Mismatch("a run of a run".to_owned()));
        }
        return repeated(&plain(inner, data_type, 1, from)?, data_type, rows);
    }
    plain(encoding, data_type, rows, from)
}

fn plain(encoding: u8, data_type: DataType, rows: usize, from: &mut Bytes) -> Result<ArrayRef, WireError> {
    let nulls = match take_byte(from, "a column")? {
        0 => None,
        _ => Some(NullBuffer::new(!&get_bits(rows, from, "null flags")?)),
    };
    let all_null = nulls.as_ref().is_some_and(|nulls| nulls.null_count() == rows);
    Ok(match (encoding, data_type) {
        (BYTES, DataType::Boolean) => Arc::new(BooleanArray::new(get_bits(rows, from, "a column")?, nulls)),
        (INT32, DataType::Int32 | DataType::Date) => Arc::new(get_valid::<Int32Type>(rows, nulls, from)?),
        (INT32, DataType::Float) => Arc::new(get_valid::<Float32Type>(rows, nulls, from)?),
        (INT64, DataType::Int64 | DataType::Timestamp) => {
            Arc::new(get_valid::<Int64Type>(rows, nulls, from)?)
        }
        (INT64, DataType::Double) => Arc::new(get_valid::<Float64Type>(rows, nulls, from)?),
        (BINARY, DataType::Text | DataType::String | DataType::Blob) => {
            get_blobs(data_type, rows, nulls, from)?
        }
        // Nulls alone are sent as booleans, whatever type the column has.
        (BYTES, _) if all_null => {
            get_bits(rows, from, "a column")?;
            arrow_array::new_null_array(&data_type.arrow(), rows)
        }
        (INT32 | INT64 | BINARY, _) if all_null => arrow_array::new_null_array(&data_type.arrow(), rows),
        _ => {
            return Err(WireError::Mismatch(format!("a column of {data_type} in the encoding {encoding}")));
        }
    })
}
