//! Queries against a store in memory.

mod conformance;
mod memory;
mod model;
