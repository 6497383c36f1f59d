//! The file beside a sealed file: checksums of its blocks, and what the manifest says of it.
//!
//! ```text
//!   0000000012.sums     "LVDSUM\0\3", u32 bytes that have one checksum (4 KiB)          (files of older versions lack this:
//!                       u32 CRC-32 of each so many bytes of the TsFile                   theirs are of 64 KiB)
//!                       what the manifest says of the file, and its database's path     (files of the oldest lack this)
//!                       u32 CRC-32 of all before
//! ```
//! A checksum covers no more than a page of a disk, so that damage costs what stands there and not a small file. And a sealed file can take its place again where the manifest is lost.

use std::io;

use levada_model::Path;

use super::meta::FileMeta;
use crate::codec::{Malformed, Put, Take};

/// How many bytes of a file have one checksum.
pub(super) const BLOCK: usize = 4 << 10;

/// How many had in folders of older versions, which do not say so.
const OLD_BLOCK: usize = 64 << 10;

/// What a neighbour that says so begins with; the version is the byte behind. Version 2 does not say of which writes the file
/// has rows.
const NAME: [u8; 7] = *b"LVDSUM\0";
const VERSION: u8 = 3;
const OLD_VERSION: u8 = 2;

/// What a file's neighbour tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    /// How many bytes a block has; more than 0.
    pub(crate) block: usize,
    /// One for each block.
    pub(crate) blocks: Vec<u32>,
    /// `None` in folders of older versions.
    pub(crate) about: Option<About>,
}

/// What the manifest says of a file, and the database it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) meta: FileMeta,
    pub(crate) database: Path,
}

fn damaged(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

impl Sums {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.blocks.len() * 4 + 128);
        bytes.extend_from_slice(&NAME);
        bytes.put_u8(VERSION);
        bytes.put_u32(u32::try_from(self.block).unwrap_or(u32::MAX));
        self.blocks.iter().for_each(|sum| bytes.put_u32(*sum));
        if let Some(About { meta, database }) = &self.about {
            meta.put(&mut bytes);
            bytes.put_str(database.as_str());
        }
        let own = crc32fast::hash(&bytes);
        bytes.put_u32(own);
        bytes
    }

    /// Reads what is beside a file of `len` bytes.
    ///
    /// # Errors
    /// It is damaged, or belongs to a file of another length.
    pub(crate) fn parse(bytes: &[u8], len: u64) -> io::Result<Self> {
        let (bytes, own) =
            bytes.split_last_chunk::<4>().ok_or_else(|| damaged("the file of checksums is cut off"))?;
        if crc32fast::hash(bytes) != u32::from_le_bytes(*own) {
            return Err(damaged("the file of checksums is damaged"));
        }
        let another = || damaged("the file has another length than when it was sealed");
        let version = bytes.strip_prefix(&NAME).and_then(<[u8]>::split_first);
        let version = version.filter(|(version, _)| (OLD_VERSION..=VERSION).contains(version));
        let is_old = version.is_none_or(|(version, _)| *version == OLD_VERSION);
        let (block, bytes) = match version {
            Some((_, bytes)) => {
                let mut from = Take(bytes);
                let block = from.u32().ok().and_then(|block| usize::try_from(block).ok());
                let block = block.filter(|block| *block > 0);
                (block.ok_or_else(|| damaged("the file of checksums is of another kind"))?, from.0)
            }
            None => (OLD_BLOCK, bytes),
        };
        let sums = usize::try_from(len.div_ceil(block as u64)).ok().and_then(|blocks| blocks.checked_mul(4));
        let (sums, about) = sums.and_then(|sums| bytes.split_at_checked(sums)).ok_or_else(another)?;
        let about = match about {
            [] => None,
            about => {
                let about = About::take(&mut Take(about), is_old).map_err(|Malformed| another())?;
                Some(about).filter(|about| about.meta.bytes == len).ok_or_else(another).map(Some)?
            }
        };
        let (blocks, _) = sums.as_chunks::<4>();
        Ok(Self { block, blocks: blocks.iter().map(|sum| u32::from_le_bytes(*sum)).collect(), about })
    }
}

impl About {
    fn take(from: &mut Take<'_>, is_old: bool) -> Result<Self, Malformed> {
        let about = Self { meta: FileMeta::take(from, is_old)?, database: from.path()? };
        if from.is_empty() { Ok(about) } else { Err(Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_read_back_with_the_size_of_their_blocks() {
        let sums = Sums { block: BLOCK, blocks: vec![1, 2, 3], about: None };
        assert_eq!(Sums::parse(&sums.to_bytes(), 9000).expect("parses"), sums);
        assert!(Sums::parse(&sums.to_bytes(), 13_000).is_err(), "of a longer file");
    }

    #[test]
    fn sums_of_older_versions_are_of_64_kib() {
        let mut bytes = Vec::new();
        [7u32, 8].iter().for_each(|sum| bytes.put_u32(*sum));
        let own = crc32fast::hash(&bytes);
        bytes.put_u32(own);
        let sums = Sums::parse(&bytes, 70_000).expect("parses");
        assert_eq!((sums.block, sums.blocks), (64 << 10, vec![7, 8]));
    }

    #[test]
    fn a_flipped_bit_in_the_sums_is_damage() {
        let bytes = Sums { block: BLOCK, blocks: vec![1, 2, 3], about: None }.to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Sums::parse(&damaged, 9000).is_err(), "bit {bit}");
        }
    }
}
