//! Functions whose value does not depend on their input: `const`, `pi`, `e`.

use std::{f64::consts, sync::Arc};

use arrow_array::{
    Array, ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, StringArray,
};
use levada_model::DataType;

use super::{ANY, Bound, Call, FunctionDefinition, RowFunction};
use crate::{QueryError, expression::Values};

pub(super) fn definitions() -> Vec<FunctionDefinition> {
    let double = |value: f64| {
        move |call: &Call<'_>| same(call, Arc::new(Float64Array::from(vec![value])), DataType::Double)
    };
    vec![
        FunctionDefinition::row(
            "const",
            "(any, 'value'='1', 'type'='INT32'): type",
            "The same value for every row.",
            |call| {
                let (value, data_type) = constant(call)?;
                same(call, value, data_type)
            },
        )
        .built_in("UDTFConst"),
        FunctionDefinition::row("e", "(any): DOUBLE", "Euler's number for every row.", double(consts::E))
            .built_in("UDTFConstE"),
        FunctionDefinition::row("pi", "(any): DOUBLE", "Pi for every row.", double(consts::PI))
            .built_in("UDTFConstPi"),
    ]
}

fn same(call: &Call<'_>, value: ArrayRef, data_type: DataType) -> Result<Bound, QueryError> {
    if call.types.is_empty() {
        call.expect(1, ANY)?;
    }
    Ok((Arc::new(Same(value)), data_type))
}

fn constant(call: &Call<'_>) -> Result<(ArrayRef, DataType), QueryError> {
    let value = call.required("value")?;
    let data_type: DataType = call.required("type")?.parse().map_err(|_| {
        call.reject("attribute \"type\" must be one of INT32, INT64, FLOAT, DOUBLE, TEXT, BOOLEAN")
    })?;
    let array: ArrayRef = match data_type {
        DataType::Int32 => Arc::new(Int32Array::from(vec![call.parsed_required::<i32>("value")?])),
        DataType::Int64 => Arc::new(Int64Array::from(vec![call.parsed_required::<i64>("value")?])),
        DataType::Float => Arc::new(Float32Array::from(vec![call.parsed_required::<f32>("value")?])),
        DataType::Double => Arc::new(Float64Array::from(vec![call.parsed_required::<f64>("value")?])),
        DataType::Boolean => Arc::new(BooleanArray::from(vec![call.parsed_required::<bool>("value")?])),
        DataType::Text | DataType::String => Arc::new(StringArray::from(vec![value])),
        other => return Err(call.reject(format!("the type {other} is not supported"))),
    };
    Ok((array, data_type))
}

/// One value for every row whose first input is not null.
#[derive(Debug)]
struct Same(ArrayRef);

impl RowFunction for Same {
    fn evaluate(&self, times: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError> {
        let values = Values::Single(Arc::clone(&self.0)).into_array(times.len())?;
        match inputs.first() {
            Some(input) if input.null_count() > 0 => {
                Ok(arrow_select::nullif::nullif(&values, &arrow_arith::boolean::is_null(input)?)?)
            }
            _ => Ok(values),
        }
    }
}
