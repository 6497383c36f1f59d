//! Tablets: how rows of one device are written.
//!
//! ```text
//!   timestamps   rows × i64, ascending
//!   values       column after column, a filler for each null: 1, 4 or 8 bytes, strings with their length
//!                then, if anything is null, for each column: 0, or 1 and a bit for each row, the lowest of each byte first
//! ```

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Int64Array, UInt32Array,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use arrow_schema::DataType as ArrowType;
use bytes::{BufMut, Bytes, BytesMut};
use levada_model::{Column, DataType, Tablet};

use super::{
    numbers::{get_all, low_first, put_all, take, take_byte},
    values::{get_values, put_blob},
};
use crate::thrift::WireError;

/// A tablet as bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct TabletBytes {
    /// How many rows.
    pub rows: usize,
    /// The measurements.
    pub measurements: Vec<String>,
    /// Their types.
    pub types: Vec<i32>,
    /// The times.
    pub timestamps: Bytes,
    /// The values.
    pub values: Bytes,
}

/// The same rows sorted by time, each time once: of rows with equal times, the last value of each measurement counts. `None` if
/// the rows are so already.
///
/// # Errors
/// Memory cannot be allocated.
pub fn sorted(tablet: &Tablet) -> Result<Option<Tablet>, arrow_schema::ArrowError> {
    let times = tablet.times().values();
    if times.is_sorted_by(|a, b| a < b) {
        return Ok(None);
    }
    let mut order: Vec<u32> = (0..u32::try_from(times.len()).unwrap_or(u32::MAX)).collect();
    order.sort_by_key(|row| times[*row as usize]);
    // Groups of equal times: where each begins in `order`.
    let mut starts: Vec<usize> = Vec::with_capacity(order.len());
    for (at, row) in order.iter().enumerate() {
        if at == 0 || times[*row as usize] != times[order[at - 1] as usize] {
            starts.push(at);
        }
    }
    let ends = starts.iter().skip(1).copied().chain([order.len()]);
    let groups: Vec<_> = starts.iter().copied().zip(ends).collect();
    let last_rows: UInt32Array = groups.iter().map(|(_, end)| order[end - 1]).collect();
    let taken = arrow_select::take::take(tablet.times(), &last_rows, None)?;
    let times = taken.as_primitive::<Int64Type>().clone();
    let distinct = groups.len() == order.len();
    let columns = tablet.columns().iter().map(|column| {
        let rows = if distinct || column.values.null_count() == 0 {
            last_rows.clone()
        } else {
            let last_value = |(start, end): &(usize, usize)| {
                let group = &order[*start..*end];
                let valid = group.iter().rev().find(|row| column.values.is_valid(**row as usize));
                valid.copied().unwrap_or(order[end - 1])
            };
            groups.iter().map(last_value).collect()
        };
        let values = arrow_select::take::take(&column.values, &rows, None)?;
        Ok(Column { values, ..column.clone() })
    });
    let columns = columns.collect::<Result<Vec<_>, arrow_schema::ArrowError>>()?;
    Tablet::try_new(tablet.device().clone(), tablet.aligned(), times, columns)
        .map(Some)
        .map_err(|error| arrow_schema::ArrowError::InvalidArgumentError(error.to_string()))
}

/// About how many bytes a tablet has on the wire; of values as they were written, how many they have now.
pub fn bytes_of(tablet: &Tablet) -> usize {
    let rows = tablet.rows();
    let columns = tablet.columns().iter().map(|Column { values, .. }| match values.data_type() {
        ArrowType::Boolean => rows,
        ArrowType::Int32 | ArrowType::Float32 => rows * 4,
        ArrowType::Utf8 => rows * 4 + text_bytes(values.as_string::<i32>().value_offsets()),
        ArrowType::Binary => rows * 4 + text_bytes(values.as_binary::<i32>().value_offsets()),
        _ => rows * 8,
    });
    rows * 8 + columns.sum::<usize>() + tablet.columns().len() * (rows / 8 + 2)
}

fn text_bytes(offsets: &[i32]) -> usize {
    match offsets {
        [first, .., last] => usize::try_from(last - first).unwrap_or(0),
        _ => 0,
    }
}

/// A tablet as bytes, its rows in the order they have; see [`sorted`].
pub fn encode(tablet: &Tablet) -> TabletBytes {
    let rows = tablet.rows();
    let mut timestamps = BytesMut::with_capacity(rows * 8);
    put_all(tablet.times().values(), &mut timestamps);
    let mut values = BytesMut::with_capacity(bytes_of(tablet));
    for column in tablet.columns() {
        put_with_fillers(&column.values, column.data_type, &mut values);
    }
    if tablet.columns().iter().any(|column| column.values.null_count() > 0) {
        for column in tablet.columns() {
            put_bitmap(&column.values, &mut values);
        }
    }
    TabletBytes {
        rows,
        measurements: tablet.columns().iter().map(|column| column.name.to_string()).collect(),
        types: tablet.columns().iter().map(|column| column.data_type.code().into()).collect(),
        timestamps: timestamps.freeze(),
        values: values.freeze(),
    }
}

fn put_bitmap(array: &ArrayRef, to: &mut BytesMut) {
    match array.nulls().filter(|nulls| nulls.null_count() > 0) {
        None => to.put_u8(0),
        Some(nulls) => {
            to.put_u8(1);
            let bits = low_first(&!nulls.inner());
            to.put_slice(&bits);
            // There is one byte more where the rows fill theirs.
            to.put_bytes(0, array.len() / 8 + 1 - bits.len());
        }
    }
}

/// Values of all rows; a null gets a filler that nobody reads.
fn put_with_fillers(array: &ArrayRef, data_type: DataType, to: &mut BytesMut) {
    match data_type {
        DataType::Boolean => to.extend(array.as_boolean().values().iter().map(u8::from)),
        DataType::Int32 | DataType::Date => put_all(array.as_primitive::<Int32Type>().values(), to),
        DataType::Int64 | DataType::Timestamp => put_all(array.as_primitive::<Int64Type>().values(), to),
        DataType::Float => put_all(array.as_primitive::<Float32Type>().values(), to),
        DataType::Double => put_all(array.as_primitive::<Float64Type>().values(), to),
        DataType::Text | DataType::String => {
            array.as_string::<i32>().iter().for_each(|each| put_blob(each.unwrap_or("").as_bytes(), to));
        }
        DataType::Blob => array.as_binary::<i32>().iter().for_each(|each| put_blob(each.unwrap_or(&[]), to)),
    }
}

/// A tablet's times, and for each of `types` its column.
///
/// # Errors
/// The bytes are not those of such a tablet.
pub fn decode(
    rows: usize,
    types: &[DataType],
    mut timestamps: Bytes,
    mut values: Bytes,
) -> Result<(Int64Array, Vec<ArrayRef>), WireError> {
    let times = get_all::<Int64Type>(rows, None, &mut timestamps)?;
    let mut columns = Vec::with_capacity(types.len());
    for data_type in types {
        columns.push(get_values(*data_type, rows, None, &mut values)?);
    }
    if !values.is_empty() {
        for column in &mut columns {
            if take_byte(&mut values, "a bitmap")? == 0 {
                continue;
            }
            let bits = take(&mut values, rows / 8 + 1, "a bitmap")?;
            let null = BooleanBuffer::new(bits.to_vec().into(), 0, rows);
            *column = with_nulls(column, NullBuffer::new(!&null));
        }
    }
    Ok((times, columns))
}

/// The same values, with some of them null.
pub(crate) fn with_nulls(array: &ArrayRef, nulls: NullBuffer) -> ArrayRef {
    let absent = BooleanArray::new(!nulls.inner(), None);
    // Both have as many rows.
    arrow_select::nullif::nullif(array, &absent).unwrap_or_else(|_| Arc::clone(array))
}
