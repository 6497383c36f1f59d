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

use super::{Bound, Call, FunctionDefinition, NUMERIC, RowFunction};
use crate::{QueryError, expression::arithmetic::doubles, registry::Listing};

/// A function of DOUBLE: its name, what it computes, the peer's class, and what it gives.
type OfDouble = (&'static str, fn(f64) -> f64, &'static str, &'static str);

const OF_DOUBLE: &[OfDouble] = &[
    ("sin", f64::sin, "UDTFSin", "The sine of an angle in radians."),
    ("cos", f64::cos, "UDTFCos", "The cosine of an angle in radians."),
    ("tan", f64::tan, "UDTFTan", "The tangent of an angle in radians."),
    ("asin", f64::asin, "UDTFAsin", "The angle in radians that has this sine."),
    ("acos", f64::acos, "UDTFAcos", "The angle in radians that has this cosine."),
    ("atan", f64::atan, "UDTFAtan", "The angle in radians that has this tangent."),
    ("sinh", f64::sinh, "UDTFSinh", "The hyperbolic sine."),
    ("cosh", f64::cosh, "UDTFCosh", "The hyperbolic cosine."),
    ("tanh", f64::tanh, "UDTFTanh", "The hyperbolic tangent."),
    ("degrees", f64::to_degrees, "UDTFDegrees", "An angle in radians as degrees."),
    ("radians", f64::to_radians, "UDTFRadians", "An angle in degrees as radians."),
    ("sign", sign, "UDTFSign", "-1, 0 or 1."),
    ("ceil", f64::ceil, "UDTFCeil", "The next whole number upwards."),
    ("floor", f64::floor, "UDTFFloor", "The next whole number downwards."),
    ("exp", f64::exp, "UDTFExp", "The power of e."),
    ("ln", f64::ln, "UDTFLog", "The natural logarithm."),
    ("log10", f64::log10, "UDTFLog10", "The logarithm of base 10."),
    ("sqrt", f64::sqrt, "UDTFSqrt", "The square root."),
];

pub(super) fn definitions() -> Vec<FunctionDefinition> {
    let of_double = |&(name, each, class, summary): &OfDouble| {
        let definition = FunctionDefinition::row(name, "(number): DOUBLE", summary, move |call| {
            call.expect(1, NUMERIC)?;
            Ok((Arc::new(Each(each)), DataType::Double))
        });
        definition.built_in(class).also(if name == "ln" { &["log"] } else { &[] })
    };
    let mut all: Vec<FunctionDefinition> = OF_DOUBLE.iter().map(of_double).collect();
    all.extend([
        FunctionDefinition::row("abs", "(number): like number", "The number without its sign.", |call| {
            call.expect(1, NUMERIC)?;
            Ok((Arc::new(Abs), call.types[0]))
        })
        .built_in("UDTFAbs"),
        FunctionDefinition::row(
            "on_off",
            "(number, 'threshold'='5'): BOOLEAN",
            "Whether the number is the threshold or more.",
            |call| {
                call.expect(1, NUMERIC)?;
                let threshold = call.parsed_required("threshold")?;
                Ok((Arc::new(Within { lower: threshold, upper: f64::INFINITY }), DataType::Boolean))
            },
        )
        .built_in("UDTFOnOff"),
        FunctionDefinition::row(
            "in_range",
            "(number, 'lower'='1', 'upper'='2'): BOOLEAN",
            "Whether the number lies between two, or is one of them.",
            in_range,
        )
        .built_in("UDTFInRange"),
        FunctionDefinition::row(
            "round",
            "(number[, places]): DOUBLE",
            "The number rounded to places behind the point, halves to the even digit; negative places are before the point. \
             `'places'='2'` says them too.",
            bind_round,
        )
        .listed(Listing::BuiltInScalar),
    ]);
    all
}

/// 0 and NaN are their own sign.
fn sign(x: f64) -> f64 {
    if x == 0.0 || x.is_nan() { x } else { x.signum() }
}

fn in_range(call: &Call<'_>) -> Result<Bound, QueryError> {
    call.expect(1, NUMERIC)?;
    let (lower, upper) = (call.parsed_required("lower")?, call.parsed_required("upper")?);
    if upper < lower {
        return Err(call.reject("Upper can not be smaller than lower."));
    }
    Ok((Arc::new(Within { lower, upper }), DataType::Boolean))
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
