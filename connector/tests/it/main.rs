//! The connector against a server in the same process, and against an engine.

mod programs;
mod server;
mod sink;
mod source;

#[path = "../../examples/query_source.rs"]
#[allow(dead_code)]
mod query_source;
#[path = "../../examples/sensor_sink.rs"]
#[allow(dead_code)]
mod sensor_sink;
