//! RLBE: runs of differences of equal bit length.
//!
//! ```text
//!   block of up to 10,000 values:
//!   count: 32 bits   then, until there are so many:
//!     length of the differences: 6|7 bits   how many: Fibonacci code   differences of that length
//!   zeros up to a whole byte
//! ```
//!
//! The first difference is the first value. A zero has a length of 1, a negative difference that of its type. **Of those the
//! highest bit is written as 0**, an error of the peer's encoder that its decoder makes up for: the length tells the bit.
//! Floating-point numbers are encoded as the integers that have their bits. Up to 2.0.1 the peer's differences were those of
//! floating-point numbers, and their bits were written, so that errors added up. A file does not say which it has: so both are
//! read, and neither is written.

use crate::{
    bits::{BitReader, BitWriter},
    error::{Corrupt, Parsed},
};

use super::{Int, bit_length};

const BLOCK: usize = 10_000;

/// The weights of the digits of a Fibonacci code; more than the length of any run.
const FIBONACCI: [u32; 24] = {
    let mut weights = [1; 24];
    weights[1] = 2;
    let mut index = 2;
    while index < weights.len() {
        weights[index] = weights[index - 1] + weights[index - 2];
        index += 1;
    }
    weights
};

const fn length_bits<T: Int>() -> u32 {
    if T::WIDTH == 32 { 6 } else { 7 }
}

pub(super) fn encode<T: Int>(values: &[T], out: &mut Vec<u8>) {
    for block in values.chunks(BLOCK) {
        let mut before = T::default();
        let differences: Vec<u64> = block
            .iter()
            .map(|&value| {
                let difference = value.minus(before).bits();
                before = value;
                difference
            })
            .collect();
        let mut writer = BitWriter::new(out);
        writer.put(block.len() as u64, 32);
        let length_of = |difference: u64| bit_length(difference).max(1);
        for run in differences.chunk_by(|&left, &right| length_of(left) == length_of(right)) {
            let length = run.first().map_or(1, |&difference| length_of(difference));
            writer.put(u64::from(length), length_bits::<T>());
            put_fibonacci(run.len() as u32, &mut writer);
            let top = if length == T::WIDTH { 1 << (length - 1) } else { 0 };
            run.iter().for_each(|&difference| writer.put(difference & !top, length));
        }
        writer.finish();
    }
}

fn put_fibonacci(number: u32, writer: &mut BitWriter<'_>) {
    let highest = FIBONACCI.iter().rposition(|&weight| weight <= number).unwrap_or(0);
    let mut digits = 0u64;
    let mut rest = number;
    for index in (0..=highest).rev() {
        if FIBONACCI[index] <= rest {
            rest -= FIBONACCI[index];
            digits |= 1 << (highest - index);
        }
    }
    // The lowest digit is written first, and one more ends the code.
    writer.put(digits << 1 | 1, highest as u32 + 2);
}

/// Reads a Fibonacci code; `None` where it does not end.
fn take_fibonacci(reader: &mut BitReader<'_>) -> Option<u32> {
    let digits = reader.peek();
    // Two ones in a row end it.
    let end = (digits & (digits << 1)).leading_zeros();
    if end as usize >= FIBONACCI.len() {
        return None;
    }
    reader.skip(end + 2);
    Some((0..=end).map(|index| FIBONACCI[index as usize] * (digits << index >> 63) as u32).sum())
}

/// Decodes exactly `count` values.
pub(super) fn decode<T: Int>(bytes: &[u8], count: usize) -> Parsed<Vec<T>> {
    decode_adding(bytes, count, T::plus)
}

/// Decodes exactly `count` values, of which `add` makes the next of the one before and the difference.
pub(super) fn decode_adding<T: Int>(bytes: &[u8], count: usize, add: impl Fn(T, T) -> T) -> Parsed<Vec<T>> {
    let mut reader = BitReader::new(bytes);
    let corrupt = |reader: &BitReader<'_>, reason| Err(Corrupt::new(reader.bytes_read(), reason));
    if count > bytes.len().saturating_mul(8) {
        return corrupt(&reader, "RLBE values are missing");
    }
    let mut values = Vec::with_capacity(count);
    while values.len() < count {
        let block = reader.read(32) as usize;
        if block == 0 || block > count - values.len() {
            return corrupt(&reader, "an RLBE block has more values than expected");
        }
        let end = values.len() + block;
        let mut last = T::default();
        while values.len() < end {
            let length = reader.read(length_bits::<T>()) as u32;
            let run = take_fibonacci(&mut reader).unwrap_or(0) as usize;
            if length == 0 || length > T::WIDTH || run == 0 || run > end - values.len() {
                return corrupt(&reader, "an RLBE run is impossible");
            }
            let top = if length == T::WIDTH { 1 << (length - 1) } else { 0 };
            values.extend((0..run).map(|_| {
                last = add(last, T::of_bits(reader.read(length) | top));
                last
            }));
        }
        reader.align();
    }
    if reader.overrun() {
        return corrupt(&reader, "RLBE values are missing");
    }
    Ok(values)
}
