//! DICTIONARY: each distinct string once, then an index for each value.
//!
//! ```text
//!   count: zigzag   strings: zigzag length and bytes each   indexes: an RLE block of 32-bit integers
//! ```

use std::collections::HashMap;

use crate::{
    column::Decoded,
    error::Parsed,
    options::LONGEST_VALUE,
    wire::{Cursor, put_var, put_var_bytes},
};

use super::rle;

pub(super) fn encode(values: &[&[u8]], out: &mut Vec<u8>) {
    let mut places: HashMap<&[u8], i32> = HashMap::new();
    let mut texts = Vec::new();
    let mut indexes = Vec::with_capacity(values.len());
    // Most strings equal the one before.
    let mut last: Option<(&[u8], i32)> = None;
    for &value in values {
        let place = match last {
            Some((text, place)) if text == value => place,
            _ => *places.entry(value).or_insert_with(|| {
                texts.push(value);
                texts.len() as i32 - 1
            }),
        };
        last = Some((value, place));
        indexes.push(place);
    }
    put_var(out, texts.len() as i32);
    texts.iter().for_each(|text| put_var_bytes(out, text));
    rle::encode(&indexes, out);
}

/// Decodes exactly `count` values.
pub(super) fn decode(bytes: &[u8], count: usize) -> Parsed<Decoded> {
    let mut cursor = Cursor::new(bytes);
    let size = cursor.var()?;
    let mut texts = Vec::new();
    for _ in 0..size {
        texts.push(cursor.var_bytes()?.unwrap_or_default());
    }
    let at = cursor.position();
    let indexes = rle::decode_from::<i32>(&mut cursor, count)?;
    let mut offsets = Vec::with_capacity(count + 1);
    let mut data = Vec::new();
    offsets.push(0);
    for index in indexes {
        let text = usize::try_from(index).ok().and_then(|index| texts.get(index));
        let text = text.ok_or_else(|| crate::error::Corrupt::new(at, format!("there is no text {index}")))?;
        // A few bytes can stand for very many.
        if text.len() > LONGEST_VALUE - data.len() {
            return Err(cursor.corrupt("a dictionary page's texts are too long"));
        }
        data.extend_from_slice(text);
        offsets.push(data.len() as i32);
    }
    Ok(Decoded::Bytes { offsets, data })
}
