//! `conv` and `deconv`: series as the coefficients of polynomials, multiplied and divided.

use levada_udf::{Columns, Failure, PointCollector, UdfParameters};

use crate::{fourier::convolve, read::choice, work::Work};

/// Both series, each without what is missing.
struct Polynomials {
    left: Vec<f64>,
    right: Vec<f64>,
    combine: Combine,
}

type Combine = fn(&[f64], &[f64]) -> Result<Vec<f64>, Failure>;

fn of(combine: Combine) -> Box<dyn Work> {
    Box::new(Polynomials { left: Vec::new(), right: Vec::new(), combine })
}

pub(super) fn convolution(_: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(of(|left, right| Ok(convolve(left, right))))
}

pub(super) fn deconvolution(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(match choice(parameters, "result", &["quotient", "remainder"])? {
        0 => of(|left, right| divided(left, right).map(|(quotient, _)| quotient)),
        _ => of(|left, right| divided(left, right).map(|(_, remainder)| remainder)),
    })
}

/// The quotient and the remainder, the coefficient of the highest power last.
fn divided(left: &[f64], right: &[f64]) -> Result<(Vec<f64>, Vec<f64>), Failure> {
    if left.is_empty() && right.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let Some(degree) = right.iter().rposition(|value| *value != 0.0) else {
        return Err(Failure::new("divided by zero: the second series has no value that is not 0"));
    };
    let mut remainder = left.to_vec();
    if left.len() <= degree {
        return Ok((vec![0.0], remainder));
    }
    let mut quotient = vec![0.0; left.len() - degree];
    for at in (0..quotient.len()).rev() {
        let factor = remainder[at + degree] / right[degree];
        quotient[at] = factor;
        remainder[at + degree] = 0.0;
        for (value, other) in remainder[at..at + degree].iter_mut().zip(right) {
            *value -= factor * other;
        }
    }
    Ok((quotient, remainder))
}

impl Work for Polynomials {
    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        let (left, right) = (rows.column(0)?, rows.column(1)?);
        for row in 0..rows.len() {
            self.left.extend(left.number(row)?.filter(|value| value.is_finite()));
            self.right.extend(right.number(row)?.filter(|value| value.is_finite()));
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        let result = (self.combine)(&self.left, &self.right)?;
        (0..).zip(result).try_for_each(|(at, value)| points.put(at, value))
    }

    fn memory(&self) -> usize {
        8 * (self.left.capacity() + self.right.capacity())
    }
}
