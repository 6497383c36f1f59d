//! `and`, `or`, `not`, `is null`, `case`: three-valued.

use std::sync::Arc;

use arrow_array::{Array, BooleanArray, cast::AsArray, new_null_array};
use arrow_schema::ArrowError;
use arrow_select::zip::zip;
use levada_model::DataType;

use super::{Expr, Values};
use crate::{QueryError, chunk::Chunk};

/// Combines truths from left to right.
pub(crate) fn fold(
    operands: &[Expr],
    chunk: &Chunk,
    combine: fn(&BooleanArray, &BooleanArray) -> Result<BooleanArray, ArrowError>,
) -> Result<Values, QueryError> {
    let mut result: Option<BooleanArray> = None;
    for operand in operands {
        let next = operand.mask(chunk)?;
        result = Some(match result {
            None => next,
            Some(before) => combine(&before, &next)?,
        });
    }
    let result = result.unwrap_or_else(|| BooleanArray::new_null(chunk.rows()));
    Ok(Values::Array(Arc::new(result)))
}

pub(crate) fn not(values: &Values) -> Result<Values, QueryError> {
    let result = arrow_arith::boolean::not(values.array().as_boolean())?;
    Ok(Values::of_kernel(Arc::new(result), &[values]))
}

/// Whether values are null, or are not.
pub(crate) fn is_null(values: &Values, wanted: bool) -> Result<Values, QueryError> {
    let array = values.array();
    let result =
        if wanted { arrow_arith::boolean::is_null(array) } else { arrow_arith::boolean::is_not_null(array) }?;
    Ok(Values::of_kernel(Arc::new(result), &[values]))
}

/// What the first condition that is true gives.
pub(crate) fn choose(
    branches: &[(Expr, Expr)],
    otherwise: Option<&Expr>,
    data_type: DataType,
    chunk: &Chunk,
) -> Result<Values, QueryError> {
    let rows = chunk.rows();
    let mut result = match otherwise {
        Some(expression) => expression.array(chunk)?,
        None => new_null_array(&data_type.arrow(), rows),
    };
    for (when, then) in branches.iter().rev() {
        let holds = when.mask(chunk)?;
        // Null does not hold.
        let holds =
            if holds.null_count() > 0 { arrow_select::filter::prep_null_mask_filter(&holds) } else { holds };
        let then = then.array(chunk)?;
        result = zip(&holds, &then, &result)?;
    }
    Ok(Values::Array(result))
}
