//! Whole pipelines, from scripted sources to scripted sinks, on a clock that only moves when everybody waits.

mod chaos;
mod delivery;
mod diamonds;
mod enrich;
mod errors;
mod functions;
mod given_up;
mod harness;
mod holding;
mod http;
mod iotdb_sink;
mod iotdb_source;
mod oracle;
mod pipes;
mod rejections;
mod replay;
mod resume;
mod states;
mod stopping;
mod stores;
mod transforms;
