//! The built-in functions that look beyond one row: `difference`, `top_k`, `m4` and the like.
//!
//! Each takes its inputs' rows in order of time and gives rows of its own, which are then joined by time with whatever
//! stands beside it in the query. A row whose first input is null is passed over.

mod bucket;
mod change;
mod m4;
mod pairs;
mod runs;
mod top;

use levada_model::DataType;

use crate::registry::{Call, FunctionDefinition, SeriesFunction};

/// A function that was found, and the type of its values.
type Bound = (Box<dyn SeriesFunction>, DataType);

/// All of them.
pub(crate) fn definitions() -> impl Iterator<Item = FunctionDefinition> {
    [change::definition()]
        .into_iter()
        .chain(pairs::definitions())
        .chain(top::definitions())
        .chain(runs::definitions())
        .chain(bucket::definitions())
        .chain([m4::definition()])
}
