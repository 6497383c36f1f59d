//! Floating-point numbers under RLE and TS_2DIFF: as integers, scaled by a power of ten.
//!
//! ```text
//!   decimals: uvar   block of round(value × 10^decimals)
//!   or, where some numbers do not fit (files of version 4):
//!   0x7fffffff: uvar   n: uvar   scaled: n/8+1 bytes                      decimals   block      bit 0: not scaled
//!   0x7ffffffe: uvar   n: uvar   scaled: n/8+1 bytes   raw: n/8+1 bytes   decimals   block      bit 1: raw bits
//! ```
//!
//! The encoder only accepts numbers that read back bit for bit; for others [`decimals`] returns `None`, and the chunk is
//! written in another encoding. So nothing is ever rounded.

use levada_model::Value;

use crate::{error::Parsed, wire::Cursor};

const NOT_ALL_SCALED: u32 = 0x7fff_ffff;
const SOME_RAW: u32 = 0x7fff_fffe;

/// More decimals than this do not help an integer of 32 or 64 bits.
const MAX_DECIMALS: u32 = 15;

const POWERS_OF_TEN: [f64; MAX_DECIMALS as usize + 1] =
    [1., 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// A float and the integer it is scaled to.
pub(crate) trait Float: Copy {
    type Int: super::Int;

    fn to_scaled(self, power: f64) -> Option<Self::Int>;
    fn of_scaled(scaled: Self::Int, power: f64) -> Self;
    fn bits(self) -> Self::Int;

    /// The number in 64 bits.
    fn widened(self) -> f64;

    /// The number with these bits.
    fn of_bits(bits: Self::Int) -> Self;

    /// The number for a value, if it has this type.
    fn of_value(value: &Value) -> Option<Self>;

    /// The bits of the sum of two numbers given by their bits.
    fn add_bits(left: Self::Int, right: Self::Int) -> Self::Int;

    /// The bits of the difference of two numbers given by their bits.
    fn subtract_bits(left: Self::Int, right: Self::Int) -> Self::Int;

    /// Whether scaling to an integer and back gives exactly the same number.
    fn is_exact(self, power: f64) -> bool {
        self.to_scaled(power).is_some_and(|scaled| Self::of_scaled(scaled, power).bits() == self.bits())
    }
}

impl Float for f32 {
    type Int = i32;

    fn to_scaled(self, power: f64) -> Option<i32> {
        let scaled = f64::from(self) * power;
        (scaled.abs() < f64::from(i32::MAX)).then_some(rounded(scaled) as i32)
    }

    fn of_scaled(scaled: i32, power: f64) -> Self {
        (f64::from(scaled) / power) as Self
    }

    fn bits(self) -> i32 {
        self.to_bits() as i32
    }

    fn widened(self) -> f64 {
        f64::from(self)
    }

    fn of_bits(bits: i32) -> Self {
        Self::from_bits(bits as u32)
    }

    fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::Float(value) => Some(*value),
            _ => None,
        }
    }

    fn add_bits(left: i32, right: i32) -> i32 {
        (Self::of_bits(left) + Self::of_bits(right)).bits()
    }

    fn subtract_bits(left: i32, right: i32) -> i32 {
        (Self::of_bits(left) - Self::of_bits(right)).bits()
    }
}

impl Float for f64 {
    type Int = i64;

    fn to_scaled(self, power: f64) -> Option<i64> {
        // Beyond 2^53 neighbouring integers are one number.
        let scaled = self * power;
        (scaled.abs() < 9_007_199_254_740_992.).then_some(rounded(scaled))
    }

    fn of_scaled(scaled: i64, power: f64) -> Self {
        scaled as Self / power
    }

    fn bits(self) -> i64 {
        self.to_bits() as i64
    }

    fn widened(self) -> f64 {
        self
    }

    fn of_bits(bits: i64) -> Self {
        Self::from_bits(bits as u64)
    }

    fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::Double(value) => Some(*value),
            _ => None,
        }
    }

    fn add_bits(left: i64, right: i64) -> i64 {
        (Self::of_bits(left) + Self::of_bits(right)).bits()
    }

    fn subtract_bits(left: i64, right: i64) -> i64 {
        (Self::of_bits(left) - Self::of_bits(right)).bits()
    }
}

/// The nearest integer, or one close to it: the check of scaling back finds what is not exact.
fn rounded(scaled: f64) -> i64 {
    (scaled + 0.5f64.copysign(scaled)) as i64
}

/// The fewest decimals with which all values are exact, if any.
pub(super) fn decimals<F: Float>(values: &[F]) -> Option<u32> {
    // A value that is exact with some decimals is nearly always exact with more, but not always; values that need more come
    // early. So all values are checked again.
    let all_exact =
        |decimals: &u32| values.iter().all(|value| value.is_exact(POWERS_OF_TEN[*decimals as usize]));
    (0..=MAX_DECIMALS).find(all_exact)
}

/// The integers for values that are exact with some decimals.
pub(super) fn scale<F: Float>(values: &[F], decimals: u32) -> Vec<F::Int> {
    let power = POWERS_OF_TEN[decimals as usize];
    values.iter().map(|value| value.to_scaled(power).unwrap_or_default()).collect()
}

/// How many decimals encoded numbers keep.
pub(crate) fn kept_decimals(bytes: &[u8]) -> Parsed<u32> {
    let mut cursor = Cursor::new(bytes);
    let head = cursor.uvar()?;
    if !matches!(head, NOT_ALL_SCALED | SOME_RAW) {
        return Ok(head);
    }
    let size = cursor.uvar_usize()? / 8 + 1;
    cursor.take(size)?;
    if head == SOME_RAW {
        cursor.take(size)?;
    }
    cursor.uvar()
}

/// Decodes exactly `count` floats to their bits; `block` decodes that many integers from the remaining bytes.
pub(super) fn decode<F: Float>(
    bytes: &[u8],
    count: usize,
    block: impl FnOnce(&[u8], usize) -> Parsed<Vec<F::Int>>,
) -> Parsed<Vec<F::Int>> {
    let mut cursor = Cursor::new(bytes);
    let head = cursor.uvar()?;
    let (scaled, raw) = match head {
        NOT_ALL_SCALED | SOME_RAW => {
            let size = cursor.uvar_usize()? / 8 + 1;
            if size < count.div_ceil(8) {
                return Err(cursor.corrupt("a page says of too few numbers how they are scaled"));
            }
            let scaled = cursor.take(size)?;
            let raw = if head == SOME_RAW { Some(cursor.take(size)?) } else { None };
            (Some(scaled), raw)
        }
        _ => (None, None),
    };
    let decimals = if scaled.is_some() { cursor.uvar()? } else { head };
    if decimals > 400 {
        return Err(cursor.corrupt(format!("numbers have {decimals} decimals")));
    }
    let power = POWERS_OF_TEN.get(decimals as usize).copied().unwrap_or_else(|| 10f64.powi(decimals as i32));
    let mut values = block(cursor.rest(), count)?;
    let Some(scaled) = scaled else {
        values.iter_mut().for_each(|value| *value = F::of_scaled(*value, power).bits());
        return Ok(values);
    };
    let is_set = |bits: &[u8], index: usize| bits[index / 8] >> (index % 8) & 1 == 1;
    for (index, value) in values.iter_mut().enumerate() {
        if !raw.is_some_and(|raw| is_set(raw, index)) {
            *value = F::of_scaled(*value, if is_set(scaled, index) { power } else { 1. }).bits();
        }
    }
    Ok(values)
}
