//! Between the contract's types at the border and the store's.

use arrow_array::{
    Array,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::{BooleanBuffer, Buffer as Bytes};
use levada_udf::{Batch, Buffer, Cause, DataType, DisplayWindow, Failure, Fault, FaultKind, UdfParameters};

use crate::wit::{self, BatchIn, BytesIn, ColumnIn, ValuesIn};

/// What of a column does not stand in its arrays as it crosses the border.
#[derive(Default)]
struct Aligned {
    validity: Option<Bytes>,
    truths: Option<Bytes>,
    /// Offsets from 0, where the array's begin elsewhere.
    offsets: Option<Vec<i32>>,
}

/// Calls with a batch as it crosses the border.
pub(crate) fn with_batch<T>(
    batch: &Batch,
    call: impl FnOnce(BatchIn<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let aligned: Vec<Aligned> = batch.columns.iter().map(|column| align(column)).collect();
    let columns = batch.columns.iter().zip(&aligned).map(|(column, aligned)| {
        let validity = aligned.validity.as_deref();
        values(column, aligned).map(|values| ColumnIn { validity, values })
    });
    let columns: Vec<ColumnIn<'_>> = columns.collect::<Result<_, _>>()?;
    call(BatchIn { times: &batch.times, columns: &columns })
}

fn align(column: &dyn Array) -> Aligned {
    let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
    Aligned {
        // Shares the memory where the bits begin with a byte.
        validity: nulls.map(|nulls| bits(nulls.inner())),
        truths: column.as_boolean_opt().map(|truths| bits(truths.values())),
        offsets: offsets(column).filter(|offsets| offsets.first().is_some_and(|&first| first != 0)).map(
            |offsets| {
                let first = offsets[0];
                offsets.iter().map(|offset| offset - first).collect()
            },
        ),
    }
}

fn bits(bits: &BooleanBuffer) -> Bytes {
    let bytes = bits.sliced();
    let wanted = bits.len().div_ceil(8);
    if bytes.len() > wanted { bytes.slice_with_length(0, wanted) } else { bytes }
}

fn offsets(column: &dyn Array) -> Option<&[i32]> {
    if let Some(texts) = column.as_string_opt::<i32>() {
        return Some(texts.value_offsets());
    }
    column.as_binary_opt::<i32>().map(|bytes| bytes.value_offsets())
}

fn values<'a>(column: &'a dyn Array, aligned: &'a Aligned) -> Result<ValuesIn<'a>, Fault> {
    use arrow_array::types::{BinaryType, Utf8Type};
    if let Some(truths) = &aligned.truths {
        return Ok(ValuesIn::Boolean(truths));
    }
    if let Some(given) = offsets(column) {
        let data = match column.as_bytes_opt::<Utf8Type>() {
            Some(texts) => texts.value_data(),
            None => column.as_bytes::<BinaryType>().value_data(),
        };
        let (first, last) = (given.first().copied().unwrap_or(0), given.last().copied().unwrap_or(0));
        let offsets = aligned.offsets.as_deref().unwrap_or(given);
        let bytes = data.get(first as usize..last as usize).unwrap_or_default();
        return Ok(ValuesIn::Bytes(BytesIn { offsets, bytes }));
    }
    if let Some(array) = column.as_primitive_opt::<Int64Type>() {
        return Ok(ValuesIn::Int64(array.values()));
    }
    if let Some(array) = column.as_primitive_opt::<Int32Type>() {
        return Ok(ValuesIn::Int32(array.values()));
    }
    if let Some(array) = column.as_primitive_opt::<Float64Type>() {
        return Ok(ValuesIn::Double(array.values()));
    }
    if let Some(array) = column.as_primitive_opt::<Float32Type>() {
        return Ok(ValuesIn::Float(array.values()));
    }
    Err(Fault::new(FaultKind::WrongOutput, format!("an input came as {}", column.data_type())))
}

/// Calls with a call's parameters as they cross the border.
pub(crate) fn with_parameters<T>(
    parameters: &UdfParameters,
    call: impl FnOnce(wit::Parameters<'_>) -> T,
) -> T {
    let inputs: Vec<wit::Input<'_>> = parameters
        .inputs()
        .iter()
        .map(|input| wit::Input { path: &input.path, data_type: to_wit(input.data_type) })
        .collect();
    let attributes: Vec<(&str, &str)> = parameters.attributes().collect();
    call(wit::Parameters { inputs: &inputs, attributes: &attributes })
}

/// Values as they came over the border; of truths, so many.
pub(crate) fn buffer(values: wit::ValuesOut, len: usize) -> Buffer {
    match values {
        wit::ValuesOut::Boolean(bits) => Buffer::Boolean(bits, len),
        wit::ValuesOut::Int32(values) => Buffer::Int32(values),
        wit::ValuesOut::Int64(values) => Buffer::Int64(values),
        wit::ValuesOut::Float(values) => Buffer::Float(values),
        wit::ValuesOut::Double(values) => Buffer::Double(values),
        wit::ValuesOut::Bytes(values) => Buffer::Bytes(values.offsets, values.bytes),
    }
}

pub(crate) fn failure(failure: wit::Failure) -> Fault {
    let cause = match failure.cause {
        wit::Cause::InvalidParameters => Cause::InvalidParameters,
        wit::Cause::InvalidInput => Cause::InvalidInput,
        wit::Cause::WrongType => Cause::WrongType,
        wit::Cause::TimesNotIncreasing => Cause::TimesNotIncreasing,
        wit::Cause::Other => Cause::Other,
    };
    Failure::of(cause, failure.message).into()
}

pub(crate) fn configuration(given: wit::Configuration) -> levada_udf::Configuration {
    use levada_udf::Access;
    let display = |display: wit::Display| DisplayWindow { begin: display.begin, end: display.end };
    let rows = |rows: u64| usize::try_from(rows).unwrap_or(usize::MAX);
    let access = match given.access {
        wit::Access::RowByRow => Access::RowByRow,
        wit::Access::SlidingTime(window) => Access::SlidingTime {
            interval: window.interval,
            step: window.step,
            display: display(window.display),
        },
        wit::Access::SlidingSize(window) => Access::SlidingSize {
            size: rows(window.size),
            step: rows(window.step),
            display: display(window.display),
        },
        wit::Access::Session(window) => Access::Session { gap: window.gap, display: display(window.display) },
        wit::Access::State(window) => Access::State { delta: window.delta, display: display(window.display) },
    };
    levada_udf::Configuration::new(access, from_wit(given.output))
}

const TYPES: [(DataType, wit::DataType); 10] = [
    (DataType::Boolean, wit::DataType::Boolean),
    (DataType::Int32, wit::DataType::Int32),
    (DataType::Int64, wit::DataType::Int64),
    (DataType::Float, wit::DataType::Float),
    (DataType::Double, wit::DataType::Double),
    (DataType::Text, wit::DataType::Text),
    (DataType::Timestamp, wit::DataType::Timestamp),
    (DataType::Date, wit::DataType::Date),
    (DataType::Blob, wit::DataType::Blob),
    (DataType::String, wit::DataType::String),
];

fn to_wit(data_type: DataType) -> wit::DataType {
    TYPES.into_iter().find(|(own, _)| *own == data_type).expect("each is in the table").1
}

pub(crate) fn from_wit(data_type: wit::DataType) -> DataType {
    TYPES.into_iter().find(|(_, other)| *other == data_type).expect("each is in the table").0
}
