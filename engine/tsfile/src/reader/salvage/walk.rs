//! The content of a file, walked from its beginning.

use std::sync::Arc;

use levada_model::DataType;

use super::{
    super::{ChunkHeader, TsFileReader, read},
    headers::{chunk_header, header_bytes},
    page,
    told::Told,
    unless_damaged,
};
use crate::{
    DeviceId, ReadAt, TsFileError, Version,
    layout::{CHUNK_GROUP, ChunkKind, HEAD_BYTES, OPERATION_RANGE, SEPARATOR},
    wire::Cursor,
};

/// A marker and two numbers.
const OPERATION_RANGE_BYTES: u64 = 17;

/// How many bytes are searched at once for a chunk group.
const SEARCH_BYTES: usize = 256 << 10;

/// A chunk that a walk passed.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) offset: u64,
    /// Where the chunk ends.
    pub(super) end: u64,
    pub(super) kind: ChunkKind,
    /// The device, by the head of its chunk group; `None` if the head was not seen.
    pub(super) device: Option<DeviceId>,
    pub(super) measurement: Arc<str>,
    pub(super) data_type: Option<DataType>,
    /// The time chunk of its chunk group.
    pub(super) time: Option<u64>,
}

/// The result of a walk.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// In file order.
    pub(super) chunks: Vec<Found>,
    /// Ranges of bytes that are nothing known: from, to.
    pub(super) gaps: Vec<(u64, u64)>,
    /// Where the last whole chunk group ends.
    pub(super) end: u64,
}

/// What begins at an offset of the file.
enum Thing {
    Group(DeviceId, u64),
    Chunk(ChunkHeader, u64),
    Other(u64),
    End,
}

struct Walk<'a, R> {
    reader: &'a TsFileReader<R>,
    told: &'a Told,
    /// Data does not extend beyond this offset.
    limit: u64,
}

impl Walked {
    /// Visits all headers. Fails only if the bytes cannot be read for a reason other than damage.
    pub(super) fn read<R: ReadAt>(reader: &TsFileReader<R>, told: &Told) -> Result<Self, TsFileError> {
        let limit = told.data_end.unwrap_or(reader.length);
        let walk = Walk { reader, told, limit };
        let mut walked = Self { end: HEAD_BYTES, ..Self::default() };
        let (mut group, mut time, mut at) = (None, None, HEAD_BYTES);
        while at < limit {
            let thing = walk.thing(at)?;
            match thing {
                Some(Thing::Group(device, next)) => {
                    (group, time, walked.end) = (Some(device), None, at);
                    at = next;
                }
                Some(Thing::Other(next)) => {
                    walked.end = at;
                    at = next;
                }
                Some(Thing::Chunk(header, end)) if group.is_some() || told.chunks.contains_key(&at) => {
                    if header.kind == ChunkKind::Time {
                        time = Some(at);
                    }
                    walked.chunks.push(Found {
                        offset: at,
                        end,
                        kind: header.kind,
                        device: group.clone(),
                        time: time.filter(|_| header.kind == ChunkKind::Value),
                        measurement: header.measurement,
                        data_type: header.data_type,
                    });
                    at = end;
                }
                thing => {
                    // The end of data, or damage: what follows tells. A head that is cut off ends the data before it.
                    if matches!(thing, Some(Thing::End)) || thing.is_none() && walk.has(at, CHUNK_GROUP)? {
                        walked.end = at;
                    }
                    let Some(next) = walk.resume(at + 1)? else {
                        if !matches!(thing, Some(Thing::End)) && told.data_end.is_some() {
                            walked.gaps.push((at, limit));
                        }
                        break;
                    };
                    walked.gaps.push((at, next));
                    (group, time, at) = (None, None, next);
                }
            }
        }
        if told.data_end.is_some() {
            walked.end = limit;
        } else {
            // A chunk group is known to be whole only when something follows.
            walked.chunks.retain(|chunk| chunk.end <= walked.end);
        }
        Ok(walked)
    }
}

impl<R: ReadAt> Walk<'_, R> {
    /// What begins at an offset, if it is credible.
    fn thing(&self, at: u64) -> Result<Option<Thing>, TsFileError> {
        let Some(bytes) = header_bytes(self.reader, at, self.limit, 0)? else { return Ok(None) };
        Ok(match bytes.first() {
            // Data that ends where the foot says so ends before its separator.
            Some(&SEPARATOR) if self.told.data_end.is_none() => Some(Thing::End),
            Some(&OPERATION_RANGE) => {
                let next = at + OPERATION_RANGE_BYTES;
                (next <= self.limit && self.may_follow(next)?).then_some(Thing::Other(next))
            }
            Some(&CHUNK_GROUP) => self.group(at, &bytes)?.map(|(device, next)| Thing::Group(device, next)),
            Some(_) => self.chunk(at)?.map(|(header, end)| Thing::Chunk(header, end)),
            None => None,
        })
    }

    fn group(&self, at: u64, bytes: &[u8]) -> Result<Option<(DeviceId, u64)>, TsFileError> {
        let longer;
        let mut parsed = parse_group(self.reader.version, bytes);
        if parsed.is_none()
            && let Some(bytes) = header_bytes(self.reader, at, self.limit, 1)?
        {
            longer = bytes;
            parsed = parse_group(self.reader.version, &longer);
        }
        let Some((device, size)) = parsed else { return Ok(None) };
        let next = at + size as u64;
        Ok((next <= self.limit && self.may_follow(next)?).then_some((device, next)))
    }

    /// A chunk's header, and where the chunk ends, if one begins there.
    fn chunk(&self, at: u64) -> Result<Option<(ChunkHeader, u64)>, TsFileError> {
        let Some((header, size)) = chunk_header(self.reader, at, self.limit)? else { return Ok(None) };
        let end = at + (size + header.data_size) as u64;
        if end > self.limit {
            return Ok(None);
        }
        // A chunk without a proper end is accepted if all of it can be decoded.
        let believed = self.may_follow(end)? || page::decodes(self.reader, at, self.limit)?;
        Ok(believed.then_some((header, end)))
    }

    fn has(&self, at: u64, marker: u8) -> Result<bool, TsFileError> {
        let byte = unless_damaged(read(&self.reader.inner, at, 1))?;
        Ok(byte.is_ok_and(|bytes| bytes.first() == Some(&marker)))
    }

    /// Whether the byte at an offset can begin something, or data may end there.
    fn may_follow(&self, at: u64) -> Result<bool, TsFileError> {
        if at == self.limit {
            return Ok(true);
        }
        let byte = unless_damaged(read(&self.reader.inner, at, 1))?;
        let known = |byte: u8| {
            matches!(byte, CHUNK_GROUP | OPERATION_RANGE)
                || byte == SEPARATOR && self.told.data_end.is_none()
                || ChunkKind::of_marker(byte).is_some()
        };
        Ok(byte.is_ok_and(|bytes| bytes.first().is_some_and(|&byte| known(byte))))
    }

    /// The next offset from which the walk can go on: a chunk that the index knows, or a chunk group whose first chunk can be
    /// decoded.
    fn resume(&self, from: u64) -> Result<Option<u64>, TsFileError> {
        let mut known = None;
        for (&offset, told) in self.told.chunks.range(from..) {
            let header = chunk_header(self.reader, offset, self.limit)?;
            let fits = header.is_some_and(|(header, _)| {
                told.iter()
                    .any(|told| told.measurement == header.measurement && told.data_type == header.data_type)
            });
            if fits {
                known = Some(offset);
                break;
            }
        }
        let until = known.unwrap_or(self.limit);
        let mut at = from;
        while at < until {
            let size = usize::try_from(self.limit - at).unwrap_or(usize::MAX).min(SEARCH_BYTES);
            let Ok(bytes) = unless_damaged(read(&self.reader.inner, at, size))? else {
                // One bad checksum fails the whole read: smaller pieces of it may be sound.
                match self.resume_in_pieces(at, until.min(at + size as u64))? {
                    Some(found) => return Ok(Some(found)),
                    None => at += size as u64,
                }
                continue;
            };
            for (index, _) in bytes.iter().enumerate().filter(|&(_, &byte)| byte == CHUNK_GROUP) {
                let place = at + index as u64;
                if place >= until {
                    break;
                }
                if self.begins_group(place, &bytes[index..])? {
                    return Ok(Some(place));
                }
            }
            at += size as u64;
        }
        Ok(known)
    }

    fn resume_in_pieces(&self, from: u64, until: u64) -> Result<Option<u64>, TsFileError> {
        const PIECE_BYTES: u64 = 512;
        for at in (from..until).step_by(PIECE_BYTES as usize) {
            let size = PIECE_BYTES.min(self.limit - at) as usize;
            let Ok(bytes) = unless_damaged(read(&self.reader.inner, at, size))? else { continue };
            for (index, _) in bytes.iter().enumerate().filter(|&(_, &byte)| byte == CHUNK_GROUP) {
                let place = at + index as u64;
                if place < until && self.begins_group(place, &bytes[index..])? {
                    return Ok(Some(place));
                }
            }
        }
        Ok(None)
    }

    /// Whether a chunk group begins at an offset: its head, then a chunk that can be decoded.
    fn begins_group(&self, at: u64, bytes: &[u8]) -> Result<bool, TsFileError> {
        // Most offsets are no head, and the bytes already read show it.
        let few = bytes.len() < 1 << 10;
        if !few && parse_group(self.reader.version, bytes).is_none() {
            return Ok(false);
        }
        let Some(bytes) = header_bytes(self.reader, at, self.limit, 0)? else { return Ok(false) };
        let Some((_, next)) = self.group(at, &bytes)? else { return Ok(false) };
        page::decodes(self.reader, next, self.limit)
    }
}

fn parse_group(version: Version, bytes: &[u8]) -> Option<(DeviceId, usize)> {
    let mut cursor = Cursor::new(bytes);
    (cursor.u8().ok()? == CHUNK_GROUP).then_some(())?;
    let device = match version {
        Version::V3 => DeviceId::from_text(cursor.vstr().ok()?),
        Version::V4 => DeviceId::parse(&mut cursor).ok()?,
    };
    let named = device.segments().next().flatten().is_some_and(|name| !name.is_empty());
    named.then(|| (device, cursor.position()))
}
