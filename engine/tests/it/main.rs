//! The engine from outside.

mod conformance;
mod contract;
mod load;
mod pressure;
mod reopen;
mod statements;
mod store;
mod ttl;
