//! Where a task's batches go: to every node that has it as an input.

use crate::{
    parcel::Parcel,
    queue::{Closed, Sender},
};

/// The edges that lead out of a node. A batch goes to each of them in turn; the slowest sets the pace, since memory is
/// bounded.
#[derive(Debug)]
pub(crate) struct Outlets {
    edges: Vec<Sender<Parcel>>,
    loaded: Option<Parcel>,
    /// The edge that the loaded parcel goes to next.
    next: usize,
}

impl Outlets {
    /// The edges of a node.
    pub(crate) fn new(edges: Vec<Sender<Parcel>>) -> Self {
        Self { edges, loaded: None, next: 0 }
    }

    /// Takes a parcel; the one before it must have been sent.
    pub(crate) fn load(&mut self, parcel: Parcel) {
        debug_assert!(self.loaded.is_none(), "one parcel at a time");
        self.loaded = Some(parcel);
        self.next = 0;
    }

    /// Whether a parcel waits to be sent.
    pub(crate) fn is_loaded(&self) -> bool {
        self.loaded.is_some()
    }

    /// Sends the loaded parcel to every edge. Cancel safe: called again, it goes on where it was.
    ///
    /// # Errors
    /// A consumer is gone: the pipeline is ending.
    pub(crate) async fn flush(&mut self) -> Result<(), Closed> {
        while let Some(parcel) = &self.loaded {
            let Some(edge) = self.edges.get(self.next) else { return Err(Closed) };
            let room = edge.reserve(parcel.weight).await?;
            let last = self.next + 1 == self.edges.len();
            let sent = if last { self.loaded.take() } else { Some(parcel.share()) };
            self.next += 1;
            if let Some(parcel) = sent {
                room.put(parcel);
            }
        }
        Ok(())
    }
}
