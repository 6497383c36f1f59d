//! CHIMP: the exclusive-or with whichever of the last values promises the most trailing zeros.
//!
//! ```text
//!   the first value, raw; then per value:
//!   00 index:6|7                                            the same as the value at that index of the ring
//!   01 index:6|7 class:3 length:5|6 bits                    x = value ^ value at that index; bits = x without its zeros
//!   10 bits                                                 x = value ^ value before; as many leading zeros as before
//!   11 class:3 bits                                         likewise, with leading zeros of this class
//!   at the end: i32::MIN, i64::MIN or the canonical NaN as if it were a value, zeros up to a whole byte (one more
//!   byte if it is whole already)
//! ```
//!
//! The ring holds the last 64 (32-bit) or 128 values. A class stands for a number of leading zeros, rounded down.

use crate::{
    bits::{BitReader, BitWriter},
    error::{Corrupt, Parsed},
};

use super::Int;

const CLASSES: [u32; 8] = [0, 8, 12, 16, 18, 20, 22, 24];

/// Stands for no number of leading zeros.
const NO_LEAD: u32 = u32::MAX;

/// The parameters that depend on the width.
struct Shape {
    /// The ring's size as a power of two.
    ring_bits: u32,
    /// A value of the ring is used if it gives more trailing zeros than this; the lookup uses one bit more.
    threshold: u32,
    length_bits: u32,
}

impl Shape {
    const fn of<T: Int>() -> Self {
        if T::WIDTH == 32 {
            Self { ring_bits: 6, threshold: 11, length_bits: 5 }
        } else {
            Self { ring_bits: 7, threshold: 13, length_bits: 6 }
        }
    }
}

/// The class for each number of leading zeros.
const CLASS_OF: [u8; 65] = {
    let mut classes = [0; 65];
    let mut lead = 0;
    while lead < classes.len() {
        let mut class = CLASSES.len() - 1;
        while CLASSES[class] > lead as u32 {
            class -= 1;
        }
        classes[lead] = class as u8;
        lead += 1;
    }
    classes
};

fn class_of(lead: u32) -> usize {
    usize::from(CLASS_OF[lead as usize])
}

/// Encodes values and then `end`.
pub(super) fn encode<T: Int>(values: &[T], end: T, out: &mut Vec<u8>) {
    let Some((&first, rest)) = values.split_first() else { return };
    let Shape { ring_bits, threshold, length_bits } = const { Shape::of::<T>() };
    let ring_size = 1usize << ring_bits;
    let key_of = |value: u64| (value & ((1 << (threshold + 1)) - 1)) as usize;
    let mut ring = [0u64; 128];
    // Where a value with these last bits last occurred.
    let mut last_seen = vec![0u32; 1 << (threshold + 1)];
    let mut writer = BitWriter::new(out);
    writer.put(first.bits(), T::WIDTH);
    ring[0] = first.bits();
    last_seen[key_of(first.bits())] = 0;
    let mut stored_lead = NO_LEAD;
    for (before, value) in rest.iter().chain([&end]).enumerate() {
        let value = value.bits();
        let seen = &mut last_seen[key_of(value)];
        let candidate = *seen as usize;
        *seen = before as u32 + 1;
        let (mut from, mut xor) = (before % ring_size, value ^ ring[before % ring_size]);
        let mut trail = 0;
        if before - candidate < ring_size {
            let candidate_xor = value ^ ring[candidate % ring_size];
            trail = candidate_xor.trailing_zeros().min(T::WIDTH);
            if trail > threshold {
                (from, xor) = (candidate % ring_size, candidate_xor);
            }
        }
        if xor == 0 {
            writer.put(from as u64, ring_bits + 2);
            stored_lead = NO_LEAD;
        } else {
            let class = class_of(xor.leading_zeros() - (64 - T::WIDTH));
            let lead = CLASSES[class];
            if trail > threshold {
                let length = T::WIDTH - lead - trail;
                writer.put(0b01 << ring_bits | from as u64, 2 + ring_bits);
                writer.put((class as u64) << length_bits | u64::from(length), 3 + length_bits);
                writer.put(xor >> trail, length);
                stored_lead = NO_LEAD;
            } else if lead == stored_lead {
                writer.put(0b10, 2);
                writer.put(xor, T::WIDTH - lead);
            } else {
                writer.put(0b11 << 3 | class as u64, 5);
                writer.put(xor, T::WIDTH - lead);
                stored_lead = lead;
            }
        }
        ring[(before + 1) % ring_size] = value;
    }
    if !writer.finish() {
        out.push(0);
    }
}

/// Decodes exactly `count` values.
pub(super) fn decode<T: Int>(bytes: &[u8], count: usize) -> Parsed<Vec<T>> {
    let Shape { ring_bits, length_bits, .. } = const { Shape::of::<T>() };
    let ring_size = 1usize << ring_bits;
    if count > bytes.len().saturating_mul(8) {
        return Err(Corrupt::new(bytes.len(), "CHIMP values are missing"));
    }
    let mut reader = BitReader::new(bytes);
    let mut values: Vec<T> = Vec::with_capacity(count);
    let mut ring = [0u64; 128];
    let mut last = reader.read(T::WIDTH);
    values.push(T::of_bits(last));
    ring[0] = last;
    let mut lead = 0;
    for index in 1..count {
        let head = reader.peek();
        match head >> 62 {
            flag @ (0b00 | 0b01) => {
                let place = (head << 2 >> (64 - ring_bits)) as usize;
                // After this many values the ring is full.
                if index < ring_size && place >= index {
                    return Err(Corrupt::new(reader.bytes_read(), "a CHIMP index is beyond the values"));
                }
                last = ring[place % ring_size % 128];
                if flag == 0b00 {
                    reader.skip(2 + ring_bits);
                } else {
                    lead = CLASSES[(head << (2 + ring_bits) >> 61) as usize];
                    let length = (head << (5 + ring_bits) >> (64 - length_bits)) as u32;
                    let Some(trail) = T::WIDTH.checked_sub(lead + length) else {
                        return Err(Corrupt::new(reader.bytes_read(), "a CHIMP window is too wide"));
                    };
                    reader.skip(5 + ring_bits + length_bits);
                    last ^= reader.read(length).checked_shl(trail).unwrap_or(0);
                }
            }
            flag => {
                let told = CLASSES[(head << 2 >> 61) as usize];
                lead = if flag == 0b10 { lead } else { told };
                reader.skip(if flag == 0b10 { 2 } else { 5 });
                last ^= reader.peek_whole() >> (64 - T::WIDTH + lead);
                reader.skip(T::WIDTH - lead);
            }
        }
        values.push(T::of_bits(last));
        ring[index % ring_size % 128] = last;
    }
    if reader.overrun() {
        return Err(Corrupt::new(bytes.len(), "CHIMP values are missing"));
    }
    Ok(values)
}
