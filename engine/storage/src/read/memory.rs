//! A memtable as a source.

use std::sync::Arc;

use levada_model::Path;

use super::Source;
use crate::{
    Direction, StorageError, TimeRange,
    block::Block,
    memtable::{Memtable, Named, Resolved, resolve},
    tombstone::Hidden,
};

/// A device's rows of one memtable; sorted when they are first asked for.
pub(super) struct MemorySource {
    memtable: Arc<Memtable>,
    device: Path,
    wanted: Vec<Named>,
    range: TimeRange,
    seq: u64,
    hidden: Vec<Vec<Hidden>>,
    resolved: Option<Resolved>,
    /// Blocks that are still to be given.
    left: std::ops::Range<usize>,
}

impl MemorySource {
    /// The rows that writes up to `seq` brought; `None` where no row can be within the range.
    pub(super) fn new(
        memtable: &Arc<Memtable>,
        device: &Path,
        wanted: Vec<Named>,
        range: TimeRange,
        seq: u64,
        hidden: Vec<Vec<Hidden>>,
    ) -> Option<Self> {
        let covered = memtable.range_of(device, &wanted)?.intersect(range);
        (!covered.is_empty()).then(|| Self {
            memtable: Arc::clone(memtable),
            device: device.clone(),
            wanted,
            range: covered,
            seq,
            hidden,
            resolved: None,
            left: 0..0,
        })
    }
}

impl Source for MemorySource {
    fn range(&self) -> Option<TimeRange> {
        match &self.resolved {
            None => Some(self.range),
            Some(_) if self.left.is_empty() => None,
            Some(resolved) => {
                let first = resolved.block_range(self.left.start);
                let last = resolved.block_range(self.left.end - 1);
                Some(TimeRange { start: first.start, end: last.end })
            }
        }
    }

    fn next(&mut self, direction: Direction) -> Result<Option<Block>, StorageError> {
        let resolved = match &self.resolved {
            Some(resolved) => resolved,
            None => {
                let rows = self.memtable.rows(&self.device, &self.wanted);
                let resolved = match rows {
                    Some(rows) => resolve(&rows, &self.wanted, self.range, self.seq, &self.hidden),
                    None => Resolved::AsTheyCame(Vec::new()),
                };
                self.left = 0..resolved.blocks();
                self.resolved.insert(resolved)
            }
        };
        let index = match direction {
            Direction::Ascending => self.left.next(),
            Direction::Descending => self.left.next_back(),
        };
        Ok(index.map(|index| resolved.block(index)))
    }
}
