//! Functions that look beyond one row: `difference`, `top_k`, `m4` and the like.
//!
//! Each takes its inputs' rows in order of time and gives rows of its own, which are then joined by time with whatever
//! stands beside it in the query. A row whose first input is null is passed over.

mod bucket;
mod change;
mod m4;
mod pairs;
mod runs;
mod top;

use std::fmt;

use arrow_array::ArrayRef;
use levada_model::DataType;

use crate::{QueryError, chunk::Chunk, functions::Call};

/// A function of a series, while it runs.
pub(crate) trait SeriesFunction: fmt::Debug + Send {
    /// Takes more rows; gives those that are ready, with one column.
    fn rows(&mut self, times: &[i64], inputs: &[ArrayRef]) -> Result<Chunk, QueryError>;

    /// Gives what is left behind the last row.
    fn finish(&mut self) -> Result<Option<Chunk>, QueryError> {
        Ok(None)
    }
}

/// A function that was found, and the type of its values.
pub(crate) type Bound = (Box<dyn SeriesFunction>, DataType);

const NAMES: &[&str] = &[
    "difference",
    "non_negative_difference",
    "derivative",
    "non_negative_derivative",
    "time_difference",
    "diff",
    "change_points",
    "top_k",
    "bottom_k",
    "zero_count",
    "non_zero_count",
    "zero_duration",
    "non_zero_duration",
    "equal_size_bucket_random_sample",
    "equal_size_bucket_agg_sample",
    "equal_size_bucket_m4_sample",
    "equal_size_bucket_outlier_sample",
    "m4",
];

/// Whether a function of the name, in any case, is one of these.
pub(crate) fn is_known(name: &str) -> bool {
    NAMES.iter().any(|each| each.eq_ignore_ascii_case(name))
}

/// Looks a call up whose name [`is_known`].
///
/// # Errors
/// Inputs or attributes do not fit the function.
pub(crate) fn bind(call: &Call<'_>) -> Result<Bound, QueryError> {
    match call.name().as_str() {
        "top_k" => top::bind(call, true),
        "bottom_k" => top::bind(call, false),
        "change_points" => change::bind(call),
        "m4" => m4::bind(call),
        name if name.starts_with("zero_") || name.starts_with("non_zero_") => runs::bind(call),
        name if name.starts_with("equal_size_bucket_") => bucket::bind(call),
        _ => pairs::bind(call),
    }
}
