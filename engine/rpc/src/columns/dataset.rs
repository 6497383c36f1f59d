//! `TSQueryDataSet`: how results are sent by servers before 1.0, and to clients of that time.
//!
//! Times of all rows; for each column its values without nulls, and a bit for each row that says whether there is one, the
//! highest of each byte first.

use arrow_array::{Array, ArrayRef, Int64Array, types::Int64Type};
use arrow_buffer::{BooleanBuffer, NullBuffer};
use bytes::BytesMut;
use levada_model::DataType;

use super::{
    numbers::{get_all, get_bits, put_all, put_bits},
    values::{get_values, put_values},
};
use crate::{messages::QueryDataSet, thrift::WireError};

/// Rows as a data set.
pub fn encode(times: &Int64Array, columns: &[(DataType, ArrayRef)]) -> QueryDataSet {
    let mut time = BytesMut::with_capacity(times.len() * 8);
    put_all(times.values(), &mut time);
    let mut value_list = Vec::with_capacity(columns.len());
    let mut bitmap_list = Vec::with_capacity(columns.len());
    for (data_type, array) in columns {
        let mut values = BytesMut::with_capacity(array.get_array_memory_size());
        put_values(array, *data_type, &mut values);
        value_list.push(values.freeze());
        let mut bits = BytesMut::with_capacity(array.len() / 8 + 1);
        match array.nulls() {
            Some(nulls) => put_bits(nulls.inner(), &mut bits),
            None => put_bits(&BooleanBuffer::new_set(array.len()), &mut bits),
        }
        bitmap_list.push(bits.freeze());
    }
    QueryDataSet { time: time.freeze(), value_list, bitmap_list }
}

/// A data set's rows: times and columns of `types`.
///
/// # Errors
/// It has other columns, or they are not of these types.
pub fn decode(set: QueryDataSet, types: &[DataType]) -> Result<(Int64Array, Vec<ArrayRef>), WireError> {
    let QueryDataSet { mut time, value_list, bitmap_list } = set;
    let rows = time.len() / 8;
    let times = get_all::<Int64Type>(rows, None, &mut time)?;
    if value_list.len() != types.len() || bitmap_list.len() != types.len() {
        let message = format!(
            "{} columns, of which {} were sent with {} bitmaps",
            types.len(),
            value_list.len(),
            bitmap_list.len()
        );
        return Err(WireError::Mismatch(message));
    }
    let mut columns = Vec::with_capacity(types.len());
    for ((data_type, mut values), mut bitmap) in types.iter().zip(value_list).zip(bitmap_list) {
        let present = NullBuffer::new(get_bits(rows, &mut bitmap, "a bitmap")?);
        columns.push(get_values(*data_type, rows, Some(present), &mut values)?);
    }
    Ok((times, columns))
}
