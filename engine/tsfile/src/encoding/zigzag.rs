//! ZIGZAG: variable-length zigzag numbers.
//!
//! ```text
//!   bytes of the numbers: uvar   count: uvar   numbers of up to 5 (32-bit) or 10 (64-bit) bytes
//! ```

use crate::{
    error::Parsed,
    wire::{Cursor, put_uvar, put_var_i64},
};

use super::Int;

pub(super) fn encode<T: Int>(values: &[T], out: &mut Vec<u8>) {
    let mut numbers = Vec::with_capacity(values.len() * 2);
    values.iter().for_each(|value| put_var_i64(&mut numbers, value.widened()));
    put_uvar(out, numbers.len() as u32);
    put_uvar(out, values.len() as u32);
    out.extend_from_slice(&numbers);
}

/// Decodes exactly `count` values.
pub(super) fn decode<T: Int>(bytes: &[u8], count: usize) -> Parsed<Vec<T>> {
    let mut cursor = Cursor::new(bytes);
    let mut values = Vec::with_capacity(count.min(bytes.len()));
    while values.len() < count {
        cursor.uvar()?;
        let block = cursor.uvar_usize()?;
        if block == 0 || block > count - values.len() {
            return Err(cursor.corrupt(format!("a ZIGZAG block of {block} values is not expected")));
        }
        for _ in 0..block {
            values.push(T::of_bits(cursor.var_i64()? as u64));
        }
    }
    Ok(values)
}
