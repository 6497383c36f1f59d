//! Compaction.

use levada_model::PathPattern;

use crate::{StorageError, store::Store};

impl Store {
    pub(crate) fn compact(&self, _patterns: &[PathPattern]) -> Result<(), StorageError> {
        Ok(())
    }
}
