//! A tablet as bytes: its Arrow buffers as they are in memory, little-endian, one behind the other.
//!
//! ```text
//!   device, aligned, rows, columns
//!   times                     rows × i64
//!   per column: name, type, whether it has nulls
//!     [which rows have values]  ceil(rows / 8), low bit first
//!     values                    fixed width: rows × width; BOOLEAN: ceil(rows / 8);
//!                               texts and bytes: rows × u32 length, then the bytes
//! ```

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, BooleanArray, GenericByteArray, Int64Array,
    PrimitiveArray, StringArray,
    cast::AsArray,
    types::{ByteArrayType, Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{ArrowNativeType, BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use levada_model::{Column, DataType, Tablet};

use crate::codec::{Malformed, Put, Take};

pub(super) fn put_tablet(bytes: &mut Vec<u8>, tablet: &Tablet) {
    bytes.reserve(tablet.rows() * 8 * (tablet.columns().len() + 1) + 256);
    bytes.put_str(tablet.device().as_str());
    bytes.put_u8(u8::from(tablet.aligned()));
    bytes.put_len(tablet.rows());
    bytes.put_len(tablet.columns().len());
    put_numbers(bytes, tablet.times().values());
    for column in tablet.columns() {
        put_column(bytes, column);
    }
}

fn put_column(bytes: &mut Vec<u8>, column: &Column) {
    bytes.put_str(&column.name);
    bytes.put_u8(column.data_type.code());
    let values = &column.values;
    let nulls = values.nulls().filter(|nulls| nulls.null_count() > 0);
    bytes.put_u8(u8::from(nulls.is_some()));
    if let Some(nulls) = nulls {
        put_bits(bytes, nulls.inner());
    }
    match column.data_type {
        DataType::Boolean => put_bits(bytes, values.as_boolean().values()),
        DataType::Int32 | DataType::Date => put_numbers(bytes, values.as_primitive::<Int32Type>().values()),
        DataType::Int64 | DataType::Timestamp => {
            put_numbers(bytes, values.as_primitive::<Int64Type>().values())
        }
        DataType::Float => put_numbers(bytes, values.as_primitive::<Float32Type>().values()),
        DataType::Double => put_numbers(bytes, values.as_primitive::<Float64Type>().values()),
        DataType::Text | DataType::String => put_texts(bytes, values.as_string::<i32>()),
        DataType::Blob => put_texts(bytes, values.as_binary::<i32>()),
    }
}

fn put_numbers<T: ArrowNativeType>(bytes: &mut Vec<u8>, values: &ScalarBuffer<T>) {
    // Log files are read where they were written, or on another little-endian machine.
    const { assert!(cfg!(target_endian = "little")) }
    bytes.extend_from_slice(values.inner().as_slice());
}

fn put_bits(bytes: &mut Vec<u8>, bits: &BooleanBuffer) {
    let packed = bits.sliced();
    bytes.extend_from_slice(&packed.as_slice()[..bits.len().div_ceil(8)]);
}

fn put_texts<T: ByteArrayType<Offset = i32>>(bytes: &mut Vec<u8>, values: &GenericByteArray<T>) {
    let offsets = values.value_offsets();
    for pair in offsets.windows(2) {
        bytes.put_u32((pair[1] - pair[0]).cast_unsigned());
    }
    let (first, last) = (offsets[0].as_usize(), offsets[offsets.len() - 1].as_usize());
    bytes.extend_from_slice(&values.value_data()[first..last]);
}

pub(super) fn take_tablet(from: &mut Take<'_>) -> Result<Tablet, Malformed> {
    let device = from.path()?;
    let aligned = from.flag()?;
    let rows = from.count(8)?;
    let columns = from.count(0)?;
    let times = take_numbers::<Int64Type>(from, rows, None)?;
    let times: Int64Array = times.as_primitive::<Int64Type>().clone();
    let columns = (0..columns).map(|_| take_column(from, rows)).collect::<Result<_, _>>()?;
    Tablet::try_new(device, aligned, times, columns).map_err(|_| Malformed)
}

fn take_column(from: &mut Take<'_>, rows: usize) -> Result<Column, Malformed> {
    let name = from.str()?.into();
    let data_type = from.data_type()?;
    let nulls = from.flag()?.then(|| take_bits(from, rows).map(NullBuffer::new)).transpose()?;
    let values: ArrayRef = match data_type {
        DataType::Boolean => Arc::new(BooleanArray::new(take_bits(from, rows)?, nulls)),
        DataType::Int32 | DataType::Date => take_numbers::<Int32Type>(from, rows, nulls)?,
        DataType::Int64 | DataType::Timestamp => take_numbers::<Int64Type>(from, rows, nulls)?,
        DataType::Float => take_numbers::<Float32Type>(from, rows, nulls)?,
        DataType::Double => take_numbers::<Float64Type>(from, rows, nulls)?,
        DataType::Text | DataType::String => {
            let (offsets, data) = take_texts(from, rows)?;
            Arc::new(StringArray::try_new(offsets, data, nulls).map_err(|_| Malformed)?)
        }
        DataType::Blob => {
            let (offsets, data) = take_texts(from, rows)?;
            Arc::new(BinaryArray::try_new(offsets, data, nulls).map_err(|_| Malformed)?)
        }
    };
    Ok(Column { name, data_type, values })
}

fn take_numbers<T: ArrowPrimitiveType>(
    from: &mut Take<'_>,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, Malformed> {
    let bytes = from.take(rows.checked_mul(size_of::<T::Native>()).ok_or(Malformed)?)?;
    let values = ScalarBuffer::new(Buffer::from(bytes), 0, rows);
    Ok(Arc::new(PrimitiveArray::<T>::try_new(values, nulls).map_err(|_| Malformed)?))
}

fn take_bits(from: &mut Take<'_>, rows: usize) -> Result<BooleanBuffer, Malformed> {
    Ok(BooleanBuffer::new(Buffer::from(from.take(rows.div_ceil(8))?), 0, rows))
}

fn take_texts(from: &mut Take<'_>, rows: usize) -> Result<(OffsetBuffer<i32>, Buffer), Malformed> {
    let lengths = from.take(rows.checked_mul(4).ok_or(Malformed)?)?;
    let mut offsets = Vec::with_capacity(rows + 1);
    let mut end = 0_i32;
    offsets.push(end);
    for length in lengths.chunks_exact(4) {
        let length = u32::from_le_bytes([length[0], length[1], length[2], length[3]]);
        end = i32::try_from(length).ok().and_then(|length| end.checked_add(length)).ok_or(Malformed)?;
        offsets.push(end);
    }
    let data = Buffer::from(from.take(end.as_usize())?);
    Ok((OffsetBuffer::new(offsets.into()), data))
}
