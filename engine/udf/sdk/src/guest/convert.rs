//! Between what comes over the border and what authors see.

use super::{bindings::levada::udf::types, failure, from_wit};
use crate::{
    Access, Bits, Buffer, Column, Columns, Configuration, DataType, DisplayWindow, Failure, Input,
    PointCollector, UdfParameters, Values,
};

pub(super) fn parameters(parameters: types::Parameters) -> UdfParameters {
    let inputs = parameters
        .inputs
        .into_iter()
        .map(|input| Input { path: input.path, data_type: from_wit(input.data_type) });
    UdfParameters::new(inputs.collect(), parameters.attributes)
}

/// Calls with a batch's rows.
pub(super) fn with_columns<T>(
    batch: &types::Batch,
    types: &[DataType],
    call: impl FnOnce(Columns<'_>) -> Result<T, Failure>,
) -> Result<T, types::Failure> {
    let rows = batch.times.len();
    let columns = batch.columns.iter().zip(types).map(|(column, &each)| of_column(column, each, rows));
    let columns = columns.collect::<Option<Vec<_>>>();
    let columns = columns.as_deref().and_then(|columns| Columns::new(&batch.times, columns));
    let columns =
        columns.ok_or_else(|| Failure::new("the host gave columns that are not those of the inputs"));
    columns.and_then(call).map_err(failure)
}

fn of_column(column: &types::Column, data_type: DataType, rows: usize) -> Option<Column<'_>> {
    let values = match &column.values {
        types::Values::Boolean(bits) => Values::Boolean(Bits::new(bits, 0, rows)?),
        types::Values::Int32(values) => Values::Int32(values),
        types::Values::Int64(values) => Values::Int64(values),
        types::Values::Float(values) => Values::Float(values),
        types::Values::Double(values) => Values::Double(values),
        types::Values::Bytes(values) => Values::Bytes { offsets: &values.offsets, bytes: &values.bytes },
    };
    let validity = match &column.validity {
        Some(bits) => Some(Bits::new(bits, 0, rows)?),
        None => None,
    };
    Column::new(data_type, values, validity)
}

pub(super) fn points(points: &mut PointCollector) -> types::Points {
    let (times, values) = points.take();
    types::Points { times, values: values_of(values) }
}

pub(super) fn values_of(buffer: Buffer) -> types::Values {
    match buffer {
        Buffer::Boolean(bits, _) => types::Values::Boolean(bits),
        Buffer::Int32(values) => types::Values::Int32(values),
        Buffer::Int64(values) => types::Values::Int64(values),
        Buffer::Float(values) => types::Values::Float(values),
        Buffer::Double(values) => types::Values::Double(values),
        Buffer::Bytes(offsets, bytes) => types::Values::Bytes(types::ByteValues { offsets, bytes }),
    }
}

pub(super) fn configuration(configuration: Configuration) -> types::Configuration {
    let display = |DisplayWindow { begin, end }| types::Display { begin, end };
    let access = match configuration.access {
        Access::RowByRow => types::Access::RowByRow,
        Access::SlidingTime { interval, step, display: window } => {
            types::Access::SlidingTime(types::TimeWindow { interval, step, display: display(window) })
        }
        Access::SlidingSize { size, step, display: window } => {
            // All rows of this machine's are all rows of any.
            let rows = |rows: usize| if rows == usize::MAX { u64::MAX } else { rows as u64 };
            types::Access::SlidingSize(types::SizeWindow {
                size: rows(size),
                step: rows(step),
                display: display(window),
            })
        }
        Access::Session { gap, display: window } => {
            types::Access::Session(types::SessionWindow { gap, display: display(window) })
        }
        Access::State { delta, display: window } => {
            types::Access::State(types::StateWindow { delta, display: display(window) })
        }
    };
    types::Configuration { access, output: super::to_wit(configuration.output) }
}
