//! `ksigma`: values far from the mean of a sliding window.

use std::collections::VecDeque;

use levada_udf::{Columns, DataType, Failure, PointCollector, UdfParameters};

use crate::{
    read::{at_least, number},
    statistics::Moments,
    store::Store,
    work::Work,
};

struct Sigma {
    factor: f64,
    size: usize,
    /// The window's values. Sums of their distances from the origin lose no digits to large means.
    window: VecDeque<f64>,
    origin: f64,
    sums: (f64, f64),
    since: usize,
    /// The values of the first window, which are judged once it is whole.
    first: Option<(Vec<i64>, Store)>,
    output: DataType,
}

pub(super) fn sigma(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let size = at_least(parameters, "window", 10_000, 1)?;
    let factor = number(parameters, "k", 3.0, "finite and above 0", |k| k > 0.0 && k.is_finite())?;
    let output = parameters.data_type(0)?;
    Ok(Box::new(Sigma {
        factor,
        size,
        window: VecDeque::new(),
        origin: 0.0,
        sums: (0.0, 0.0),
        since: 0,
        first: Some((Vec::new(), Store::new(output))),
        output,
    }))
}

impl Sigma {
    fn add(&mut self, value: f64) {
        if self.window.is_empty() {
            self.origin = value;
        }
        if self.window.len() == self.size
            && let Some(old) = self.window.pop_front()
        {
            self.sums.0 -= old - self.origin;
            self.sums.1 -= (old - self.origin).powi(2);
        }
        self.window.push_back(value);
        self.sums.0 += value - self.origin;
        self.sums.1 += (value - self.origin).powi(2);
        self.since += 1;
        // Each time the window is new the sums are made anew, so that what is lost in rounding does not gather.
        if self.since >= self.size {
            self.since = 0;
            self.origin += self.sums.0 / self.window.len() as f64;
            let distances = || self.window.iter().map(|value| value - self.origin);
            self.sums = (distances().sum(), distances().map(|distance| distance * distance).sum());
        }
    }

    /// Whether a value is too far from the mean, in deviations of a sample.
    fn stands_out(&self, value: f64) -> bool {
        let count = self.window.len() as f64;
        let mean = self.sums.0 / count;
        let variance = (self.sums.1 - mean * self.sums.0).max(0.0) / (count - 1.0);
        (value - self.origin - mean).abs() > self.factor * variance.sqrt()
    }

    /// Judges the values of the first window, by its own mean.
    fn judge(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        let Some((times, store)) = self.first.take() else { return Ok(()) };
        let moments = Moments::of(&store.numbers());
        let count = moments.count as f64;
        let bound = self.factor * moments.deviation() * (count / (count - 1.0)).sqrt();
        for (at, &time) in times.iter().enumerate() {
            if (store.number(at) - moments.mean).abs() > bound {
                store.put(at, time, points)?;
            }
        }
        Ok(())
    }
}

impl Work for Sigma {
    fn output(&self) -> DataType {
        self.output
    }

    fn rows(&mut self, rows: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        let mut given = Store::new(self.output);
        for (row, &time) in rows.times().iter().enumerate() {
            let Some(value) = column.number(row)?.filter(|value| value.is_finite()) else { continue };
            self.add(value);
            if let Some((times, store)) = &mut self.first {
                times.push(time);
                store.push(&column, row, true)?;
                if times.len() == self.size {
                    self.judge(points)?;
                }
            } else if self.stands_out(value) && given.push(&column, row, true)? {
                given.put(given.len() - 1, time, points)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        self.judge(points)
    }

    fn memory(&self) -> usize {
        8 * self.window.capacity()
            + self.first.as_ref().map_or(0, |(times, store)| 8 * times.capacity() + store.memory())
    }
}
