//! An error to come.

use levada_connector_api::{Domain, Error, ErrorKind, Retry, model::SplitName};

/// An error that a script raises, as often as it is told to: [`Error`] itself cannot be cloned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of error.
    pub kind: ErrorKind,
    /// Whether the same attempt may succeed later.
    pub retry: Retry,
    /// Its message.
    pub message: String,
    /// The split that it gives up.
    pub gives_up: Option<SplitName>,
}

impl Fault {
    /// One that passes.
    pub fn transient(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Connection, retry: Retry::Later, message: message.into(), gives_up: None }
    }

    /// One that does not pass.
    pub fn fatal(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Rejected, retry: Retry::Never, message: message.into(), gives_up: None }
    }

    /// One that gives a split up.
    pub fn giving_up(split: impl Into<SplitName>, message: impl Into<String>) -> Self {
        Self { gives_up: Some(split.into()), ..Self::fatal(message) }
    }

    /// The error.
    pub fn error(&self) -> Error {
        let error = Error::new(self.kind, Domain::External, self.retry, self.message.clone());
        match &self.gives_up {
            Some(split) => error.giving_up(split.clone()),
            None => error,
        }
    }
}
