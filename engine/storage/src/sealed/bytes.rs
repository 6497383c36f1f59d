//! A file's bytes with checksums: made while it is written, checked whenever it is read.

use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use levada_tsfile::ReadAt;
use parking_lot::Mutex;

use super::sums::{BLOCK, Sums};
use crate::disk::{Disk, ReadFile, WriteFile, read_whole};

/// How much is read at once of a file that is read from front to back.
const AHEAD: usize = 1 << 20;

/// The extension of the file that holds the checksums.
pub(crate) const SUMS: &str = "sums";

/// Writes a file and keeps the checksums of its blocks.
#[derive(Debug)]
pub(crate) struct SummedWriter {
    file: Box<dyn WriteFile>,
    sums: Vec<u32>,
    block: crc32fast::Hasher,
    filled: usize,
}

impl SummedWriter {
    pub(super) fn create(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        Ok(Self { file: disk.create(path)?, sums: Vec::new(), block: crc32fast::Hasher::new(), filled: 0 })
    }

    /// Syncs the file; gives the checksums of its blocks.
    pub(super) fn finish(mut self) -> io::Result<Vec<u32>> {
        self.file.sync()?;
        if self.filled > 0 {
            self.sums.push(self.block.finalize());
        }
        Ok(self.sums)
    }
}

impl Write for SummedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        let mut rest = &bytes[..written];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(BLOCK - self.filled));
            self.block.update(now);
            self.filled += now.len();
            if self.filled == BLOCK {
                self.sums.push(std::mem::take(&mut self.block).finalize());
                self.filled = 0;
            }
            rest = later;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Reads a file, and checks what it reads.
#[derive(Debug)]
pub(crate) struct FileBytes {
    file: Arc<dyn ReadFile>,
    len: u64,
    /// How many bytes have one checksum.
    block: usize,
    sums: Vec<u32>,
    damage: OnceLock<u64>,
    /// What was read last, where a file is read from front to back: of its data and of its index, the latest first.
    ahead: Option<Mutex<[Ahead; 2]>>,
}

/// Bytes of whole blocks, and where they begin.
#[derive(Clone, Debug, Default)]
struct Ahead {
    start: u64,
    bytes: Bytes,
}

impl Ahead {
    fn slice(&self, offset: u64, len: usize) -> Option<Bytes> {
        let from = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        let to = from.checked_add(len).filter(|to| *to <= self.bytes.len())?;
        Some(self.bytes.slice(from..to))
    }
}

fn damaged(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn missing(sums: &Path) -> io::Error {
    let name = sums.file_name().unwrap_or_default().to_string_lossy();
    let message = format!(
        "the file of its checksums, {name}, is missing: put it back, or keep what agrees with the statistics in the file by \
         `levada fsck --repair`"
    );
    io::Error::new(io::ErrorKind::NotFound, message)
}

impl FileBytes {
    pub(crate) fn open(disk: &dyn Disk, path: &Path) -> io::Result<Self> {
        let file = disk.open(path)?;
        let len = file.len()?;
        let at = path.with_extension(SUMS);
        let sums = read_whole(disk, &at).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => missing(&at),
            _ => error,
        })?;
        let Sums { block, blocks: sums, .. } = Sums::parse(&sums, len)?;
        Ok(Self { file, len, block, sums, damage: OnceLock::new(), ahead: None })
    }

    /// For reading the file from front to back, once: reads ahead.
    pub(crate) fn reading_ahead(self) -> Self {
        Self { ahead: Some(Mutex::default()), ..self }
    }

    fn read_ahead(&self, ahead: &Mutex<[Ahead; 2]>, offset: u64, len: usize) -> io::Result<Bytes> {
        let mut known = ahead.lock();
        if let Some(at) = known.iter().position(|known| known.slice(offset, len).is_some()) {
            known.swap(0, at);
        } else {
            let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
            let (bytes, before) = self.blocks(offset, len.max(AHEAD.min(left)))?;
            known.swap(0, 1);
            known[0] = Ahead { start: offset - before as u64, bytes: bytes.into() };
        }
        known[0].slice(offset, len).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Where damage was met, if it was.
    pub(crate) fn damage(&self) -> Option<u64> {
        self.damage.get().copied()
    }

    /// The bytes of whole blocks around a range, and how many come before it.
    fn blocks(&self, offset: u64, len: usize) -> io::Result<(Vec<u8>, usize)> {
        let end = offset.checked_add(len as u64).filter(|end| *end <= self.len);
        let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let block = self.block as u64;
        let first = offset / block;
        let start = first * block;
        let stop = end.div_ceil(block).saturating_mul(block).min(self.len);
        let mut bytes = vec![0; (stop - start) as usize];
        self.file.read_exact_at(&mut bytes, start)?;
        for ((at, block), sum) in
            (start..).step_by(self.block).zip(bytes.chunks(self.block)).zip(&self.sums[first as usize..])
        {
            if crc32fast::hash(block) != *sum {
                let at = *self.damage.get_or_init(|| at);
                tracing::error!(at, "a sealed file is damaged");
                return Err(damaged("the checksum of a block does not fit: the file is damaged"));
            }
        }
        Ok((bytes, (offset - start) as usize))
    }

    /// How many bytes have one checksum.
    pub(crate) fn block(&self) -> u64 {
        self.block as u64
    }

    /// Checks every block; gives where those begin that are damaged.
    pub(crate) fn verify(&self) -> io::Result<Vec<u64>> {
        let mut found = Vec::new();
        let many = (AHEAD / self.block).max(1);
        let mut bytes = vec![0; (many * self.block).min(usize::try_from(self.len).unwrap_or(usize::MAX))];
        for (at, sums) in (0..).step_by(many).zip(self.sums.chunks(many)) {
            let start = (at * self.block) as u64;
            let len = bytes.len().min((self.len - start) as usize);
            self.file.read_exact_at(&mut bytes[..len], start)?;
            let blocks = (start..).step_by(self.block).zip(bytes[..len].chunks(self.block)).zip(sums);
            found.extend(
                blocks.filter(|((_, block), sum)| crc32fast::hash(block) != **sum).map(|((at, _), _)| at),
            );
        }
        Ok(found)
    }
}

impl ReadAt for FileBytes {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        if let Some(ahead) = &self.ahead {
            buf.copy_from_slice(&self.read_ahead(ahead, offset, buf.len())?);
            return Ok(());
        }
        let (bytes, before) = self.blocks(offset, buf.len())?;
        buf.copy_from_slice(&bytes[before..before + buf.len()]);
        Ok(())
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.len)
    }

    fn read_bytes(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        if let Some(ahead) = &self.ahead {
            return self.read_ahead(ahead, offset, len);
        }
        let (bytes, before) = self.blocks(offset, len)?;
        let wanted = before..before + len;
        // Whoever holds a few bytes must not hold the blocks around them.
        Ok(if len <= bytes.len() / 2 {
            Bytes::copy_from_slice(&bytes[wanted])
        } else {
            Bytes::from(bytes).slice(wanted)
        })
    }
}
