//! `valuefill`: values where there are none.

use levada_udf::{Failure, UdfParameters};

use super::put_as;
use crate::{
    gather::{Keep, Whole},
    read::choice,
    statistics::{median, robust, span},
    work::Work,
};

type Fill = fn(&[i64], &[f64]) -> Option<Vec<f64>>;

pub(super) fn fill(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let methods = ["linear", "mean", "previous", "likelihood", "AR", "MA", "SCREEN"];
    let fill: Fill = [linear, mean, previous, likelihood, autoregression, moving, screen]
        [choice(parameters, "method", &methods)?];
    let data_type = parameters.data_type(0)?;
    Ok(Whole::of(parameters, Keep::All, data_type, move |series, points| {
        let values = series.values();
        // Without a single value there is nothing that others could be made of.
        if values.iter().all(|value| value.is_nan()) {
            return Ok(());
        }
        match fill(&series.times, values) {
            Some(filled) => put_as(data_type, &series.times, &filled, points),
            // The mark of a series that does not follow the model.
            None => points.put_number(0, 0.0),
        }
    }))
}

/// The runs of values that are missing.
fn holes(values: &[f64]) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let first = at + values[at..].iter().position(|value| value.is_nan())?;
        let last =
            values[first..].iter().position(|value| !value.is_nan()).map_or(values.len(), |len| first + len);
        at = last;
        Some(first..last)
    })
}

/// On the line between the values on both sides, by their order and not by their times; outside as the nearest one.
fn linear(_: &[i64], values: &[f64]) -> Option<Vec<f64>> {
    let mut filled = values.to_vec();
    for hole in holes(values) {
        let left = hole.start.checked_sub(1).map(|at| values[at]);
        let right = values.get(hole.end).copied();
        let (left, right) = (left.or(right)?, right.or(left)?);
        let step = (right - left) / (hole.len() + 1) as f64;
        for (place, at) in (1..).zip(hole) {
            filled[at] = left + step * f64::from(place);
        }
    }
    Some(filled)
}

fn mean_of(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) =
        values.filter(|value| !value.is_nan()).fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

fn mean(_: &[i64], values: &[f64]) -> Option<Vec<f64>> {
    let mean = mean_of(values.iter().copied())?;
    Some(values.iter().map(|&value| if value.is_nan() { mean } else { value }).collect())
}

/// As the value before; what is before the first stays missing.
fn previous(_: &[i64], values: &[f64]) -> Option<Vec<f64>> {
    let mut last = f64::NAN;
    let held = values.iter().map(|&value| {
        last = if value.is_nan() { last } else { value };
        last
    });
    Some(held.collect())
}

/// The mean of the values among the two before and the two behind, and as the value before where there are none.
fn moving(_: &[i64], values: &[f64]) -> Option<Vec<f64>> {
    let mut filled = values.to_vec();
    for at in holes(values).flatten() {
        let around = values[at.saturating_sub(2)..(at + 3).min(values.len())].iter().copied();
        filled[at] =
            mean_of(around).or_else(|| at.checked_sub(1).map(|before| filled[before])).unwrap_or(f64::NAN);
    }
    Some(filled)
}

/// An autoregressive model of the first order: a part of the value before, and what is left on average. `None` where the
/// part is not below 1, as then the series has no mean to come back to.
fn autoregression(_: &[i64], values: &[f64]) -> Option<Vec<f64>> {
    let or_zero = |value: f64| if value.is_nan() { 0.0 } else { value };
    let pairs = || values.windows(2);
    let products: f64 = pairs().map(|pair| or_zero(pair[0]) * or_zero(pair[1])).sum();
    let squares: f64 = pairs().map(|pair| or_zero(pair[0]).powi(2)).sum();
    let part = products / squares;
    if !(part.is_finite() && part < 1.0) {
        return None;
    }
    let rest = mean_of(pairs().map(|pair| pair[1] - part * pair[0]))?;
    let mut filled = values.to_vec();
    for at in holes(values).flatten() {
        filled[at] = match at.checked_sub(1) {
            Some(before) => part * filled[before] + rest,
            None => mean_of(values.iter().copied())?,
        };
    }
    Some(filled)
}

/// Within the speeds that are usual, as the values that follow within five usual distances say. Where none does, as fast as
/// the value before allows; at the ends, where nothing says anything, missing.
fn screen(times: &[i64], values: &[f64]) -> Option<Vec<f64>> {
    let known: Vec<f64> = times
        .windows(2)
        .zip(values.windows(2))
        .map(|(time, value)| (value[1] - value[0]) / span(time[0], time[1]))
        .filter(|speed| speed.is_finite())
        .collect();
    let (center, scale) = robust(&known).unwrap_or((0.0, 0.0));
    let (slowest, fastest) = (center - 3.0 * scale, center + 3.0 * scale);
    let mut gaps: Vec<f64> = times.windows(2).map(|pair| span(pair[0], pair[1])).collect();
    let window = 5.0 * median(&mut gaps).unwrap_or(0.0);
    let mut filled = values.to_vec();
    for at in holes(values).flatten() {
        let mut wanted: Vec<f64> = Vec::new();
        for next in at + 1..times.len() {
            let ahead = span(times[at], times[next]);
            if ahead > window {
                break;
            }
            if !values[next].is_nan() {
                wanted.extend([values[next] - slowest * ahead, values[next] - fastest * ahead]);
            }
        }
        wanted.sort_unstable_by(f64::total_cmp);
        let before = at.checked_sub(1).filter(|&before| !filled[before].is_nan());
        let bounds = before.map(|before| {
            let since = span(times[before], times[at]);
            (filled[before] + slowest * since, filled[before] + fastest * since)
        });
        filled[at] = match (wanted.get(wanted.len() / 2), bounds) {
            (Some(&wanted), Some((least, greatest))) => wanted.min(greatest).max(least),
            (Some(&wanted), None) => wanted,
            (None, Some((least, greatest))) => f64::midpoint(least, greatest),
            (None, None) => f64::NAN,
        };
    }
    Some(filled)
}

/// So that the changes of speed are as small as can be, in squares: what is most likely where they are normally distributed.
/// At the ends, where no value limits the speed, missing.
fn likelihood(times: &[i64], values: &[f64]) -> Option<Vec<f64>> {
    let mut filled = values.to_vec();
    let first = values.iter().position(|value| !value.is_nan())?;
    let last = values.iter().rposition(|value| !value.is_nan())?;
    // The unknowns are the values of the holes between; each change of speed concerns three neighbours, so that only two on
    // each side of the diagonal are not 0.
    let unknown: Vec<usize> = holes(values).flatten().filter(|&at| at > first && at < last).collect();
    let mut places = vec![usize::MAX; values.len()];
    for (place, &at) in unknown.iter().enumerate() {
        places[at] = place;
    }
    let mut matrix = vec![[0.0; 3]; unknown.len()];
    let mut right = vec![0.0; unknown.len()];
    for middle in first + 1..last {
        let (before, behind) =
            (span(times[middle - 1], times[middle]), span(times[middle], times[middle + 1]));
        let weights = [1.0 / before, -1.0 / before - 1.0 / behind, 1.0 / behind];
        for (a, &weight) in weights.iter().enumerate() {
            let row = places[middle - 1 + a];
            if row == usize::MAX {
                continue;
            }
            for (b, &other) in weights.iter().enumerate() {
                match places[middle - 1 + b] {
                    usize::MAX => right[row] -= weight * other * values[middle - 1 + b],
                    column if column <= row => matrix[row][row - column] += weight * other,
                    _ => {}
                }
            }
        }
    }
    for (place, value) in solved(matrix, right).into_iter().enumerate() {
        filled[unknown[place]] = value;
    }
    Some(filled)
}

/// Solves equations with a symmetric positive matrix, of which row `n` has the entries `n`, `n − 1` and `n − 2`.
fn solved(mut matrix: Vec<[f64; 3]>, mut right: Vec<f64>) -> Vec<f64> {
    let count = right.len();
    // Cholesky's factors, in place.
    for row in 0..count {
        for back in (0..3).rev() {
            let Some(column) = row.checked_sub(back) else { continue };
            let mut rest = matrix[row][back];
            for k in row.saturating_sub(2)..column {
                if column - k <= 2 {
                    rest -= matrix[row][row - k] * matrix[column][column - k];
                }
            }
            matrix[row][back] =
                if back == 0 { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / matrix[column][0] };
        }
        let known: f64 = (1..=row.min(2)).map(|back| matrix[row][back] * right[row - back]).sum();
        right[row] = (right[row] - known) / matrix[row][0];
    }
    for row in (0..count).rev() {
        let known: f64 = (1..=2)
            .filter(|ahead| row + ahead < count)
            .map(|ahead| matrix[row + ahead][ahead] * right[row + ahead])
            .sum();
        right[row] = (right[row] - known) / matrix[row][0];
    }
    right
}
