//! How large the values of a page are: that bounds how far its sum may be from the one that another program has computed.
//!
//! Programs add floating-point numbers in different orders. Where no addition rounds, every order gives the same sum, and it must
//! be the one that the statistics say: of whole numbers and of numbers with few binary digits this is so. Otherwise sums of two
//! orders differ by less than each value's share of the rounding, and so does what may change unseen.

use arrow_array::{Array, cast::AsArray, types};
use levada_model::DataType;

/// Up to this, a DOUBLE counts every unit.
const MOST_UNITS: i32 = f64::MANTISSA_DIGITS as i32;

/// The size of values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// The sum of the values without their signs.
    magnitude: f64,
    /// All values are whole multiples of two to this power.
    unit: i32,
    /// How far a value may be from what was written, where its encoding keeps only some decimals.
    step: f64,
}

impl Default for Size {
    fn default() -> Self {
        Self { magnitude: 0.0, unit: i32::MAX, step: 0.0 }
    }
}

impl Size {
    /// The size of values of which so many decimals are kept, if not all are.
    pub(super) fn of(values: &dyn Array, data_type: DataType, decimals: Option<u32>) -> Self {
        let step = decimals.map_or(0.0, |decimals| 10f64.powi(-i32::try_from(decimals).unwrap_or(i32::MAX)));
        let mut size = Self { step, ..Self::default() };
        match data_type {
            DataType::Int64 => {
                let values = values.as_primitive::<types::Int64Type>().iter().flatten();
                values.for_each(|value| size.see(value as f64));
            }
            DataType::Float => {
                let values = values.as_primitive::<types::Float32Type>().iter().flatten();
                values.for_each(|value| size.see(value.into()));
            }
            DataType::Double => {
                values
                    .as_primitive::<types::Float64Type>()
                    .iter()
                    .flatten()
                    .for_each(|value| size.see(value));
            }
            // Sums of all others are whole numbers.
            _ => {}
        }
        size
    }

    /// The size of sums that are added again.
    pub(super) fn of_sums(sums: impl Iterator<Item = f64>) -> Self {
        let mut size = Self::default();
        sums.for_each(|sum| size.see(sum));
        size
    }

    fn see(&mut self, value: f64) {
        self.magnitude += value.abs();
        self.unit = self.unit.min(lowest_bit(value));
    }

    /// Adds other values.
    pub(super) fn add(&mut self, other: Self) {
        self.magnitude += other.magnitude;
        self.unit = self.unit.min(other.unit);
        self.step = self.step.max(other.step);
    }

    /// Whether a sum of so many of the values may be said to be another.
    pub(super) fn allows(self, found: f64, said: f64, count: u64) -> bool {
        let count = count as f64;
        let is_exact =
            self.magnitude == 0.0 || self.magnitude < 2f64.powi(self.unit.saturating_add(MOST_UNITS));
        let rounding = if is_exact { 0.0 } else { self.magnitude * f64::EPSILON * count.max(4.0) };
        // Whether a sum overflows depends on the order of addition.
        !found.is_finite() && !said.is_finite()
            || self.magnitude > f64::MAX / 2.0
            || (found - said).abs() <= rounding + self.step * count
    }

    /// Whether a value may have been another before its decimals were cut, in numbers of this precision.
    pub(super) fn is_near(self, found: f64, said: f64, precision: f64) -> bool {
        self.step > 0.0 && (found - said).abs() <= self.step + found.abs().max(said.abs()) * precision
    }
}

/// The power of two of the lowest binary digit of a number that is set.
fn lowest_bit(value: f64) -> i32 {
    const FRACTION_BITS: i32 = f64::MANTISSA_DIGITS as i32 - 1;
    if value == 0.0 || !value.is_finite() {
        return i32::MAX;
    }
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> FRACTION_BITS & 0x7ff) as i32, bits & ((1 << FRACTION_BITS) - 1));
    // Subnormal numbers lack the leading one.
    let (digits, exponent) =
        if exponent == 0 { (fraction, 1) } else { (fraction | 1 << FRACTION_BITS, exponent) };
    exponent - 1_023 - FRACTION_BITS + digits.trailing_zeros() as i32
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, Int64Array};

    use super::*;

    #[test]
    fn the_lowest_digit_is_found() {
        for (value, expected) in
            [(1.0, 0), (-6.0, 1), (0.75, -2), (20.25, -2), (f64::MIN_POSITIVE, -1_022), (5e-324, -1_074)]
        {
            assert_eq!(lowest_bit(value), expected, "{value}");
        }
        assert_eq!(lowest_bit(0.0), i32::MAX);
    }

    #[test]
    fn a_sum_that_cannot_round_is_one_only() {
        let whole = Size::of(&Int64Array::from(vec![1_000_000_000; 10_000]), DataType::Int64, None);
        assert!(whole.allows(1e13, 1e13, 10_000) && !whole.allows(1e13, 1e13 + 1.0, 10_000));
        let quarters = Size::of(&Float64Array::from(vec![20.25, -3.5]), DataType::Double, None);
        assert!(quarters.allows(16.75, 16.75, 2) && !quarters.allows(16.75, 16.750_000_1, 2));
        let decimals = Size::of(&Float64Array::from(vec![0.1; 1_000]), DataType::Double, None);
        assert!(decimals.allows(100.0, 99.999_999_999_998_6, 1_000));
        assert!(!decimals.allows(100.0, 100.000_001, 1_000));
        let large = Size::of(&Int64Array::from(vec![i64::MAX, 1]), DataType::Int64, None);
        assert!(large.allows(9.223_372_036_854_776e18, 9.223_372_036_854_776e18 + 2_048.0, 2));
    }

    #[test]
    fn decimals_that_are_not_kept_bound_what_may_differ() {
        let rounded = Size::of(&Float64Array::from(vec![1.13, 2.5]), DataType::Double, Some(2));
        assert!(rounded.is_near(1.13, 1.134_9, f64::EPSILON) && !rounded.is_near(1.13, 1.15, f64::EPSILON));
        assert!(rounded.allows(3.63, 3.64, 2) && !rounded.allows(3.63, 3.66, 2));
        assert!(!Size::default().is_near(1.13, 1.134_9, f64::EPSILON));
    }
}
