//! A batch on its way, with what has to happen once it has arrived.

use levada_connector_api::Batch;

use crate::{dead_letters::Ticket, ledger::Receipt, queue::Weight};

/// A batch on its way.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// Rows and positions; what was rejected has been taken out.
    pub(crate) batch: Batch,
    /// Settled when the batch is delivered.
    pub(crate) receipt: Receipt,
    /// The dead letters that must be durable before the batch counts as delivered anywhere.
    pub(crate) letters: Ticket,
    /// What it takes of a queue.
    pub(crate) weight: Weight,
    /// It holds rows whose positions come with a later one: nothing that comes later may be stored before it.
    pub(crate) early: bool,
    /// By which way it came, as the node numbers them that it is at: see [`confluence`](crate::confluence).
    pub(crate) way: usize,
}

impl Parcel {
    /// The same batch for another consumer. Columns are shared, not copied.
    pub(crate) fn share(&self) -> Self {
        Self {
            batch: self.batch.clone(),
            receipt: self.receipt.share(),
            letters: self.letters,
            weight: self.weight,
            early: self.early,
            way: self.way,
        }
    }
}

/// What a batch takes of a queue: its rows, its rejected records, and the memory of both.
pub(crate) fn weigh(batch: &Batch) -> Weight {
    let rejected: usize =
        batch.rejected.iter().map(|each| each.record.bytes().len() + each.error.len()).sum();
    Weight { rows: batch.rows() + batch.rejected.len(), bytes: batch.bytes() + rejected }
}
