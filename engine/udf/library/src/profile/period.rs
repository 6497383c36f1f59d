//! `period`: after how many points a series repeats.

use levada_udf::{DataType, Failure, UdfParameters};

use crate::{
    fourier::correlate,
    gather::{Keep, Whole},
    statistics::median,
    work::Work,
};

/// A series repeats where it correlates with itself by more than this.
const THRESHOLD: f64 = 0.5;
/// The longest period that the first peak is looked for at.
const MAX_PERIOD: usize = 100;

pub(super) fn period(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(Whole::of(parameters, Keep::All, DataType::Int32, |series, points| {
        if series.times.is_empty() {
            return Ok(());
        }
        let period = i32::try_from(found(&held(series.values())))
            .map_err(|_| Failure::new("the period is no INT32"))?;
        points.put(0, period)
    }))
}

/// What is missing has the value before it; before the first value there is nothing.
fn held(values: &[f64]) -> Vec<f64> {
    let mut last = None;
    let held = values.iter().filter_map(|&value| {
        last = if value.is_finite() { Some(value) } else { last };
        last
    });
    held.collect()
}

/// The median distance between peaks of the autocorrelation, of which the first is at 0; 0 where there are no others.
pub(crate) fn found(values: &[f64]) -> usize {
    let correlations = autocorrelations(values);
    let count = correlations.len();
    let window = (1..count.saturating_sub(1).min(MAX_PERIOD))
        .find(|&at| {
            let here = correlations[at];
            here > THRESHOLD && here > correlations[at - 1] && here > correlations[at + 1]
        })
        .unwrap_or(MAX_PERIOD);
    let mut peaks = vec![0];
    // Where less than a window overlaps, correlations say nothing: of two points they are always 1 or −1.
    let last = count.saturating_sub(window);
    for at in window / 2..=last {
        let first = at - window / 2;
        let around = &correlations[first..(first + window).min(last + 1)];
        let here = correlations[at];
        let peak = here > THRESHOLD
            && around[..at - first].iter().all(|&other| other.is_nan() || other < here)
            && around[at - first..].iter().all(|&other| other.is_nan() || other <= here);
        if peak && at > 0 {
            peaks.push(at);
        }
    }
    let mut gaps: Vec<f64> = peaks.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
    median(&mut gaps).unwrap_or(0.0) as usize
}

/// Pearson's correlation of the series with itself, shifted by 0, 1, …
fn autocorrelations(values: &[f64]) -> Vec<f64> {
    let count = values.len();
    let mean = values.iter().sum::<f64>() / count as f64;
    let centered: Vec<f64> = values.iter().map(|value| value - mean).collect();
    let products = correlate(&centered, &centered);
    let mut sums = vec![(0.0, 0.0)];
    for value in &centered {
        let (sum, squares) = sums[sums.len() - 1];
        sums.push((sum + value, squares + value * value));
    }
    let (whole, whole_squares) = sums[count];
    let correlation = |shift: usize| {
        let n = (count - shift) as f64;
        let (left, left_squares) = sums[count - shift];
        let (right, right_squares) = (whole - sums[shift].0, whole_squares - sums[shift].1);
        let product = products[count - 1 + shift];
        (n * product - left * right)
            / ((n * left_squares - left * left).sqrt() * (n * right_squares - right * right).sqrt())
    };
    (0..count).map(correlation).collect()
}
