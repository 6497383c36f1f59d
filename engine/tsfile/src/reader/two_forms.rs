//! Finds which of the two forms of RLBE a page of floating-point numbers has, since the file does not say it.
//!
//! The new form keeps every value, so first, last, least and greatest value and the sum must equal the page's statistics. The
//! same holds for the old form as this crate writes it. In the old form as the peer writes it, errors may have added up, but
//! the first value is exact and the last one is close. The form that agrees is used; if neither does, the page is damaged. One
//! form read as the other is far off: the numbers 20.1 and 20.0 differ by 0.1, but the difference of their bits, read as a
//! number, is about 10^-309.
//!
//! Only the single page of a chunk in a file that was cut off has no statistics. It is read in the form in which no difference
//! is lost in the sum, then in which more values repeat, then in which the file's version is written.

use std::collections::HashSet;

use levada_model::DataType;

use crate::{
    Statistics, Version,
    column::Decoded,
    encoding::{Float, decode_rlbe},
    error::{Corrupt, Parsed},
};

/// Decodes exactly `count` RLBE values of a page of a file of a version.
pub(super) fn decode(
    version: Version,
    data_type: DataType,
    bytes: &[u8],
    count: usize,
    statistics: Option<&Statistics>,
) -> Parsed<Decoded> {
    if data_type == DataType::Float {
        decode_floats::<f32>(version, bytes, count, statistics).map(Decoded::Int32)
    } else {
        decode_floats::<f64>(version, bytes, count, statistics).map(Decoded::Int64)
    }
}

fn decode_floats<F: Float>(
    version: Version,
    bytes: &[u8],
    count: usize,
    statistics: Option<&Statistics>,
) -> Parsed<Vec<F::Int>> {
    // The form that the version is written in comes first, and mostly fits.
    let old_first = version == Version::V3;
    let first = decode_rlbe::<F>(bytes, count, old_first);
    let agrees = |values: &Vec<F::Int>| statistics.is_some_and(|told| agrees::<F>(values, told));
    if first.as_ref().is_ok_and(agrees) {
        return first;
    }
    let second = decode_rlbe::<F>(bytes, count, !old_first);
    let (first, second) = match (first, second) {
        (Ok(first), Ok(second)) => (first, second),
        // The forms differ in the meaning of the bits, not in which bits are valid.
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let Some(told) = statistics else {
        return Ok(if is_likelier::<F>(&first, &second, old_first) { first } else { second });
    };
    if agrees(&second) {
        return Ok(second);
    }
    let old = if old_first { first } else { second };
    if is_near::<F>(&old, told) {
        return Ok(old);
    }
    Err(Corrupt::new(bytes.len(), "RLBE values are not those that the statistics tell of"))
}

/// Whether two numbers are equal, or both NaN.
fn is_same<F: Float>(value: F, told: F) -> bool {
    value.bits() == told.bits() || value.widened().is_nan() && told.widened().is_nan()
}

/// Whether values match all of the statistics.
fn agrees<F: Float>(values: &[F::Int], told: &Statistics) -> bool {
    let numbers = || values.iter().map(|&bits| F::of_bits(bits));
    let told_of = |value: Option<_>| value.as_ref().and_then(F::of_value);
    let ends = [(numbers().next(), told.first()), (numbers().next_back(), told.last())];
    if !ends.into_iter().all(|(found, told)| match (found, told_of(told)) {
        (Some(found), Some(told)) => is_same(found, told),
        _ => true,
    }) {
        return false;
    }
    let (mut min, mut max, mut sum, mut size) = (f64::NAN, f64::NAN, 0., 0.);
    for number in numbers().map(F::widened) {
        min = f64::min(min, number);
        max = f64::max(max, number);
        sum += number;
        size += number.abs();
    }
    let is_told = |found: f64, told: Option<F>| told.is_none_or(|told| told.widened() == found);
    // The peer may have added the numbers in another order.
    let sum_is_told = told.sum().is_none_or(|told| !told.is_finite() || (sum - told).abs() <= size * 1e-9);
    is_told(min, told_of(told.min())) && is_told(max, told_of(told.max())) && sum_is_told
}

/// Whether values begin as the statistics say, and end as close to them as the rounding of every addition allows. After a NaN
/// all values are NaN: the peer's readers get the same.
fn is_near<F: Float>(values: &[F::Int], told: &Statistics) -> bool {
    let told_of = |value: Option<_>| value.as_ref().and_then(F::of_value);
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return true };
    let (Some(told_first), Some(told_last)) = (told_of(told.first()), told_of(told.last())) else {
        return true;
    };
    let greatest = values.iter().map(|&bits| F::of_bits(bits).widened().abs()).fold(0., f64::max);
    let precision = if size_of::<F>() == 4 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    let allowed = greatest * precision * 2. * values.len() as f64;
    let missed = (F::of_bits(last).widened() - told_last.widened()).abs();
    is_same(F::of_bits(first), told_first) && (missed <= allowed || !F::of_bits(last).widened().is_finite())
}

/// Whether the first of two readings, one of them in the old form, is the more likely one.
fn is_likelier<F: Float>(first: &[F::Int], second: &[F::Int], first_is_old: bool) -> bool {
    let (old, new) = if first_is_old { (first, second) } else { (second, first) };
    // Differences of bits are so small as numbers that adding them changes nothing.
    let lost = old.windows(2).zip(new.windows(2)).any(|(old, new)| old[0] == old[1] && new[0] != new[1]);
    if lost {
        return !first_is_old;
    }
    let distinct = |values: &[F::Int]| values.iter().collect::<HashSet<_>>().len();
    distinct(first) <= distinct(second)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, Float32Array, Float64Array};
    use levada_model::Encoding;

    use super::*;
    use crate::{column::Dense, encoding::encode};

    /// Series that one form makes something else of than the other.
    fn series() -> Vec<Vec<f64>> {
        let rows = 0..300;
        vec![
            rows.clone().map(|row| (f64::from(row) / 50.).sin().mul_add(10., 20.)).collect(),
            rows.clone().map(|row| ((f64::from(row) / 50.).sin() * 1000.).round() / 100.).collect(),
            // Here the ends are the same in both forms, and the values between them are not.
            rows.clone().map(|row| if row % 2 == 0 { 1. } else { 3. }).chain([1.]).collect(),
            rows.clone().map(|row| f64::from(row % 2)).collect(),
            rows.clone().map(|row| f64::from(row).sin() * 10f64.powi(row % 7)).collect(),
            rows.map(|row| if row % 9 == 4 { f64::NAN } else { -f64::from(row % 4) }).collect(),
            vec![-0.0],
            vec![f64::INFINITY, 1., f64::NAN],
        ]
    }

    fn check(data_type: DataType, array: &dyn Array) {
        let times: Vec<i64> = (0..array.len() as i64).collect();
        let statistics = Statistics::of(data_type, &times, array);
        let values = Dense::of(array, data_type, 0..array.len());
        let expected = match &values {
            Dense::Float(values) => Decoded::Int32(values.iter().map(|value| value.bits()).collect()),
            Dense::Double(values) => Decoded::Int64(values.iter().map(|value| value.bits()).collect()),
            _ => unreachable!("these are floating-point numbers"),
        };
        // In either form, in files of either version.
        for form in [Version::V3, Version::V4] {
            let mut bytes = Vec::new();
            encode(form, Encoding::Rlbe, &values, &mut bytes).expect("encodes");
            for version in [Version::V3, Version::V4] {
                let found = decode(version, data_type, &bytes, array.len(), Some(&statistics));
                assert_eq!(found.as_ref(), Ok(&expected), "{form:?} in {version:?}");
            }
            let found = decode(form, data_type, &bytes, array.len(), None);
            assert_eq!(found.as_ref(), Ok(&expected), "{form:?} without statistics");
        }
    }

    #[test]
    fn either_form_is_found_in_either_version() {
        for values in series() {
            check(DataType::Float, &values.iter().map(|&value| Some(value as f32)).collect::<Float32Array>());
            check(DataType::Double, &Float64Array::from(values));
        }
    }

    #[test]
    fn values_that_fit_neither_form_are_damage() {
        let array = Float64Array::from(vec![20., 20.25, 20.5, 19.75]);
        let statistics = Statistics::of(DataType::Double, &[1, 2, 3, 4], &array);
        let mut bytes = Vec::new();
        let values = Dense::of(&array, DataType::Double, 0..4);
        encode(Version::V4, Encoding::Rlbe, &values, &mut bytes).expect("encodes");
        for version in [Version::V3, Version::V4] {
            let mut damaged = bytes.clone();
            damaged[12] ^= 1;
            let found = decode(version, DataType::Double, &damaged, 4, Some(&statistics));
            assert!(found.is_err(), "{found:?}");
        }
    }

    #[test]
    fn errors_that_the_peer_let_add_up_are_no_damage() {
        // The differences of these are not exact, so the last value is a little off.
        let values = [0.1, 1e6, 0.3];
        let differences: Vec<_> =
            values.iter().scan(0., |before, value| Some(value - std::mem::replace(before, *value))).collect();
        let mut bytes = Vec::new();
        let integers: Vec<i64> = differences
            .iter()
            .scan(0i64, |sum, difference: &f64| {
                // What the new form makes of such sums are these differences.
                *sum = sum.wrapping_add(difference.to_bits() as i64);
                Some(*sum)
            })
            .collect();
        let dense = integers.iter().map(|&bits| f64::from_bits(bits as u64)).collect();
        encode(Version::V4, Encoding::Rlbe, &Dense::Double(dense), &mut bytes).expect("encodes");
        let statistics = Statistics::of(DataType::Double, &[1, 2, 3], &Float64Array::from(values.to_vec()));
        let sum = differences.iter().copied().reduce(|left, right| left + right).expect("there are some");
        assert_ne!(sum, 0.3);
        for version in [Version::V3, Version::V4] {
            let found = decode(version, DataType::Double, &bytes, 3, Some(&statistics));
            let Ok(Decoded::Int64(found)) = found else { panic!("{found:?}") };
            assert_eq!(found[2], sum.to_bits() as i64);
        }
    }
}
