//! Logs: one line a fact, on standard error.

use std::io::IsTerminal;

use clap::{Args, ValueEnum};
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, Args)]
pub(crate) struct LogArgs {
    /// How log lines look
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "text",
        env = "LEVADA_LOG_FORMAT",
        hide_env = true
    )]
    pub(crate) log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, also by module (`info,levada_runtime=debug`)
    #[arg(long, global = true, default_value = "info", env = "LEVADA_LOG", hide_env = true)]
    pub(crate) log_level: String,
}

/// Starts logging to standard error.
pub(crate) fn start(args: &LogArgs) {
    let filter = EnvFilter::try_new(&args.log_level).unwrap_or_else(|error| {
        eprintln!("levada: --log-level {}: {error}; logging at info", args.log_level);
        EnvFilter::new("info")
    });
    let registry = tracing_subscriber::registry().with(filter);
    // Only a second call in one process can fail, and there is none.
    let started = match args.log_format {
        LogFormat::Text => registry
            .with(
                fmt::layer()
                    .with_writer(std::io::stderr)
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_target(false),
            )
            .try_init(),
        LogFormat::Json => {
            registry.with(fmt::layer().json().flatten_event(true).with_writer(std::io::stderr)).try_init()
        }
    };
    if let Err(error) = started {
        eprintln!("levada: logging cannot start: {error}");
    }
}
