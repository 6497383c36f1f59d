//! The engine from outside.

mod conformance;
mod contract;
mod reopen;
mod statements;
mod store;
