//! What came with records beside their bytes.
//!
//! ```text
//!   arena   key│name│value│name│value  key│…     of all envelopes of a batch, one behind the other
//!   entries ▲ record 0                 ▲ record 3
//! ```

/// The envelopes of a batch's records; a record may have none.
#[derive(Default)]
pub(super) struct Envelopes {
    arena: Vec<u8>,
    /// By the index of their records, ascending.
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
pub(super) struct Entry {
    pub(super) record: u32,
    pub(super) start: usize,
    pub(super) key: Option<u32>,
    /// Milliseconds.
    pub(super) time: Option<i64>,
    pub(super) has_value: bool,
}

/// What came with a record beside its bytes: of a Kafka message, its key, its time and its headers.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The key, where there is one.
    pub key: Option<&'a [u8]>,
    /// The time, in milliseconds, where there is one.
    pub time: Option<i64>,
    /// Whether there is a value, be it empty.
    pub has_value: bool,
    headers: &'a [u8],
}

/// Headers: a name and, unless it is null, a value. Two may have one name.
#[derive(Clone, Debug)]
pub struct Headers<'a>(&'a [u8]);

/// Stands for the length of a value that is null.
const NULL: u32 = u32::MAX;

impl Envelopes {
    pub(super) fn push(&mut self, record: u32, key: Option<&[u8]>, time: Option<i64>, has_value: bool) {
        let start = self.arena.len();
        self.arena.extend_from_slice(key.unwrap_or_default());
        let key = key.map(|key| length(key.len()));
        self.entries.push(Entry { record, start, key, time, has_value });
    }

    pub(super) fn header(&mut self, name: &str, value: Option<&[u8]>) {
        if self.entries.is_empty() {
            return;
        }
        self.arena.extend_from_slice(&length(name.len()).to_le_bytes());
        self.arena.extend_from_slice(name.as_bytes());
        self.arena.extend_from_slice(&value.map_or(NULL, |value| length(value.len())).to_le_bytes());
        self.arena.extend_from_slice(value.unwrap_or_default());
    }

    /// Removes the envelope of the last record, where it has one.
    pub(super) fn take_back(&mut self, record: u32) {
        if let Some(last) = self.entries.pop_if(|last| last.record == record) {
            self.arena.truncate(last.start);
        }
    }

    /// What is known of a record's envelope, and its bytes: the key, then the headers.
    pub(super) fn parts(&self, record: u32) -> Option<(&Entry, &[u8])> {
        let at = self.entries.binary_search_by_key(&record, |entry| entry.record).ok()?;
        let entry = self.entries.get(at)?;
        let end = self.entries.get(at + 1).map_or(self.arena.len(), |next| next.start);
        Some((entry, self.arena.get(entry.start..end)?))
    }

    /// Adds an envelope with its bytes, behind those of smaller indexes.
    pub(super) fn push_held(&mut self, entry: Entry, held: &[u8]) {
        let start = self.arena.len();
        self.arena.extend_from_slice(held);
        self.entries.push(Entry { start, ..entry });
    }

    pub(super) fn get(&self, record: u32) -> Option<Envelope<'_>> {
        let (entry, held) = self.parts(record)?;
        let (key, headers) = held.split_at_checked(entry.key.unwrap_or(0) as usize)?;
        Some(Envelope { key: entry.key.map(|_| key), time: entry.time, has_value: entry.has_value, headers })
    }

    /// Empty ones with room for about as much.
    pub(super) fn successor(&self, most_bytes: usize) -> Self {
        let bytes = self.arena.len();
        Self {
            arena: Vec::with_capacity((bytes + bytes / 8).min(most_bytes)),
            entries: Vec::with_capacity(self.entries.len()),
        }
    }

    /// Forgets all, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.arena.clear();
        self.entries.clear();
    }

    /// Bytes so far.
    pub(super) fn bytes(&self) -> usize {
        self.arena.len() + self.entries.len() * size_of::<Entry>()
    }

    /// Bytes of memory held.
    pub(super) fn held(&self) -> usize {
        self.arena.capacity() + self.entries.capacity() * size_of::<Entry>()
    }
}

/// Messages are smaller than 4 GiB, and so is what is in them.
fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(NULL - 1)
}

impl<'a> Envelope<'a> {
    /// Its headers, in their order.
    pub fn headers(&self) -> Headers<'a> {
        Headers(self.headers)
    }
}

impl<'a> Headers<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn length(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a str, Option<&'a [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        let length = self.length()?;
        let name = std::str::from_utf8(self.take(length as usize)?).ok()?;
        let value = match self.length()? {
            NULL => None,
            length => Some(self.take(length as usize)?),
        };
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_given_back_as_they_came() {
        let mut envelopes = Envelopes::default();
        envelopes.push(0, Some(b"k"), Some(7), true);
        envelopes.header("a", Some(b"1"));
        envelopes.header("a", None);
        envelopes.header("", Some(b""));
        envelopes.push(3, None, None, false);
        envelopes.push(4, Some(b""), Some(-1), true);
        let first = envelopes.get(0).expect("an envelope");
        assert_eq!((first.key, first.time, first.has_value), (Some(b"k".as_slice()), Some(7), true));
        let headers: Vec<_> = first.headers().collect();
        assert_eq!(headers, [("a", Some(b"1".as_slice())), ("a", None), ("", Some(b"".as_slice()))]);
        assert!(envelopes.get(1).is_none());
        let second = envelopes.get(3).expect("an envelope");
        assert_eq!((second.key, second.time, second.has_value), (None, None, false));
        let third = envelopes.get(4).expect("an envelope");
        assert_eq!((third.key, third.headers().count()), (Some(b"".as_slice()), 0));
    }
}
