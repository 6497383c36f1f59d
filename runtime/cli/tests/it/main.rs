//! The command as its users meet it, the documents they read, and the shape of the workspace it is built from.

mod avro;
mod command;
mod csv;
mod documents;
mod edges;
mod encoders;
mod files;
mod files_fsck;
mod files_round_trip;
mod functions;
mod holding;
mod import;
mod nodes;
mod nothing_vanishes;
mod objects;
mod offsets;
mod options;
mod own_files;
mod pages;
#[cfg(feature = "parquet")]
mod parquet_of_others;
mod pipelines;
mod pipes;
mod queries;
mod reload;
mod replay;
mod serve;
mod shell;
mod sources;
mod stopping;
mod streams;
mod tidy;
mod transforms;
mod udf;
mod values;
