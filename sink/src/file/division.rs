//! A batch, divided by the files that its rows belong to.

use std::{collections::HashMap, path::PathBuf};

use arrow_array::BooleanArray;
use levada_connector_api::{Batch, Error, Readings, Rejection, Result};

use super::template::Template;

/// Rows of a batch that go into one file.
#[derive(Debug, Default)]
pub(crate) struct Share {
    /// The rows, without positions.
    pub(crate) batch: Batch,
    /// For each of its readings, which it was of the batch and which of its rows; all where `None`.
    origins: Vec<(usize, Option<Vec<u32>>)>,
}

/// What each file gets, and the rows that belong to none.
pub(crate) type Divided = (Vec<(PathBuf, Share)>, Vec<Rejection>);

/// Divides a batch; in the order in which files are met. Rows that belong to no file are rejected.
///
/// # Errors
/// Rows cannot be taken apart.
pub(crate) fn divide(batch: &Batch, template: &Template) -> Result<Divided> {
    let (mut shares, mut rejected) = (Vec::new(), Vec::new());
    let mut places: HashMap<PathBuf, usize> = HashMap::new();
    for (index, readings) in batch.readings.iter().enumerate() {
        let device = readings.tablet.device().as_str();
        for (time, rows) in spans(readings, template.span()) {
            let path = match template.path(device, time) {
                Ok(path) => path,
                Err(error) => {
                    rejected.push(Rejection { readings: index, rows, error });
                    continue;
                }
            };
            let place = *places.entry(path.clone()).or_insert_with(|| {
                shares.push((path, Share::default()));
                shares.len() - 1
            });
            if let Some((_, share)) = shares.get_mut(place) {
                share.batch.readings.push(pick(readings, rows.as_deref())?);
                share.origins.push((index, rows));
            }
        }
    }
    Ok((shares, rejected))
}

/// The rows that lie in one span of time each, and a time of theirs.
fn spans(readings: &Readings, span: Option<i64>) -> Vec<(i64, Option<Vec<u32>>)> {
    let times = readings.tablet.times().values();
    let first = times.first().copied().unwrap_or_default();
    let Some(span) = span else { return vec![(first, None)] };
    let span_of = |time: i64| time.div_euclid(span);
    if times.iter().all(|&time| span_of(time) == span_of(first)) {
        return vec![(first, None)];
    }
    let mut spans: Vec<(i64, Vec<u32>)> = Vec::new();
    let mut last = 0;
    for (row, &time) in (0u32..).zip(times) {
        let is_of = |(known, _): &(i64, Vec<u32>)| span_of(*known) == span_of(time);
        if !spans.get(last).is_some_and(is_of) {
            last = spans.iter().position(is_of).unwrap_or_else(|| {
                spans.push((time, Vec::new()));
                spans.len() - 1
            });
        }
        if let Some((_, rows)) = spans.get_mut(last) {
            rows.push(row);
        }
    }
    spans.into_iter().map(|(time, rows)| (time, Some(rows))).collect()
}

fn pick(readings: &Readings, rows: Option<&[u32]>) -> Result<Readings> {
    let tablet = &readings.tablet;
    let tablet = match rows {
        None => tablet.clone(),
        Some([first, .., last]) if (last - first) as usize + 1 == rows.map_or(0, <[u32]>::len) => {
            tablet.slice(*first as usize, (last - first) as usize + 1)
        }
        Some(rows) => {
            let mut keep = vec![false; tablet.rows()];
            for &row in rows {
                keep[row as usize] = true;
            }
            tablet.filter(&BooleanArray::from(keep)).map_err(|error| Error::bug(error.to_string()))?
        }
    };
    // Files hold no bytes that rows came from.
    Ok(Readings::synthetic(tablet))
}

impl Share {
    /// A rejection of rows of this share as one of the batch that it is of.
    pub(crate) fn original(&self, rejection: Rejection) -> Rejection {
        let Rejection { readings, rows, error } = rejection;
        let Some((index, of)) = self.origins.get(readings) else {
            return Rejection { readings, rows, error };
        };
        let rows = match (of, rows) {
            (None, rows) => rows,
            (Some(of), None) => Some(of.clone()),
            (Some(of), Some(rows)) => {
                Some(rows.into_iter().filter_map(|row| of.get(row as usize).copied()).collect())
            }
        };
        Rejection { readings: *index, rows, error }
    }
}
