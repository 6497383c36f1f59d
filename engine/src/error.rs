//! What can go wrong with the engine as a whole. What goes wrong with a request is a `SessionError`.

use levada_model::SessionError;
use levada_storage::StorageError;

/// Why the engine could not be opened or closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The data folder could not be opened, or what was written to it not be made durable.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<EngineError> for SessionError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Storage(error) => error.into(),
        }
    }
}
