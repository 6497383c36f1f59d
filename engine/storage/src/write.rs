//! What happens to a tablet between the caller and the log: it is checked against the catalog, and cast where asked for.

mod coerce;
mod prepare;

pub(crate) use prepare::{Prepared, prepare};
