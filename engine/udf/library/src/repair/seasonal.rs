//! `seasonalrepair`: values that neither the trend nor the season explains.

use levada_udf::{Failure, UdfParameters};

use super::put_as;
use crate::{
    gather::{Keep, Whole},
    read::{at_least, choice, number},
    statistics::{Moments, interpolate, median, robust},
    work::Work,
};

/// What stands for several values.
type Average = fn(&mut [f64]) -> f64;

fn mean(values: &mut [f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn middle(values: &mut [f64]) -> f64 {
    median(values).unwrap_or(f64::NAN)
}

pub(super) fn repair(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    parameters.required("period")?;
    let period = at_least(parameters, "period", 1, 1)?;
    let rounds = at_least(parameters, "max_iter", 10, 1)?;
    let factor = number(parameters, "k", 9.0, "finite and above 0", |k| k > 0.0 && k.is_finite())?;
    let improved = choice(parameters, "method", &["Classical", "Improved"])? == 1;
    let data_type = parameters.data_type(0)?;
    Ok(Whole::of(parameters, Keep::All, data_type, move |series, points| {
        let mut values = series.values().to_vec();
        // A season is known from two on.
        if interpolate(&series.times, &mut values) && values.len() >= 2 * period {
            repaired(&mut values, period, factor, rounds, improved);
        }
        put_as(data_type, &series.times, &values, points)
    }))
}

/// Replaces values whose residual stands out by what the trend, the season and the other residuals of the same place in the
/// season say, and decomposes again until none does.
pub(crate) fn repaired(values: &mut [f64], period: usize, factor: f64, rounds: usize, improved: bool) {
    let average: Average = if improved { middle } else { mean };
    for _ in 0..rounds {
        let parts = Parts::of(values, period, average);
        let (center, scale) = if improved {
            robust(&parts.residual).unwrap_or((0.0, 0.0))
        } else {
            let moments = Moments::of(&parts.residual);
            (moments.mean, moments.deviation())
        };
        let outside: Vec<usize> =
            (0..values.len()).filter(|&at| (parts.residual[at] - center).abs() > factor * scale).collect();
        for &at in &outside {
            let places = (at % period..values.len()).step_by(period).filter(|&other| other != at);
            let mut others: Vec<f64> = places.map(|other| parts.residual[other]).collect();
            values[at] = parts.trend[at] + parts.season[at % period] + average(&mut others);
        }
        if outside.is_empty() {
            break;
        }
    }
}

/// A series as the sum of a trend, a season and what is left.
struct Parts {
    trend: Vec<f64>,
    season: Vec<f64>,
    residual: Vec<f64>,
}

impl Parts {
    fn of(values: &[f64], period: usize, average: Average) -> Self {
        let count = values.len();
        let half = period / 2;
        let mut window = Vec::with_capacity(period + 1);
        let mut trend = vec![0.0; count];
        for (at, trend) in trend.iter_mut().enumerate().take(count - half).skip(half) {
            window.clear();
            window.extend_from_slice(&values[at - half..=at + half]);
            if period.is_multiple_of(2) {
                // The two ends are of the same place in the season: together they count once.
                let ends = f64::midpoint(window[0], window[period]);
                window.truncate(period);
                window[0] = ends;
            }
            *trend = average(&mut window);
        }
        let (first, last) = (trend[half], trend[count - half - 1]);
        trend[..half].fill(first);
        trend[count - half..].fill(last);
        let without: Vec<f64> = values.iter().zip(&trend).map(|(value, trend)| value - trend).collect();
        let place = |place: usize| {
            average(&mut without.iter().skip(place).step_by(period).copied().collect::<Vec<_>>())
        };
        let mut season: Vec<f64> = (0..period).map(place).collect();
        let level = average(&mut season.clone());
        season.iter_mut().for_each(|each| *each -= level);
        let residual = without.iter().enumerate().map(|(at, value)| value - season[at % period]).collect();
        Self { trend, season, residual }
    }
}
