//! The engine from outside.

mod cancelled;
mod conformance;
mod contract;
mod load;
mod pressure;
mod reopen;
mod statements;
mod store;
mod ttl;
