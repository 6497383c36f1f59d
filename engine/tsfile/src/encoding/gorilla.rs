//! GORILLA: the exclusive-or with the value before, less its leading and trailing zeros.
//!
//! ```text
//!   the first value, raw; then per value, with x = value ^ value before:
//!   0                                     x = 0
//!   10 bits                               x fits into the window of zeros of the last 11
//!   11 lead:5|6 length-1:5|6 bits         a new window
//!   at the end: i32::MIN, i64::MIN or the canonical NaN as if it were a value, zeros up to a whole byte (one more
//!   byte if it is whole already)
//! ```
//!
//! Floating-point numbers are encoded as the integers with the same bits. The value that ends the stream may also occur within
//! it: readers count values and do not look for the end.

use crate::{
    bits::{BitReader, BitWriter},
    error::{Corrupt, Parsed},
};

use super::Int;

/// The bits of a count of leading zeros, and of a length.
const fn count_bits<T: Int>() -> u32 {
    if T::WIDTH == 32 { 5 } else { 6 }
}

/// Encodes values and then `end`.
pub(super) fn encode<T: Int>(values: &[T], end: T, out: &mut Vec<u8>) {
    let Some((&first, rest)) = values.split_first() else { return };
    out.reserve(values.len() * 2 + 32);
    let mut writer = BitWriter::new(out);
    writer.put(first.bits(), T::WIDTH);
    let (mut before, mut lead, mut trail) = (first.bits(), u32::MAX, 0);
    for value in rest.iter().chain([&end]) {
        let xor = value.bits() ^ before;
        before = value.bits();
        if xor == 0 {
            writer.put(0, 1);
            continue;
        }
        let new_lead = xor.leading_zeros() - (64 - T::WIDTH);
        let new_trail = xor.trailing_zeros();
        if new_lead >= lead && new_trail >= trail {
            writer.put(0b10, 2);
        } else {
            (lead, trail) = (new_lead, new_trail);
            let length = u64::from(T::WIDTH - lead - trail);
            let counts = (0b11 << count_bits::<T>() | u64::from(lead)) << count_bits::<T>() | (length - 1);
            writer.put(counts, 2 + 2 * count_bits::<T>());
        }
        writer.put(xor >> trail, T::WIDTH - lead - trail);
    }
    if !writer.finish() {
        out.push(0);
    }
}

/// Decodes exactly `count` values.
pub(super) fn decode<T: Int>(bytes: &[u8], count: usize) -> Parsed<Vec<T>> {
    let mut reader = BitReader::new(bytes);
    let values = decode_from(&mut reader, count)?;
    Ok(values)
}

/// Decodes exactly `count` values, and leaves the reader after them.
pub(super) fn decode_from<T: Int>(reader: &mut BitReader<'_>, count: usize) -> Parsed<Vec<T>> {
    if count > reader.bits_left() {
        return Err(Corrupt::new(reader.bytes_read(), "GORILLA values are missing"));
    }
    let mut values = Vec::with_capacity(count);
    if count == 0 {
        return Ok(values);
    }
    let mut last = reader.read(T::WIDTH);
    values.push(T::of_bits(last));
    let counts = count_bits::<T>();
    let (mut length, mut trail) = (0, 0);
    for _ in 1..count {
        let word = reader.peek();
        if word >> 63 == 0 {
            reader.skip(1);
        } else {
            let mut head = 2;
            if word >> 62 == 0b11 {
                let lead = (word << 2 >> (64 - counts)) as u32;
                length = (word << (2 + counts) >> (64 - counts)) as u32 + 1;
                head = 2 + 2 * counts;
                trail = T::WIDTH
                    .checked_sub(lead + length)
                    .ok_or_else(|| Corrupt::new(reader.bytes_read(), "a GORILLA window is too wide"))?;
            }
            // The bits are mostly in the word already read.
            if head + length <= 57 && length > 0 {
                last ^= word << head >> (64 - length) << trail;
                reader.skip(head + length);
            } else {
                reader.skip(head);
                last ^= reader.read(length) << trail;
            }
        }
        values.push(T::of_bits(last));
    }
    if reader.overrun() {
        return Err(Corrupt::new(reader.bytes_read(), "GORILLA values are missing"));
    }
    Ok(values)
}
