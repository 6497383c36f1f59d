//! Steps that come in slices, or compressed.

use bytes::{Bytes, BytesMut};
use levada_engine::decompress_bytes;
use levada_model::{Compressor, SessionError};
use levada_rpc::piped::{Codec, Packed, Slice, unpacked};

use crate::status::malformed;

/// Undoes the compression of a step; its kind and its body. `most` bounds the bytes that come out.
///
/// # Errors
/// It was not compressed so, or is too long.
pub(crate) fn unpack(packed: Packed, most: usize) -> Result<(i16, Bytes), SessionError> {
    let mut bytes = packed.bytes;
    for (codec, length) in packed.codecs.into_iter().rev() {
        if length > most {
            return Err(malformed(format!("a step of {length} bytes is longer than the {most} it may have")));
        }
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
}

impl Slices {
    /// Adds a slice; the kind and body of the step when it was the last. The first slice of a step begins anew.
    ///
    /// # Errors
    /// It is not the one that comes next, or the step is too long.
    pub(crate) fn add(&mut self, slice: Slice, most: usize) -> Result<Option<(i16, Bytes)>, SessionError> {
        let (part, parts) = slice.part;
        if part == 0 {
            *self = Self { order: slice.order, kind: slice.kind, length: slice.length, ..Self::default() };
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
        if self.next < parts {
            return Ok(None);
        }
        let Self { kind, length, bytes, .. } = std::mem::take(self);
        if bytes.len() != length {
            return Err(malformed(format!("slices of {} bytes make no step of {length}", bytes.len())));
        }
        Ok(Some((kind, bytes.freeze())))
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
        assert_eq!(slices.add(slice(0, b"abc"), 10).expect("taken"), None);
        assert_eq!(slices.add(slice(1, b"de"), 10).expect("taken"), Some((3, Bytes::from_static(b"abcde"))));
        assert!(slices.add(slice(1, b"de"), 10).is_err());
        slices.add(slice(0, b"abc"), 10).expect("taken");
        slices.add(slice(0, b"abc"), 10).expect("begun anew");
        assert!(slices.add(slice(1, b"def"), 10).is_err(), "too long");
        slices.add(slice(0, b"abc"), 10).expect("taken");
        assert!(slices.add(slice(1, b"d"), 10).is_err(), "too short");
        assert!(slices.add(slice(0, b"abc"), 4).is_err(), "more than may be");
    }
}
