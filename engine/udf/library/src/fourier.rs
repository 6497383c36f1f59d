//! The discrete Fourier transform, and sums of products that it makes fast.

use rustfft::{FftPlanner, num_complex::Complex};

/// Up to so many values products are summed as they are: that is as fast, and exact where the values are.
const DIRECT: usize = 512;

/// Transforms in place, of any length; backwards without dividing by the length.
pub(crate) fn transform(values: &mut [Complex<f64>], backwards: bool) {
    if values.is_empty() {
        return;
    }
    let mut planner = FftPlanner::new();
    let plan = if backwards {
        planner.plan_fft_inverse(values.len())
    } else {
        planner.plan_fft_forward(values.len())
    };
    plan.process(values);
}

/// Numbers as complex ones.
pub(crate) fn complex(values: &[f64]) -> Vec<Complex<f64>> {
    values.iter().map(|&value| Complex::new(value, 0.0)).collect()
}

/// The product of two polynomials by their coefficients.
pub(crate) fn convolve(left: &[f64], right: &[f64]) -> Vec<f64> {
    if left.is_empty() || right.is_empty() {
        return Vec::new();
    }
    let len = left.len() + right.len() - 1;
    if left.len().min(right.len()) <= DIRECT {
        let mut sums = vec![0.0; len];
        for (at, a) in left.iter().enumerate() {
            for (sum, b) in sums[at..].iter_mut().zip(right) {
                *sum += a * b;
            }
        }
        return sums;
    }
    let size = len.next_power_of_two();
    let padded = |values: &[f64]| {
        let mut padded = complex(values);
        padded.resize(size, Complex::default());
        transform(&mut padded, false);
        padded
    };
    let mut product = padded(left);
    for (a, b) in product.iter_mut().zip(padded(right)) {
        *a *= b;
    }
    transform(&mut product, true);
    product[..len].iter().map(|value| value.re / size as f64).collect()
}

/// The sums of `left[m + shift] × right[m]` for all shifts from `1 − n` to `n − 1`, of two series of `n` values.
pub(crate) fn correlate(left: &[f64], right: &[f64]) -> Vec<f64> {
    let mut reversed = right.to_vec();
    reversed.reverse();
    convolve(left, &reversed)
}
