//! `twosidedfilter`: the series without values that neither what is before nor what is behind explains.

use levada_udf::{Failure, UdfParameters};

use crate::{
    gather::Chosen,
    read::{at_least, number},
    statistics::span,
    work::Work,
};

pub(super) fn filter(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let len = at_least(parameters, "len", 5, 1)?;
    let threshold = number(parameters, "threshold", 0.3, "between 0 and 1", |threshold| {
        threshold > 0.0 && threshold < 1.0
    })?;
    Chosen::of(parameters, true, move |times, store, points| {
        let values = store.numbers();
        for at in 0..times.len() {
            if explained(times, &values, at, len, threshold) {
                store.put(at, times[at], points)?;
            }
        }
        Ok(())
    })
}

/// Whether a value is near the mean before it or behind it, of so many values within as many seconds. Where there are fewer,
/// those that are missing count as 0.
fn explained(times: &[i64], values: &[f64], at: usize, len: usize, threshold: f64) -> bool {
    let near = |other: &usize| span(times[at], times[*other]).abs() <= len as f64 * 1000.0;
    let sum = |range: std::ops::Range<usize>| range.filter(near).map(|other| values[other]).sum::<f64>();
    let before = sum(at.saturating_sub(len)..at);
    let behind = sum(at + 1..(at + len + 1).min(times.len()));
    [before, behind].into_iter().any(|sum| {
        let mean = sum / len as f64;
        (mean - values[at]).abs() / (mean.max(values[at]) + 1.0) < threshold
    })
}
