//! What can be typed after `levada`.

use clap::Parser;

use crate::{commands::Command, logging::LogArgs};

/// What scripts can rely on; see [`crate::exit`].
const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed while running, found damage, rejected lines of a file, or left dead letters that cannot be sent; 2 the command line is wrong; 3 a \
pipeline file, a statement or an option is wrong and nothing was started; 4 stopped before everything was settled; 5 \
records were read and nothing of them arrived: all were dead-lettered, dropped or without values; 6 sources gave splits up; 130 \
interrupted: run twice, import and export before all was done";

/// Stream processing for time series: pipelines, an embedded IoTDB-compatible engine, one binary
#[derive(Debug, Parser)]
#[command(name = "levada", version, propagate_version = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// What is logged.
    #[command(flatten)]
    pub(crate) log: LogArgs,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}
