//! `valuerepair`: values that change too fast, or whose speed changes too much.

use std::{cmp::Ordering, collections::BinaryHeap};

use levada_udf::{Failure, UdfParameters};

use super::put_as;
use crate::{
    gather::{Keep, Whole},
    read::choice,
    statistics::{NORMAL, deviation, differences, interpolate, median, robust, span, speeds},
    work::Work,
};

pub(super) fn repair(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let greedy = choice(parameters, "method", &["Screen", "LsGreedy"])? == 1;
    let (slowest, fastest) = (parameters.double("minSpeed")?, parameters.double("maxSpeed")?);
    let (center, sigma) = (parameters.double_or("center", 0.0)?, parameters.double("sigma")?);
    if let (Some(slowest), Some(fastest)) = (slowest, fastest)
        && slowest.total_cmp(&fastest).is_ge()
    {
        return Err(Failure::parameters(format!(
            "parameter \"maxSpeed\" ({fastest}) should be greater than \"minSpeed\" ({slowest})"
        )));
    }
    let finite = [slowest, fastest, Some(center), sigma].into_iter().flatten().all(f64::is_finite);
    if !finite || sigma.is_some_and(|sigma| sigma <= 0.0) {
        return Err(Failure::parameters(
            "the speeds, \"center\" and \"sigma\" should be finite, and \"sigma\" above 0",
        ));
    }
    let data_type = parameters.data_type(0)?;
    Ok(Whole::of(parameters, Keep::All, data_type, move |series, points| {
        let mut values = series.values().to_vec();
        if interpolate(&series.times, &mut values) {
            values = if greedy {
                smoothed(&series.times, values, center, sigma)
            } else {
                screened(&series.times, values, slowest, fastest)
            };
        }
        put_as(data_type, &series.times, &values, points)
    }))
}

/// Changes values as little as the speeds allow, by the values that follow within five usual distances.
fn screened(times: &[i64], mut values: Vec<f64>, slowest: Option<f64>, fastest: Option<f64>) -> Vec<f64> {
    let (center, scale) = robust(&speeds(times, &values)).unwrap_or((0.0, 0.0));
    let (slowest, fastest) =
        (slowest.unwrap_or(center - 3.0 * scale), fastest.unwrap_or(center + 3.0 * scale));
    let mut gaps: Vec<f64> = times.windows(2).map(|pair| span(pair[0], pair[1])).collect();
    let window = 5.0 * median(&mut gaps).unwrap_or(0.0);
    let mut wanted = Vec::new();
    for at in 0..values.len() {
        wanted.clear();
        wanted.push(values[at]);
        for next in at + 1..values.len() {
            let ahead = span(times[at], times[next]);
            if ahead > window {
                break;
            }
            wanted.extend([values[next] - slowest * ahead, values[next] - fastest * ahead]);
        }
        let middle = median(&mut wanted).unwrap_or(values[at]);
        values[at] = match at.checked_sub(1) {
            Some(before) => {
                let since = span(times[before], times[at]);
                middle.min(values[before] + fastest * since).max(values[before] + slowest * since)
            }
            None => middle,
        };
    }
    values
}

/// A point whose speed changes much.
#[derive(Clone, Copy, Debug)]
struct Change {
    /// How far the change is from the center.
    off: f64,
    at: usize,
}

impl Ord for Change {
    fn cmp(&self, other: &Self) -> Ordering {
        self.off.total_cmp(&other.off).then_with(|| other.at.cmp(&self.at))
    }
}

impl PartialOrd for Change {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Change {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Change {}

/// Moves the point whose speed changes most, by a third of that, until all changes are within three standard deviations.
fn smoothed(times: &[i64], mut values: Vec<f64>, center: f64, sigma: Option<f64>) -> Vec<f64> {
    /// Changes below this are none.
    const NONE: f64 = 1e-12;
    let count = values.len();
    let mut changes = differences(&speeds(times, &values));
    let sigma = sigma.unwrap_or_else(|| NORMAL * deviation(&mut changes).unwrap_or(0.0));
    let change = |values: &[f64], at: usize| {
        let ahead = (values[at + 1] - values[at]) / span(times[at], times[at + 1]);
        ahead - (values[at] - values[at - 1]) / span(times[at - 1], times[at]) - center
    };
    let inner = 1..count.saturating_sub(1);
    let mut heap: BinaryHeap<Change> = inner
        .clone()
        .map(|at| Change { off: change(&values, at).abs(), at })
        .filter(|each| each.off > 3.0 * sigma)
        .collect();
    // It converges; the bound is for numbers so large that a third of a change is lost in rounding.
    let mut moves = 100 * count;
    while let Some(top) = heap.pop() {
        let off = change(&values, top.at);
        // What was put in before a neighbour moved says nothing any more.
        if off.abs() != top.off {
            continue;
        }
        if off.abs() < NONE.max(3.0 * sigma) || moves == 0 {
            break;
        }
        moves -= 1;
        let (before, behind) =
            (span(times[top.at - 1], times[top.at]), span(times[top.at], times[top.at + 1]));
        let by = if sigma < NONE { off.abs() } else { sigma.max(off.abs() / 3.0) };
        values[top.at] += by.copysign(off) * before * behind / (before + behind);
        for at in top.at.saturating_sub(1)..=top.at + 1 {
            if inner.contains(&at) {
                let off = change(&values, at).abs();
                if off > 3.0 * sigma {
                    heap.push(Change { off, at });
                }
            }
        }
    }
    values
}
