//! Functions that give one value for each row, and how calls of functions are checked.
//!
//! ```text
//!   sin(x)              RowFunction     here: math.rs, text.rs, constant.rs
//!   difference(x)       SeriesFunction  ../series_functions.rs: looks beyond one row
//!   count(x)            Aggregate       ../aggregate.rs
//! ```

mod call;
mod constant;
mod jexl;
mod math;
mod text;

use std::fmt;

use arrow_array::{ArrayRef, Int64Array};
use levada_model::DataType;

pub(crate) use call::{ANY, Call, NUMERIC, TEXT, TRUTH_OR_NUMERIC};

use crate::QueryError;

/// A function that gives one value for each row.
pub(crate) trait RowFunction: fmt::Debug + Send + Sync {
    /// A value, or null, for each of the rows: their times, and an array of that length for every input.
    fn evaluate(&self, times: &Int64Array, inputs: &[ArrayRef]) -> Result<ArrayRef, QueryError>;
}

/// A function that was found, and the type of its values.
pub(crate) type Bound = (std::sync::Arc<dyn RowFunction>, DataType);

/// Looks a call up; `None` where no row function has the name.
///
/// # Errors
/// Inputs or attributes do not fit the function.
pub(crate) fn bind(call: &Call<'_>) -> Result<Option<Bound>, QueryError> {
    if let Some(found) = math::bind(call)? {
        return Ok(Some(found));
    }
    if let Some(found) = text::bind(call)? {
        return Ok(Some(found));
    }
    if let Some(found) = jexl::bind(call)? {
        return Ok(Some(found));
    }
    constant::bind(call)
}
