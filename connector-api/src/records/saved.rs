//! Records as bytes, for rows that are kept through a restart.
//!
//! ```text
//!   splits     count, then each as a text
//!   records    count, then each: index of its record │ position │ split │ its bytes, or of a part where it lies in its record
//!   envelopes  count, then each: index │ what there is │ time │ length of the key │ key and headers as they are held
//! ```
//!
//! A number takes eight bytes, little-endian. The length of a text or of bytes comes before them.

use std::sync::Arc;

use levada_model::SplitName;

use super::{
    Entry, Records,
    envelope::{self, Envelopes},
};

impl Records {
    /// Appends some of the records, and those that they are parts of. Gives the indexes of all of these, ascending: the place of
    /// one among them is its index in what [`Records::restored`] gives.
    pub fn save(&self, which: &[u32], out: &mut Vec<u8>) -> Vec<u32> {
        let entry = |index: u32| self.entries.get(index as usize);
        let mut all: Vec<u32> = Vec::with_capacity(which.len());
        for (&index, entry) in which.iter().filter_map(|index| Some((index, entry(*index)?))) {
            all.push(index);
            if entry.whole != index {
                all.push(entry.whole);
            }
        }
        all.sort_unstable();
        all.dedup();
        put(out, self.splits.len());
        for split in &self.splits {
            put_bytes(out, split.as_str().as_bytes());
        }
        put(out, all.len());
        for &index in &all {
            let Some(Entry { start, end, position, split, whole }) = entry(index) else { continue };
            put(out, all.binary_search(whole).unwrap_or_default());
            out.extend_from_slice(&position.to_le_bytes());
            put(out, *split as usize);
            if *whole == index {
                put_bytes(out, self.get(index));
            } else {
                let offset = self.offset(index);
                put(out, offset);
                put(out, offset + end - start);
            }
        }
        self.envelopes.save(&all, out);
        all
    }

    /// What [`Records::save`] appended; `None` where it is no such thing.
    pub fn restored(mut bytes: &[u8]) -> Option<Arc<Self>> {
        let bytes = &mut bytes;
        let mut records = Self::default();
        for _ in 0..count(bytes)? {
            records.splits.push(SplitName::new(std::str::from_utf8(take_bytes(bytes)?).ok()?));
        }
        for index in 0..count(bytes)? {
            let entry = records.restored_entry(index, bytes)?;
            records.entries.push(entry);
        }
        records.envelopes = Envelopes::restored(bytes)?;
        bytes.is_empty().then(|| Arc::new(records))
    }

    fn restored_entry(&mut self, index: usize, bytes: &mut &[u8]) -> Option<Entry> {
        let whole = u32::try_from(take(bytes)?).ok()?;
        let position = take(bytes)?;
        let split = u32::try_from(take(bytes)?).ok()?;
        let (start, end) = if whole as usize == index {
            let start = self.arena.len();
            self.arena.extend_from_slice(take_bytes(bytes)?);
            (start, self.arena.len())
        } else {
            let of = self.entries.get(whole as usize)?;
            let (from, to) = (take_size(bytes)?, take_size(bytes)?);
            (of.start.checked_add(from)?, of.start.checked_add(to).filter(|&end| end <= of.end)?)
        };
        (start <= end).then_some(Entry { start, end, position, split, whole })
    }
}

impl Envelopes {
    fn save(&self, records: &[u32], out: &mut Vec<u8>) {
        let parts = |record: &u32| self.parts(*record);
        put(out, records.iter().filter_map(parts).count());
        for (index, (entry, held)) in
            records.iter().enumerate().filter_map(|(at, record)| Some((at, parts(record)?)))
        {
            put(out, index);
            let has = |bit: u8, is: bool| if is { bit } else { 0 };
            out.push(has(1, entry.key.is_some()) | has(2, entry.time.is_some()) | has(4, entry.has_value));
            out.extend_from_slice(&entry.time.unwrap_or_default().to_le_bytes());
            put(out, entry.key.unwrap_or_default() as usize);
            put_bytes(out, held);
        }
    }

    fn restored(bytes: &mut &[u8]) -> Option<Self> {
        let mut envelopes = Self::default();
        for _ in 0..count(bytes)? {
            let record = u32::try_from(take(bytes)?).ok()?;
            let (&has, rest) = bytes.split_first()?;
            *bytes = rest;
            let time = take(bytes)?.cast_signed();
            let key = u32::try_from(take(bytes)?).ok()?;
            let held = take_bytes(bytes)?;
            let entry = envelope::Entry {
                record,
                start: 0,
                key: (has & 1 != 0).then_some(key),
                time: (has & 2 != 0).then_some(time),
                has_value: has & 4 != 0,
            };
            envelopes.push_held(entry, held);
        }
        Some(envelopes)
    }
}

fn put(out: &mut Vec<u8>, number: usize) {
    out.extend_from_slice(&(number as u64).to_le_bytes());
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*number))
}

fn take_size(bytes: &mut &[u8]) -> Option<usize> {
    usize::try_from(take(bytes)?).ok()
}

/// How many things follow, each of a byte at least.
fn count(bytes: &mut &[u8]) -> Option<usize> {
    take_size(bytes).filter(|&count| count <= bytes.len())
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = count(bytes)?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}
