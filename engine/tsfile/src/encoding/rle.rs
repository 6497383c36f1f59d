//! RLE: runs of equal values, and groups of eight packed ones.
//!
//! ```text
//!   length: uvar of what follows   width: 1 byte   runs…
//!   run of one value:   uvar count << 1          the value in ⌈width/8⌉ bytes (32-bit: little-endian, 64-bit: big-endian)
//!   run of groups:      uvar groups << 1 | 1     values in the last group: 1 byte   groups × 8 numbers of `width` bits
//! ```

use crate::{
    bits::{BitWriter, unpack},
    error::{Corrupt, Parsed},
    wire::{Cursor, put_uvar},
};

use super::{Int, bit_length};

/// The shortest run worth encoding, and the longest that the peer's writer makes.
const RUN: std::ops::RangeInclusive<usize> = 8..=32767;

/// The most groups that the one-byte header can count.
const MAX_GROUPS: usize = 63;

pub(super) fn encode<T: Int>(values: &[T], out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let width = bit_length(values.iter().fold(0, |all, value| all | value.bits())).max(1);
    let mut runs = vec![width as u8];
    let mut packed_from = 0;
    let mut at = 0;
    while at < values.len() {
        let longest = (values.len() - at).min(*RUN.end());
        let same = values[at..at + longest].iter().take_while(|&&value| value == values[at]).count();
        if same >= *RUN.start() {
            put_groups(&values[packed_from..at], width, &mut runs);
            put_uvar(&mut runs, (same as u32) << 1);
            put_run_value(values[at], width, &mut runs);
            packed_from = at + same;
        }
        at += same;
    }
    put_groups(&values[packed_from..], width, &mut runs);
    put_uvar(out, runs.len() as u32);
    out.extend_from_slice(&runs);
}

fn put_groups<T: Int>(values: &[T], width: u32, out: &mut Vec<u8>) {
    for values in values.chunks(MAX_GROUPS * 8) {
        let groups = values.len().div_ceil(8);
        out.push((groups << 1 | 1) as u8);
        out.push((values.len() - (groups - 1) * 8) as u8);
        let mut writer = BitWriter::new(out);
        values.iter().for_each(|value| writer.put(value.bits(), width));
        (values.len()..groups * 8).for_each(|_| writer.put(0, width));
        writer.finish();
    }
}

fn put_run_value<T: Int>(value: T, width: u32, out: &mut Vec<u8>) {
    let size = width.div_ceil(8) as usize;
    if T::WIDTH == 32 {
        out.extend_from_slice(&value.bits().to_le_bytes()[..size]);
    } else {
        out.extend_from_slice(&value.bits().to_be_bytes()[8 - size..]);
    }
}

/// Decodes exactly `count` values.
pub(super) fn decode<T: Int>(bytes: &[u8], count: usize) -> Parsed<Vec<T>> {
    let mut cursor = Cursor::new(bytes);
    let values = decode_from(&mut cursor, count)?;
    Ok(values)
}

/// Decodes until the bytes end, but no more than `most` values.
pub(super) fn decode_all<T: Int>(bytes: &[u8], most: usize) -> Parsed<Vec<T>> {
    let mut cursor = Cursor::new(bytes);
    let mut values = Vec::new();
    while !cursor.is_empty() {
        let length = cursor.uvar_usize()?;
        let at = cursor.position();
        let block = cursor.take(length)?;
        if values.len() == most {
            return Err(cursor.corrupt("RLE blocks hold more values than expected"));
        }
        decode_block(block, most, &mut values).map_err(|error| Corrupt::new(at + error.at, error.reason))?;
    }
    Ok(values)
}

/// Decodes exactly `count` values, and leaves the cursor after their blocks.
pub(super) fn decode_from<T: Int>(cursor: &mut Cursor<'_>, count: usize) -> Parsed<Vec<T>> {
    let mut values = Vec::with_capacity(count.min(cursor.remaining().saturating_mul(8)));
    while values.len() < count {
        let length = cursor.uvar_usize()?;
        let at = cursor.position();
        decode_block(cursor.take(length)?, count, &mut values)
            .map_err(|error| Corrupt::new(at + error.at, error.reason))?;
    }
    Ok(values)
}

fn decode_block<T: Int>(block: &[u8], count: usize, values: &mut Vec<T>) -> Parsed<()> {
    let mut cursor = Cursor::new(block);
    let width = u32::from(cursor.u8()?);
    if width == 0 || width > T::WIDTH {
        return Err(cursor.corrupt(format!("RLE numbers have {width} bits")));
    }
    while !cursor.is_empty() && values.len() < count {
        let header = cursor.uvar_usize()?;
        let left = count - values.len();
        if header & 1 == 0 {
            let value = take_run_value::<T>(&mut cursor, width)?;
            let run = header >> 1;
            if run > left {
                return Err(cursor.corrupt("an RLE run holds more values than expected"));
            }
            values.extend(std::iter::repeat_n(value, run));
        } else {
            let groups = header >> 1;
            let last = usize::from(cursor.u8()?);
            let packed = cursor.take(groups.saturating_mul(width as usize))?;
            let run = (groups * 8).saturating_sub(8) + last;
            if last > 8 || groups == 0 || run > left {
                return Err(cursor.corrupt("RLE groups hold more values than expected"));
            }
            values.reserve(run);
            unpack(packed, width, run, |number| values.push(T::of_bits(number)));
        }
    }
    Ok(())
}

fn take_run_value<T: Int>(cursor: &mut Cursor<'_>, width: u32) -> Parsed<T> {
    let bytes = cursor.take(width.div_ceil(8) as usize)?;
    let join = |bits, &byte: &u8| (bits << 8) | u64::from(byte);
    Ok(T::of_bits(if T::WIDTH == 32 { bytes.iter().rev().fold(0, join) } else { bytes.iter().fold(0, join) }))
}
