//! One step from a state of the folder to the next.

use std::sync::Arc;

use crate::{
    catalog_op::CatalogOp,
    codec::{Malformed, Put, Take},
    frame::END,
    place::Place,
    positions::Positions,
    sealed::FileMeta,
    tombstone::Tombstones,
};

/// What changed, all at once.
#[derive(Debug, Default)]
pub(crate) struct Commit {
    /// Changes of the catalog, with the numbers of their writes.
    pub(crate) ops: Vec<(u64, CatalogOp)>,
    /// The catalog is that after this write.
    pub(crate) seq: u64,
    /// The log up to here is not needed.
    pub(crate) floor: u64,
    pub(crate) added: Vec<FileMeta>,
    pub(crate) removed: Vec<u64>,
    /// Places whose rows up to a write are in files since this commit, where that is beyond the floor; in a snapshot all of them.
    pub(crate) flushed: Vec<(Place, u64)>,
    /// Number of the next file.
    pub(crate) next_file: u64,
    /// All positions that are safe, as [`Positions::put`] puts them.
    pub(crate) positions: Vec<u8>,
    /// All deletions.
    pub(crate) tombstones: Tombstones,
    /// The readers of changes for whom the log is kept, each with the write behind which it reads on.
    pub(crate) readers: Vec<(Arc<str>, u64)>,
    /// What went with writes up to this is not told by the deletions.
    pub(crate) forgotten: u64,
}

impl Commit {
    pub(super) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.put_len(self.ops.len());
        for (seq, op) in &self.ops {
            bytes.put_u64(*seq);
            op.put(bytes);
        }
        bytes.put_u64(self.seq);
        bytes.put_u64(self.floor);
        bytes.put_len(self.added.len());
        self.added.iter().for_each(|meta| meta.put(bytes));
        bytes.put_len(self.removed.len());
        self.removed.iter().for_each(|id| bytes.put_u64(*id));
        bytes.put_len(self.flushed.len());
        for (place, seq) in &self.flushed {
            bytes.put_u32(place.database);
            bytes.put_i64(place.partition);
            bytes.put_u64(*seq);
        }
        bytes.put_u64(self.next_file);
        bytes.extend_from_slice(&self.positions);
        self.tombstones.put(bytes);
        bytes.put_len(self.readers.len());
        for (name, after) in &self.readers {
            bytes.put_str(name);
            bytes.put_u64(*after);
        }
        bytes.put_u64(self.forgotten);
        bytes.extend_from_slice(&END);
    }

    /// A commit as [`Commit::put`] put it, or as older versions did.
    pub(super) fn take(from: &mut Take<'_>, is_old: bool) -> Result<(Self, Positions), Malformed> {
        let ops = (0..from.count(9)?)
            .map(|_| Ok((from.u64()?, CatalogOp::parse(from)?)))
            .collect::<Result<_, Malformed>>()?;
        let (seq, floor) = (from.u64()?, from.u64()?);
        let added = (0..from.count(50)?).map(|_| FileMeta::take(from, is_old)).collect::<Result<_, _>>()?;
        let removed = (0..from.count(8)?).map(|_| from.u64()).collect::<Result<_, _>>()?;
        let flushed = (0..from.count(20)?)
            .map(|_| Ok((Place { database: from.u32()?, partition: from.i64()? }, from.u64()?)))
            .collect::<Result<_, Malformed>>()?;
        let next_file = from.u64()?;
        let positions = Positions::take(from)?;
        let tombstones = Tombstones::take(from)?;
        let (readers, forgotten) = if is_old {
            // Nothing is known of what went before.
            (Vec::new(), seq)
        } else {
            let readers = (0..from.count(9)?).map(|_| Ok((from.str()?.into(), from.u64()?)));
            (readers.collect::<Result<_, Malformed>>()?, from.u64()?)
        };
        // Earlier versions wrote no end.
        if !from.is_empty() && from.0 != END {
            return Err(Malformed);
        }
        let commit = Self {
            ops,
            seq,
            floor,
            added,
            removed,
            flushed,
            next_file,
            positions: Vec::new(),
            tombstones,
            readers,
            forgotten,
        };
        Ok((commit, positions))
    }
}
