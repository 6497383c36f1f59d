//! The `levada` command: pipelines, the embedded engine's shell, and what helps to write and check both.
//!
//! ```text
//!   args       what can be typed                     one declaration: parsing, help, completion
//!   commands   a file for each subcommand            run, lint, sql, …
//!   shell      the SQL shell                         statements in, tables out, history, several lines
//!   output     rows as table, CSV, JSON, JSON lines  streamed, never held whole
//!   bench      what the figures are measured with    fill a topic, poll it bare, ingest into the engine
//! ```
//!
//! Results go to standard output, everything else (logs, progress, errors) to standard error. Exit codes are in [`exit`].

mod args;
mod bench;
mod client;
mod commands;
mod exit;
mod functions;
mod interrupt;
mod logging;
mod modules;
mod node;
mod output;
mod progress;
mod registry;
mod shell;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

/// Ingestion allocates and frees columns of all sizes from several threads; see `bench/README.md` for the difference.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A child that compiles has nothing of its own to say or to read.
    if let Some(code) = modules::compiled_as_child() {
        return code;
    }
    exit::end_with_output();
    let args = args::Args::parse();
    logging::start(&args.log);
    match args.command.run(args::Args::command()) {
        Ok(code) => code,
        Err(error) => exit::report(&error),
    }
}
