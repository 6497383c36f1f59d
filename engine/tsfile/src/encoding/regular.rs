//! REGULAR: arithmetic sequences with gaps; only read.
//!
//! ```text
//!   block: gaps: 1 byte   [size: i32   bits, from the lowest: is there a value?]   count: i32   step: i32|i64   first: i32|i64
//! ```

use crate::{error::Parsed, wire::Cursor};

use super::Int;

/// Decodes exactly `count` values.
pub(super) fn decode<T: Int>(bytes: &[u8], count: usize) -> Parsed<Vec<T>> {
    let mut cursor = Cursor::new(bytes);
    let mut values = Vec::with_capacity(count.min(bytes.len().saturating_mul(8)));
    while values.len() < count {
        let present = if cursor.bool()? { Some(cursor.bin()?) } else { None };
        let size = cursor.i32()?;
        let step = T::parse(&mut cursor)?;
        let first = T::parse(&mut cursor)?;
        let left = count - values.len();
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let steps = |index: usize| first.plus(T::of_bits(step.bits().wrapping_mul(index as u64)));
        match present {
            None if size == 0 || size > left => {
                return Err(cursor.corrupt("a REGULAR block has more values than expected"));
            }
            None => values.extend((0..size).map(steps)),
            Some(present) => {
                let is_there = |index: &usize| present[index / 8] >> (index % 8) & 1 == 1;
                let before = values.len();
                values.extend((0..present.len() * 8).filter(is_there).take(left.min(size)).map(steps));
                if values.len() == before {
                    return Err(cursor.corrupt("a REGULAR block has no values"));
                }
            }
        }
    }
    Ok(values)
}
