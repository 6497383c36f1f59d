//! Makes durable how far a pipe has come, beside the sending.

use std::{convert::Infallible, time::Duration};

use levada_engine::{FeedMarker, PipeWork};
use levada_model::SessionError;
use tokio::{sync::watch, time::sleep};
use tracing::warn;

/// How far saves are apart: as much may be sent again after a crash.
const APART: Duration = Duration::from_millis(200);
/// How long to wait after a save that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Saves the position of what is delivered.
pub(super) struct Saver<'a> {
    work: &'a PipeWork,
    marker: FeedMarker,
    delivered: watch::Sender<Option<u64>>,
}

impl<'a> Saver<'a> {
    pub(super) fn new(work: &'a PipeWork, marker: FeedMarker) -> Self {
        Self { work, marker, delivered: watch::Sender::new(None) }
    }

    /// All changes up to a position are delivered.
    pub(super) fn delivered(&self, position: u64) {
        self.delivered.send_replace(Some(position));
    }

    /// Saves as positions come. Dropped, it leaves at most the last of them unsaved.
    pub(super) async fn save(&self) -> Infallible {
        let mut positions = self.delivered.subscribe();
        loop {
            // The sender is this saver's own, and is there as long as it is.
            if positions.changed().await.is_err() {
                futures::future::pending::<()>().await;
            }
            let position = *positions.borrow_and_update();
            let Some(position) = position else { continue };
            if let Err(error) = self.save_last(position).await {
                warn!(pipe = self.work.definition().name, %error, "how far a pipe has come cannot be stored: after a crash more is sent again");
                sleep(AFTER_FAILURE).await;
                positions.mark_changed();
            }
            sleep(APART).await;
        }
    }

    /// Saves a position at once.
    pub(super) async fn save_last(&self, position: u64) -> Result<(), SessionError> {
        self.work.settle(&self.marker, position).await
    }
}
