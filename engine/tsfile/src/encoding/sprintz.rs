//! SPRINTZ: blocks of a value and eight prediction errors.
//!
//! ```text
//!   width: 1 byte   first: uvar (INT32) or raw   8 errors of `width` bits: `width` bytes
//!   0x80 | count    fewer than nine values at the end: an RLE block (integers), or a GORILLA stream
//! ```
//!
//! An error `e` is packed as `-2e`, or as `2e - 1` if it is positive. The prediction is the value before plus a part of the
//! last difference; the part is learnt from the signs of the errors. Floating-point numbers are encoded as the integers with
//! the same bits.
//!
//! The peer's reader doubles errors in the width of the values, so it gets errors of a quarter of the range and more wrong:
//! [`is_readable`] tells, and such chunks are written in another encoding.

use crate::{
    bits::{BitReader, BitWriter, whole_word_at, word_at},
    error::{Corrupt, Parsed},
    wire::{Cursor, put_uvar},
};

use super::{Int, bit_length, gorilla, rle};

/// Errors in a block.
const BLOCK_ERRORS: usize = 8;

/// Marks the values at the end that do not fill a block; their count follows in the same byte.
const TAIL_BIT: u8 = 0x80;

/// The last difference and how much of it to expect again.
struct Predictor {
    learnt: i32,
    difference: i64,
}

impl Predictor {
    const fn new() -> Self {
        Self { learnt: 0, difference: 0 }
    }

    fn predict<T: Int>(&self, before: T) -> T {
        let (learn_shift, shift) = if T::WIDTH == 32 { (2, 8) } else { (3, 16) };
        let part = i64::from(self.learnt >> learn_shift).wrapping_mul(self.difference);
        // The peer multiplies in the width of the values.
        let part = T::of_bits(part as u64).widened() >> shift;
        before.plus(T::of_bits(part as u64))
    }

    fn train<T: Int>(&mut self, before: T, value: T, error: T) {
        // Only 32 bits are kept, whatever the width of the values.
        let difference = self.difference as i32;
        self.learnt = if error > T::default() {
            self.learnt.wrapping_add(difference)
        } else {
            self.learnt.wrapping_sub(difference)
        };
        self.difference = value.minus(before).widened();
    }
}

/// The errors of a block of nine values.
fn errors<T: Int>(block: &[T]) -> [T; BLOCK_ERRORS] {
    let mut predictor = Predictor::new();
    let mut errors = [T::default(); BLOCK_ERRORS];
    for (error, pair) in errors.iter_mut().zip(block.windows(2)) {
        *error = pair[1].minus(predictor.predict(pair[0]));
        predictor.train(pair[0], pair[1], *error);
    }
    errors
}

/// Whether the peer's reader gets these values unchanged.
pub(super) fn is_readable<T: Int>(values: &[T]) -> bool {
    let most = 1i64 << (T::WIDTH - 2);
    values
        .chunks_exact(BLOCK_ERRORS + 1)
        .all(|block| errors(block).iter().all(|error| error.widened() < most && error.widened() > -most))
}

pub(super) fn encode<T: Int>(values: &[T], floats: bool, out: &mut Vec<u8>) {
    let blocks = values.chunks_exact(BLOCK_ERRORS + 1);
    let tail = blocks.remainder();
    for block in blocks {
        let packed = errors(block).map(|error| pack(error));
        let width = bit_length(packed.iter().fold(0, |all, error| all | error)).max(1);
        out.push(width as u8);
        if T::WIDTH == 32 && !floats {
            put_uvar(out, block[0].bits() as u32);
        } else {
            block[0].put(out);
        }
        let mut writer = BitWriter::new(out);
        packed.iter().for_each(|&error| writer.put(error, width));
        writer.finish();
    }
    if !tail.is_empty() {
        out.push(TAIL_BIT | tail.len() as u8);
        if floats { gorilla::encode(tail, T::NAN, out) } else { rle::encode(tail, out) }
    }
}

fn pack<T: Int>(error: T) -> u64 {
    let double = error.plus(error);
    if error > T::default() { double.minus(T::of_bits(1)).bits() } else { T::default().minus(double).bits() }
}

fn unpack_error<T: Int>(packed: u64) -> T {
    let half = T::of_bits(packed >> 1);
    if packed & 1 == 1 { half.plus(T::of_bits(1)) } else { T::default().minus(half) }
}

/// Decodes exactly `count` values.
pub(super) fn decode<T: Int>(bytes: &[u8], floats: bool, count: usize) -> Parsed<Vec<T>> {
    // The tail may be a run: 127 values in six bytes.
    if count > bytes.len().saturating_mul(127) {
        return Err(Corrupt::new(bytes.len(), "SPRINTZ values are missing"));
    }
    let mut values = vec![T::default(); count];
    let (mut at, mut filled) = (0, 0);
    // First the blocks with enough bytes after them to read a word at a time, then the others.
    while let (Some(window), Some(block)) = (
        bytes.get(at..).and_then(|rest| rest.first_chunk::<WINDOW_BYTES>()),
        values.get_mut(filled..).and_then(|rest| rest.first_chunk_mut()),
    ) {
        let Some(size) = decode_block(window, floats, block) else { break };
        at += size;
        filled += BLOCK_ERRORS + 1;
    }
    let mut cursor = Cursor::new(bytes);
    cursor.take(at)?;
    while filled < count {
        let left = &mut values[filled..];
        let head = cursor.u8()?;
        if head & TAIL_BIT != 0 {
            let size = usize::from(head & !TAIL_BIT);
            if size == 0 || size > left.len() {
                return Err(cursor.corrupt(format!("a SPRINTZ tail of {size} values is not expected")));
            }
            left[..size].copy_from_slice(&decode_tail::<T>(&mut cursor, floats, size)?);
            filled += size;
            continue;
        }
        let mut window = [0; WINDOW_BYTES];
        window[0] = head;
        let rest = cursor.clone().rest();
        let copied = rest.len().min(WINDOW_BYTES - 1);
        window[1..=copied].copy_from_slice(&rest[..copied]);
        let block = left.first_chunk_mut().and_then(|block| decode_block(&window, floats, block));
        let size = block.ok_or_else(|| {
            cursor.corrupt(format!("a SPRINTZ block of {head} bits is not expected, or not of this length"))
        })?;
        cursor.take(size - 1)?;
        filled += BLOCK_ERRORS + 1;
    }
    Ok(values)
}

/// The size of the longest block, plus a word and another byte that are read with its last error.
const WINDOW_BYTES: usize = 1 + 8 + BLOCK_ERRORS * 8 + 9;

/// Decodes the block at the beginning of a window; returns its size in bytes. `None` if it is a tail, or not a block.
#[inline]
fn decode_block<T: Int>(
    window: &[u8; WINDOW_BYTES],
    floats: bool,
    values: &mut [T; BLOCK_ERRORS + 1],
) -> Option<usize> {
    let width = u32::from(window[0]);
    if width == 0 || width > T::WIDTH {
        return None;
    }
    let (first, start) = if T::WIDTH == 32 && !floats {
        let mut cursor = Cursor::new(&window[1..6]);
        (u64::from(cursor.uvar().ok()?), 1 + cursor.position())
    } else {
        (word_at(window, 1) >> (64 - T::WIDTH), 1 + size_of::<T>())
    };
    let mut last = T::of_bits(first);
    values[0] = last;
    let mut predictor = Predictor::new();
    let packed = &window[start..start + BLOCK_ERRORS * 8 + 1];
    for (index, value) in (0..).zip(&mut values[1..]) {
        let bit = index * width as usize;
        let word =
            if T::WIDTH > 57 { whole_word_at(packed, bit) } else { word_at(packed, bit >> 3) << (bit & 7) };
        let error = unpack_error::<T>(word >> (64 - width));
        let next = predictor.predict(last).plus(error);
        predictor.train(last, next, error);
        last = next;
        *value = last;
    }
    Some(start + width as usize)
}

fn decode_tail<T: Int>(cursor: &mut Cursor<'_>, floats: bool, count: usize) -> Parsed<Vec<T>> {
    if !floats {
        return rle::decode_from(cursor, count);
    }
    let at = cursor.position();
    let mut rest = cursor.clone();
    let mut reader = BitReader::new(rest.rest());
    // The stream ends with one more value, and a byte with at least one unused bit.
    let mut values = gorilla::decode_from(&mut reader, count + 1)
        .map_err(|error| Corrupt::new(at + error.at, error.reason))?;
    values.truncate(count);
    reader.skip(1);
    cursor.take(reader.bytes_read())?;
    Ok(values)
}
