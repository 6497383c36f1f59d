//! Queries against a store in memory.

mod conformance;
mod functions;
mod memory;
mod model;
mod patterns;
