//! The command as its users meet it, the documents they read, and the shape of the workspace it is built from.

mod command;
mod csv;
mod documents;
mod edges;
mod files;
mod files_fsck;
mod files_round_trip;
mod nothing_vanishes;
mod pages;
mod pipelines;
mod shell;
mod transforms;
mod values;
