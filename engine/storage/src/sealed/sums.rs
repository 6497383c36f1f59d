//! The file beside a sealed file: checksums of its blocks, and what the manifest says of it.
//!
//! ```text
//!   0000000012.sums     u32 CRC-32 of each 64 KiB of the TsFile
//!                       what the manifest says of the file, and its database's path     (files of older versions lack this)
//!                       u32 CRC-32 of all before
//! ```
//! So a sealed file can take its place again where the manifest is lost.

use std::io;

use levada_model::Path;

use super::{bytes::BLOCK, file::FileMeta};
use crate::codec::{Malformed, Put, Take};

/// What a file's neighbour tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
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
        let sums = usize::try_from(len.div_ceil(BLOCK as u64)).ok().and_then(|blocks| blocks.checked_mul(4));
        let (sums, about) = sums.and_then(|sums| bytes.split_at_checked(sums)).ok_or_else(another)?;
        let about = match about {
            [] => None,
            about => {
                let about = About::take(&mut Take(about)).map_err(|Malformed| another())?;
                Some(about).filter(|about| about.meta.bytes == len).ok_or_else(another).map(Some)?
            }
        };
        let (blocks, _) = sums.as_chunks::<4>();
        Ok(Self { blocks: blocks.iter().map(|sum| u32::from_le_bytes(*sum)).collect(), about })
    }
}

impl About {
    fn take(from: &mut Take<'_>) -> Result<Self, Malformed> {
        let about = Self { meta: FileMeta::take(from)?, database: from.path()? };
        if from.is_empty() { Ok(about) } else { Err(Malformed) }
    }
}
