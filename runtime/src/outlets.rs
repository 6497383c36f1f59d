//! Where a task's batches go: to every node that has it as an input.

use std::collections::VecDeque;

use levada_connector_api::Readings;

use crate::{
    parcel::{Parcel, weigh},
    queue::{Closed, Sender},
};

/// The edges that lead out of a node. A batch goes to each of them in turn; the slowest sets the pace, since memory is
/// bounded.
#[derive(Debug)]
pub(crate) struct Outlets {
    edges: Vec<Outlet>,
    /// What was loaded, for the edges from `edges.len() - loaded.len()` on.
    loaded: VecDeque<Parcel>,
}

/// An edge that leads out of a node.
#[derive(Debug)]
pub(crate) struct Outlet {
    /// Which of the node's outputs it takes; 0 is the node itself.
    pub(crate) outputs: Vec<usize>,
    pub(crate) edge: Sender<Parcel>,
    /// The number that this node's first way has at the other end.
    pub(crate) first_way: usize,
}

impl Outlets {
    /// The edges of a node.
    pub(crate) fn new(edges: Vec<Outlet>) -> Self {
        Self { edges, loaded: VecDeque::new() }
    }

    /// Takes a parcel; the one before it must have been sent.
    pub(crate) fn load(&mut self, parcel: Parcel) {
        self.load_all(parcel, &[]);
    }

    /// Takes a parcel of output 0, and rows of the outputs from 1 on; the ones before must have been sent. Every edge gets the
    /// positions, also where none of the rows are its.
    pub(crate) fn load_all(&mut self, parcel: Parcel, others: &[Vec<Readings>]) {
        debug_assert!(self.loaded.is_empty(), "one parcel at a time");
        let Some((last, before)) = self.edges.split_last() else { return };
        for edge in before {
            self.loaded.push_back(edge.parcel(parcel.share(), others));
        }
        self.loaded.push_back(last.parcel(parcel, others));
    }

    /// Whether anybody reads an output.
    pub(crate) fn reads(&self, output: usize) -> bool {
        self.edges.iter().any(|edge| edge.outputs.contains(&output))
    }

    /// Whether a parcel waits to be sent.
    pub(crate) fn is_loaded(&self) -> bool {
        !self.loaded.is_empty()
    }

    /// Sends what is loaded to every edge. Cancel safe: called again, it goes on where it was.
    ///
    /// # Errors
    /// A consumer is gone: the pipeline is ending.
    pub(crate) async fn flush(&mut self) -> Result<(), Closed> {
        while let Some(parcel) = self.loaded.front() {
            let next = self.edges.len() - self.loaded.len();
            let Some(Outlet { edge, .. }) = self.edges.get(next) else { return Err(Closed) };
            let room = edge.reserve(parcel.weight).await?;
            if let Some(parcel) = self.loaded.pop_front() {
                room.put(parcel);
            }
        }
        Ok(())
    }
}

impl Outlet {
    /// What this edge gets: the rows of its outputs.
    fn parcel(&self, mut parcel: Parcel, others: &[Vec<Readings>]) -> Parcel {
        parcel.way += self.first_way;
        if self.outputs == [0] {
            return parcel;
        }
        let Parcel { mut batch, receipt, letters, early, way, .. } = parcel;
        let mut own = std::mem::take(&mut batch.readings);
        for &output in &self.outputs {
            match output.checked_sub(1) {
                None => batch.readings.append(&mut own),
                Some(other) => batch.readings.extend(others.get(other).into_iter().flatten().cloned()),
            }
        }
        let weight = weigh(&batch);
        Parcel { batch, receipt, letters, weight, early, way }
    }
}

#[cfg(test)]
mod tests {
    use levada_config::QueueLimits;
    use levada_testkit::{numbered, rows_of};

    use super::*;
    use crate::{dead_letters::Ticket, ledger::Ledger, queue::queue};

    #[tokio::test]
    async fn each_edge_gets_the_rows_of_its_outputs_and_all_positions() {
        let (inlet, mut receiver) = queue();
        let outlet = |outputs: &[usize]| Outlet {
            outputs: outputs.to_vec(),
            edge: inlet.edge(QueueLimits::default()),
            first_way: outputs.len(),
        };
        let mut outlets = Outlets::new(vec![outlet(&[0]), outlet(&[2]), outlet(&[1, 0]), outlet(&[1])]);
        let batch = numbered("s", 0..4, 1);
        let ledger = Ledger::new();
        let receipt = ledger.admit(&batch.positions, 4);
        let weight = weigh(&batch);
        let others = vec![numbered("s", 4..6, 1).readings, Vec::new()];
        let positions = batch.positions.clone();
        let letters = Ticket::default();
        outlets.load_all(Parcel { batch, receipt, letters, weight, early: false, way: 1 }, &others);
        outlets.flush().await.expect("open");
        let mut ways = Vec::new();
        for numbers in [vec![0, 1, 2, 3], vec![], vec![4, 5, 0, 1, 2, 3], vec![4, 5]] {
            let parcel: Parcel = receiver.recv().await.expect("sent");
            let rows: Vec<_> = rows_of(&parcel.batch).iter().map(|row| row.time).collect();
            assert_eq!((rows, &parcel.batch.positions), (numbers.clone(), &positions));
            assert_eq!(parcel.weight.rows, numbers.len());
            ways.push(parcel.way);
            assert_eq!(ledger.outstanding().batches, 1);
            parcel.receipt.settle();
        }
        assert_eq!((ledger.outstanding().batches, ways), (0, vec![2, 2, 3, 2]));
        assert!(outlets.reads(2) && !outlets.reads(3));
    }
}
