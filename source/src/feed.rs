//! A thread that reads, and a bounded queue of what it has read.
//!
//! Reading blocks: on disks, in C. It stays off the runtime's own threads, and what it has read waits in a short queue,
//! whose receiving end is cancel safe.

use std::thread::JoinHandle;

use levada_connector_api::{Batch, Error, Result};
use tokio::sync::mpsc;

/// Batches that may wait.
const QUEUED: usize = 2;

/// The receiving end.
#[derive(Debug)]
pub(crate) struct Feed {
    batches: mpsc::Receiver<Result<Batch>>,
    thread: JoinHandle<()>,
}

/// The thread's end.
#[derive(Debug)]
pub(crate) struct Outlet(mpsc::Sender<Result<Batch>>);

/// Nobody listens any more: the thread ends.
#[derive(Debug)]
pub(crate) struct Closed;

impl Outlet {
    /// Hands a batch on; waits while the queue is full.
    pub(crate) fn send(&self, batch: Batch) -> Result<(), Closed> {
        self.0.blocking_send(Ok(batch)).map_err(|_| Closed)
    }

    /// Hands an error on that is not the end.
    pub(crate) fn fail(&self, error: Error) -> Result<(), Closed> {
        self.0.blocking_send(Err(error)).map_err(|_| Closed)
    }
}

impl Feed {
    /// Starts a thread. What `read` returns as an error is the last thing that comes out.
    ///
    /// # Errors
    /// There are no more threads to be had.
    pub(crate) fn start(
        name: String,
        read: impl FnOnce(&Outlet) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let (sender, batches) = mpsc::channel(QUEUED);
        let outlet = Outlet(sender);
        let thread = std::thread::Builder::new()
            .name(name)
            .spawn(move || {
                if let Err(error) = read(&outlet)
                    && outlet.0.blocking_send(Err(error)).is_err()
                {
                    // Whoever let go of the queue no longer wants to know.
                }
            })
            .map_err(|error| Error::io("cannot start a thread", error))?;
        Ok(Self { batches, thread })
    }

    /// The next batch, `None` when the thread has ended. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Batch>> {
        match self.batches.recv().await {
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(error)) => Err(error),
            None => Ok(None),
        }
    }

    /// Stops the thread and waits for its end.
    ///
    /// # Errors
    /// The thread has panicked.
    pub(crate) async fn stop(self) -> Result<()> {
        let Self { batches, thread } = self;
        drop(batches);
        let ended = tokio::task::spawn_blocking(move || thread.join()).await;
        match ended {
            Ok(Ok(())) => Ok(()),
            _ => Err(Error::bug("a reading thread has panicked")),
        }
    }
}
