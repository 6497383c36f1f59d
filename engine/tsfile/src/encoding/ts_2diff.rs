//! TS_2DIFF: differences to the value before, less the smallest of the block, packed.
//!
//! ```text
//!   block of up to 129 values:
//!   n: i32   width: i32   least: i32|i64   first: i32|i64   n numbers of `width` bits
//!   value 0 = first,  value k+1 = value k + least + number k      (all wrapping)
//! ```

use crate::{
    bits::{BitWriter, unpack},
    error::Parsed,
    wire::Cursor,
};

use super::{Int, bit_length};

/// Differences in a block, as in the peer's writer.
const BLOCK_DIFFERENCES: usize = 128;

pub(super) fn encode<T: Int>(values: &[T], out: &mut Vec<u8>) {
    let mut differences = [T::default(); BLOCK_DIFFERENCES];
    for block in values.chunks(BLOCK_DIFFERENCES + 1) {
        let [first, ..] = *block else { continue };
        let mut least = T::MAX;
        for (difference, pair) in differences.iter_mut().zip(block.windows(2)) {
            *difference = pair[1].minus(pair[0]);
            least = least.min(*difference);
        }
        let differences = &differences[..block.len() - 1];
        let all = differences.iter().fold(0, |all, difference| all | difference.minus(least).bits());
        let width = bit_length(all);
        (differences.len() as i32).put(out);
        (width as i32).put(out);
        least.put(out);
        first.put(out);
        if width > 0 {
            let mut writer = BitWriter::new(out);
            differences.iter().for_each(|difference| writer.put(difference.minus(least).bits(), width));
            writer.finish();
        }
    }
}

/// Decodes until the bytes end, but no more than `most` values.
pub(super) fn decode<T: Int>(bytes: &[u8], most: usize) -> Parsed<Vec<T>> {
    let mut cursor = Cursor::new(bytes);
    // A value takes at least one bit, unless all differences are equal.
    let mut values: Vec<T> = Vec::with_capacity(most.min(bytes.len().saturating_mul(8)));
    while !cursor.is_empty() {
        let count = cursor.i32()?;
        let width = cursor.i32()?;
        let least = T::parse(&mut cursor)?;
        let first = T::parse(&mut cursor)?;
        let (Ok(count), Ok(width)) = (usize::try_from(count), u32::try_from(width)) else {
            return Err(cursor.corrupt("a TS_2DIFF block has a negative count or width"));
        };
        if count >= most - values.len() {
            return Err(cursor.corrupt("TS_2DIFF blocks hold more values than expected"));
        }
        if width > T::WIDTH {
            return Err(cursor.corrupt(format!("TS_2DIFF numbers have {width} bits")));
        }
        let packed = cursor.take((count * width as usize).div_ceil(8))?;
        let mut last = first;
        values.reserve(count + 1);
        values.push(first);
        if width == 0 {
            values.extend((0..count).map(|_| {
                last = last.plus(least);
                last
            }));
        } else {
            unpack(packed, width, count, |number| {
                last = last.plus(least).plus(T::of_bits(number));
                values.push(last);
            });
        }
    }
    Ok(values)
}
