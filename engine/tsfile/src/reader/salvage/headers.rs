//! Headers, read where they may stand and as far as checksums let them.

use bytes::Bytes;

use super::{
    super::{ChunkHeader, TsFileReader, read},
    unless_damaged,
};
use crate::{
    ReadAt, TsFileError,
    layout::{ChunkKind, HEAD_BYTES},
    wire::Cursor,
};

/// How many bytes are read to parse a header. If a read fails a checksum, smaller ones are tried.
const HEADER_READS: [usize; 4] = [4 << 10, 1 << 20, 256, 64];

/// The first bytes of something; a higher `step` gives other sizes.
pub(super) fn header_bytes<R: ReadAt>(
    reader: &TsFileReader<R>,
    at: u64,
    limit: u64,
    step: usize,
) -> Result<Option<Bytes>, TsFileError> {
    let left = usize::try_from(limit.saturating_sub(at)).unwrap_or(usize::MAX);
    if left == 0 {
        return Ok(None);
    }
    for size in HEADER_READS.iter().skip(step) {
        if let Ok(bytes) = unless_damaged(read(&reader.inner, at, left.min(*size)))? {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// The header of the chunk at an offset, and the header's size.
pub(super) fn chunk_header<R: ReadAt>(
    reader: &TsFileReader<R>,
    at: u64,
    limit: u64,
) -> Result<Option<(ChunkHeader, usize)>, TsFileError> {
    if at < HEAD_BYTES {
        return Ok(None);
    }
    for step in [0, 1] {
        let Some(bytes) = header_bytes(reader, at, limit, step)? else { continue };
        // Most offsets are no chunk.
        if bytes.first().is_none_or(|&marker| ChunkKind::of_marker(marker).is_none()) {
            return Ok(None);
        }
        let mut cursor = Cursor::new(&bytes);
        if let Ok(header) = ChunkHeader::parse(&mut cursor, reader.version) {
            return Ok(Some((header, cursor.position())));
        }
    }
    Ok(None)
}
