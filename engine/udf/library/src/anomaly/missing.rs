//! `missdetect`: straight stretches, as they come into being where missing values are filled in.

use levada_udf::{Columns, DataType, Failure, PointCollector, UdfParameters};

use crate::{read::at_least, statistics::span, work::Work};

/// How much of the variation a line has to explain (R²).
const STRAIGHT: f64 = 0.9999;

/// The stretch at hand: sums over its points, relative to the first of them.
#[derive(Debug, Default)]
struct Stretch {
    origin: Option<(i64, f64)>,
    count: f64,
    times: f64,
    values: f64,
    time_squares: f64,
    value_squares: f64,
    products: f64,
}

impl Stretch {
    fn add(&mut self, time: i64, value: f64) {
        let &mut (first, level) = self.origin.get_or_insert((time, value));
        let (x, y) = (span(first, time), value - level);
        self.count += 1.0;
        self.times += x;
        self.values += y;
        self.time_squares += x * x;
        self.value_squares += y * y;
        self.products += x * y;
    }

    /// Whether all points lie on a line, which may be level.
    fn straight(&self) -> bool {
        let n = self.count;
        let x = n * self.time_squares - self.times * self.times;
        let y = n * self.value_squares - self.values * self.values;
        let both = n * self.products - self.times * self.values;
        self.value_squares == 0.0 || self.count <= 2.0 || both * both >= STRAIGHT * x * y
    }
}

struct Missing {
    least: usize,
    stretch: Stretch,
    /// The points of the stretch that have not been judged: all of them as long as it is short.
    waiting: Vec<i64>,
    /// How many points the stretch has.
    count: usize,
    last: Option<(i64, f64)>,
}

pub(super) fn missing(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let key = if parameters.has("minlen") { "minlen" } else { "error" };
    let least = at_least(parameters, key, 10, 10)?;
    Ok(Box::new(Missing { least, stretch: Stretch::default(), waiting: Vec::new(), count: 0, last: None }))
}

impl Missing {
    fn point(&mut self, time: i64, value: f64, points: &mut PointCollector) -> Result<(), Failure> {
        let mut longer = std::mem::take(&mut self.stretch);
        longer.add(time, value);
        if longer.straight() {
            self.stretch = longer;
            self.count += 1;
        } else {
            // The last point may begin a line with this one.
            let shared = self.last.filter(|_| self.count > 1);
            let open = if shared.is_some() && !self.waiting.is_empty() { self.waiting.pop() } else { None };
            self.judge(points)?;
            self.count = 1;
            if let Some((before, last)) = shared {
                self.stretch.add(before, last);
                self.waiting.extend(open);
                self.count = 2;
            }
            self.stretch.add(time, value);
        }
        self.waiting.push(time);
        self.last = Some((time, value));
        // From here on it is decided, so that long stretches are not held.
        if self.count >= self.least { self.judge(points) } else { Ok(()) }
    }

    fn judge(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        let straight = self.count >= self.least;
        self.waiting.drain(..).try_for_each(|time| points.put(time, straight))
    }
}

impl Work for Missing {
    fn output(&self) -> DataType {
        DataType::Boolean
    }

    fn rows(&mut self, rows: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for (row, &time) in rows.times().iter().enumerate() {
            if let Some(value) = column.number(row)?.filter(|value| value.is_finite()) {
                self.point(time, value, points)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        self.judge(points)
    }

    fn memory(&self) -> usize {
        8 * self.waiting.capacity()
    }
}
