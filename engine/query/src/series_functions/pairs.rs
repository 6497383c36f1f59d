//! Functions of a value and the one before it: `difference`, `derivative`, `time_difference`, `diff`.

use std::{fmt, sync::Arc};

use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, PrimitiveArray,
    cast::AsArray,
    types::{ArrowPrimitiveType, Float32Type, Float64Type, Int32Type, Int64Type},
};
use levada_model::DataType;

use super::{Bound, Call, FunctionDefinition, SeriesFunction};
use crate::{
    QueryError,
    chunk::Chunk,
    expression::arithmetic::doubles,
    registry::{ANY, Listing, NUMERIC},
};

pub(super) fn definitions() -> Vec<FunctionDefinition> {
    let differences = |absolute| {
        move |call: &Call<'_>| {
            let data_type = number(call)?;
            Ok((difference(data_type, absolute), data_type))
        }
    };
    let derivatives = |absolute| {
        move |call: &Call<'_>| -> Result<Bound, QueryError> {
            number(call)?;
            Ok((Box::new(Derivative { absolute, last: None }), DataType::Double))
        }
    };
    vec![
        FunctionDefinition::series(
            "difference",
            "(number): like number",
            "A value less the one before.",
            differences(false),
        )
        .built_in("UDTFCommonValueDifference"),
        FunctionDefinition::series(
            "non_negative_difference",
            "(number): like number",
            "How far a value is from the one before.",
            differences(true),
        )
        .built_in("UDTFNonNegativeValueDifference"),
        FunctionDefinition::series(
            "time_difference",
            "(any): INT64",
            "The time from one value to the next.",
            |call| {
                call.expect(1, ANY)?;
                Ok((Box::new(TimeDifference { last: None }), DataType::Int64))
            },
        )
        .built_in("UDTFTimeDifference"),
        FunctionDefinition::series(
            "derivative",
            "(number): DOUBLE",
            "How fast a value changes, per unit of time.",
            derivatives(false),
        )
        .built_in("UDTFCommonDerivative"),
        FunctionDefinition::series(
            "non_negative_derivative",
            "(number): DOUBLE",
            "How fast a value changes, per unit of time, without the sign.",
            derivatives(true),
        )
        .built_in("UDTFNonNegativeDerivative"),
        FunctionDefinition::series(
            "diff",
            "(number[, 'ignoreNull'='false']): DOUBLE",
            "A value less the one before, for every row; null for the first.",
            |call| {
                number(call)?;
                let ignore_null = call.parsed("ignoreNull", true)?;
                Ok((Box::new(Diff { ignore_null, last: None }), DataType::Double))
            },
        )
        .listed(Listing::BuiltInScalar)
        .for_each_row(),
    ]
}

/// The type of the one input, a number.
fn number(call: &Call<'_>) -> Result<DataType, QueryError> {
    call.expect(1, NUMERIC)?;
    Ok(call.types[0])
}

fn difference(data_type: DataType, absolute: bool) -> Box<dyn SeriesFunction> {
    fn of<T: ArrowPrimitiveType>(step: fn(T::Native, T::Native) -> T::Native) -> Box<dyn SeriesFunction> {
        Box::new(Difference::<T> { step, last: None })
    }
    match (data_type, absolute) {
        (DataType::Int32, false) => of::<Int32Type>(i32::wrapping_sub),
        (DataType::Int32, true) => of::<Int32Type>(|a, b| a.wrapping_sub(b).wrapping_abs()),
        (DataType::Int64, false) => of::<Int64Type>(i64::wrapping_sub),
        (DataType::Int64, true) => of::<Int64Type>(|a, b| a.wrapping_sub(b).wrapping_abs()),
        (DataType::Float, false) => of::<Float32Type>(|a, b| a - b),
        (DataType::Float, true) => of::<Float32Type>(|a, b| (a - b).abs()),
        (_, false) => of::<Float64Type>(|a, b| a - b),
        (_, true) => of::<Float64Type>(|a, b| (a - b).abs()),
    }
}

/// A value less the one before, of its own type; the first has none.
struct Difference<T: ArrowPrimitiveType> {
    step: fn(T::Native, T::Native) -> T::Native,
    last: Option<T::Native>,
}

impl<T: ArrowPrimitiveType> fmt::Debug for Difference<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Difference").field("last", &self.last).finish_non_exhaustive()
    }
}

impl<T: ArrowPrimitiveType> SeriesFunction for Difference<T> {
    fn takes_any_order(&self) -> bool {
        true
    }

    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError> {
        let input = inputs[0].as_primitive::<T>();
        let mut out_times = Vec::with_capacity(times.len());
        let mut out: Vec<T::Native> = Vec::with_capacity(times.len());
        for (row, &time) in times.iter().enumerate().filter(|(row, _)| input.is_valid(*row)) {
            let value = input.value(row);
            if let Some(last) = self.last.replace(value) {
                out_times.push(time);
                out.push((self.step)(value, last));
            }
        }
        Ok(chunk(out_times, Arc::new(PrimitiveArray::<T>::from_iter_values(out))))
    }
}

/// How fast a value changes, per millisecond.
#[derive(Debug)]
struct Derivative {
    absolute: bool,
    last: Option<(i64, f64)>,
}

impl SeriesFunction for Derivative {
    fn takes_any_order(&self) -> bool {
        true
    }

    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError> {
        let input = doubles(&inputs[0])?;
        let mut out_times = Vec::with_capacity(times.len());
        let mut out = Vec::with_capacity(times.len());
        for (row, &time) in times.iter().enumerate().filter(|(row, _)| input.is_valid(*row)) {
            let value = input.value(row);
            if let Some((last_time, last)) = self.last.replace((time, value)) {
                let slope = (value - last) / (time as f64 - last_time as f64);
                out_times.push(time);
                out.push(if self.absolute { slope.abs() } else { slope });
            }
        }
        Ok(chunk(out_times, Arc::new(Float64Array::from(out))))
    }
}

/// The time from one value to the next.
#[derive(Debug)]
struct TimeDifference {
    last: Option<i64>,
}

impl SeriesFunction for TimeDifference {
    fn takes_any_order(&self) -> bool {
        true
    }

    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError> {
        let mut out_times = Vec::with_capacity(times.len());
        let mut out = Vec::with_capacity(times.len());
        for (_, &time) in times.iter().enumerate().filter(|(row, _)| inputs[0].is_valid(*row)) {
            if let Some(last) = self.last.replace(time) {
                out_times.push(time);
                out.push(time.saturating_sub(last));
            }
        }
        Ok(chunk(out_times, Arc::new(Int64Array::from(out))))
    }
}

/// A value less the one before, as DOUBLE, for every row: null for the first, and for null.
#[derive(Debug)]
struct Diff {
    /// Nulls between two values are passed over; otherwise a value behind a null gives null.
    ignore_null: bool,
    last: Option<f64>,
}

impl SeriesFunction for Diff {
    fn takes_any_order(&self) -> bool {
        true
    }

    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError> {
        let input = doubles(&inputs[0])?;
        let difference = |value: Option<f64>| match value {
            Some(value) => self.last.replace(value).map(|last| value - last),
            None => {
                if !self.ignore_null {
                    self.last = None;
                }
                None
            }
        };
        let out: Float64Array = input.iter().map(difference).collect();
        Ok(chunk(times.to_vec(), Arc::new(out)))
    }
}

/// Rows of one column.
pub(super) fn chunk(times: Vec<i64>, values: ArrayRef) -> Chunk {
    Chunk { times: times.into(), columns: vec![values] }
}

/// The rows whose value is not null.
pub(super) fn known(times: &[i64], input: &ArrayRef) -> Result<Chunk, QueryError> {
    let rows = chunk(times.to_vec(), Arc::clone(input));
    if input.null_count() == 0 {
        return Ok(rows);
    }
    rows.filter(&arrow_arith::boolean::is_not_null(input)?)
}
