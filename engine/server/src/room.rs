//! Room in memory for what requests become.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests up to this size need no permit, and what is done with them no thread that may block.
pub(crate) const SMALL_BYTES: usize = 64 << 10;

/// Room for bytes, until it is dropped; few bytes need none.
pub(crate) type Room = Option<OwnedSemaphorePermit>;

/// There is no room now.
#[derive(Debug, thiserror::Error)]
#[error("requests under way leave no room for a step of {bytes} bytes: send it again later")]
pub(crate) struct NoRoom {
    bytes: usize,
}

/// Takes a permit for each KiB, of no more than there may be.
pub(crate) fn take(from: &Arc<Semaphore>, bytes: usize, most: usize) -> Result<Room, NoRoom> {
    let kib = bytes.div_ceil(1 << 10).min(most);
    if bytes <= SMALL_BYTES || kib == 0 {
        return Ok(None);
    }
    let kib = u32::try_from(kib).unwrap_or(u32::MAX);
    Arc::clone(from).try_acquire_many_owned(kib).map(Some).map_err(|_| NoRoom { bytes })
}
