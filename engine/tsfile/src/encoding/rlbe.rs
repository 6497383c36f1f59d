//! RLBE: runs of differences of equal bit length.
//!
//! ```text
//!   block of up to 10,000 values:
//!   count: 32 bits   then, until there are so many:
//!     length of the differences: 6|7 bits   how many: Fibonacci code   differences of that length
//!   zeros up to a whole byte
//! ```
//!
//! The first difference is the first value. A zero has length 1, a negative difference the length of its type. **The highest
//! bit of a negative difference is written as 0**, an error of the peer's encoder that its decoder makes up for: the length
//! implies the bit.
//!
//! Floating-point numbers have two forms, and a chunk does not say which it uses:
//! * In the **new** form they are encoded as the integers with the same bits. Java's 2.1.0 writes and reads it; it keeps every
//!   value.
//! * In the **old** form the differences are those of the numbers, written as their bits. All readers of version 3 read it, and
//!   the early ones of version 4, up to 2.0.1. In the peer's encoder errors add up. This one ends a block before a value that
//!   the sum would miss, since a block's first value is exact.
//!
//! Files of version 3 are written in the old form, files of version 4 in the new one.

use std::ops::ControlFlow;

use crate::{
    bits::{WideWriter, whole_word_at, word_at},
    error::{Corrupt, Parsed},
};

use super::{Int, bit_length, scaled::Float};

/// Values in a block, as in the peer's writer.
const BLOCK_VALUES: usize = 10_000;

/// The weights of the digits of a Fibonacci code; they exceed the length of any run.
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

/// How many bits of a Fibonacci code are looked up at once: enough for runs of up to 54.
const LOOKUP_BITS: u32 = 10;

/// By the next bits: the length of the run and of its code; zeros if the code is longer.
const RUNS: [(u8, u8); 1 << LOOKUP_BITS] = {
    let mut runs = [(0, 0); 1 << LOOKUP_BITS];
    let mut index = 0;
    while index < runs.len() {
        if let Some((run, bits)) = fibonacci((index as u64) << (64 - LOOKUP_BITS))
            && bits <= LOOKUP_BITS
        {
            runs[index] = (run as u8, bits as u8);
        }
        index += 1;
    }
    runs
};

/// How many values are read at once, whatever the length of the run: most runs are short, and their ends are hard to predict.
const READ_AHEAD: usize = 2;

const fn length_bits<T: Int>() -> u32 {
    if T::WIDTH == 32 { 6 } else { 7 }
}

/// Encodes integers, or the bits of floating-point numbers in the new form.
pub(super) fn encode<T: Int>(values: &[T], out: &mut Vec<u8>) {
    let mut blocks = BlockEncoder::default();
    for block in values.chunks(BLOCK_VALUES) {
        let mut before = T::default();
        blocks.differences.clear();
        blocks.differences.extend(block.iter().map(|&value| {
            let difference = value.minus(before).bits();
            before = value;
            difference
        }));
        blocks.put::<T>(out);
    }
}

/// Encodes floating-point numbers in the old form.
pub(super) fn encode_old<F: Float>(values: &[F], out: &mut Vec<u8>) {
    let mut blocks = BlockEncoder::default();
    let mut before = F::Int::default();
    for value in values {
        let value = value.bits();
        let difference = F::subtract_bits(value, before);
        let kept = F::add_bits(before, difference) == value && !F::of_bits(value).widened().is_nan();
        if blocks.differences.is_empty() || !kept || blocks.differences.len() == BLOCK_VALUES {
            blocks.put::<F::Int>(out);
            blocks.differences.clear();
            blocks.differences.push(value.bits());
        } else {
            blocks.differences.push(difference.bits());
        }
        before = value;
    }
    blocks.put::<F::Int>(out);
}

/// Writes blocks; keeps its buffers for the next block.
#[derive(Default)]
struct BlockEncoder {
    differences: Vec<u64>,
    lengths: Vec<u8>,
    /// The index at which each run begins.
    starts: Vec<u32>,
    /// The bits before a difference that begins a run, and their number; zeros before the others.
    heads: Vec<(u32, u32)>,
}

impl BlockEncoder {
    /// Writes a block of the differences, if there are any. Most runs are short and their ends are hard to predict, so the loop
    /// over values does not branch on them.
    fn put<T: Int>(&mut self, out: &mut Vec<u8>) {
        let count = self.differences.len();
        if count == 0 {
            return;
        }
        self.lengths.clear();
        self.lengths.extend(self.differences.iter().map(|&difference| bit_length(difference).max(1) as u8));
        self.starts.clear();
        self.starts.resize(count + 1, 0);
        let mut runs = 1;
        for (index, pair) in (1u32..).zip(self.lengths.windows(2)) {
            self.starts[runs] = index;
            runs += usize::from(pair[0] != pair[1]);
        }
        self.starts[runs] = count as u32;
        self.heads.clear();
        self.heads.resize(count, (0, 0));
        for pair in self.starts[..=runs].windows(2) {
            let (code, bits) = fibonacci_code(pair[1] - pair[0]);
            let start = pair[0] as usize;
            self.heads[start] = (u32::from(self.lengths[start]) << bits | code, bits + length_bits::<T>());
        }
        // A run's head has at most 7 + 21 bits.
        let mut writer = WideWriter::new(out, 4 + count.saturating_mul(28 + T::WIDTH as usize) / 8);
        writer.put(count as u128, 32);
        let top = T::WIDTH - 1;
        for ((&difference, &length), &(head, bits)) in
            self.differences.iter().zip(&self.lengths).zip(&self.heads)
        {
            let length = u32::from(length);
            // A difference with the highest bit set has the full length.
            let difference = difference & !(1 << top);
            writer.put(u128::from(head) << length | u128::from(difference), bits + length);
        }
        writer.finish();
    }
}

/// The Fibonacci code of a number, and its length in bits. The lowest digit comes first; a further 1 ends the code.
fn fibonacci_code(number: u32) -> (u32, u32) {
    // Most runs are very short.
    match number {
        1 => return (0b11, 2),
        2 => return (0b011, 3),
        3 => return (0b0011, 4),
        4 => return (0b1011, 4),
        _ => {}
    }
    let highest = FIBONACCI.iter().rposition(|&weight| weight <= number).unwrap_or(0);
    let mut digits = 0;
    let mut rest = number;
    for index in (0..=highest).rev() {
        if FIBONACCI[index] <= rest {
            rest -= FIBONACCI[index];
            digits |= 1 << (highest - index);
        }
    }
    (digits << 1 | 1, highest as u32 + 2)
}

/// Reads a Fibonacci code from the top of a word: the number, and the code's length in bits; `None` if it does not end.
const fn fibonacci(digits: u64) -> Option<(u32, u32)> {
    // Two ones in a row end it.
    let end = (digits & (digits << 1)).leading_zeros();
    if end as usize >= FIBONACCI.len() {
        return None;
    }
    let (mut number, mut index) = (0, 0);
    while index <= end {
        number += FIBONACCI[index as usize] * (digits << index >> 63) as u32;
        index += 1;
    }
    Some((number, end + 2))
}

/// Decodes exactly `count` integers, or the bits of numbers in the new form.
pub(super) fn decode<T: Int>(bytes: &[u8], count: usize) -> Parsed<Vec<T>> {
    decode_with(bytes, count, |block: &mut [T]| {
        let mut last = T::default();
        for value in block {
            last = last.plus(*value);
            *value = last;
        }
    })
}

/// Decodes the bits of exactly `count` numbers in the old form.
pub(super) fn decode_old<F: Float>(bytes: &[u8], count: usize) -> Parsed<Vec<F::Int>> {
    decode_with(bytes, count, |block: &mut [F::Int]| {
        let Some((&mut first, rest)) = block.split_first_mut() else { return };
        let mut last = first;
        for value in rest {
            last = F::add_bits(last, *value);
            *value = last;
        }
    })
}

/// Decodes exactly `count` values; `sum` turns the differences of a block into its values.
fn decode_with<T: Int>(bytes: &[u8], count: usize, sum: impl Fn(&mut [T])) -> Parsed<Vec<T>> {
    let corrupt = |at: usize, reason| Err(Corrupt::new((at / 8).min(bytes.len()), reason));
    if count > bytes.len().saturating_mul(8) {
        return corrupt(0, "RLBE values are missing");
    }
    let mut values = vec![T::default(); count + READ_AHEAD];
    let (mut at, mut filled) = (0, 0);
    while filled < count {
        let block = (word_at(bytes, at / 8) >> 32) as usize;
        at += 32;
        if block == 0 || block > count - filled {
            return corrupt(at, "an RLBE block has more values than expected");
        }
        let (start, end) = (filled, filled + block);
        while filled < end {
            match take_run(bytes, &mut at, &mut values[filled..end + READ_AHEAD]) {
                ControlFlow::Continue(run) => filled += run,
                ControlFlow::Break(()) => return corrupt(at, "an RLBE run is impossible"),
            }
        }
        sum(&mut values[start..end]);
        at = at.next_multiple_of(8);
    }
    if at > bytes.len() * 8 {
        return corrupt(at, "RLBE values are missing");
    }
    values.truncate(count);
    Ok(values)
}

/// Reads a run of differences from a bit on into the first of `differences`, whose last few are beyond the block.
#[inline]
fn take_run<T: Int>(bytes: &[u8], at: &mut usize, differences: &mut [T]) -> ControlFlow<(), usize> {
    let head = word_at(bytes, *at >> 3) << (*at & 7);
    let length = (head >> (64 - length_bits::<T>())) as usize;
    let digits = head << length_bits::<T>();
    let (run, code_bits) = match RUNS[(digits >> (64 - LOOKUP_BITS)) as usize] {
        (0, _) => match fibonacci(digits) {
            Some((run, bits)) => (run as usize, bits as usize),
            None => return ControlFlow::Break(()),
        },
        (run, bits) => (usize::from(run), usize::from(bits)),
    };
    if length == 0 || length > T::WIDTH as usize || run > differences.len() - READ_AHEAD {
        return ControlFlow::Break(());
    }
    let from = *at + length_bits::<T>() as usize + code_bits;
    *at = from + run * length;
    let top = u64::from(length == T::WIDTH as usize) << (T::WIDTH - 1);
    let difference = |index: usize| {
        let bit = from + index * length;
        // The last bits of a long difference may be in a ninth byte.
        let word =
            if T::WIDTH > 57 { whole_word_at(bytes, bit) } else { word_at(bytes, bit >> 3) << (bit & 7) };
        T::of_bits(word >> (64 - length) | top)
    };
    if let Some(ahead) = differences.first_chunk_mut::<READ_AHEAD>() {
        *ahead = std::array::from_fn(&difference);
    }
    if run > READ_AHEAD {
        for (value, index) in differences[READ_AHEAD..run].iter_mut().zip(READ_AHEAD..) {
            *value = difference(index);
        }
    }
    ControlFlow::Continue(run)
}
