//! Which letters were sent, in their order, and up to where they are settled.
//!
//! ```text
//!   "LVDARPL1" │ base │ settled │ id │ id │ id │ …        16 bytes for each letter; numbers are little endian
//! ```
//!
//! The n-th id has the position `base + n`. Ids are durable before their letters are handed out; those from `settled` on are cut
//! off at the next start, and their letters are sent again, unless the sinks say that they have them.

use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::Path,
};

use levada_connector_api::{Error, Result};

use super::Key;

const MAGIC: &[u8; 8] = b"LVDARPL1";
const HEAD: u64 = 24;
const ID: u64 = 16;
const EXTENSION: &str = "replayed";

/// The name of a key's journal. Names of nodes are letters, digits, `_` and `-`.
pub(super) fn name(key: &Key) -> String {
    match &key.source {
        Some(source) => format!("{}@{source}.{EXTENSION}", key.node),
        None => format!("{}.{EXTENSION}", key.node),
    }
}

/// A journal that is being written.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    base: u64,
    settled: u64,
    /// How many ids.
    length: u64,
}

/// What stands in a journal.
struct Content {
    base: u64,
    settled: u64,
    ids: Vec<u128>,
}

impl Content {
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        // A crash before the head was written leaves less: no letter was handed out then.
        let Some((head, ids)) = bytes.split_at_checked(HEAD as usize) else { return Ok(None) };
        let number = |at: usize| head.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let (Some(base), Some(settled), true) = (number(8), number(16), head.starts_with(MAGIC)) else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no journal of a replay"));
        };
        let ids = ids.as_chunks::<16>().0.iter().map(|id| u128::from_le_bytes(*id)).collect();
        Ok(Some(Self { base, settled, ids }))
    }

    fn settled(&self) -> usize {
        usize::try_from(self.settled.saturating_sub(self.base)).unwrap_or(usize::MAX).min(self.ids.len())
    }
}

impl Journal {
    /// The letters that are settled, of all journals of a folder. Blocks.
    ///
    /// # Errors
    /// One cannot be read.
    pub(super) fn all_settled(folder: &Path) -> Result<HashSet<u128>> {
        let cannot = |error| Error::io(format!("cannot read what was replayed, {}", folder.display()), error);
        let mut all = HashSet::new();
        for entry in fs::read_dir(folder).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION)
                && let Some(content) = Content::read(&path).map_err(cannot)?
            {
                all.extend(content.ids.iter().take(content.settled()));
            }
        }
        Ok(all)
    }

    /// Opens a journal, or begins one. `stored` is the position up to which the sinks have the letters, where they say; gives
    /// the letters that are settled by that and were not before. Blocks.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub(super) fn open(path: &Path, stored: Option<u64>) -> io::Result<(Self, HashSet<u128>)> {
        let found = Content::read(path)?.unwrap_or(Content { base: 0, settled: 0, ids: Vec::new() });
        let settled = found.settled.max(stored.unwrap_or(0));
        let known = found.settled();
        let kept = usize::try_from(settled.saturating_sub(found.base)).unwrap_or(usize::MAX);
        let kept = kept.min(found.ids.len());
        let more = found.ids.get(known..kept).unwrap_or_default().iter().copied().collect();
        // Where the sinks know of more than the journal, its ids are the last before the rest.
        let base = settled - kept as u64;
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut journal = Self { file, base, settled, length: kept as u64 };
        journal.file.set_len(HEAD + journal.length * ID)?;
        journal.write_head()?;
        journal.file.sync_all()?;
        Ok((journal, more))
    }

    /// The position of the next letter.
    pub(super) fn next(&self) -> u64 {
        self.base + self.length
    }

    /// Adds letters; when it returns they are durable. After an error nothing of it counts.
    pub(super) fn append(&mut self, ids: &[u128]) -> io::Result<()> {
        let bytes: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        self.file.seek(SeekFrom::Start(HEAD + self.length * ID))?;
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        self.length += ids.len() as u64;
        Ok(())
    }

    /// All letters before a position are settled.
    pub(super) fn settle(&mut self, position: u64) -> io::Result<()> {
        if position > self.settled {
            let before = self.settled;
            self.settled = position.min(self.next());
            if let Err(error) = self.write_head() {
                // The next call notes it.
                self.settled = before;
                return Err(error);
            }
        }
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn write_head(&mut self) -> io::Result<()> {
        let mut head = [0; HEAD as usize];
        let (magic, numbers) = head.split_at_mut(MAGIC.len());
        magic.copy_from_slice(MAGIC);
        numbers[..8].copy_from_slice(&self.base.to_le_bytes());
        numbers[8..].copy_from_slice(&self.settled.to_le_bytes());
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_were_not_settled_are_forgotten_unless_the_sinks_have_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store@in.replayed");
        let (mut journal, _) = Journal::open(&path, None).expect("begun");
        journal.append(&[1, 2, 3, 4]).expect("written");
        journal.settle(2).expect("written");
        assert_eq!(Journal::all_settled(folder.path()).expect("read"), HashSet::from([1, 2]));
        let (journal, more) = Journal::open(&path, Some(3)).expect("there");
        assert_eq!((journal.next(), more), (3, HashSet::from([3])));
        assert_eq!(Journal::all_settled(folder.path()).expect("read"), HashSet::from([1, 2, 3]));
        let (journal, more) = Journal::open(&path, Some(1)).expect("there");
        assert_eq!((journal.next(), more), (3, HashSet::new()));
    }

    #[test]
    fn positions_go_on_where_the_sinks_are_though_the_journal_is_lost() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("store.replayed");
        let (mut journal, _) = Journal::open(&path, Some(70)).expect("begun");
        assert_eq!(journal.next(), 70);
        journal.append(&[9]).expect("written");
        journal.settle(71).expect("written");
        assert_eq!(Journal::all_settled(folder.path()).expect("read"), HashSet::from([9]));
        fs::write(&path, b"something else that is long enough").expect("written");
        assert!(Journal::all_settled(folder.path()).expect_err("none").to_string().contains("no journal"));
    }
}
