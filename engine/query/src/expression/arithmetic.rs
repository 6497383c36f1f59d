//! `+ - * / %` and the sign. Arithmetic is done in DOUBLE; a sign keeps the type.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Datum, Float64Array, Scalar,
    cast::AsArray,
    types::{Float32Type, Float64Type, Int32Type, Int64Type},
};
use arrow_schema::DataType as ArrowType;

use super::Values;
use crate::QueryError;

/// An operator between numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Both sides are numbers of any type; the result is DOUBLE. Null with anything is null; division by 0 is infinite or NaN.
pub(crate) fn compute(operator: Arithmetic, left: &Values, right: &Values) -> Result<Values, QueryError> {
    let (a, b) = (doubles(left.array())?, doubles(right.array())?);
    let (a, b) = (datum(left, a), datum(right, b));
    let result = match operator {
        Arithmetic::Add => arrow_arith::numeric::add(&*a, &*b),
        Arithmetic::Subtract => arrow_arith::numeric::sub(&*a, &*b),
        Arithmetic::Multiply => arrow_arith::numeric::mul(&*a, &*b),
        Arithmetic::Divide => arrow_arith::numeric::div(&*a, &*b),
        Arithmetic::Remainder => arrow_arith::numeric::rem(&*a, &*b),
    }?;
    Ok(Values::of_kernel(result, &[left, right]))
}

fn datum(values: &Values, array: Float64Array) -> Box<dyn Datum> {
    match values {
        Values::Array(_) => Box::new(array),
        Values::Single(_) => Box::new(Scalar::new(array)),
    }
}

/// The negative of numbers; that of the least INT32 and INT64 is the greatest, as at the peer.
pub(crate) fn negate(values: &Values) -> Result<Values, QueryError> {
    let array = values.array();
    let result: ArrayRef = match array.data_type() {
        ArrowType::Int32 => {
            Arc::new(array.as_primitive::<Int32Type>().unary::<_, Int32Type>(i32::saturating_neg))
        }
        ArrowType::Int64 => {
            Arc::new(array.as_primitive::<Int64Type>().unary::<_, Int64Type>(i64::saturating_neg))
        }
        ArrowType::Float32 => Arc::new(array.as_primitive::<Float32Type>().unary::<_, Float32Type>(|x| -x)),
        _ => Arc::new(doubles(array)?.unary::<_, Float64Type>(|x| -x)),
    };
    Ok(Values::of_kernel(result, &[values]))
}

/// Numbers of any type as DOUBLE; those that are already share memory.
pub(crate) fn doubles(array: &ArrayRef) -> Result<Float64Array, QueryError> {
    Ok(match array.data_type() {
        ArrowType::Float64 => array.as_primitive::<Float64Type>().clone(),
        ArrowType::Int32 => array.as_primitive::<Int32Type>().unary(f64::from),
        ArrowType::Int64 => array.as_primitive::<Int64Type>().unary(|x| x as f64),
        ArrowType::Float32 => array.as_primitive::<Float32Type>().unary(f64::from),
        _ => arrow_cast::cast(array, &ArrowType::Float64)?.as_primitive::<Float64Type>().clone(),
    })
}
