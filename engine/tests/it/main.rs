//! The engine from outside.

mod cancelled;
mod changes;
mod conformance;
mod continuous;
mod contract;
mod devices;
mod disk;
mod functions;
mod into;
mod library;
mod load;
mod names;
mod patterns;
mod pipes;
mod pressure;
mod properties;
mod queries;
mod reopen;
mod statements;
mod store;
mod templates;
mod time_filters;
mod ttl;
mod udf;
mod users;
mod views;
