//! Tablets as pipes send them.
//!
//! ```text
//!   device: text, rows: i32
//!   is there: u8 [count: i32, for each: is there: u8 [name: text, type, encoding, compressor: u8, properties, V2: category: u8]]
//!   is there: u8 [rows × time: i64]
//!   is there: u8 [for each: is there: u8 [rows: i32, blob: a bit for each row, set for a null, the lowest of each byte first]]
//!   is there: u8 [for each: is there: u8 [rows × value; before a text or blob: is there: u8]]
//!   aligned: u8
//! ```

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, new_null_array, types::Int64Type};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder, NullBuffer};
use bytes::Bytes;
use levada_model::{Column, DataType, Path, Tablet};

use super::take::{Take, path};
use crate::{
    columns::{blobs_of, get_all, get_values, with_nulls},
    thrift::WireError,
};

/// Whose layout it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// Of servers of 1.2 and 1.3.
    V1,
    /// Of servers from 2.0 on.
    V2,
}

/// A measurement that is there. One that is not has a byte alone, and must not take more than that here.
struct Sent {
    place: usize,
    name: Arc<str>,
    data_type: DataType,
    /// Bits that are set where there is no value.
    nulls: Option<Bytes>,
}

/// A tablet, and whether it is aligned.
pub(super) fn tablet(from: &mut Take, layout: Layout) -> Result<Tablet, WireError> {
    let (device, rows) = (from.path()?, from.count_of(8)?);
    let count = if from.is()? { from.count_of(1)? } else { 0 };
    let mut series = Vec::new();
    for place in 0..count {
        if from.is()? {
            let (name, data_type) = measurement_schema(from, layout)?;
            series.push(Sent { place, name, data_type, nulls: None });
        }
    }
    if !from.is()? {
        return Err(WireError::Mismatch(format!("a tablet of {device} without times")));
    }
    let times = get_all::<Int64Type>(rows, None, &mut from.0)?;
    if from.is()? {
        let mut series = series.iter_mut().peekable();
        for place in 0..count {
            let own = series.next_if(|series| series.place == place);
            if from.is()? {
                from.count()?;
                let bits = from.blob()?;
                long_enough(&bits, rows)?;
                if let Some(own) = own {
                    own.nulls = Some(bits);
                }
            }
        }
    }
    let mut columns = Vec::new();
    if from.is()? {
        let mut series = series.into_iter().peekable();
        for place in 0..count {
            let own = series.next_if(|series| series.place == place);
            if !from.is()? {
                continue;
            }
            let Some(Sent { name, data_type, nulls, .. }) = own else {
                return Err(WireError::Mismatch(format!("values of {device} of no measurement")));
            };
            let nulls = nulls.map(|bits| valid(&bits, rows)).transpose()?;
            columns.push(Column { name, data_type, values: values(from, data_type, rows, nulls)? });
        }
    }
    let aligned = from.is()?;
    of_parts(device, aligned, times, columns)
}

/// A tablet of parts; a column of nulls alone is none.
pub(super) fn of_parts(
    device: Path,
    aligned: bool,
    times: Int64Array,
    mut columns: Vec<Column>,
) -> Result<Tablet, WireError> {
    columns.retain(|column| column.values.null_count() < column.values.len());
    Tablet::try_new(device, aligned, times, columns).map_err(|error| WireError::Mismatch(error.to_string()))
}

/// The name of a measurement, in canonical form, and its type.
pub(super) fn measurement_schema(from: &mut Take, layout: Layout) -> Result<(Arc<str>, DataType), WireError> {
    let (name, schema) = (from.text()?, from.schema()?);
    from.map()?;
    if layout == Layout::V2 {
        from.u8()?;
    }
    Ok((measurement(&name)?, schema.data_type))
}

/// The name of a measurement, in canonical form.
pub(super) fn measurement(text: &str) -> Result<Arc<str>, WireError> {
    let name = path(text)?;
    match name.nodes().count() {
        1 => Ok(name.shared()),
        _ => Err(WireError::Mismatch(format!("{text} is not a legal name of a measurement"))),
    }
}

/// Which rows have a value, of bits that are set where they have none.
pub(super) fn valid(bits: &[u8], rows: usize) -> Result<NullBuffer, WireError> {
    long_enough(bits, rows)?;
    let null = BooleanBuffer::new(bits.to_vec().into(), 0, rows);
    Ok(NullBuffer::new(!&null))
}

/// Whether there is a bit for each row.
fn long_enough(bits: &[u8], rows: usize) -> Result<(), WireError> {
    let needed = rows.div_ceil(8);
    match bits.len() {
        left if left < needed => Err(WireError::Ends { what: "a bitmap", needed, left }),
        _ => Ok(()),
    }
}

fn values(
    from: &mut Take,
    data_type: DataType,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef, WireError> {
    let values = match data_type {
        DataType::Text | DataType::String | DataType::Blob => texts(from, data_type, rows)?,
        _ => get_values(data_type, rows, None, &mut from.0)?,
    };
    Ok(nulls.map_or_else(|| Arc::clone(&values), |nulls| with_nulls(&values, nulls)))
}

/// Texts or blobs, before each whether it is there.
fn texts(from: &mut Take, data_type: DataType, rows: usize) -> Result<ArrayRef, WireError> {
    if rows == 0 {
        return Ok(new_null_array(&data_type.arrow(), 0));
    }
    let (mut there, mut bytes) = (BooleanBufferBuilder::new(rows), Vec::new());
    let mut lengths = Vec::with_capacity(rows.min(from.0.len()));
    for _ in 0..rows {
        let is_there = from.is()?;
        there.append(is_there);
        let text = if is_there { from.blob()? } else { Bytes::new() };
        bytes.extend_from_slice(&text);
        lengths.push(text.len());
    }
    blobs_of(data_type, &lengths, bytes, Some(NullBuffer::new(there.finish())))
}
