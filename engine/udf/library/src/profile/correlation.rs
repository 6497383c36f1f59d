//! `acf`, `pacf`, `qlb`, and `xcorr` of the matching functions: a series against itself and against others, shifted.

use levada_udf::{DataType, Failure, PointCollector, UdfParameters};
use statrs::function::gamma::checked_gamma_ur;

use crate::{
    fourier::correlate,
    gather::{Keep, Series, Whole},
    read::at_least,
    work::Work,
};

/// The cross correlation of two series of N values with each other. Where the first is shifted back, and where they lie on
/// each other, the sum is divided by the number of products; where it is shifted ahead, by N.
fn cross(left: &[f64], right: &[f64]) -> Vec<f64> {
    let len = left.len();
    let mut sums = correlate(left, right);
    for (at, sum) in sums.iter_mut().enumerate() {
        *sum /= (at + 1).min(len) as f64;
    }
    sums
}

/// Missing values are no part of any product.
fn zeroed(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| if value.is_finite() { *value } else { 0.0 }).collect()
}

fn put_all(values: &[f64], points: &mut PointCollector) -> Result<(), Failure> {
    (0..).zip(values).try_for_each(|(at, &value)| points.put(at, value))
}

pub(super) fn acf(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(Whole::of(parameters, Keep::All, DataType::Double, |series, points| {
        let values = zeroed(series.values());
        put_all(&cross(&values, &values), points)
    }))
}

pub(crate) fn xcorr(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(Whole::of(parameters, Keep::Together, DataType::Double, |series, points| {
        put_all(&cross(&zeroed(&series.columns[0]), &zeroed(&series.columns[1])), points)
    }))
}

pub(super) fn pacf(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let lag = parameters.has("lag").then(|| at_least(parameters, "lag", 0, 0)).transpose()?;
    Ok(Whole::of(parameters, Keep::All, DataType::Double, move |series, points| {
        let count = series.times.len();
        if count < 2 {
            return Ok(());
        }
        let most = ((10.0 * (count as f64).log10()) as usize).min(count - 1);
        let lag = lag.filter(|&lag| lag < count).unwrap_or(most);
        for (&time, value) in series.times.iter().zip(partial(&zeroed(series.values()), lag)) {
            points.put(time, value)?;
        }
        Ok(())
    }))
}

/// Partial autocorrelations up to a lag, below the number of values: what solves the Yule-Walker equations of each order,
/// by Levinson's recursion. NaN where they have no solution.
pub(crate) fn partial(values: &[f64], lag: usize) -> Vec<f64> {
    let count = values.len();
    let mean = values.iter().sum::<f64>() / count as f64;
    let centered: Vec<f64> = values.iter().map(|value| value - mean).collect();
    // The products at each lag are divided by how many there are.
    let covariance: Vec<f64> = (0..=lag)
        .map(|k| centered[k..].iter().zip(&centered).map(|(a, b)| a * b).sum::<f64>() / (count - k) as f64)
        .collect();
    let mut partial = vec![1.0];
    let mut weights: Vec<f64> = Vec::with_capacity(lag);
    let mut error = covariance[0];
    for k in 1..=lag {
        let predicted: f64 = weights.iter().zip(covariance[1..k].iter().rev()).map(|(a, b)| a * b).sum();
        let reflection = (covariance[k] - predicted) / error;
        let turned: Vec<f64> = weights.iter().rev().copied().collect();
        for (weight, other) in weights.iter_mut().zip(turned) {
            *weight -= reflection * other;
        }
        weights.push(reflection);
        error *= 1.0 - reflection * reflection;
        partial.push(if reflection.is_finite() { reflection } else { f64::NAN });
    }
    partial
}

pub(super) fn qlb(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let lag = at_least(parameters, "lag", 0, 0)?;
    Ok(Whole::of(parameters, Keep::All, DataType::Double, move |series, points| {
        ljung_box(series, lag, points)
    }))
}

fn ljung_box(series: &Series, lag: usize, points: &mut PointCollector) -> Result<(), Failure> {
    let values = zeroed(series.values());
    let count = values.len();
    let lag = if lag == 0 || lag >= count { count.saturating_sub(2) } else { lag };
    let sums = correlate(&values, &values);
    let n = count as f64;
    let correlations: Vec<f64> = (1..=lag).map(|k| sums[count - 1 + k] / n).collect();
    let mut statistic = 0.0;
    for (k, correlation) in (1..).zip(&correlations) {
        statistic += correlation * correlation / (n - k as f64) * n * (n + 2.0);
        // The chi-squared distribution with k degrees of freedom, above the statistic.
        let p = checked_gamma_ur(k as f64 / 2.0, statistic / 2.0).unwrap_or(if statistic > 0.0 {
            0.0
        } else {
            1.0
        });
        points.put(k, p)?;
    }
    (count as i64 + 1..).zip(correlations).try_for_each(|(at, correlation)| points.put(at, correlation))
}
