//! PLAIN: values as they are.
//!
//! `BOOLEAN` takes a byte; 32-bit integers are **variable-length** zigzag numbers; other types of fixed width are big-endian;
//! strings and blobs follow their length as a zigzag number.

use arrow_buffer::BooleanBuffer;

use crate::{
    column::Decoded,
    error::{Corrupt, Parsed},
    wire::{Cursor, put_var, put_var_bytes},
};

use super::Int;

pub(super) fn encode_booleans(values: &[bool], out: &mut Vec<u8>) {
    out.extend(values.iter().map(|&value| u8::from(value)));
}

pub(super) fn encode_ints(values: &[i32], out: &mut Vec<u8>) {
    values.iter().for_each(|&value| put_var(out, value));
}

pub(super) fn encode_fixed<T: Int>(values: &[T], out: &mut Vec<u8>) {
    out.reserve(size_of_val(values));
    values.iter().for_each(|value| value.put(out));
}

pub(super) fn encode_bytes(values: &[&[u8]], out: &mut Vec<u8>) {
    values.iter().for_each(|value| put_var_bytes(out, value));
}

pub(super) fn decode_booleans(bytes: &[u8], count: usize) -> Parsed<Decoded> {
    let bytes = Cursor::new(bytes).take(count)?;
    Ok(Decoded::Boolean(BooleanBuffer::collect_bool(count, |index| bytes[index] != 0)))
}

pub(super) fn decode_ints(bytes: &[u8], count: usize) -> Parsed<Vec<i32>> {
    if count > bytes.len() {
        return Err(Corrupt::new(bytes.len(), "values are missing"));
    }
    let mut cursor = Cursor::new(bytes);
    (0..count).map(|_| cursor.var()).collect()
}

pub(super) fn decode_fixed<T: Int>(bytes: &[u8], count: usize) -> Parsed<Vec<T>> {
    Cursor::new(bytes).take(count.saturating_mul(size_of::<T>())).map(T::all_of)
}

pub(super) fn decode_bytes(bytes: &[u8], count: usize) -> Parsed<Decoded> {
    if count > bytes.len() {
        return Err(Corrupt::new(bytes.len(), "values are missing"));
    }
    let mut cursor = Cursor::new(bytes);
    let mut offsets = Vec::with_capacity(count + 1);
    let mut data = Vec::with_capacity(bytes.len() - count);
    offsets.push(0);
    for _ in 0..count {
        data.extend_from_slice(cursor.var_bytes()?.unwrap_or_default());
        offsets.push(i32::try_from(data.len()).map_err(|_| cursor.corrupt("a page's texts exceed 2 GiB"))?);
    }
    Ok(Decoded::Bytes { offsets, data })
}
