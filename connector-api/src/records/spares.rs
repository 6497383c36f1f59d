//! Memory of records that are gone, for those that come.

use std::fmt;

use parking_lot::Mutex;

use super::Records;

/// How many are kept: a sink is through with several batches at once.
const MOST: usize = 4;

/// Memory to be used again, of the records of one builder after the other.
#[derive(Default)]
pub(super) struct Spares(Mutex<Vec<Records>>);

impl Spares {
    /// Keeps memory, unless there is enough.
    pub(super) fn give(&self, spare: Records) {
        let mut spares = self.0.lock();
        if spares.len() < MOST {
            spares.push(spare);
        }
    }

    /// Memory that fits; what does not is let go, as it would not fit what comes then.
    pub(super) fn take(&self, fits: impl Fn(&Records) -> bool) -> Option<Records> {
        let mut spares = self.0.lock();
        while let Some(spare) = spares.pop() {
            if fits(&spare) {
                return Some(spare);
            }
        }
        None
    }
}

impl fmt::Debug for Spares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spares").finish_non_exhaustive()
    }
}
