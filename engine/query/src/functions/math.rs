//! Functions of numbers.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, BooleanArray, Int64Array,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_buffer::BooleanBuffer;
use arrow_schema::DataType as ArrowType;
use levada_model::DataType;

use super::{Bound, Call, NUMERIC, RowFunction};
use crate::{QueryError, expression::arithmetic::doubles};

pub(super) fn bind(call: &Call<'_>) -> Result<Option<Bound>, QueryError> {
    let name = call.name();
    if let Some(each) = of_double(&name) {
        call.expect(1, NUMERIC)?;
        return Ok(Some((Arc::new(Each(each)), DataType::Double)));
    }
    Ok(Some(match name.as_str() {
        "abs" => {
            call.expect(1, NUMERIC)?;
            (Arc::new(Abs), call.types[0])
        }
        "round" => bind_round(call)?,
        "on_off" => {
            call.expect(1, NUMERIC)?;
            let threshold = call.parsed_required("threshold")?;
            (Arc::new(Within { lower: threshold, upper: f64::INFINITY }), DataType::Boolean)
        }
        "in_range" => {
            call.expect(1, NUMERIC)?;
            let (lower, upper) = (call.parsed_required("lower")?, call.parsed_required("upper")?);
            if upper < lower {
                return Err(call.refuse("Upper can not be smaller than lower."));
            }
            (Arc::new(Within { lower, upper }), DataType::Boolean)
        }
        _ => return Ok(None),
    }))
}

fn of_double(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "sin" => f64::sin,
        "cos" => f64::cos,
        "tan" => f64::tan,
        "asin" => f64::asin,
        "acos" => f64::acos,
        "atan" => f64::atan,
        "sinh" => f64::sinh,
        "cosh" => f64::cosh,
        "tanh" => f64::tanh,
        "degrees" => f64::to_degrees,
        "radians" => f64::to_radians,
        // 0 and NaN are their own sign.
        "sign" => |x| if x == 0.0 || x.is_nan() { x } else { x.signum() },
        "ceil" => f64::ceil,
        "floor" => f64::floor,
        "exp" => f64::exp,
        "ln" | "log" => f64::ln,
        "log10" => f64::log10,
        "sqrt" => f64::sqrt,
        _ => return None,
    })
}

fn bind_round(call: &Call<'_>) -> Result<Bound, QueryError> {
    let places = if call.types.len() == 2 {
        call.integer(1)?
    } else {
        call.expect(1, NUMERIC)?;
        call.parsed("places", 0)?
    };
    call.expect_each(NUMERIC)?;
    let factor = 10f64.powi(places.clamp(-400, 400) as i32);
    Ok((
        Arc::new(Round { factor, negative: places < 0, places: places.unsigned_abs().min(400) as i32 }),
        DataType::Double,
    ))
}

/// A function of each number as DOUBLE.
#[derive(Debug)]
struct Each(fn(f64) -> f64);

impl RowFunction for Each {
    fn evaluate(&self, _: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        Ok(Arc::new(doubles(&inputs[0])?.unary::<_, Float64Type>(self.0)))
    }
}

/// `round(x, places)`: halves to even, as the peer does.
#[derive(Debug)]
struct Round {
    factor: f64,
    negative: bool,
    places: i32,
}

impl RowFunction for Round {
    fn evaluate(&self, _: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        let tens = 10f64.powi(self.places);
        let round = |x: f64| {
            if self.places == 0 {
                x.round_ties_even()
            } else if self.negative {
                (x / tens).round_ties_even() * tens
            } else {
                let scaled = x * self.factor;
                if scaled.is_finite() { scaled.round_ties_even() / self.factor } else { x }
            }
        };
        Ok(Arc::new(doubles(&inputs[0])?.unary::<_, Float64Type>(round)))
    }
}

/// `abs(x)`, of the type of `x`.
#[derive(Debug)]
struct Abs;

impl RowFunction for Abs {
    fn evaluate(&self, _: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        let array = &inputs[0];
        Ok(match array.data_type() {
            ArrowType::Int32 => {
                Arc::new(array.as_primitive::<Int32Type>().unary::<_, Int32Type>(i32::wrapping_abs))
            }
            ArrowType::Int64 => {
                Arc::new(array.as_primitive::<Int64Type>().unary::<_, Int64Type>(i64::wrapping_abs))
            }
            ArrowType::Float32 => {
                Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(f32::abs))
            }
            _ => Arc::new(doubles(array)?.unary::<_, Float64Type>(f64::abs)),
        })
    }
}

/// Whether a number lies between two, both included.
#[derive(Debug)]
struct Within {
    lower: f64,
    upper: f64,
}

impl RowFunction for Within {
    fn evaluate(&self, _: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        let numbers = doubles(&inputs[0])?;
        let values = numbers.values();
        let bits = BooleanBuffer::collect_bool(values.len(), |row| {
            let value = values[row];
            self.lower <= value && value <= self.upper
        });
        Ok(Arc::new(BooleanArray::new(bits, numbers.nulls().cloned())))
    }
}
