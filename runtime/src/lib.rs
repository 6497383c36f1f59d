//! Pipelines at run time: topology, tasks, delivery ledger, dead letters, metrics, HTTP.

mod batcher;
mod dead_letters;
mod ledger;
mod outlets;
mod parcel;
mod queue;
mod retry;

pub use retry::Chance;
