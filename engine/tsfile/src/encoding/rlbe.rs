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
//!
//! Of floating-point numbers there are two forms, and nothing in a chunk says which it has:
//! * The **new** one is that of the integers that have their bits. Java's 2.1.0 writes and reads it; it keeps every value.
//! * In the **old** one the differences are those of the numbers, and their bits are what is written. All readers of version 3
//!   read it, and of those of version 4 the early ones, up to 2.0.1. The peer's encoder lets errors add up in it. This one ends
//!   a block before a value that the sum would miss, as a block's first value is kept as it is.
//!
//! Files of version 3 are written in the old form, files of version 4 in the new one.

use std::ops::ControlFlow;

use crate::{
    bits::{WideWriter, whole_word_at, word_at},
    error::{Corrupt, Parsed},
};

use super::{Int, bit_length, scaled::Float};

/// Values in a block, as the peer's writer has it.
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

/// Bits that are looked up at once to read a Fibonacci code: enough for runs of up to 54.
const LOOKED_UP: u32 = 10;

/// By the next bits: the length of the run and of its code, zeros where the code is longer.
const RUNS: [(u8, u8); 1 << LOOKED_UP] = {
    let mut runs = [(0, 0); 1 << LOOKED_UP];
    let mut index = 0;
    while index < runs.len() {
        if let Some((run, bits)) = fibonacci((index as u64) << (64 - LOOKED_UP))
            && bits <= LOOKED_UP
        {
            runs[index] = (run as u8, bits as u8);
        }
        index += 1;
    }
    runs
};

/// Values that are read at once, however many there are in the run: most runs are short, and where one ends cannot be foreseen.
const AHEAD: usize = 2;

const fn length_bits<T: Int>() -> u32 {
    if T::WIDTH == 32 { 6 } else { 7 }
}

/// Encodes integers, or floating-point numbers' bits in the new form.
pub(super) fn encode<T: Int>(values: &[T], out: &mut Vec<u8>) {
    let mut blocks = BlockEncoder::default();
    for block in values.chunks(BLOCK) {
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
        if blocks.differences.is_empty() || !kept || blocks.differences.len() == BLOCK {
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

/// Writes blocks; holds what is needed for one, to be used again for the next.
#[derive(Default)]
struct BlockEncoder {
    differences: Vec<u64>,
    lengths: Vec<u8>,
    /// Where each run begins.
    starts: Vec<u32>,
    /// What stands before a difference that begins a run, and how many bits of it; zeros before the others.
    heads: Vec<(u32, u32)>,
}

impl BlockEncoder {
    /// Writes a block of the differences, if there are any. Most runs are short and their ends cannot be foreseen, so there
    /// is no branch on them for each value.
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
            // A difference that has the highest bit has all bits.
            let difference = difference & !(1 << top);
            writer.put(u128::from(head) << length | u128::from(difference), bits + length);
        }
        writer.finish();
    }
}

/// The Fibonacci code of a number, and how many bits it has. The lowest digit comes first, and one more ends the code.
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

/// Reads a Fibonacci code from the top of a word: the number, and how many bits the code has; `None` where it does not end.
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

/// Decodes exactly `count` integers, or numbers' bits in the new form.
pub(super) fn decode<T: Int>(bytes: &[u8], count: usize) -> Parsed<Vec<T>> {
    decode_with(bytes, count, |block: &mut [T]| {
        let mut last = T::default();
        for value in block {
            last = last.plus(*value);
            *value = last;
        }
    })
}

/// Decodes exactly `count` numbers' bits in the old form.
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
    let mut values = vec![T::default(); count + AHEAD];
    let (mut at, mut filled) = (0, 0);
    while filled < count {
        let block = (word_at(bytes, at / 8) >> 32) as usize;
        at += 32;
        if block == 0 || block > count - filled {
            return corrupt(at, "an RLBE block has more values than expected");
        }
        let (start, end) = (filled, filled + block);
        while filled < end {
            match take_run(bytes, &mut at, &mut values[filled..end + AHEAD]) {
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

/// Reads a run of differences from a bit on into the first of `differences`, of which the last few do not belong to the block.
#[inline]
fn take_run<T: Int>(bytes: &[u8], at: &mut usize, differences: &mut [T]) -> ControlFlow<(), usize> {
    let head = word_at(bytes, *at >> 3) << (*at & 7);
    let length = (head >> (64 - length_bits::<T>())) as usize;
    let digits = head << length_bits::<T>();
    let (run, code_bits) = match RUNS[(digits >> (64 - LOOKED_UP)) as usize] {
        (0, _) => match fibonacci(digits) {
            Some((run, bits)) => (run as usize, bits as usize),
            None => return ControlFlow::Break(()),
        },
        (run, bits) => (usize::from(run), usize::from(bits)),
    };
    if length == 0 || length > T::WIDTH as usize || run > differences.len() - AHEAD {
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
    if let Some(ahead) = differences.first_chunk_mut::<AHEAD>() {
        *ahead = std::array::from_fn(&difference);
    }
    if run > AHEAD {
        for (value, index) in differences[AHEAD..run].iter_mut().zip(AHEAD..) {
            *value = difference(index);
        }
    }
    ControlFlow::Continue(run)
}
