//! An error to come.

use levada_connector_api::{Domain, Error, ErrorKind, Retry};

/// An error that a script raises, as often as it is told to: [`Error`] itself cannot be cloned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of error.
    pub kind: ErrorKind,
    /// Whether the same attempt may succeed later.
    pub retry: Retry,
    /// Its message.
    pub message: String,
}

impl Fault {
    /// One that passes.
    pub fn transient(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Connection, retry: Retry::Later, message: message.into() }
    }

    /// One that does not pass.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Refused, retry: Retry::Never, message: message.into() }
    }

    /// The error.
    pub fn error(&self) -> Error {
        Error::new(self.kind, Domain::External, self.retry, self.message.clone())
    }
}
