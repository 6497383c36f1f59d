//! One file of the log: its name, its head, and writing to it.
//!
//! ```text
//!   "LVDWAL\0\1"   u64 number   u64 number of the segment before   u64 its length that counts   u32 CRC-32 of these
//! ```

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    StorageError,
    codec::{Put, Take},
    disk::{Disk, WriteFile},
};

/// What a segment of any version begins with; the version is the byte behind.
const NAME: [u8; 7] = *b"LVDWAL\0";
pub(super) const VERSION: u8 = 1;

/// Bytes of a segment before its first record.
pub(crate) const HEAD: usize = 36;

/// What a segment's head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) number: u64,
    /// The segment before, and how much of it counts; 0 and 0 where there is none.
    pub(super) before: u64,
    pub(super) before_len: u64,
}

impl Head {
    fn to_bytes(self) -> Vec<u8> {
        let mut bytes = NAME.to_vec();
        bytes.push(VERSION);
        bytes.put_u64(self.number);
        bytes.put_u64(self.before);
        bytes.put_u64(self.before_len);
        let check = crc32fast::hash(&bytes);
        bytes.put_u32(check);
        bytes
    }

    /// The head of a segment's bytes; `None` where they have none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..HEAD)?;
        let mut from = Take(head.strip_prefix(&NAME)?.strip_prefix(&[VERSION])?);
        let parsed =
            Self { number: from.u64().ok()?, before: from.u64().ok()?, before_len: from.u64().ok()? };
        (from.u32().ok()? == crc32fast::hash(&head[..HEAD - 4])).then_some(parsed)
    }
}

/// The version of a segment that a newer program wrote. Every version's head is as long as this one's and ends in its checksum,
/// so that a damaged byte is none.
pub(super) fn newer_version(bytes: &[u8]) -> Option<u8> {
    let (head, check) = bytes.get(..HEAD)?.split_last_chunk::<4>()?;
    let version = *head.strip_prefix(&NAME)?.first()?;
    (version > VERSION && crc32fast::hash(head) == u32::from_le_bytes(*check)).then_some(version)
}

/// The name of a segment's file.
pub(super) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.wal"))
}

/// The number in a segment's file name.
pub(crate) fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(".wal")?.parse().ok()
}

/// Whether any segment of a folder is longer than its head.
pub(crate) fn holds_records(disk: &dyn Disk, dir: &Path) -> Result<bool, StorageError> {
    for path in disk.files(dir).map_err(StorageError::io("cannot list", dir))? {
        if number(&path).is_some() {
            let len = disk.open(&path).and_then(|file| file.len());
            if len.map_err(StorageError::io("cannot read", &path))? > HEAD as u64 {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The newest segment, being written.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) path: PathBuf,
    /// Bytes that count.
    pub(super) len: u64,
    file: Box<dyn WriteFile>,
}

impl Segment {
    /// Makes a segment, durable with its head and its name: from then on it is missed where it is gone.
    pub(super) fn create(disk: &dyn Disk, dir: &Path, head: Head) -> io::Result<Self> {
        let path = path(dir, head.number);
        let mut file = disk.create(&path)?;
        file.write_all(&head.to_bytes())?;
        file.sync()?;
        disk.sync_dir(dir)?;
        Ok(Self { number: head.number, path, len: HEAD as u64, file })
    }

    /// Writes records; where that fails, the part that was written is cut off again.
    ///
    /// # Errors
    /// The write's error and, in `Err`'s second part, whether the segment must be given up.
    pub(super) fn write(&mut self, records: &[u8]) -> Result<(), (io::Error, bool)> {
        match self.file.write_all(records) {
            Ok(()) => {
                self.len += records.len() as u64;
                Ok(())
            }
            Err(error) => {
                let lost = self.file.cut(self.len).is_err();
                Err((error, lost))
            }
        }
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.file.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_version_is_told_from_a_damaged_byte() {
        let mut bytes = Head { number: 1, before: 0, before_len: 0 }.to_bytes();
        assert_eq!(newer_version(&bytes), None);
        bytes[NAME.len()] = 2;
        assert_eq!(newer_version(&bytes), None);
        let check = crc32fast::hash(&bytes[..HEAD - 4]);
        bytes[HEAD - 4..].copy_from_slice(&check.to_le_bytes());
        assert_eq!(newer_version(&bytes), Some(2));
        assert_eq!(newer_version(b"something"), None);
    }
}
