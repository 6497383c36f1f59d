//! Between Arrow's arrays and what authors see.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array,
    StringArray,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{BooleanBuffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use levada_udf_sdk::{Bits, Buffer, Column, DataType, Values};

use crate::{Batch, Fault, FaultKind, types::model_type};

/// The Arrow type of a function's type.
pub(crate) fn arrow_type(data_type: DataType) -> arrow_schema::DataType {
    model_type(data_type).arrow()
}

/// A batch's columns as authors see them.
pub(crate) fn columns(batch: &Batch) -> Result<Vec<Column<'_>>, Fault> {
    batch.columns.iter().zip(&*batch.types).map(|(array, &data_type)| column(array, data_type)).collect()
}

fn column(array: &ArrayRef, data_type: DataType) -> Result<Column<'_>, Fault> {
    let not_of_its_type = || {
        let message = format!("an input of type {data_type} came as {}", array.data_type());
        Fault::new(FaultKind::WrongOutput, message)
    };
    if *array.data_type() != arrow_type(data_type) {
        return Err(not_of_its_type());
    }
    let values = match data_type {
        DataType::Boolean => Some(Values::Boolean(bits(array.as_boolean().values()))),
        DataType::Int32 | DataType::Date => Some(Values::Int32(array.as_primitive::<Int32Type>().values())),
        DataType::Int64 | DataType::Timestamp => {
            Some(Values::Int64(array.as_primitive::<Int64Type>().values()))
        }
        DataType::Float => Some(Values::Float(array.as_primitive::<Float32Type>().values())),
        DataType::Double => Some(Values::Double(array.as_primitive::<Float64Type>().values())),
        DataType::Text | DataType::String => {
            let array = array.as_string::<i32>();
            Some(Values::Bytes { offsets: array.value_offsets(), bytes: array.value_data() })
        }
        DataType::Blob => {
            let array = array.as_binary::<i32>();
            Some(Values::Bytes { offsets: array.value_offsets(), bytes: array.value_data() })
        }
    };
    let validity = array.nulls().filter(|nulls| nulls.null_count() > 0).map(|nulls| bits(nulls.inner()));
    values.and_then(|values| Column::new(data_type, values, validity)).ok_or_else(not_of_its_type)
}

fn bits(buffer: &BooleanBuffer) -> Bits<'_> {
    Bits::new(buffer.values(), buffer.offset(), buffer.len()).expect("a buffer holds its bits")
}

/// An array of values that gathered; bits say which are present, all where there are none.
///
/// # Errors
/// They are of another type, lengths differ, or a text is not UTF-8.
pub fn of_buffer(buffer: Buffer, validity: Option<Vec<u8>>, data_type: DataType) -> Result<ArrayRef, Fault> {
    let wrong = |what: String| Fault::new(FaultKind::WrongOutput, what);
    let len = buffer.len();
    let nulls = match validity {
        None => None,
        Some(bits) if bits.len() < len.div_ceil(8) => {
            return Err(wrong(format!("it gave {} bits of validity for {len} values", bits.len() * 8)));
        }
        Some(bits) => Some(NullBuffer::new(BooleanBuffer::new(bits.into(), 0, len))),
    };
    let nulls = nulls.filter(|nulls| nulls.null_count() > 0);
    let array: ArrayRef = match (buffer, data_type) {
        (Buffer::Boolean(bits, len), DataType::Boolean) => {
            if bits.len() < len.div_ceil(8) {
                return Err(wrong(format!("it gave {} bits for {len} truths", bits.len() * 8)));
            }
            Arc::new(BooleanArray::new(BooleanBuffer::new(bits.into(), 0, len), nulls))
        }
        (Buffer::Int32(values), DataType::Int32 | DataType::Date) => {
            Arc::new(Int32Array::new(values.into(), nulls))
        }
        (Buffer::Int64(values), DataType::Int64 | DataType::Timestamp) => {
            Arc::new(Int64Array::new(values.into(), nulls))
        }
        (Buffer::Float(values), DataType::Float) => Arc::new(Float32Array::new(values.into(), nulls)),
        (Buffer::Double(values), DataType::Double) => Arc::new(Float64Array::new(values.into(), nulls)),
        (Buffer::Bytes(offsets, bytes), DataType::Text | DataType::String | DataType::Blob) => {
            let offsets = checked_offsets(offsets, bytes.len()).map_err(wrong)?;
            let is_text = data_type != DataType::Blob;
            let bytes = bytes.into();
            if is_text {
                let array = StringArray::try_new(offsets, bytes, nulls);
                Arc::new(array.map_err(|error| wrong(format!("a text that it gave is not UTF-8: {error}")))?)
            } else {
                let array = BinaryArray::try_new(offsets, bytes, nulls);
                Arc::new(array.map_err(|error| wrong(error.to_string()))?)
            }
        }
        (buffer, _) => {
            return Err(wrong(format!("it gave {} values, its output is {data_type}", layout(&buffer))));
        }
    };
    Ok(array)
}

/// The values of an array in memory of their own, and which of them are present, where not all are.
pub(crate) fn to_buffer(array: &ArrayRef, data_type: DataType) -> (Buffer, Option<Vec<u8>>) {
    let bits = |bits: &BooleanBuffer| {
        let packed = bits.sliced();
        packed[..bits.len().div_ceil(8)].to_vec()
    };
    let texts = |offsets: &[i32], bytes: &[u8]| {
        let (first, last) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
        let offsets = offsets.iter().map(|offset| offset - first).collect();
        Buffer::Bytes(offsets, bytes[first as usize..last as usize].to_vec())
    };
    let values = match Buffer::new(data_type) {
        Buffer::Boolean(..) => Buffer::Boolean(bits(array.as_boolean().values()), array.len()),
        Buffer::Int32(_) => Buffer::Int32(array.as_primitive::<Int32Type>().values().to_vec()),
        Buffer::Int64(_) => Buffer::Int64(array.as_primitive::<Int64Type>().values().to_vec()),
        Buffer::Float(_) => Buffer::Float(array.as_primitive::<Float32Type>().values().to_vec()),
        Buffer::Double(_) => Buffer::Double(array.as_primitive::<Float64Type>().values().to_vec()),
        Buffer::Bytes(..) => match array.as_string_opt::<i32>() {
            Some(array) => texts(array.value_offsets(), array.value_data()),
            None => texts(array.as_binary::<i32>().value_offsets(), array.as_binary::<i32>().value_data()),
        },
    };
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    (values, nulls.map(|nulls| bits(nulls.inner())))
}

fn checked_offsets(offsets: Vec<i32>, bytes: usize) -> Result<OffsetBuffer<i32>, String> {
    let increase = offsets.windows(2).all(|pair| pair[0] <= pair[1]);
    let ends = (offsets.first().copied(), offsets.last().and_then(|&last| usize::try_from(last).ok()));
    match ends {
        (Some(0..), Some(last)) if increase && last <= bytes => {
            Ok(OffsetBuffer::new(ScalarBuffer::from(offsets)))
        }
        _ => Err("the offsets of texts that it gave do not fit their bytes".to_owned()),
    }
}

fn layout(buffer: &Buffer) -> &'static str {
    match buffer {
        Buffer::Boolean(..) => "boolean",
        Buffer::Int32(_) => "32-bit whole",
        Buffer::Int64(_) => "64-bit whole",
        Buffer::Float(_) => "single precision",
        Buffer::Double(_) => "double precision",
        Buffer::Bytes(..) => "text",
    }
}

/// Which of some rows have a value in a column at least; `None` where all have.
pub(crate) fn not_all_null(columns: &[ArrayRef]) -> Option<BooleanArray> {
    let mut any: Option<BooleanBuffer> = None;
    for column in columns {
        let valid = column.nulls().filter(|nulls| nulls.null_count() > 0)?.inner();
        any = Some(any.map_or_else(|| valid.clone(), |any| &any | valid));
    }
    any.filter(|any| any.count_set_bits() < any.len()).map(|any| BooleanArray::new(any, None))
}
