//! The bytes that rows came from, kept until the rows are settled.
//!
//! ```text
//!   arena   {"device":"d1",…}{"device":"d2",…}{"dev …      one allocation a batch
//!   entries ├───────────────┤├───────────────┤├──── …      where each record begins and ends
//!   splits  0                0                1            index into the batch's split names
//!   positions 4711           4712             88
//! ```
//!
//! A line of a record of several may be an entry too, within that of the record, with the same origin.
//!
//! What came with a record beside its bytes (a message's key, time and headers) is kept apart, in `Envelopes`.
//!
//! When records are dropped, their builder gets the memory back and uses it again. Otherwise another thread would free it, and each new
//! batch would need fresh pages that the kernel has to clear first.

use std::{
    fmt,
    ops::Range,
    sync::{Arc, Weak},
};

use levada_model::SplitName;

mod envelope;
mod saved;
mod spares;

pub use self::envelope::{Envelope, Headers};

use self::{envelope::Envelopes, spares::Spares};

/// The records of a batch as they came, in one allocation.
#[derive(Default)]
pub struct Records {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    splits: Vec<SplitName>,
    envelopes: Envelopes,
    /// Where the memory goes when they are gone.
    spares: Weak<Spares>,
}

#[derive(Clone, Copy)]
struct Entry {
    start: usize,
    end: usize,
    position: u64,
    split: u32,
    /// The record it is a part of, or its own index.
    whole: u32,
}

/// One record among [`Records`].
#[derive(Clone)]
pub struct RecordRef {
    records: Arc<Records>,
    index: u32,
}

/// Collects [`Records`].
#[derive(Debug, Default)]
pub struct RecordsBuilder {
    records: Records,
    current_split: u32,
    /// The index of the last record that is no part of another.
    last: Option<u32>,
    spares: Arc<Spares>,
}

impl Records {
    /// How many records.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of memory held.
    pub fn bytes(&self) -> usize {
        self.arena.capacity() + self.entries.capacity() * size_of::<Entry>() + self.envelopes.held()
    }

    /// A record's bytes; empty where there is no such record.
    pub fn get(&self, index: u32) -> &[u8] {
        let entry = self.entries.get(index as usize);
        entry.and_then(|entry| self.arena.get(entry.start..entry.end)).unwrap_or_default()
    }

    /// Where a record came from.
    pub fn origin(&self, index: u32) -> Option<(&SplitName, u64)> {
        let entry = self.entries.get(index as usize)?;
        Some((self.splits.get(entry.split as usize)?, entry.position))
    }
}

impl Records {
    /// The memory, with nothing in it.
    fn emptied(&mut self) -> Self {
        self.spares = Weak::new();
        let mut emptied = std::mem::take(self);
        emptied.arena.clear();
        emptied.entries.clear();
        emptied.splits.clear();
        emptied.envelopes.clear();
        emptied
    }

    /// What came with a record beside its bytes, where anything did.
    pub fn envelope(&self, index: u32) -> Option<Envelope<'_>> {
        self.envelopes.get(self.entries.get(index as usize)?.whole)
    }

    /// Where a part begins within its record; 0 for a record that is no part of another.
    fn offset(&self, index: u32) -> usize {
        let Some(entry) = self.entries.get(index as usize) else { return 0 };
        let whole = self.entries.get(entry.whole as usize);
        whole.map_or(0, |whole| entry.start - whole.start)
    }
}

impl Drop for Records {
    fn drop(&mut self) {
        if let Some(spares) = self.spares.upgrade() {
            spares.give(self.emptied());
        }
    }
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").field("len", &self.len()).field("bytes", &self.arena.len()).finish()
    }
}

impl RecordRef {
    /// The record at an index.
    pub fn new(records: Arc<Records>, index: u32) -> Self {
        Self { records, index }
    }

    /// Its bytes as they came.
    pub fn bytes(&self) -> &[u8] {
        self.records.get(self.index)
    }

    /// The split it came from and its position there.
    pub fn origin(&self) -> Option<(&SplitName, u64)> {
        self.records.origin(self.index)
    }

    /// Where it begins in the record that it is a part of, in bytes; 0 where it is a whole one.
    pub fn offset(&self) -> usize {
        self.records.offset(self.index)
    }

    /// What came with it beside its bytes, where anything did.
    pub fn envelope(&self) -> Option<Envelope<'_>> {
        self.records.envelope(self.index)
    }
}

impl fmt::Debug for RecordRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordRef").field("origin", &self.origin()).finish()
    }
}

impl RecordsBuilder {
    /// Room for that many records of that many bytes in all.
    pub fn with_capacity(records: usize, bytes: usize) -> Self {
        let mut builder = Self::default();
        builder.records.arena.reserve_exact(bytes);
        builder.records.entries.reserve_exact(records);
        builder
    }

    /// An empty builder with room for about as much as this one holds, and for at most that many bytes of records. It takes the
    /// memory of records that are gone, where what this one holds fits well into that.
    #[must_use]
    pub fn successor(&self, most_bytes: usize) -> Self {
        let spares = Arc::clone(&self.spares);
        if let Some(records) = self.spares.take(|spare| self.fits(spare, most_bytes)) {
            return Self { records, current_split: 0, last: None, spares };
        }
        let bytes = self.records.arena.len();
        let mut next = Self::with_capacity(self.len(), (bytes + bytes / 8).min(most_bytes));
        next.records.envelopes = self.records.envelopes.successor(most_bytes);
        next.spares = spares;
        next
    }

    /// Whether memory is enough for what this one holds, and not much more than that.
    fn fits(&self, spare: &Records, most_bytes: usize) -> bool {
        let used = self.bytes() + self.len() * size_of::<Entry>();
        spare.arena.capacity() >= self.records.arena.len()
            && spare.arena.capacity() <= most_bytes
            && spare.bytes() <= 2 * used
    }

    /// Records pushed from now on come from this split.
    pub fn split(&mut self, split: &SplitName) {
        let known = self.records.splits.iter().position(|each| each == split);
        let index = known.unwrap_or_else(|| {
            self.records.splits.push(split.clone());
            self.records.splits.len() - 1
        });
        self.current_split = u32::try_from(index).unwrap_or(u32::MAX);
    }

    /// Adds a record and gives its index.
    pub fn push(&mut self, bytes: &[u8], position: u64) -> u32 {
        let index = self.next_index();
        let start = self.records.arena.len();
        self.records.arena.extend_from_slice(bytes);
        let end = self.records.arena.len();
        self.records.entries.push(Entry { start, end, position, split: self.current_split, whole: index });
        self.last = Some(index);
        index
    }

    /// Adds a part of the last record, these of its bytes, and gives its index; that of the record where it has no such bytes, and
    /// `None` where there is no record.
    pub fn part(&mut self, bytes: Range<usize>) -> Option<u32> {
        let last = self.last?;
        let whole = *self.records.entries.get(last as usize)?;
        let (start, end) = (whole.start + bytes.start, whole.start + bytes.end);
        if start > end || end > whole.end {
            return Some(last);
        }
        let index = self.next_index();
        self.records.entries.push(Entry { start, end, ..whole });
        Some(index)
    }

    fn next_index(&self) -> u32 {
        u32::try_from(self.records.entries.len()).unwrap_or(u32::MAX)
    }

    /// What came with the last record: its key, its time in milliseconds, and whether it has a value at all.
    pub fn envelope(&mut self, key: Option<&[u8]>, time: Option<i64>, has_value: bool) {
        if let Some(last) = self.last {
            self.records.envelopes.push(last, key, time, has_value);
        }
    }

    /// Another header of the last envelope.
    pub fn header(&mut self, name: &str, value: Option<&[u8]>) {
        self.records.envelopes.header(name, value);
    }

    /// Removes the last record, with its parts and what came with it.
    pub fn take_back(&mut self) {
        let Some(last) = self.last else { return };
        let records = &mut self.records;
        if let Some(whole) = records.entries.get(last as usize) {
            records.arena.truncate(whole.start);
        }
        records.entries.truncate(last as usize);
        records.envelopes.take_back(last);
        self.last = records.entries.last().map(|before| before.whole);
    }

    /// How many records so far.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none so far.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The bytes of the records so far, and of what came with them.
    pub fn bytes(&self) -> usize {
        self.records.arena.len() + self.records.envelopes.bytes()
    }

    /// The records, complete.
    pub fn finish(mut self) -> Arc<Records> {
        self.records.spares = Arc::downgrade(&self.spares);
        Arc::new(self.records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_keep_bytes_and_origin() {
        let mut builder = RecordsBuilder::default();
        builder.split(&"t/0".into());
        builder.push(b"one", 7);
        builder.split(&"t/1".into());
        builder.push(b"", 1);
        builder.split(&"t/0".into());
        builder.push(b"three", 8);
        let records = builder.finish();
        assert_eq!(
            [records.get(0), records.get(1), records.get(2), records.get(3)],
            [b"one".as_slice(), b"", b"three", b""]
        );
        assert_eq!(records.origin(2), Some((&"t/0".into(), 8)));
        assert_eq!(records.origin(3), None);
    }

    #[test]
    fn records_that_are_saved_come_back_with_all_that_came_with_them() {
        let mut builder = RecordsBuilder::default();
        builder.split(&"t/0".into());
        builder.push(b"not wanted", 6);
        builder.push(b"one\ntwo", 7);
        builder.envelope(Some(b"key"), Some(5), true);
        builder.header("a", Some(b"1"));
        builder.header("b", None);
        let part = builder.part(4..7).expect("a record");
        builder.split(&"t/1".into());
        let last = builder.push(b"", 1);
        builder.envelope(None, None, false);
        let records = builder.finish();
        let mut bytes = Vec::new();
        let all = records.save(&[part, last], &mut bytes);
        assert_eq!(all, [1, 2, 3], "the record that it is a part of is there, too");
        let restored = Records::restored(&bytes).expect("whole");
        assert_eq!(restored.len(), 3);
        for (index, &before) in (0..).zip(&all) {
            let is = RecordRef::new(Arc::clone(&restored), index);
            let was = RecordRef::new(Arc::clone(&records), before);
            assert_eq!((is.bytes(), is.origin(), is.offset()), (was.bytes(), was.origin(), was.offset()));
            let envelope = |of: &RecordRef| {
                of.envelope().map(|it| {
                    let headers =
                        it.headers().map(|(name, value)| (name.to_owned(), value.map(<[u8]>::to_vec)));
                    (it.key.map(<[u8]>::to_vec), it.time, it.has_value, headers.collect::<Vec<_>>())
                })
            };
            assert_eq!(envelope(&is), envelope(&was));
        }
        for cut in 0..bytes.len() {
            assert!(Records::restored(&bytes[..cut]).is_none(), "cut at {cut}");
        }
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 0xff;
            if let Some(other) = Records::restored(&other) {
                // Whatever they are, they can be looked at.
                let bytes: usize = (0..4).map(|index| other.get(index).len()).sum();
                let envelopes = (0..4).filter(|&index| other.envelope(index).is_some()).count();
                assert!(bytes <= 4 * other.bytes() && envelopes <= 4);
            }
        }
    }

    #[test]
    fn a_part_has_the_origin_and_the_envelope_of_its_record() {
        let mut builder = RecordsBuilder::default();
        assert_eq!(builder.part(0..0), None);
        builder.split(&"t/0".into());
        builder.push(b"one\ntwo", 7);
        builder.envelope(Some(b"key"), Some(5), true);
        let part = builder.part(4..7);
        assert_eq!((part, builder.part(4..8)), (Some(1), Some(0)), "it has no such bytes");
        builder.push(b"three", 8);
        let records = builder.finish();
        let part = RecordRef::new(Arc::clone(&records), 1);
        assert_eq!((part.bytes(), part.offset()), (b"two".as_slice(), 4));
        assert_eq!(part.origin(), Some((&"t/0".into(), 7)));
        assert_eq!(part.envelope().and_then(|envelope| envelope.key), Some(b"key".as_slice()));
        assert_eq!((records.get(0), records.get(2)), (b"one\ntwo".as_slice(), b"three".as_slice()));
        assert_eq!(RecordRef::new(records, 2).offset(), 0);
    }

    /// Pushes `records` records of one split, each of `bytes` bytes.
    fn fill(builder: &mut RecordsBuilder, records: usize, bytes: usize) {
        builder.split(&"t/0".into());
        for position in 0..records {
            builder.push(&vec![b'x'; bytes], position as u64);
        }
    }

    #[test]
    fn records_that_are_gone_leave_their_memory_to_others_of_their_builder() {
        let mut builder = RecordsBuilder::default();
        fill(&mut builder, 100, 100);
        builder.envelope(Some(b"key"), None, true);
        let mut next = builder.successor(1 << 20);
        let (first, memory) = (builder.finish(), next.records.arena.as_ptr());
        let place = first.get(0).as_ptr();
        assert_ne!(place, memory, "the first are still there");
        drop(first);
        fill(&mut next, 100, 100);
        let mut third = next.successor(1 << 20);
        third.split(&"t/1".into());
        third.push(b"other", 7);
        let third = third.finish();
        assert_eq!((third.get(0), third.get(0).as_ptr()), (b"other".as_slice(), place));
        assert_eq!(third.origin(0), Some((&"t/1".into(), 7)));
        assert!(third.envelope(0).is_none() && third.get(1).is_empty());
    }

    #[test]
    fn memory_that_is_too_large_or_too_small_for_what_comes_is_let_go() {
        for (before, now) in [(100, 10), (10, 100)] {
            let mut builder = RecordsBuilder::default();
            fill(&mut builder, before, 100);
            let mut next = builder.successor(1 << 20);
            drop(builder.finish());
            fill(&mut next, now, 100);
            let third = next.successor(1 << 20);
            let room = third.records.arena.capacity();
            assert!((now * 100..now * 200).contains(&room), "{room} bytes for {now} records");
        }
    }

    #[test]
    fn memory_beyond_the_bound_is_not_kept() {
        let mut builder = RecordsBuilder::default();
        fill(&mut builder, 100, 100);
        let mut next = builder.successor(5_000);
        drop(builder.finish());
        fill(&mut next, 100, 100);
        assert_eq!(next.successor(5_000).records.arena.capacity(), 5_000);
    }
}
