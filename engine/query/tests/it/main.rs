//! Queries against a store in memory.

mod conformance;
mod differential;
mod explain;
mod functions;
mod memory;
mod model;
mod mutated;
mod patterns;
mod slt;
