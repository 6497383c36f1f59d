//! Encodings of a page's values, one module each.
//!
//! All encodings work on whole pages: from a slice of values to bytes, and from bytes and a count of values to a column.
//! Decoders never read beyond their bytes, and allocate no more than the count requires.

mod chimp;
mod dictionary;
mod gorilla;
mod gorilla_v1;
mod int;
mod plain;
mod regular;
mod rlbe;
mod rle;
mod scaled;
mod sprintz;
mod ts_2diff;
mod zigzag;

use arrow_array::{Array, ArrayRef};
use arrow_buffer::BooleanBuffer;
use levada_model::{Compressor, DataType, Encoding};

pub(crate) use int::Int;
use int::bit_length;
pub(crate) use scaled::{Float, kept_decimals};

use crate::{
    TsFileError, Version,
    column::{Decoded, Dense, check},
    compression::compress,
    error::{Corrupt, Parsed},
};

/// How many values are enough to judge a column by.
const SAMPLE_VALUES: usize = 1024;

/// The bytes of an array's values in an encoding, as in a page of a file of version 4, without its times; nulls are left out.
///
/// # Errors
/// The array does not have the type's [`DataType::arrow`], the encoding does not support the type, or it would not keep these
/// values ([`ChunkEncoder`](crate::ChunkEncoder) then uses another).
pub fn encode_values(
    encoding: Encoding,
    data_type: DataType,
    values: &dyn Array,
) -> Result<Vec<u8>, TsFileError> {
    check("", data_type, values, values.len())?;
    if !encoding.supports(data_type) || encoding == Encoding::Regular {
        return Err(TsFileError::rejected(unsupported(encoding).reason));
    }
    let dense = Dense::of(values, data_type, 0..values.len());
    let mut out = Vec::new();
    if lossless(encoding, &dense) != encoding {
        return Err(TsFileError::rejected(format!("{encoding} would not keep these values as they are")));
    }
    encode(Version::V4, encoding, &dense, &mut out).map_err(|error| TsFileError::rejected(error.reason))?;
    Ok(out)
}

/// Decodes exactly `count` values from their bytes in an encoding.
///
/// ```
/// use arrow_array::{Array, Int64Array};
/// use levada_model::{Compressor, DataType, Encoding};
/// use levada_tsfile::{decode_values, encode_values};
///
/// let values = Int64Array::from(vec![1000, 2000, 3000, 4001]);
/// let bytes = encode_values(Encoding::Ts2Diff, DataType::Int64, &values)?;
/// assert_eq!(bytes.len(), 25);
/// let back = decode_values(Encoding::Ts2Diff, DataType::Int64, &bytes, values.len())?;
/// assert_eq!(*back, values);
/// # Ok::<(), levada_tsfile::TsFileError>(())
/// ```
///
/// # Errors
/// The bytes do not encode that many values.
pub fn decode_values(
    encoding: Encoding,
    data_type: DataType,
    bytes: &[u8],
    count: usize,
) -> Result<ArrayRef, TsFileError> {
    decode(encoding, data_type, bytes, count)
        .and_then(|decoded| decoded.into_array(data_type, None))
        .map_err(|error| error.based(0))
}

/// The encoding in which a sample of these values takes the fewest bytes after compression; for columns without a chosen
/// encoding.
///
/// Only encodings count that keep the values, that all of Apache's servers since 0.13 read, and that decode fast.
/// For floating-point numbers with a few decimals, TS_2DIFF takes a quarter of what GORILLA does.
///
/// ```
/// use arrow_array::Float64Array;
/// use levada_model::{Compressor, DataType, Encoding};
/// use levada_tsfile::smallest_encoding;
///
/// let readings = Float64Array::from_iter_values((0..2000).map(|row| f64::from(row * row % 997) / 100.));
/// assert_eq!(smallest_encoding(DataType::Double, Compressor::Lz4, &readings), Encoding::Ts2Diff);
/// let ratios = Float64Array::from_iter_values((1..2000).map(|row| 1. / f64::from(row)));
/// assert_eq!(smallest_encoding(DataType::Double, Compressor::Lz4, &ratios), Encoding::Gorilla);
/// ```
///
/// # Panics
/// If the array does not have the type's [`DataType::arrow`].
pub fn smallest_encoding(data_type: DataType, compressor: Compressor, values: &dyn Array) -> Encoding {
    let candidates: &[Encoding] = match data_type {
        DataType::Boolean => &[Encoding::Rle, Encoding::Plain],
        DataType::Text | DataType::String => &[Encoding::Plain, Encoding::Dictionary],
        DataType::Blob => &[Encoding::Plain],
        // PyPI's reader cannot read RLE of these types.
        DataType::Float | DataType::Double => &[Encoding::Ts2Diff, Encoding::Gorilla],
        _ => &[Encoding::Ts2Diff, Encoding::Gorilla, Encoding::Rle],
    };
    let usual = Encoding::default_for(data_type);
    let sample = Dense::of(values, data_type, 0..values.len().min(SAMPLE_VALUES));
    let size_in = |encoding: Encoding| {
        let mut bytes = Vec::new();
        if sample.len() == 0 || lossless(encoding, &sample) != encoding {
            return None;
        }
        encode(Version::V4, encoding, &sample, &mut bytes).ok()?;
        Some(compress(compressor, &bytes).ok()?.len())
    };
    let sizes =
        candidates.iter().filter_map(|&encoding| Some((size_in(encoding)?, encoding != usual, encoding)));
    sizes.min().map_or(usual, |(_, _, encoding)| encoding)
}

/// The encoding in which all of a chunk's values read back unchanged: the one asked for or, if that one would round numbers or
/// the peer could not read it, another. `values` are those of one page.
pub(crate) fn lossless(encoding: Encoding, values: &Dense<'_>) -> Encoding {
    let (keeps, instead) = match (encoding, values) {
        (Encoding::Rle | Encoding::Ts2Diff, Dense::Float(values)) => {
            (scaled::decimals(values).is_some(), Encoding::Gorilla)
        }
        (Encoding::Rle | Encoding::Ts2Diff, Dense::Double(values)) => {
            (scaled::decimals(values).is_some(), Encoding::Gorilla)
        }
        (Encoding::Sprintz, Dense::Int32(values)) => (sprintz::is_readable(values), Encoding::Ts2Diff),
        (Encoding::Sprintz, Dense::Int64(values)) => (sprintz::is_readable(values), Encoding::Ts2Diff),
        (Encoding::Sprintz, Dense::Float(values)) => {
            (sprintz::is_readable(&bits_of(values)), Encoding::Gorilla)
        }
        (Encoding::Sprintz, Dense::Double(values)) => {
            (sprintz::is_readable(&bits_of(values)), Encoding::Gorilla)
        }
        // The peer takes the first NaN for the end.
        (Encoding::GorillaV1, Dense::Float(values)) => {
            (!values.iter().any(|value| value.is_nan()), Encoding::Gorilla)
        }
        (Encoding::GorillaV1, Dense::Double(values)) => {
            (!values.iter().any(|value| value.is_nan()), Encoding::Gorilla)
        }
        _ => (true, encoding),
    };
    if keeps { encoding } else { instead }
}

fn bits_of<F: scaled::Float>(values: &[F]) -> Vec<F::Int> {
    values.iter().map(|value| value.bits()).collect()
}

/// Appends the bytes of values in an encoding, in the form of a version's files.
///
/// [`lossless`] must have given the encoding for a chunk with these values, and for their type.
pub(crate) fn encode(
    version: Version,
    encoding: Encoding,
    values: &Dense<'_>,
    out: &mut Vec<u8>,
) -> Parsed<()> {
    match (values, encoding) {
        (Dense::Int32(values), Encoding::Plain) => plain::encode_ints(values, out),
        (Dense::Int64(values), Encoding::Plain) => plain::encode_fixed::<i64>(values, out),
        (Dense::Bytes(values), Encoding::Plain) => plain::encode_bytes(values, out),
        (Dense::Bytes(values), Encoding::Dictionary) => dictionary::encode(values, out),
        (Dense::Bytes(_), _) => return Err(unsupported(encoding)),
        (Dense::Boolean(values), _) => return encode_booleans(encoding, values, out),
        (Dense::Int32(values), _) => return encode_ints(encoding, values, Int::MIN, out),
        (Dense::Int64(values), _) => return encode_ints(encoding, values, Int::MIN, out),
        (Dense::Float(values), Encoding::Rlbe) if version == Version::V3 => {
            rlbe::encode_old::<f32>(values, out);
        }
        (Dense::Double(values), Encoding::Rlbe) if version == Version::V3 => {
            rlbe::encode_old::<f64>(values, out);
        }
        (Dense::Float(values), _) => return encode_floats::<f32>(encoding, values, out),
        (Dense::Double(values), _) => return encode_floats::<f64>(encoding, values, out),
    }
    Ok(())
}

fn unsupported(encoding: Encoding) -> Corrupt {
    Corrupt::new(0, format!("values of this type do not come in {encoding}"))
}

fn encode_booleans(encoding: Encoding, values: &[bool], out: &mut Vec<u8>) -> Parsed<()> {
    match encoding {
        Encoding::Plain => plain::encode_booleans(values, out),
        Encoding::Rle => {
            let values: Vec<i32> = values.iter().map(|&value| i32::from(value)).collect();
            rle::encode(&values, out);
        }
        _ => return Err(unsupported(encoding)),
    }
    Ok(())
}

fn encode_floats<F: scaled::Float>(encoding: Encoding, values: &[F], out: &mut Vec<u8>) -> Parsed<()> {
    if matches!(encoding, Encoding::Rle | Encoding::Ts2Diff) {
        let decimals = scaled::decimals(values)
            .ok_or_else(|| Corrupt::new(0, format!("{encoding} would round these numbers")))?;
        crate::wire::put_uvar(out, decimals);
        return encode_ints(encoding, &scaled::scale(values, decimals), Int::MIN, out);
    }
    let bits = bits_of(values);
    match encoding {
        Encoding::Plain => plain::encode_fixed(&bits, out),
        Encoding::GorillaV1 => gorilla_v1::encode(&bits, out),
        Encoding::Sprintz => sprintz::encode(&bits, true, out),
        _ => return encode_ints(encoding, &bits, Int::NAN, out),
    }
    Ok(())
}

/// Encodes integers, or the bits of floating-point numbers; `end` terminates the stream.
fn encode_ints<T: Int>(encoding: Encoding, values: &[T], end: T, out: &mut Vec<u8>) -> Parsed<()> {
    match encoding {
        Encoding::Rle => rle::encode(values, out),
        Encoding::Ts2Diff => ts_2diff::encode(values, out),
        Encoding::Gorilla => gorilla::encode(values, end, out),
        Encoding::Zigzag => zigzag::encode(values, out),
        Encoding::Chimp => chimp::encode(values, end, out),
        Encoding::Sprintz => sprintz::encode(values, false, out),
        Encoding::Rlbe => rlbe::encode(values, out),
        _ => return Err(unsupported(encoding)),
    }
    Ok(())
}

/// Decodes exactly `count` values of a type.
pub(crate) fn decode(encoding: Encoding, data_type: DataType, bytes: &[u8], count: usize) -> Parsed<Decoded> {
    if count == 0 {
        return Ok(empty(data_type));
    }
    match data_type {
        DataType::Boolean => match encoding {
            Encoding::Plain => plain::decode_booleans(bytes, count),
            Encoding::Rle => {
                let values = rle::decode::<i32>(bytes, count)?;
                Ok(Decoded::Boolean(BooleanBuffer::collect_bool(count, |index| values[index] != 0)))
            }
            _ => Err(unsupported(encoding)),
        },
        DataType::Int32 | DataType::Date => match encoding {
            Encoding::Plain => plain::decode_ints(bytes, count),
            _ => decode_ints(encoding, bytes, count),
        }
        .map(Decoded::Int32),
        DataType::Int64 | DataType::Timestamp => match encoding {
            Encoding::Plain => plain::decode_fixed(bytes, count),
            _ => decode_ints(encoding, bytes, count),
        }
        .map(Decoded::Int64),
        DataType::Float => decode_floats::<f32>(encoding, bytes, count).map(Decoded::Int32),
        DataType::Double => decode_floats::<f64>(encoding, bytes, count).map(Decoded::Int64),
        DataType::Text | DataType::String | DataType::Blob => match encoding {
            Encoding::Plain => plain::decode_bytes(bytes, count),
            Encoding::Dictionary => dictionary::decode(bytes, count),
            _ => Err(unsupported(encoding)),
        },
    }
}

/// Decodes exactly `count` RLBE values to their bits, in the form of version 4 or in the older one.
pub(crate) fn decode_rlbe<F: Float>(bytes: &[u8], count: usize, old: bool) -> Parsed<Vec<F::Int>> {
    if old { rlbe::decode_old::<F>(bytes, count) } else { rlbe::decode(bytes, count) }
}

/// Decodes a time column of at most `most` times; servers may be configured for encodings other than TS_2DIFF. Some of those do
/// not store the number of values: it must then be `expected`.
pub(crate) fn decode_times(
    encoding: Encoding,
    bytes: &[u8],
    most: usize,
    expected: Option<usize>,
) -> Parsed<Vec<i64>> {
    match (encoding, expected) {
        (Encoding::Ts2Diff, _) => ts_2diff::decode(bytes, most),
        (Encoding::Rle, _) => rle::decode_all(bytes, most),
        (Encoding::Plain, _) => {
            if bytes.len() / 8 > most {
                return Err(Corrupt::new(0, "a page holds more times than expected"));
            }
            plain::decode_fixed(bytes, bytes.len() / 8)
        }
        (Encoding::Dictionary | Encoding::GorillaV1, _) => {
            Err(Corrupt::new(0, format!("times do not come in {encoding}")))
        }
        (_, Some(count)) if count <= most => decode_ints(encoding, bytes, count),
        (_, _) => Err(Corrupt::new(0, format!("nothing tells how many times in {encoding} a page has"))),
    }
}

/// Appends the bytes of a time column.
pub(crate) fn encode_times(times: &[i64], out: &mut Vec<u8>) {
    ts_2diff::encode(times, out);
}

fn empty(data_type: DataType) -> Decoded {
    match data_type {
        DataType::Boolean => Decoded::Boolean(BooleanBuffer::new_unset(0)),
        DataType::Int32 | DataType::Date | DataType::Float => Decoded::Int32(Vec::new()),
        DataType::Int64 | DataType::Timestamp | DataType::Double => Decoded::Int64(Vec::new()),
        DataType::Text | DataType::String | DataType::Blob => {
            Decoded::Bytes { offsets: vec![0], data: Vec::new() }
        }
    }
}

fn decode_floats<F: scaled::Float>(encoding: Encoding, bytes: &[u8], count: usize) -> Parsed<Vec<F::Int>> {
    match encoding {
        Encoding::Rle | Encoding::Ts2Diff => {
            scaled::decode::<F>(bytes, count, |block, count| decode_ints(encoding, block, count))
        }
        Encoding::Plain => plain::decode_fixed(bytes, count),
        Encoding::GorillaV1 => gorilla_v1::decode(bytes, count),
        Encoding::Sprintz => sprintz::decode(bytes, true, count),
        _ => decode_ints(encoding, bytes, count),
    }
}

fn decode_ints<T: Int>(encoding: Encoding, bytes: &[u8], count: usize) -> Parsed<Vec<T>> {
    let values = match encoding {
        Encoding::Rle => rle::decode(bytes, count),
        Encoding::Ts2Diff => ts_2diff::decode(bytes, count),
        Encoding::Gorilla => gorilla::decode(bytes, count),
        Encoding::Regular => regular::decode(bytes, count),
        Encoding::Zigzag => zigzag::decode(bytes, count),
        Encoding::Chimp => chimp::decode(bytes, count),
        Encoding::Sprintz => sprintz::decode(bytes, false, count),
        Encoding::Rlbe => rlbe::decode(bytes, count),
        _ => Err(unsupported(encoding)),
    }?;
    if values.len() == count {
        Ok(values)
    } else {
        let found = values.len();
        Err(Corrupt::new(bytes.len(), format!("{found} values where {count} are expected")))
    }
}

#[cfg(test)]
mod tests;
