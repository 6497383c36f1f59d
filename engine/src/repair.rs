//! Files that are repaired in the background.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use levada_model::{SessionError, StatusCode};
use levada_storage::Storage;
use tokio::task::spawn_blocking;
use tracing::{error, info};

/// Whether files are repaired in the background.
#[derive(Debug, Default)]
pub(crate) struct Repair {
    runs: AtomicBool,
    stops: AtomicBool,
}

impl Repair {
    /// Begins a repair, which says in the log how it ended.
    ///
    /// # Errors
    /// One runs already.
    pub(crate) fn start(self: &Arc<Self>, storage: Storage) -> Result<(), SessionError> {
        if self.runs.swap(true, Ordering::AcqRel) {
            let message = "a repair of the data runs already: STOP REPAIR DATA ends it";
            return Err(SessionError::new(StatusCode::OVERLAP_WITH_EXISTING_TASK, message));
        }
        self.stops.store(false, Ordering::Release);
        let repair = Arc::clone(self);
        spawn_blocking(move || {
            let goes_on = || !repair.stops.load(Ordering::Acquire);
            match storage.compact_while(goes_on) {
                Ok(()) if goes_on() => info!("the data was repaired"),
                Ok(()) => info!("the repair of the data was stopped"),
                Err(error) => error!(%error, "the data could not be repaired"),
            }
            repair.runs.store(false, Ordering::Release);
        });
        Ok(())
    }

    /// Has a repair end with the file under way.
    pub(crate) fn stop(&self) {
        self.stops.store(true, Ordering::Release);
    }
}
