//! Compression of page bodies.

use std::{borrow::Cow, io::Read, io::Write};

use bytes::Bytes;
use levada_model::Compressor;

use crate::error::{Corrupt, Parsed};

/// The ZSTD level. Java's writer uses the highest, which takes a hundred times as long and saves a few percent.
const ZSTD_LEVEL: i32 = 3;

/// The LZMA2 preset, as in Java's writer.
const XZ_PRESET: u32 = 6;

/// The memory limit of an LZMA2 decoder, in bytes: twice what the highest preset needs.
const XZ_MEMORY_BYTES: u64 = 130 << 20;

/// The largest window of a ZSTD frame, as a power of two: that of the highest usual level.
const ZSTD_WINDOW_LOG: u32 = 27;

/// Compresses a page body.
///
/// # Errors
/// A compression library fails (out of memory, more than 4 GiB).
pub(crate) fn compress(compressor: Compressor, body: &[u8]) -> std::io::Result<Cow<'_, [u8]>> {
    Ok(Cow::Owned(match compressor {
        Compressor::Uncompressed => return Ok(Cow::Borrowed(body)),
        Compressor::Snappy => snap::raw::Encoder::new().compress_vec(body)?,
        Compressor::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(body)?;
            encoder.finish()?
        }
        Compressor::Lz4 => lz4_flex::block::compress(body),
        Compressor::Zstd => zstd::bulk::compress(body, ZSTD_LEVEL)?,
        Compressor::Lzma2 => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), XZ_PRESET);
            encoder.write_all(body)?;
            encoder.finish()?
        }
    }))
}

/// Decompresses a page body that should have `length` bytes. Allocates no more than that, and no more than its compressed bytes
/// can stand for.
pub(crate) fn decompress(compressor: Compressor, body: &Bytes, length: usize) -> Parsed<Bytes> {
    let wrong = |reason: String| Corrupt::new(0, format!("{compressor} cannot decompress a page: {reason}"));
    let out = match compressor {
        Compressor::Uncompressed => Ok(body.clone()),
        Compressor::Snappy => {
            let announced = snap::raw::decompress_len(body).map_err(|error| wrong(error.to_string()))?;
            // An element of three bytes copies at most 64.
            if announced != length || length / 64 > body.len() {
                return Err(wrong(format!("{announced} bytes announced, {length} expected")));
            }
            let mut out = vec![0; length];
            snap::raw::Decoder::new().decompress(body, &mut out).map_err(|error| wrong(error.to_string()))?;
            Ok(Bytes::from(out))
        }
        Compressor::Lz4 => {
            // A length byte stands for at most 255.
            if length / 256 > body.len() {
                return Err(wrong(format!("{length} bytes cannot come of {}", body.len())));
            }
            let mut out = vec![0; length];
            let count =
                lz4_flex::block::decompress_into(body, &mut out).map_err(|error| wrong(error.to_string()))?;
            out.truncate(count);
            Ok(Bytes::from(out))
        }
        Compressor::Gzip => read_up_to(flate2::read::MultiGzDecoder::new(&**body), length, body.len()),
        Compressor::Zstd => match zstd::stream::read::Decoder::with_buffer(&**body) {
            Ok(mut decoder) => match decoder.window_log_max(ZSTD_WINDOW_LOG) {
                Ok(()) => read_up_to(decoder, length, body.len()),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        },
        // A few bytes can ask for a dictionary of 4 GiB.
        Compressor::Lzma2 => match liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY_BYTES, 0) {
            Ok(stream) => {
                read_up_to(liblzma::read::XzDecoder::new_stream(&**body, stream), length, body.len())
            }
            Err(error) => Err(error.into()),
        },
    }
    .map_err(|error| wrong(error.to_string()))?;
    if out.len() == length {
        Ok(out)
    } else {
        Err(wrong(format!("{} bytes came out, {length} expected", out.len())))
    }
}

/// What a compressor made of so many bytes, as they were: for bytes that are no page of a file, but compressed as those are.
///
/// # Errors
/// They are not such bytes, or not so many.
pub fn decompress_bytes(compressor: Compressor, bytes: &Bytes, length: usize) -> std::io::Result<Bytes> {
    decompress(compressor, bytes, length).map_err(|error| std::io::Error::other(error.reason))
}

/// Reads at most one byte more than `length`, growing with the data.
fn read_up_to(reader: impl Read, length: usize, compressed: usize) -> std::io::Result<Bytes> {
    let mut out = Vec::with_capacity(length.min(compressed.saturating_mul(16)).saturating_add(1));
    reader.take((length as u64).saturating_add(1)).read_to_end(&mut out)?;
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_compressor_gives_back_what_it_got() {
        let body: Vec<u8> = (0..10_000u32).map(|index| (index / 7 % 251) as u8).collect();
        for body in [&body[..], &body[..1], &[]] {
            for compressor in Compressor::ALL {
                let compressed = compress(compressor, body).expect("compresses").into_owned().into();
                let back = decompress(compressor, &compressed, body.len());
                assert_eq!(back.as_deref(), Ok(body), "{compressor}");
                for wrong in [body.len() + 1, body.len().wrapping_sub(1), u32::MAX as usize] {
                    assert!(decompress(compressor, &compressed, wrong).is_err(), "{compressor} {wrong}");
                }
            }
        }
    }
}
