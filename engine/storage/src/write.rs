//! What happens to a tablet between the caller and the log: it is checked against the catalog, and its values become
//! those of the types of their series. What was looked up for that goes with it to the memtable.

mod prepare;
mod route;
mod size;
mod target;
mod types;

pub(crate) use prepare::{How, Prepared, prepare};
pub(crate) use route::routed;
pub(crate) use size::LARGEST_WRITE;
pub(crate) use target::{Incoming, Target};
pub(crate) use types::with_known_types;
