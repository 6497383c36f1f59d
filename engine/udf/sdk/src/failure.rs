//! What a function says when it cannot go on.

use std::fmt;

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// An attribute, or the number or type of the inputs, is not what the function takes.
    InvalidParameters,
    /// A value cannot be worked on.
    InvalidInput,
    /// A value was read or given as another type than it has.
    WrongType,
    /// The times of the points do not increase.
    TimesNotIncreasing,
    /// Anything else.
    Other,
}

/// A function's failure: the query ends with its message.
///
/// It is made of any error by `?`, and of a text by [`Failure::new`].
#[derive(Clone, PartialEq, Eq)]
pub struct Failure(Box<(Cause, String)>);

impl Failure {
    /// A failure of no particular kind.
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(Cause::Other, message)
    }

    /// A failure of a kind.
    #[cold]
    pub fn of(cause: Cause, message: impl Into<String>) -> Self {
        Self(Box::new((cause, message.into())))
    }

    /// What the call gives the function is not what it takes.
    pub fn parameters(message: impl Into<String>) -> Self {
        Self::of(Cause::InvalidParameters, message)
    }

    /// What kind it is.
    pub fn cause(&self) -> Cause {
        self.0.0
    }

    /// What went wrong.
    pub fn message(&self) -> &str {
        &self.0.1
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.cause(), self.message())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

// `Failure` is not an `Error` itself, so that this can be.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}
