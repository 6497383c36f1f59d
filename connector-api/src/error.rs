//! Errors of connectors: what happened, whose doing it was, and whether trying again helps.

use std::{error::Error as StdError, fmt};

use levada_model::{IoFault, SplitName};

/// The result of a connector's work.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong; decides what a user is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An option has a value that cannot work.
    Config,
    /// The other side cannot be reached, or hung up.
    Connection,
    /// The other side took too long.
    Timeout,
    /// The other side rejects this user.
    Auth,
    /// Data that is not what it should be.
    Data,
    /// The other side took the request and rejected what it asks.
    Rejected,
    /// Out of disk, memory or quota.
    Exhausted,
    /// Something asked for by name is not there.
    NotFound,
    /// The operating system rejected.
    Io,
    /// The work was called off.
    Cancelled,
    /// A fault of Levada's own.
    Bug,
}

impl ErrorKind {
    /// The kind as a word, for logs and metric labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Connection => "connection",
            Self::Timeout => "timeout",
            Self::Auth => "auth",
            Self::Data => "data",
            Self::Rejected => "rejected",
            Self::Exhausted => "exhausted",
            Self::NotFound => "not_found",
            Self::Io => "io",
            Self::Cancelled => "cancelled",
            Self::Bug => "bug",
        }
    }
}

/// Whose doing an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// What the user wrote or sent.
    User,
    /// A system Levada talks to.
    External,
    /// Levada itself.
    Internal,
}

/// Whether the same attempt may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Yes: try again, with backoff.
    Later,
    /// No: it fails the same way until somebody changes something.
    Never,
}

/// Why a connector did not do as asked.
///
/// ```
/// use levada_connector_api::{Domain, Error, ErrorKind, Retry};
/// let error = Error::new(ErrorKind::Connection, Domain::External, Retry::Later, "no broker answers")
///     .with("brokers", "10.0.0.1:9092");
/// assert_eq!(error.to_string(), "no broker answers (brokers: 10.0.0.1:9092)");
/// assert!(error.is_transient());
/// ```
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    domain: Domain,
    retry: Retry,
    message: String,
    context: Vec<(&'static str, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    gives_up: Option<SplitName>,
}

impl Error {
    /// An error; whether to retry is a choice that has to be made here, by who knows.
    pub fn new(kind: ErrorKind, domain: Domain, retry: Retry, message: impl Into<String>) -> Self {
        Self {
            kind,
            domain,
            retry,
            message: message.into(),
            context: Vec::new(),
            source: None,
            gives_up: None,
        }
    }

    /// The user's configuration cannot work as it is.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, Domain::User, Retry::Never, message)
    }

    /// Data that will never be taken as it is.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, Domain::User, Retry::Never, message)
    }

    /// The other side cannot be reached for now.
    pub fn connection(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Connection, Domain::External, Retry::Later, message)
    }

    /// The operating system rejected to do `what`. What [somebody has to change](IoFault) is not worth another try; a full disk
    /// is, as space comes back by itself.
    pub fn io(what: impl Into<String>, error: std::io::Error) -> Self {
        let fault = IoFault::of(&error);
        let kind = match fault {
            IoFault::Full | IoFault::Scarce => ErrorKind::Exhausted,
            IoFault::Missing => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        let retry = if fault.heals() { Retry::Later } else { Retry::Never };
        let message = format!("{}: {error}", what.into());
        Self::new(kind, Domain::External, retry, message).caused_by(error)
    }

    /// The work was called off.
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, Domain::Internal, Retry::Never, "called off")
    }

    /// Something that cannot happen did.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, Domain::Internal, Retry::Never, message)
    }

    /// This error gives a split up: the source reads nothing more of it, and goes on with the others. See
    /// [`Source::next`](crate::Source::next). Trying again does not help, whatever was said before.
    #[must_use]
    pub fn giving_up(mut self, split: SplitName) -> Self {
        self.retry = Retry::Never;
        self.gives_up = Some(split);
        self
    }

    /// Adds a fact about where it happened.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.context.push((key, value.to_string()));
        self
    }

    /// With what caused it. The cause's text is not added to the message.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What kind of thing went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whose doing it is.
    pub fn domain(&self) -> Domain {
        self.domain
    }

    /// Whether to try again.
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// Whether the same attempt may succeed later.
    pub fn is_transient(&self) -> bool {
        self.retry == Retry::Later
    }

    /// The split that is given up; `None` where the error concerns the whole source or sink.
    pub fn given_up(&self) -> Option<&SplitName> {
        self.gives_up.as_ref()
    }

    /// The message without its context.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Facts about where it happened.
    pub fn context(&self) -> &[(&'static str, String)] {
        &self.context
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !self.context.is_empty() {
            let facts: Vec<_> = self.context.iter().map(|(key, value)| format!("{key}: {value}")).collect();
            write!(f, " ({})", facts.join(", "))?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<levada_model::SessionError> for Error {
    fn from(error: levada_model::SessionError) -> Self {
        use levada_model::StatusCode as Code;
        let kind = match error.code {
            Code::WRONG_LOGIN_PASSWORD | Code::NOT_LOGIN | Code::NO_PERMISSION => ErrorKind::Auth,
            Code::DISK_SPACE_INSUFFICIENT | Code::QUERY_MEMORY_NOT_ENOUGH => ErrorKind::Exhausted,
            Code::QUERY_TIMEOUT => ErrorKind::Timeout,
            Code::NOT_READY => ErrorKind::Connection,
            Code::PATH_NOT_EXIST | Code::DATABASE_NOT_EXIST => ErrorKind::NotFound,
            _ => ErrorKind::Rejected,
        };
        let retry = if error.transient { Retry::Later } else { Retry::Never };
        Self::new(kind, Domain::External, retry, error.to_string()).caused_by(error)
    }
}
