//! What the manifest says of a sealed file.

use crate::{
    TimeRange,
    codec::{Malformed, Put, Take},
    place::Place,
};

/// What the manifest says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileMeta {
    /// Never used again.
    pub(crate) id: u64,
    pub(crate) place: Place,
    pub(crate) sequence: bool,
    /// Deletions up to this write are in it, those of a higher number are not yet. No row is of a later write.
    pub(crate) seq: u64,
    /// The first write of which it may hold rows; 0 where that is not known, as in folders of older versions.
    pub(crate) first: u64,
    /// The last write of which it may hold rows.
    pub(crate) last: u64,
    /// The first and last time of its rows. Rows out of it do not count: those before it are in other files already.
    pub(crate) range: TimeRange,
    /// Its size; a share of it where some rows do not count any more.
    pub(crate) bytes: u64,
    /// Values, of which some may not count any more.
    pub(crate) points: u64,
    /// How often its rows were compacted.
    pub(crate) level: u8,
}

impl FileMeta {
    pub(crate) fn put(&self, bytes: &mut Vec<u8>) {
        bytes.put_u64(self.id);
        bytes.put_u32(self.place.database);
        bytes.put_i64(self.place.partition);
        bytes.put_u8(u8::from(self.sequence));
        bytes.put_u64(self.seq);
        bytes.put_i64(self.range.start);
        bytes.put_i64(self.range.end);
        bytes.put_u64(self.bytes);
        bytes.put_u64(self.points);
        bytes.put_u8(self.level);
        bytes.put_u64(self.first);
        bytes.put_u64(self.last);
    }

    /// A description as [`FileMeta::put`] put it, or as older versions did.
    pub(crate) fn take(from: &mut Take<'_>, is_old: bool) -> Result<Self, Malformed> {
        let meta = Self::take_old(from)?;
        if is_old { Ok(meta) } else { Ok(Self { first: from.u64()?, last: from.u64()?, ..meta }) }
    }

    /// A description as older versions put it, that does not say which writes the file has rows of.
    fn take_old(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let (id, place) = (from.u64()?, Place { database: from.u32()?, partition: from.i64()? });
        let (sequence, seq) = (from.flag()?, from.u64()?);
        Ok(Self {
            id,
            place,
            sequence,
            seq,
            first: 0,
            last: seq,
            range: TimeRange { start: from.i64()?, end: from.i64()? },
            bytes: from.u64()?,
            points: from.u64()?,
            level: from.u8()?,
        })
    }
}
