//! Panics of the store's threads.

use std::panic::{AssertUnwindSafe, catch_unwind};

use levada_model::StatusCode;

use crate::StorageError;

/// Does some work of one of the store's threads. A panic in it, which is a fault of this program, is told like other failures,
/// so that the thread lives on and nobody waits in vain.
pub(crate) fn caught<T>(
    what: &str,
    work: impl FnOnce() -> Result<T, StorageError>,
) -> Result<T, StorageError> {
    // What the work shares with others is behind locks, and as consistent as after any other failure in its midst.
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("it says no more");
        Err(StorageError::rejected(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("{what} met a fault of this program: {message}"),
        ))
    })
}
