//! What happens to a tablet between the caller and the log: it is checked against the catalog, and cast where asked for.

mod coerce;
mod prepare;
mod size;

pub(crate) use prepare::{How, Prepared, prepare};
pub(crate) use size::LARGEST_WRITE;
