//! What goes wrong in a function, and where.

use std::fmt;

use levada_udf_sdk::{Cause, Failure};

/// A method of a function's life cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Making the instance: reading, checking and compiling a module, running what it runs at its start.
    Load,
    /// Checking the call.
    Validate,
    /// Starting.
    BeforeStart,
    /// Working on rows and windows.
    Transform,
    /// Giving the rest.
    Terminate,
    /// Adding rows to a group.
    Add,
    /// Adding what another state knows.
    Combine,
    /// Giving the value of a group.
    Output,
    /// Saving and restoring what it holds.
    Save,
    /// Ending.
    BeforeDestroy,
}

impl Method {
    /// As authors and errors call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Validate => "validate",
            Self::BeforeStart => "before_start",
            Self::Transform => "transform",
            Self::Terminate => "terminate",
            Self::Add => "add",
            Self::Combine => "combine",
            Self::Output => "output",
            Self::Save => "save",
            Self::BeforeDestroy => "before_destroy",
        }
    }

    /// Whether it comes before the first row: then the call is what is wrong, and the query does not start.
    pub const fn is_of_the_start(self) -> bool {
        matches!(self, Self::Load | Self::Validate | Self::BeforeStart)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What kind of fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The function said so itself.
    Failed(Cause),
    /// It panicked, or its module trapped.
    Crashed,
    /// It took longer than it may.
    TimeLimit,
    /// It, or the rows that wait for it, need more memory than they may.
    MemoryLimit,
    /// What it gave is larger than it may be.
    SizeLimit,
    /// What it gave is not what it declared: lengths, types, texts.
    WrongOutput,
    /// Its module cannot be used: it is damaged, of another contract, too costly to compile.
    Module,
    /// Reading or keeping a file failed.
    Io,
}

/// A fault as an instance sees it, which knows neither its name nor which method was called.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind it is.
    pub kind: FaultKind,
    /// What went wrong.
    pub message: String,
}

impl Fault {
    /// A fault of a kind.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::new(FaultKind::Failed(failure.cause()), failure.message())
    }
}

/// A fault of a function in a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("function {function}: {method}: {fault}")]
pub struct UdfError {
    /// The function's name in the query, or its id where it has none.
    pub function: String,
    /// The method that was called.
    pub method: Method,
    /// What went wrong. Its text alone is the author's message.
    #[source]
    pub fault: Fault,
}

impl UdfError {
    /// A fault of a function in a method.
    pub fn new(function: impl Into<String>, method: Method, fault: impl Into<Fault>) -> Self {
        Self { function: function.into(), method, fault: fault.into() }
    }
}
