//! Arrow arrays as the plain values that encodings work on, and back.

use std::{borrow::Cow, ops::Range, sync::Arc};

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, PrimitiveArray, StringArray,
    cast::AsArray,
    types::{ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{
    ArrowNativeType, BooleanBuffer, BooleanBufferBuilder, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer,
};
use levada_model::DataType;

use crate::{
    TsFileError,
    error::{Corrupt, Parsed},
};

/// The values of some rows of an array, nulls left out.
#[derive(Debug)]
pub(crate) enum Dense<'a> {
    Boolean(Vec<bool>),
    Int32(Cow<'a, [i32]>),
    Int64(Cow<'a, [i64]>),
    Float(Cow<'a, [f32]>),
    Double(Cow<'a, [f64]>),
    Bytes(Vec<&'a [u8]>),
}

impl<'a> Dense<'a> {
    /// The values of a range of rows. The array must have passed [`check`].
    pub(crate) fn of(values: &'a dyn Array, data_type: DataType, rows: Range<usize>) -> Self {
        match data_type {
            DataType::Boolean => {
                let array = values.as_boolean();
                Self::Boolean(if array.null_count() == 0 {
                    array.values().slice(rows.start, rows.len()).iter().collect()
                } else {
                    indices(array, rows).map(|row| array.value(row)).collect()
                })
            }
            DataType::Int32 | DataType::Date => Self::Int32(numbers::<Int32Type>(values, rows)),
            DataType::Int64 | DataType::Timestamp => Self::Int64(numbers::<Int64Type>(values, rows)),
            DataType::Float => Self::Float(numbers::<Float32Type>(values, rows)),
            DataType::Double => Self::Double(numbers::<Float64Type>(values, rows)),
            DataType::Text | DataType::String => {
                let array = values.as_string::<i32>();
                Self::Bytes(indices(array, rows).map(|row| array.value(row).as_bytes()).collect())
            }
            DataType::Blob => {
                let array = values.as_binary::<i32>();
                Self::Bytes(indices(array, rows).map(|row| array.value(row)).collect())
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Boolean(values) => values.len(),
            Self::Int32(values) => values.len(),
            Self::Int64(values) => values.len(),
            Self::Float(values) => values.len(),
            Self::Double(values) => values.len(),
            Self::Bytes(values) => values.len(),
        }
    }
}

fn numbers<T: ArrowPrimitiveType>(values: &dyn Array, rows: Range<usize>) -> Cow<'_, [T::Native]> {
    let array = values.as_primitive::<T>();
    if array.null_count() == 0 {
        Cow::Borrowed(&array.values()[rows])
    } else {
        Cow::Owned(indices(array, rows).map(|row| array.values()[row]).collect())
    }
}

/// The rows of a range that are not null.
pub(crate) fn indices<'a>(array: &'a dyn Array, rows: Range<usize>) -> Box<dyn Iterator<Item = usize> + 'a> {
    match array.nulls() {
        Some(nulls) if nulls.null_count() > 0 => Box::new(rows.filter(|&row| nulls.is_valid(row))),
        _ => Box::new(rows),
    }
}

/// Checks that an array holds values of a type, one for each of `rows` rows.
pub(crate) fn check(
    measurement: &str,
    data_type: DataType,
    values: &dyn Array,
    rows: usize,
) -> Result<(), TsFileError> {
    if *values.data_type() != data_type.arrow() {
        let array = values.data_type();
        return Err(TsFileError::rejected(format!(
            "`{measurement}` of type {data_type} cannot be held in an Arrow array of {array}"
        )));
    }
    if values.len() != rows {
        let count = values.len();
        return Err(TsFileError::rejected(format!("`{measurement}` has {count} values for {rows} times")));
    }
    Ok(())
}

/// Decoded values without nulls. Floating-point numbers are held as the integers with the same bits.
#[derive(Debug, PartialEq)]
pub(crate) enum Decoded {
    Boolean(BooleanBuffer),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    /// As Arrow lays them out: value `i` is `data[offsets[i]..offsets[i + 1]]`.
    Bytes {
        offsets: Vec<i32>,
        data: Vec<u8>,
    },
}

impl Decoded {
    /// The array of a type. With a validity, values go to its set bits, of which there are as many as values.
    pub(crate) fn into_array(self, data_type: DataType, validity: Option<NullBuffer>) -> Parsed<ArrayRef> {
        let validity = validity.filter(|validity| validity.null_count() > 0);
        Ok(match self {
            Self::Boolean(values) => {
                let values = match &validity {
                    None => values,
                    Some(validity) => scatter_bits(&values, validity),
                };
                Arc::new(BooleanArray::new(values, validity))
            }
            Self::Int32(values) => {
                let values = scatter(values, validity.as_ref());
                match data_type {
                    DataType::Float => primitive::<Float32Type>(values, validity),
                    _ => primitive::<Int32Type>(values, validity),
                }
            }
            Self::Int64(values) => {
                let values = scatter(values, validity.as_ref());
                match data_type {
                    DataType::Double => primitive::<Float64Type>(values, validity),
                    _ => primitive::<Int64Type>(values, validity),
                }
            }
            Self::Bytes { offsets, data } => {
                let offsets = match &validity {
                    None => offsets,
                    Some(validity) => spread(&offsets, validity),
                };
                let offsets = OffsetBuffer::new(offsets.into());
                if data_type == DataType::Blob {
                    Arc::new(BinaryArray::new(offsets, data.into(), validity))
                } else {
                    let array = StringArray::try_new(offsets, data.into(), validity);
                    Arc::new(array.map_err(|_| Corrupt::new(0, "a text is not UTF-8"))?)
                }
            }
        })
    }
}

fn primitive<T: ArrowPrimitiveType>(values: Buffer, nulls: Option<NullBuffer>) -> ArrayRef {
    let count = values.len() / size_of::<T::Native>();
    Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::new(values, 0, count), nulls))
}

/// Puts values at the set bits, zeros at the others.
fn scatter<T: ArrowNativeType>(values: Vec<T>, validity: Option<&NullBuffer>) -> Buffer {
    let Some(validity) = validity else { return Buffer::from_vec(values) };
    let mut spread = vec![T::default(); validity.len()];
    let mut from = 0;
    for (start, end) in validity.valid_slices() {
        let count = (end - start).min(values.len() - from);
        spread[start..start + count].copy_from_slice(&values[from..from + count]);
        from += count;
    }
    Buffer::from_vec(spread)
}

/// Puts bits at the set bits, zeros at the others.
fn scatter_bits(values: &BooleanBuffer, validity: &NullBuffer) -> BooleanBuffer {
    let mut spread = BooleanBufferBuilder::new(validity.len());
    let mut from = 0;
    for (start, end) in validity.valid_slices() {
        let count = (end - start).min(values.len() - from);
        spread.append_n(start - spread.len(), false);
        let first = values.offset() + from;
        spread.append_packed_range(first..first + count, values.values());
        from += count;
    }
    spread.append_n(validity.len() - spread.len(), false);
    spread.finish()
}

/// Offsets for all rows; rows whose bit is not set are empty.
fn spread(offsets: &[i32], validity: &NullBuffer) -> Vec<i32> {
    let mut dense = offsets.iter().copied();
    let mut last = dense.next().unwrap_or(0);
    let mut spread = Vec::with_capacity(validity.len() + 1);
    spread.push(last);
    for valid in validity {
        if valid {
            last = dense.next().unwrap_or(last);
        }
        spread.push(last);
    }
    spread
}
