//! What happens to readings on the way.

use crate::{Batch, Result};

/// Changes batches on their way. Called from one task, batch by batch, in order.
pub trait Transform: Send {
    /// The batch with its rows changed. Positions and rejected records are kept as they are; a row that is dropped
    /// counts as settled, a record that cannot be handled goes to [`Batch::rejected`].
    ///
    /// # Errors
    /// The transform itself cannot go on; bad rows are no error.
    fn apply(&mut self, batch: Batch) -> Result<Batch>;
}
