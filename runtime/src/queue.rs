//! Bounded queues between tasks: bounded by rows and by bytes, never by a number of batches.
//!
//! ```text
//!   task A ── edge: 100 000 rows, 32 MiB ──┐
//!                                          ├──▶ one receiver, in order of arrival
//!   task B ── edge: its own budget ────────┘
//! ```
//!
//! Every edge has a budget of its own, so that one input that is ahead does not starve another. What weighs more than the
//! whole budget passes when the edge is empty. Room is given back when the item is received: whoever receives bounds
//! what it holds itself.

use std::sync::Arc;

use levada_config::QueueLimits;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, mpsc};

/// Bytes are counted in blocks of this size, since a semaphore counts to 2^32.
const BLOCK: usize = 1024;

/// What an item takes of an edge's budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weight {
    /// Rows and rejected records.
    pub(crate) rows: usize,
    /// Bytes of memory held.
    pub(crate) bytes: usize,
}

/// The receiver is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// Makes the edges that lead to one receiver. The receiver ends when this and all edges are gone.
#[derive(Debug)]
pub(crate) struct Inlet<T>(mpsc::UnboundedSender<Queued<T>>);

/// The one end where items come out.
#[derive(Debug)]
pub(crate) struct Receiver<T>(mpsc::UnboundedReceiver<Queued<T>>);

/// An edge: one task sends, and waits while its budget is used up.
#[derive(Debug)]
pub(crate) struct Sender<T> {
    budget: Budget,
    items: mpsc::UnboundedSender<Queued<T>>,
}

/// Room for one item on an edge.
#[derive(Debug)]
pub(crate) struct Room<'a, T> {
    items: &'a mpsc::UnboundedSender<Queued<T>>,
    held: Held,
}

/// How full an edge is.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    rows: Arc<Semaphore>,
    blocks: Arc<Semaphore>,
    rows_in_all: usize,
    blocks_in_all: usize,
}

#[derive(Debug)]
struct Queued<T> {
    item: T,
    held: Held,
}

/// Given back when dropped.
#[derive(Debug)]
struct Held {
    _rows: OwnedSemaphorePermit,
    _blocks: OwnedSemaphorePermit,
}

/// A receiver, and what makes edges to it.
pub(crate) fn queue<T>() -> (Inlet<T>, Receiver<T>) {
    #[expect(clippy::disallowed_methods, reason = "nothing is sent that holds no permits")]
    let (sender, receiver) = mpsc::unbounded_channel();
    (Inlet(sender), Receiver(receiver))
}

impl<T> Inlet<T> {
    /// A new edge with a budget of its own.
    pub(crate) fn edge(&self, limits: QueueLimits) -> Sender<T> {
        Sender { budget: Budget::new(limits), items: self.0.clone() }
    }
}

impl<T> Sender<T> {
    /// Waits for room. Cancel safe; one task waits at a time.
    pub(crate) async fn reserve(&self, weight: Weight) -> Result<Room<'_, T>, Closed> {
        tokio::select! {
            biased;
            () = self.items.closed() => Err(Closed),
            held = self.budget.hold(weight) => Ok(Room { items: &self.items, held: held.map_err(|_| Closed)? }),
        }
    }

    /// How full this edge is.
    pub(crate) fn budget(&self) -> Budget {
        self.budget.clone()
    }
}

impl<T> Room<'_, T> {
    /// Puts the item there. Where the receiver has gone meanwhile the item is dropped, as all that waits for it is.
    pub(crate) fn put(self, item: T) {
        drop(self.items.send(Queued { item, held: self.held }));
    }
}

impl<T> Receiver<T> {
    /// The next item, `None` once every edge is gone and all is received. Cancel safe.
    pub(crate) async fn recv(&mut self) -> Option<T> {
        let Queued { item, held } = self.0.recv().await?;
        drop(held);
        Some(item)
    }
}

impl Budget {
    fn new(limits: QueueLimits) -> Self {
        let most = Semaphore::MAX_PERMITS.min(u32::MAX as usize);
        let rows = limits.rows.clamp(1, most);
        let blocks = usize::try_from(limits.bytes.0).unwrap_or(most).div_ceil(BLOCK).clamp(1, most);
        Self {
            rows: Arc::new(Semaphore::new(rows)),
            blocks: Arc::new(Semaphore::new(blocks)),
            rows_in_all: rows,
            blocks_in_all: blocks,
        }
    }

    async fn hold(&self, weight: Weight) -> Result<Held, AcquireError> {
        let rows = weight.rows.clamp(1, self.rows_in_all) as u32;
        let blocks = weight.bytes.div_ceil(BLOCK).clamp(1, self.blocks_in_all) as u32;
        Ok(Held {
            _rows: Arc::clone(&self.rows).acquire_many_owned(rows).await?,
            _blocks: Arc::clone(&self.blocks).acquire_many_owned(blocks).await?,
        })
    }

    /// What waits, to the precision of a block.
    pub(crate) fn used(&self) -> Weight {
        Weight {
            rows: self.rows_in_all.saturating_sub(self.rows.available_permits()),
            bytes: self.blocks_in_all.saturating_sub(self.blocks.available_permits()) * BLOCK,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use levada_connector_api::ByteSize;

    use super::*;

    const LIMITS: QueueLimits = QueueLimits { rows: 10, bytes: ByteSize(8 * 1024) };

    fn rows(rows: usize) -> Weight {
        Weight { rows, bytes: 1 }
    }

    #[tokio::test]
    async fn a_full_edge_waits_and_another_does_not() {
        let (inlet, mut receiver) = queue();
        let (full, other) = (inlet.edge(LIMITS), inlet.edge(LIMITS));
        full.reserve(rows(8)).await.expect("open").put(1);
        assert!(full.reserve(rows(3)).now_or_never().is_none());
        other.reserve(rows(3)).await.expect("open").put(2);
        assert_eq!(full.budget().used(), Weight { rows: 8, bytes: 1024 });
        assert_eq!((receiver.recv().await, receiver.recv().await), (Some(1), Some(2)));
        full.reserve(rows(3)).await.expect("room again").put(3);
        assert_eq!(receiver.recv().await, Some(3));
    }

    #[tokio::test]
    async fn bytes_bound_as_rows_do() {
        let (inlet, mut receiver) = queue();
        let edge = inlet.edge(LIMITS);
        edge.reserve(Weight { rows: 1, bytes: 7 * 1024 }).await.expect("open").put(());
        assert!(edge.reserve(Weight { rows: 1, bytes: 1025 }).now_or_never().is_none());
        assert_eq!(edge.budget().used().rows, 1, "a wait that was called off holds nothing");
        receiver.recv().await;
        edge.reserve(Weight { rows: 1, bytes: 1025 }).await.expect("room again").put(());
    }

    #[tokio::test]
    async fn what_weighs_more_than_the_budget_passes_alone() {
        let (inlet, mut receiver) = queue();
        let edge = inlet.edge(LIMITS);
        edge.reserve(Weight { rows: 1_000, bytes: 1 << 30 }).await.expect("open").put(());
        assert!(edge.reserve(rows(1)).now_or_never().is_none());
        receiver.recv().await;
        assert_eq!(edge.budget().used(), Weight::default());
    }

    #[tokio::test]
    async fn a_receiver_that_goes_frees_who_waits() {
        let (inlet, receiver) = queue();
        let edge = inlet.edge(LIMITS);
        edge.reserve(rows(10)).await.expect("open").put(());
        let waiting = edge.reserve(rows(1));
        drop(receiver);
        assert_eq!(waiting.await.err(), Some(Closed));
    }

    #[tokio::test]
    async fn the_receiver_ends_after_the_last_item_of_the_last_edge() {
        let (inlet, mut receiver) = queue();
        let edge = inlet.edge(LIMITS);
        drop(inlet);
        edge.reserve(rows(1)).await.expect("open").put(7);
        drop(edge);
        assert_eq!((receiver.recv().await, receiver.recv().await), (Some(7), None));
    }
}
