//! `outlier`: values with few neighbours.

use std::collections::VecDeque;

use levada_udf::{Columns, DataType, Failure, PointCollector, UdfParameters};

use crate::{
    read::{at_least, number},
    store::Store,
    work::Work,
};

struct Outlier {
    distance: f64,
    neighbours: usize,
    window: usize,
    slide: usize,
    /// The points of the window: their time, their value, and whether they stood out in a window before.
    points: VecDeque<(i64, f64, bool)>,
    /// The same points as they came; those that have left the window are dropped from time to time.
    store: Store,
    dropped: usize,
    seen: usize,
}

pub(super) fn outlier(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(Box::new(Outlier {
        distance: number(parameters, "r", 5.0, "finite and at least 0", |r| r >= 0.0 && r.is_finite())?,
        neighbours: at_least(parameters, "k", 3, 1)?,
        window: at_least(parameters, "w", 1000, 1)?,
        slide: at_least(parameters, "s", 500, 1)?,
        points: VecDeque::new(),
        store: Store::new(parameters.data_type(0)?),
        dropped: 0,
        seen: 0,
    }))
}

impl Outlier {
    /// Marks the points of the window with fewer neighbours than they should have.
    fn judge(&mut self) {
        let mut order: Vec<usize> = (0..self.points.len()).collect();
        order.sort_unstable_by(|&a, &b| self.points[a].1.total_cmp(&self.points[b].1));
        let (mut first, mut last) = (0, 0);
        for place in 0..order.len() {
            let here = self.points[order[place]].1;
            while (here - self.points[order[first]].1).abs() > self.distance {
                first += 1;
            }
            while last < order.len() && (self.points[order[last]].1 - here).abs() <= self.distance {
                last += 1;
            }
            if last - first < self.neighbours {
                self.points[order[place]].2 = true;
            }
        }
    }

    /// Gives the first point of the window where it stood out, and takes it away.
    fn leave(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        let Some((time, _, outside)) = self.points.pop_front() else { return Ok(()) };
        if outside {
            self.store.put(self.dropped, time, points)?;
        }
        self.dropped += 1;
        if self.dropped > self.points.len() + 1024 {
            self.store.forget(self.dropped);
            self.dropped = 0;
        }
        Ok(())
    }
}

impl Work for Outlier {
    fn output(&self) -> DataType {
        self.store.data_type()
    }

    fn rows(&mut self, rows: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for (row, &time) in rows.times().iter().enumerate() {
            let Some(value) = column.number(row)?.filter(|value| value.is_finite()) else { continue };
            if self.points.len() == self.window {
                self.leave(points)?;
            }
            self.store.push(&column, row, true)?;
            self.points.push_back((time, value, false));
            self.seen += 1;
            if self.seen >= self.window && (self.seen - self.window).is_multiple_of(self.slide) {
                self.judge();
            }
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        while !self.points.is_empty() {
            self.leave(points)?;
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        24 * self.points.capacity() + self.store.memory()
    }
}
