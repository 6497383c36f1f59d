//! Exit codes, for scripts.
//!
//! | code | meaning |
//! | --- | --- |
//! | 0 | done; `fsck`: no errors, or all repaired (notes are no errors) |
//! | 1 | failed while running: a sink that will never take the data, a query that failed, errors that `fsck` found, lines that `import` rejected, dead letters that `replay` cannot send |
//! | 2 | the command line is wrong |
//! | 3 | a pipeline file, a statement or an option is wrong: nothing was started |
//! | 4 | stopped before everything was settled: the rest will be read again at the next start |
//! | 5 | ended, and all that was read is settled; but nothing of it arrived: every record was dead-lettered, dropped, left out by a transform, or gave no value |
//! | 6 | ended, and all that was read is settled; but sources gave splits up (a broken file, a partition that may not be read): the log and `/ready` name them |
//! | 130 | interrupted: `run` twice, and given up at once; `import`, `export` before all was stored or written |

use std::{fmt, io, panic, process::ExitCode};

/// Failed while running.
pub(crate) const FAILED: u8 = 1;
/// A pipeline file, a statement or an option is wrong.
pub(crate) const INVALID: u8 = 3;
/// Stopped before everything was settled.
pub(crate) const UNSETTLED: u8 = 4;
/// Nothing of what was read arrived.
pub(crate) const NOTHING: u8 = 5;
/// Sources gave splits up.
pub(crate) const PARTIAL: u8 = 6;
/// Interrupted.
pub(crate) const INTERRUPTED: u8 = 130;

/// An error with the exit code it leads to.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) code: u8,
    /// What is printed to standard error; nothing where it was printed already.
    pub(crate) message: Option<String>,
}

impl Failure {
    /// Something the user wrote is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self { code: INVALID, message: Some(message.into()) }
    }

    /// The process was asked to stop.
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Self { code: INTERRUPTED, message: Some(message.into()) }
    }

    /// A failure that was told of already.
    pub(crate) fn told(code: u8) -> Self {
        Self { code, message: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.as_deref().unwrap_or("failed"))
    }
}

impl std::error::Error for Failure {}

/// Whether whoever reads the output went away, as `head` does.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Makes `println!` to what takes nothing more the end of the process rather than a panic: with success where the reader went
/// away, with the reason where the disk is full.
pub(crate) fn end_with_output() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let message = info.payload_as_str().unwrap_or_default();
        match message.strip_prefix("failed printing to stdout: ") {
            Some(reason) if reason.contains("Broken pipe") => std::process::exit(0),
            Some(reason) => {
                eprintln!("levada: cannot write to standard output: {reason}");
                std::process::exit(FAILED.into());
            }
            None => before(info),
        }
    }));
}

/// Prints an error with all its causes and gives its exit code. That nobody reads any more is no failure.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let failure = error.downcast_ref::<Failure>();
    if failure.is_none_or(|failure| failure.message.is_some()) {
        eprintln!("levada: {}", chain(error));
    }
    ExitCode::from(failure.map_or(FAILED, |failure| failure.code))
}

/// The messages of an error and its causes, each once.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let message = cause.to_string();
        // Many errors print their cause themselves.
        if text.contains(&message) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&message);
    }
    text
}
