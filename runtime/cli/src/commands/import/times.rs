//! How many rows the series of a device make together.
//!
//! A TsFile has the values of a plain device series by series: a row is a time at which one of them has a value. The times that
//! were met are kept as runs of equal steps, so that a million regular readings take some bytes, and irregular ones no more than
//! 12 bytes each, of one device at a time.

use std::{mem, sync::Arc};

use levada_model::{Path, Tablet};

/// Counts rows of tablets that come series by series.
#[derive(Debug, Default)]
pub(super) struct RowCount {
    rows: u64,
    device: Option<Path>,
    series: Option<Arc<str>>,
    /// The last time of the series so far.
    last: Option<i64>,
    /// The times of the device that are counted, but for those of `fresh`; no two runs reach into each other.
    counted: Vec<Run>,
    /// Times that the present series has and those before it have not.
    fresh: Vec<Run>,
    /// The first run of `counted` that does not lie before the times that come.
    at: usize,
}

/// Times in equal steps.
#[derive(Clone, Copy, Debug)]
struct Run {
    start: i64,
    step: u64,
    count: u64,
}

impl Run {
    fn last(self) -> i64 {
        self.start.wrapping_add_unsigned(self.step.wrapping_mul(self.count - 1))
    }

    fn contains(self, time: i64) -> bool {
        time == self.start
            || time > self.start && time <= self.last() && time.abs_diff(self.start).is_multiple_of(self.step)
    }
}

impl RowCount {
    /// Counts the rows of a tablet that no tablet before has had.
    pub(super) fn add(&mut self, tablet: &Tablet) {
        let times = tablet.times().values();
        if tablet.aligned() {
            self.rows += times.len() as u64;
            return;
        }
        if self.device.as_ref() != Some(tablet.device()) {
            *self = Self { rows: self.rows, device: Some(tablet.device().clone()), ..Self::default() };
        }
        let series = tablet.columns().first().map(|column| &column.name);
        let is_late = times.first().zip(self.last).is_some_and(|(first, last)| *first <= last);
        if self.series.as_ref() != series || is_late {
            self.series = series.cloned();
            self.merge();
        }
        for &time in times {
            self.time(time);
        }
        self.last = times.last().copied();
    }

    /// All rows so far.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    fn time(&mut self, time: i64) {
        while self.counted.get(self.at).is_some_and(|run| run.last() < time) {
            self.at += 1;
        }
        if !self.counted.get(self.at).is_some_and(|run| run.contains(time)) {
            self.rows += 1;
            push(&mut self.fresh, time);
        }
    }

    /// Makes one list of the runs of all series so far.
    fn merge(&mut self) {
        self.at = 0;
        if self.fresh.is_empty() {
            return;
        }
        let fresh = mem::take(&mut self.fresh);
        if self.counted.is_empty() {
            self.counted = fresh;
            return;
        }
        let counted = mem::take(&mut self.counted);
        let (mut ones, mut others) = (times(&counted).peekable(), times(&fresh).peekable());
        let mut all = Vec::with_capacity(counted.len().max(fresh.len()));
        loop {
            let next = match (ones.peek(), others.peek()) {
                (Some(one), Some(other)) if other < one => others.next(),
                (Some(_), _) => ones.next(),
                (None, _) => others.next(),
            };
            let Some(time) = next else { break };
            push(&mut all, time);
        }
        self.counted = all;
    }
}

fn times(runs: &[Run]) -> impl Iterator<Item = i64> {
    runs.iter()
        .flat_map(|run| (0..run.count).map(|nth| run.start.wrapping_add_unsigned(run.step.wrapping_mul(nth))))
}

/// Adds a time that is later than all of the runs.
fn push(runs: &mut Vec<Run>, time: i64) {
    if let Some(run) = runs.last_mut() {
        let step = time.abs_diff(run.last());
        if run.count == 1 || run.step == step {
            (run.step, run.count) = (step, run.count + 1);
            return;
        }
    }
    runs.push(Run { start: time, step: 1, count: 1 });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use arrow_array::{ArrayRef, Int64Array};
    use levada_model::{Column, DataType};

    use super::*;

    fn tablet(device: &str, series: &str, times: &[i64]) -> Tablet {
        let values: ArrayRef = Arc::new(Int64Array::from(times.to_vec()));
        let column = Column { name: series.into(), data_type: DataType::Int64, values };
        let device = Path::parse(device).expect("legal");
        Tablet::try_new(device, false, times.to_vec().into(), vec![column]).expect("fits")
    }

    #[test]
    fn a_row_counts_once_however_many_series_have_it() {
        let mut count = RowCount::default();
        let mut noise = 1u64;
        let mut all: BTreeSet<i64> = BTreeSet::new();
        for series in ["a", "b", "c", "d"] {
            let mut at = i64::from(series.as_bytes()[0]) - 97;
            for _ in 0..20 {
                let mut times = Vec::new();
                for _ in 0..100 {
                    noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    // Regular for a while, and then not.
                    at += if series < "c" { 2 } else { 1 + (noise >> 61) as i64 };
                    times.push(at);
                }
                all.extend(&times);
                count.add(&tablet("root.d", series, &times));
            }
        }
        assert_eq!(count.rows(), all.len() as u64);
        count.add(&tablet("root.e", "a", &[i64::MIN, 0, i64::MAX]));
        count.add(&tablet("root.e", "b", &[i64::MIN, i64::MAX]));
        assert_eq!(count.rows(), all.len() as u64 + 3);
    }

    #[test]
    fn regular_times_take_some_bytes() {
        let mut count = RowCount::default();
        let times: Vec<i64> = (0..100_000).map(|at| at * 1_000).collect();
        for series in ["a", "b", "c"] {
            for page in times.chunks(1_000) {
                count.add(&tablet("root.d", series, page));
            }
        }
        assert_eq!(count.rows(), 100_000);
        assert_eq!(count.counted.len() + count.fresh.len(), 1);
    }
}
