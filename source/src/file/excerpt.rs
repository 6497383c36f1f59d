//! A piece of a file's content, remembered by its hash.

use std::{
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use serde::{Deserialize, Serialize};
use twox_hash::XxHash64;

use super::unpack::Unpacked;

/// A range of a file's (unpacked) bytes and the hash of what stood there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Excerpt {
    pub(super) start: u64,
    pub(super) end: u64,
    hash: u64,
}

impl Excerpt {
    /// Of bytes that stand at a position.
    pub(super) fn of(start: u64, bytes: &[u8]) -> Self {
        Self { start, end: start + bytes.len() as u64, hash: XxHash64::oneshot(0, bytes) }
    }

    /// Whether bytes at the beginning of a file begin with this.
    pub(super) fn begins(&self, head: &[u8]) -> bool {
        let length = usize::try_from(self.end).unwrap_or(usize::MAX);
        self.start == 0 && head.get(..length).is_some_and(|head| Self::of(0, head) == *self)
    }

    /// As a part of a name: length and hash of a head, `4096-00c0ffee00c0ffee`.
    pub(super) fn of_head_to_text(&self) -> String {
        format!("{}-{:016x}", self.end, self.hash)
    }

    /// A head from that text.
    pub(super) fn of_head_from_text(text: &str) -> Option<Self> {
        let (end, hash) = text.split_once('-')?;
        let head = Self { start: 0, end: end.parse().ok()?, hash: u64::from_str_radix(hash, 16).ok()? };
        (head.of_head_to_text() == text).then_some(head)
    }

    /// Whether it stands in a file.
    pub(super) fn is_in(&self, path: &Path) -> io::Result<bool> {
        Ok(Self::of(self.start, &bytes_of(path, self.start, self.end)?) == *self)
    }
}

/// Whether a file is packed, by its name.
pub(super) fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gz"))
}

/// The (unpacked) bytes of a range; fewer where the file is shorter.
pub(super) fn bytes_of(path: &Path, start: u64, end: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read(path, start, end, &mut bytes)?;
    Ok(bytes)
}

/// The first (unpacked) bytes of a file; of a packed one those that can be unpacked, as reading says what is wrong with it.
pub(super) fn head_of(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match read(path, 0, length, &mut bytes) {
        Err(error) if !is_packed(path) || error.kind() == io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(bytes),
    }
}

fn read(path: &Path, start: u64, end: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut file = File::open(path)?;
    let length = end.saturating_sub(start);
    if is_packed(path) {
        let mut unpacked = Unpacked::new(BufReader::new(file))?;
        io::copy(&mut unpacked.by_ref().take(start), &mut io::sink())?;
        unpacked.take(length).read_to_end(bytes)?;
    } else {
        file.seek(SeekFrom::Start(start))?;
        file.take(length).read_to_end(bytes)?;
    }
    Ok(())
}
