//! `resample`: points at equal distances, of which each has what the points around it say.

use levada_udf::{Columns, Failure, PointCollector, UdfParameters};

use crate::{
    read::{choice, duration, instant},
    statistics::{median, span},
    work::Work,
};

#[derive(Clone, Copy, Debug)]
enum Aggregation {
    Mean,
    Max,
    Min,
    First,
    Last,
    Median,
}

#[derive(Clone, Copy, Debug)]
enum Interpolation {
    Nan,
    Forward,
    Backward,
    Linear,
}

/// Windows of time, of which each becomes a source; between the sources lie the points of the result.
struct Resample {
    every: i64,
    aggregation: Aggregation,
    interpolation: Interpolation,
    start: Option<i64>,
    end: Option<i64>,
    /// Where the window of the rows at hand begins, and its rows.
    window: Option<i64>,
    times: Vec<i64>,
    values: Vec<f64>,
    /// The last two sources.
    before: Option<(i64, f64)>,
    last: Option<(i64, f64)>,
    /// The time of the next point.
    next: Option<i64>,
}

pub(super) fn resample(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let every = duration(parameters, "every")?
        .ok_or_else(|| Failure::parameters("attribute \"every\" is required but was not provided."))?;
    let aggregation = ["mean", "max", "min", "first", "last", "median"];
    let aggregation = match choice(parameters, "aggr", &aggregation)? {
        0 => Aggregation::Mean,
        1 => Aggregation::Max,
        2 => Aggregation::Min,
        3 => Aggregation::First,
        4 => Aggregation::Last,
        _ => Aggregation::Median,
    };
    let interpolation = match choice(parameters, "interp", &["nan", "ffill", "bfill", "linear"])? {
        0 => Interpolation::Nan,
        1 => Interpolation::Forward,
        2 => Interpolation::Backward,
        _ => Interpolation::Linear,
    };
    let (start, end) = (instant(parameters, "start")?, instant(parameters, "end")?);
    if let (Some(start), Some(end)) = (start, end)
        && end <= start
    {
        return Err(Failure::parameters("parameter \"end\" should be after \"start\""));
    }
    Ok(Box::new(Resample {
        every,
        aggregation,
        interpolation,
        start,
        end,
        window: start,
        times: Vec::new(),
        values: Vec::new(),
        before: None,
        last: None,
        next: start,
    }))
}

impl Resample {
    /// Makes a source of the window's rows. A window with one row is that row, at its own time.
    fn close(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        let source = match (&*self.times, &*self.values) {
            ([], _) => return Ok(()),
            ([time], [value]) => (*time, *value),
            _ => (self.window.unwrap_or(self.times[0]), self.aggregated()),
        };
        self.times.clear();
        self.values.clear();
        self.before = self.last.replace(source);
        // What lies before it is known now; of what lies before the second, the second is part.
        if self.before.is_some() { self.put_below(source.0, points) } else { Ok(()) }
    }

    fn aggregated(&mut self) -> f64 {
        let values = &mut self.values;
        match self.aggregation {
            Aggregation::Mean => values.iter().sum::<f64>() / values.len() as f64,
            Aggregation::Max => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Aggregation::Min => values.iter().copied().fold(f64::INFINITY, f64::min),
            Aggregation::First => values.first().copied().unwrap_or(f64::NAN),
            Aggregation::Last => values.last().copied().unwrap_or(f64::NAN),
            Aggregation::Median => median(values).unwrap_or(f64::NAN),
        }
    }

    /// Gives the points before a time.
    fn put_below(&mut self, bound: i64, points: &mut PointCollector) -> Result<(), Failure> {
        while let Some(time) = self.next
            && time < bound
            && self.end.is_none_or(|end| time < end)
        {
            points.put(time, self.value(time))?;
            self.next = time.checked_add(self.every);
        }
        Ok(())
    }

    /// What the sources around a time say.
    fn value(&self, time: i64) -> f64 {
        let Some(right) = self.last else { return f64::NAN };
        let left = self.before.unwrap_or(right);
        if time == right.0 {
            return right.1;
        }
        if time == left.0 {
            return left.1;
        }
        match self.interpolation {
            Interpolation::Nan => f64::NAN,
            Interpolation::Forward if time > right.0 => right.1,
            Interpolation::Forward if time > left.0 => left.1,
            Interpolation::Backward if time < left.0 => left.1,
            Interpolation::Backward if time < right.0 => right.1,
            Interpolation::Forward | Interpolation::Backward => f64::NAN,
            Interpolation::Linear if left.0 == right.0 => f64::NAN,
            Interpolation::Linear => {
                (left.1 * span(time, right.0) + right.1 * span(left.0, time)) / span(left.0, right.0)
            }
        }
    }
}

impl Work for Resample {
    fn rows(&mut self, rows: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for (row, &time) in rows.times().iter().enumerate() {
            let Some(value) = column.number(row)?.filter(|value| value.is_finite()) else { continue };
            if self.start.is_some_and(|start| time < start) || self.end.is_some_and(|end| time >= end) {
                continue;
            }
            self.next.get_or_insert(time);
            let window = *self.window.get_or_insert(time);
            // The distance of two times may be no time.
            let windows = (i128::from(time) - i128::from(window)) / i128::from(self.every);
            if windows > 0 {
                self.close(points)?;
                self.window = Some((i128::from(window) + windows * i128::from(self.every)) as i64);
            }
            self.times.push(time);
            self.values.push(value);
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        self.close(points)?;
        if self.last.is_none() {
            return Ok(());
        }
        let until = self.end.or_else(|| self.window.and_then(|window| window.checked_add(1)));
        self.put_below(until.unwrap_or(i64::MAX), points)
    }

    fn memory(&self) -> usize {
        16 * self.times.capacity()
    }
}
