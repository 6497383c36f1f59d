//! Steps that come in slices, or compressed.

use bytes::{Bytes, BytesMut};
use levada_engine::decompress_bytes;
use levada_model::{Compressor, SessionError};
use levada_rpc::piped::{Codec, Packed, Slice, unpacked};
use tokio::time::Instant;

use super::codes::LATER;
use crate::{
    room::{NoRoom, Room},
    status::malformed,
};

/// By so many methods may a step be compressed, one behind the other.
const MOST_CODECS: usize = 8;

impl From<NoRoom> for SessionError {
    fn from(error: NoRoom) -> Self {
        Self::new(LATER, error.to_string())
    }
}

/// How many bytes it takes to undo the compression of a step; `most` bounds each of its lengths.
///
/// # Errors
/// It is too long, or was compressed too often.
pub(crate) fn bytes_of(packed: &Packed, most: usize) -> Result<usize, SessionError> {
    let count = packed.codecs.len();
    if count > MOST_CODECS {
        return Err(malformed(format!("a step that was compressed {count} times, and may be {MOST_CODECS}")));
    }
    let longest = packed.codecs.iter().map(|(_, length)| *length).max().unwrap_or_default();
    if longest > most {
        return Err(malformed(format!("a step of {longest} bytes is longer than the {most} it may have")));
    }
    // What comes out of one goes into the next.
    Ok(longest.saturating_mul(count.min(2)))
}

/// Undoes the compression of a step; its kind and its body. See [`bytes_of`] for the bytes that it takes.
///
/// # Errors
/// It was not compressed so.
pub(crate) fn unpack(packed: Packed) -> Result<(i16, Bytes), SessionError> {
    let mut bytes = packed.bytes;
    for (codec, length) in packed.codecs.into_iter().rev() {
        let compressor = match codec {
            Codec::Snappy => Compressor::Snappy,
            Codec::Gzip => Compressor::Gzip,
            Codec::Lz4 => Compressor::Lz4,
            Codec::Zstd => Compressor::Zstd,
            Codec::Lzma2 => Compressor::Lzma2,
        };
        bytes = decompress_bytes(compressor, &bytes, length).map_err(malformed)?;
    }
    let (version, kind, body) = unpacked(bytes).map_err(malformed)?;
    if version != 1 {
        return Err(malformed(format!("a step of version {version}, and 1 is understood")));
    }
    Ok((kind, body))
}

/// The slices of a step that have come.
#[derive(Debug, Default)]
pub(crate) struct Slices {
    order: i32,
    kind: i16,
    next: usize,
    length: usize,
    bytes: BytesMut,
    room: Room,
    /// When the last of them came.
    grown: Option<Instant>,
}

/// A step that was put together: its kind, its body, and the room that it takes.
pub(crate) type Whole = (i16, Bytes, Room);

impl Slices {
    /// When the last slice came of a step that is not complete; `None` where there is no such step.
    pub(crate) fn grown(&self) -> Option<Instant> {
        self.grown
    }

    /// Adds a slice; the step when it was the last. The first slice of a step begins anew, and takes room for all of it.
    ///
    /// # Errors
    /// It is not the one that comes next, the step is too long, or there is no room for it.
    pub(crate) fn add(
        &mut self,
        slice: Slice,
        most: usize,
        room: impl FnOnce(usize) -> Result<Room, NoRoom>,
    ) -> Result<Option<Whole>, SessionError> {
        let (part, parts) = slice.part;
        if part == 0 {
            *self = Self::default();
            let room = room(slice.length.min(most))?;
            let Slice { order, kind, length, .. } = slice;
            *self = Self { order, kind, length, room, ..Self::default() };
        }
        let fits = slice.order == self.order && slice.kind == self.kind && slice.length == self.length;
        let bytes = self.bytes.len() + slice.bytes.len();
        if !fits || part != self.next || part >= parts || bytes > self.length || self.length > most {
            let wrong = format!(
                "slice {part} of {parts} is not the one that comes next, or has too many bytes: send the step anew"
            );
            *self = Self::default();
            return Err(malformed(wrong));
        }
        self.next += 1;
        self.bytes.extend_from_slice(&slice.bytes);
        self.grown = Some(Instant::now());
        if self.next < parts {
            return Ok(None);
        }
        let Self { kind, length, bytes, room, .. } = std::mem::take(self);
        if bytes.len() != length {
            return Err(malformed(format!("slices of {} bytes make no step of {length}", bytes.len())));
        }
        Ok(Some((kind, bytes.freeze(), room)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(part: usize, bytes: &'static [u8]) -> Slice {
        Slice { order: 7, kind: 3, length: 5, part: (part, 2), bytes: Bytes::from_static(bytes) }
    }

    #[test]
    fn slices_in_their_order_make_a_step_and_others_do_not() {
        let mut slices = Slices::default();
        let mut add = |slice, most| {
            let whole = slices.add(slice, most, |_| Ok(None))?;
            Ok::<_, SessionError>(whole.map(|(kind, bytes, _)| (kind, bytes)))
        };
        assert_eq!(add(slice(0, b"abc"), 10).expect("taken"), None);
        assert_eq!(add(slice(1, b"de"), 10).expect("taken"), Some((3, Bytes::from_static(b"abcde"))));
        assert!(add(slice(1, b"de"), 10).is_err());
        add(slice(0, b"abc"), 10).expect("taken");
        add(slice(0, b"abc"), 10).expect("begun anew");
        assert!(add(slice(1, b"def"), 10).is_err(), "too long");
        add(slice(0, b"abc"), 10).expect("taken");
        assert!(add(slice(1, b"d"), 10).is_err(), "too short");
        assert!(add(slice(0, b"abc"), 4).is_err(), "more than may be");
    }

    #[test]
    fn a_step_takes_the_room_of_what_is_in_memory_at_once() {
        let packed = |codecs: &[(Codec, usize)]| Packed { codecs: codecs.to_vec(), bytes: Bytes::new() };
        let (zstd, lz4) = ((Codec::Zstd, 700), (Codec::Lz4, 900));
        assert_eq!(bytes_of(&packed(&[zstd]), 1_000).expect("taken"), 700);
        assert_eq!(bytes_of(&packed(&[zstd, lz4, zstd]), 1_000).expect("taken"), 1_800);
        assert!(bytes_of(&packed(&[zstd, lz4]), 800).is_err(), "too long");
        assert!(bytes_of(&packed(&[zstd; 9]), 1_000).is_err(), "too often");
    }
}
