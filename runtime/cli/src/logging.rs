//! Logs: one line a fact, on standard error.

use std::{fmt::Result, io::IsTerminal};

use clap::{Args, ValueEnum};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter,
    fmt::{
        self, FmtContext, FormatEvent, FormatFields,
        format::{Format, Writer},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

/// The target of what was rejected, for whoever watches over users.
const AUDIT: &str = "audit";

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
                    .event_format(Lines::default()),
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

/// Lines for people: modules say nothing to them, but what is under the target `audit` is found by that word.
struct Lines {
    named: Format,
    plain: Format,
}

impl Default for Lines {
    fn default() -> Self {
        Self { named: fmt::format(), plain: fmt::format().with_target(false) }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> Result {
        let format = if event.metadata().target() == AUDIT { &self.named } else { &self.plain };
        format.format_event(context, writer, event)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Seek},
        sync::Arc,
    };

    use super::*;

    #[test]
    fn the_target_of_what_was_rejected_is_named() {
        let mut log = tempfile::tempfile().expect("a file");
        let writer = Arc::new(log.try_clone().expect("a handle"));
        let layer = fmt::layer().with_writer(writer).with_ansi(false).event_format(Lines::default());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::warn!(target: "audit", user = "eve", "a call was rejected");
            tracing::info!(pipeline = "sensors", "started");
        });
        log.rewind().expect("a file");
        let mut text = String::new();
        log.read_to_string(&mut text).expect("text");
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("WARN audit: a call was rejected user=\"eve\""), "{text}");
        assert!(lines[1].ends_with("INFO started pipeline=\"sensors\""), "{text}");
    }
}
