//! Encodings of a page's values, one module each.
//!
//! All work on whole pages: from a slice of values to bytes, and from bytes and a count of values to a column. Decoders
//! never read beyond their bytes, and allocate no more than the count asks for.

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

use levada_model::{DataType, Encoding};

pub(crate) use int::Int;
use int::bit_length;

use crate::{
    column::{Decoded, Dense},
    error::{Corrupt, Parsed},
};

/// The encoding in which all of a chunk's values come back as they are: the one asked for, or one that fits where that one
/// would round numbers, or cannot be read back by the peer.
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
        _ => (true, encoding),
    };
    if keeps { encoding } else { instead }
}

fn bits_of<F: scaled::Float>(values: &[F]) -> Vec<F::Int> {
    values.iter().map(|value| value.bits()).collect()
}

/// Appends the bytes of values in an encoding.
///
/// The encoding must be one that [`lossless`] gave for a chunk that has these values, and for their type.
pub(crate) fn encode(encoding: Encoding, values: &Dense<'_>, out: &mut Vec<u8>) -> Parsed<()> {
    match values {
        Dense::Boolean(values) => encode_booleans(encoding, values, out),
        Dense::Int32(values) => match encoding {
            Encoding::Plain => done(plain::encode_ints(values, out)),
            _ => encode_ints(encoding, values, Int::MIN, out),
        },
        Dense::Int64(values) => match encoding {
            Encoding::Plain => done(plain::encode_fixed::<i64>(values, out)),
            _ => encode_ints(encoding, values, Int::MIN, out),
        },
        Dense::Float(values) => encode_floats::<f32>(encoding, values, out),
        Dense::Double(values) => encode_floats::<f64>(encoding, values, out),
        Dense::Bytes(values) => match encoding {
            Encoding::Plain => done(plain::encode_bytes(values, out)),
            Encoding::Dictionary => done(dictionary::encode(values, out)),
            _ => Err(unsupported(encoding)),
        },
    }
}

const fn done((): ()) -> Parsed<()> {
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
    match encoding {
        Encoding::Rle | Encoding::Ts2Diff => {
            let decimals = scaled::decimals(values)
                .ok_or_else(|| Corrupt::new(0, format!("{encoding} would round these numbers")))?;
            crate::wire::put_uvar(out, decimals);
            encode_ints(encoding, &scaled::scale(values, decimals), Int::MIN, out)
        }
        _ => {
            let bits = bits_of(values);
            match encoding {
                Encoding::Plain => done(plain::encode_fixed(&bits, out)),
                Encoding::GorillaV1 => done(gorilla_v1::encode(&bits, out)),
                Encoding::Sprintz => done(sprintz::encode(&bits, true, out)),
                _ => encode_ints(encoding, &bits, Int::NAN, out),
            }
        }
    }
}

/// Encodes integers, or the bits of floating-point numbers; `end` is what ends a stream of them.
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
                Ok(Decoded::Boolean(values.into_iter().map(|value| value != 0).collect()))
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

/// Decodes a time column of at most `most` times.
pub(crate) fn decode_times(encoding: Encoding, bytes: &[u8], most: usize) -> Parsed<Vec<i64>> {
    match encoding {
        Encoding::Ts2Diff => ts_2diff::decode(bytes, most),
        Encoding::Plain => {
            if bytes.len() / 8 > most {
                return Err(Corrupt::new(0, "a page holds more times than expected"));
            }
            plain::decode_fixed(bytes, bytes.len() / 8)
        }
        _ => Err(Corrupt::new(0, format!("times do not come in {encoding}"))),
    }
}

/// Appends the bytes of a time column.
pub(crate) fn encode_times(times: &[i64], out: &mut Vec<u8>) {
    ts_2diff::encode(times, out);
}

fn empty(data_type: DataType) -> Decoded {
    match data_type {
        DataType::Boolean => Decoded::Boolean(arrow_buffer::BooleanBuffer::new_unset(0)),
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
