//! The two integer widths that encodings come in.

use crate::{error::Parsed, wire::Cursor};

/// `i32` or `i64`, seen as bits where encodings do arithmetic that wraps.
pub(crate) trait Int: Copy + Default + Ord + std::hash::Hash + std::fmt::Debug + 'static {
    const WIDTH: u32;
    const MAX: Self;

    /// The value that ends a stream of integers in GORILLA and CHIMP.
    const MIN: Self;

    /// The canonical NaN, which ends a stream of floating-point numbers.
    const NAN: Self;

    /// The value's bits, with zeros above them.
    fn bits(self) -> u64;

    /// The same number in 64 bits.
    fn widened(self) -> i64;

    /// The integer from the low bits.
    fn of_bits(bits: u64) -> Self;

    fn put(self, out: &mut Vec<u8>);

    fn parse(cursor: &mut Cursor<'_>) -> Parsed<Self>;

    /// The integers of all whole groups of big-endian bytes.
    fn all_of(bytes: &[u8]) -> Vec<Self>;

    fn plus(self, other: Self) -> Self {
        Self::of_bits(self.bits().wrapping_add(other.bits()))
    }

    fn minus(self, other: Self) -> Self {
        Self::of_bits(self.bits().wrapping_sub(other.bits()))
    }
}

impl Int for i32 {
    const WIDTH: u32 = 32;
    const MAX: Self = Self::MAX;
    const MIN: Self = Self::MIN;
    const NAN: Self = 0x7fc0_0000;

    #[inline]
    fn bits(self) -> u64 {
        u64::from(self as u32)
    }

    #[inline]
    fn widened(self) -> i64 {
        i64::from(self)
    }

    #[inline]
    fn of_bits(bits: u64) -> Self {
        bits as Self
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn parse(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        cursor.i32()
    }

    fn all_of(bytes: &[u8]) -> Vec<Self> {
        bytes.as_chunks().0.iter().map(|chunk| Self::from_be_bytes(*chunk)).collect()
    }
}

impl Int for i64 {
    const WIDTH: u32 = 64;
    const MAX: Self = Self::MAX;
    const MIN: Self = Self::MIN;
    const NAN: Self = 0x7ff8_0000_0000_0000;

    #[inline]
    fn bits(self) -> u64 {
        self as u64
    }

    #[inline]
    fn widened(self) -> i64 {
        self
    }

    #[inline]
    fn of_bits(bits: u64) -> Self {
        bits as Self
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }

    fn parse(cursor: &mut Cursor<'_>) -> Parsed<Self> {
        cursor.i64()
    }

    fn all_of(bytes: &[u8]) -> Vec<Self> {
        bytes.as_chunks().0.iter().map(|chunk| Self::from_be_bytes(*chunk)).collect()
    }
}

/// The number of bits in a number's binary form, 0 for 0.
pub(crate) const fn bit_length(bits: u64) -> u32 {
    u64::BITS - bits.leading_zeros()
}
