//! GORILLA_V1: the exclusive-or with the value before, less the zeros that **that value** begins and ends with.
//!
//! ```text
//!   the first value, raw and **little-endian**; then per value, with x = value ^ value before:
//!   0                                  x = 0
//!   10 bits                            x fits between the leading and trailing zeros of the value before
//!   11 lead:5|6 length:6|7 bits        it does not
//!   at the end: the canonical NaN as if it were a value, zeros up to a whole byte
//! ```

use crate::{
    bits::{BitReader, BitWriter},
    error::{Corrupt, Parsed},
};

use super::Int;

const fn lead_bits<T: Int>() -> u32 {
    if T::WIDTH == 32 { 5 } else { 6 }
}

/// The leading and trailing zeros of a value's bits.
const fn zeros<T: Int>(bits: u64) -> (u32, u32) {
    let trail = bits.trailing_zeros();
    (bits.leading_zeros() - (64 - T::WIDTH), if trail > T::WIDTH { T::WIDTH } else { trail })
}

/// Encodes values, given as the bits of floating-point numbers.
pub(super) fn encode<T: Int>(values: &[T], out: &mut Vec<u8>) {
    let Some((&first, rest)) = values.split_first() else { return };
    out.extend_from_slice(&first.bits().to_le_bytes()[..size_of::<T>()]);
    let mut writer = BitWriter::new(out);
    let mut before = first.bits();
    for value in rest.iter().chain([&T::NAN]) {
        let xor = value.bits() ^ before;
        if xor == 0 {
            writer.put(0, 1);
            continue;
        }
        let (window_lead, window_trail) = zeros::<T>(before);
        let (lead, trail) = zeros::<T>(xor);
        before = value.bits();
        if lead >= window_lead && trail >= window_trail {
            writer.put(0b10, 2);
            writer.put(xor >> window_trail, T::WIDTH - window_lead - window_trail);
        } else {
            let length = T::WIDTH - lead - trail;
            writer.put(0b11, 2);
            writer.put(u64::from(lead), lead_bits::<T>());
            writer.put(u64::from(length), lead_bits::<T>() + 1);
            writer.put(xor >> trail, length);
        }
    }
    writer.finish();
}

/// Decodes exactly `count` values.
pub(super) fn decode<T: Int>(bytes: &[u8], count: usize) -> Parsed<Vec<T>> {
    let Some((first, rest)) = bytes.split_at_checked(size_of::<T>()) else {
        return Err(Corrupt::new(0, "the first GORILLA_V1 value is missing"));
    };
    if count > rest.len().saturating_mul(8) {
        return Err(Corrupt::new(bytes.len(), "GORILLA_V1 values are missing"));
    }
    let mut before = first.iter().rev().fold(0, |bits, &byte| (bits << 8) | u64::from(byte));
    let mut reader = BitReader::new(rest);
    let mut values = Vec::with_capacity(count);
    values.push(T::of_bits(before));
    let too_wide =
        |reader: &BitReader<'_>| Corrupt::new(reader.bytes_read(), "a GORILLA_V1 window is too wide");
    for _ in 1..count {
        let head = reader.peek();
        if head >> 63 == 0 {
            reader.skip(1);
        } else {
            let (length, trail);
            if head >> 62 == 0b10 {
                let (lead, window_trail) = zeros::<T>(before);
                trail = window_trail;
                // For a zero, both counts are all of its bits.
                length = T::WIDTH.checked_sub(lead + trail).ok_or_else(|| too_wide(&reader))?;
                reader.skip(2);
            } else {
                let counts = lead_bits::<T>();
                let lead = (head << 2 >> (64 - counts)) as u32;
                length = (head << (2 + counts) >> (63 - counts)) as u32;
                trail = T::WIDTH.checked_sub(lead + length).ok_or_else(|| too_wide(&reader))?;
                reader.skip(3 + 2 * counts);
            }
            if length > 0 {
                before ^= reader.peek_whole() >> (64 - length) << trail;
                reader.skip(length);
            }
        }
        values.push(T::of_bits(before));
    }
    if reader.overrun() {
        return Err(Corrupt::new(bytes.len(), "GORILLA_V1 values are missing"));
    }
    Ok(values)
}
