//! Rows that a transform cannot handle.

use std::{collections::HashSet, sync::Arc};

use levada_connector_api::{Error, RecordRef, RejectedRecord, Result};

use super::rows::Origins;

/// The records of a batch that a transform rejects, each once.
#[derive(Debug, Default)]
pub(super) struct Rejection {
    rejected: Vec<RejectedRecord>,
    known: HashSet<(usize, u32)>,
}

impl Rejection {
    /// Rejects the records of some rows of a tablet.
    ///
    /// # Errors
    /// They came from no record.
    pub(super) fn rows(
        &mut self,
        origins: &Origins,
        rows: impl IntoIterator<Item = usize>,
        reason: &str,
    ) -> Result<()> {
        let Some((records, indexes)) = origins else { return Err(Error::data(reason)) };
        let identity = Arc::as_ptr(records) as usize;
        for &index in rows.into_iter().filter_map(|row| indexes.get(row)) {
            if self.known.insert((identity, index)) {
                let record = RecordRef::new(Arc::clone(records), index);
                self.rejected.push(RejectedRecord { record, error: reason.to_owned() });
            }
        }
        Ok(())
    }

    /// What was rejected, in the order in which it was.
    pub(super) fn into_rejected(self) -> Vec<RejectedRecord> {
        self.rejected
    }
}
