//! What can go wrong with the engine as a whole. What goes wrong with a request is a `SessionError`.

use levada_model::{SessionError, StatusCode};
use levada_storage::StorageError;
use tokio::task::JoinError;

/// Why the engine could not be opened or closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The data folder could not be opened, or what was written to it not be made durable.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A session was to be in a time zone that does not exist.
    #[error("there is no time zone `{0}`; give a name like `Europe/Berlin` or an offset like `+01:00`")]
    Zone(String),
    /// Closing was broken off; what was written may not be durable.
    #[error("closing the engine was broken off: {0}")]
    Interrupted(#[source] JoinError),
}

impl From<EngineError> for SessionError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Storage(error) => error.into(),
            EngineError::Zone(_) => {
                Self::new(StatusCode::ILLEGAL_PARAMETER, error.to_string()).caused_by(error)
            }
            EngineError::Interrupted(_) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).caused_by(error)
            }
        }
    }
}

/// The error of a task that did not come to its end.
pub(crate) fn panicked(error: JoinError) -> SessionError {
    SessionError::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the statement was broken off by a fault of the engine's own",
    )
    .caused_by(error)
}
