//! Data quality: for each window of a series, which part of it is there, on time, once, and plausible.
//!
//! The distance between two points that is usual is the median of all in the window. Points nearer than half of it are
//! redundant. Where they are twice as far apart or farther, points are missing, or late: as many as follow too close together
//! among the next ones.

use std::collections::VecDeque;

use levada_udf::{Access, DataType, Failure, PointCollector, RowWindow, UdfParameters};

use crate::{
    declaration::{Declaration, Group, Inputs, Parameter, Start, option},
    gather::{Keep, Series},
    read::parse_duration,
    statistics::{differences, interpolate, median, robust, span, speeds},
    work::Work,
};

const WINDOW: Parameter = option(
    "window",
    "all points",
    "how many points a window has, or how long it is, with its unit (`ms`, `s`, `m`, `h`, `d`)",
);

const fn of(
    name: &'static str,
    class: &'static str,
    parameters: &'static [Parameter],
    result: &'static str,
    start: Start,
) -> Declaration {
    Declaration { name, class, group: Group::Quality, inputs: Inputs::Numbers(1), parameters, result, start }
}

/// The functions of this group.
pub(crate) const ALL: [Declaration; 4] = [
    of(
        "completeness",
        "org.apache.iotdb.library.dquality.UDTFCompleteness",
        &[
            WINDOW,
            option(
                "downtime",
                "false",
                "`true`: gaps of more than nine times the usual distance are no missing points",
            ),
        ],
        "DOUBLE: the part of the points that is there and finite, for each window of more than 10 points",
        completeness,
    ),
    of(
        "consistency",
        "org.apache.iotdb.library.dquality.UDTFConsistency",
        &[WINDOW],
        "DOUBLE: the part of the points that is not redundant, for each window of more than 10 points",
        consistency,
    ),
    of(
        "timeliness",
        "org.apache.iotdb.library.dquality.UDTFTimeliness",
        &[WINDOW],
        "DOUBLE: the part of the points that is not late, for each window of more than 10 points",
        timeliness,
    ),
    of(
        "validity",
        "org.apache.iotdb.library.dquality.UDTFValidity",
        &[WINDOW],
        "DOUBLE: the part of the points that does not stand out by value, change, speed or acceleration, for each window of more than 10 points with two finite values",
        validity,
    ),
];

/// Windows with so many points or fewer say too little.
const MIN_POINTS: usize = 10;

/// So many distances are held to find their median; of more it is found by passes over them.
const MOST_HELD: usize = 1 << 16;

/// Of a window of more points than [`MIN_POINTS`]; `None` where it has no value.
type Measure = fn(&RowWindow<'_>, bool) -> Result<Option<f64>, Failure>;

struct Quality {
    access: Access,
    downtime: bool,
    /// Whether it works on all points of a window at once, and not page by page.
    whole: bool,
    measure: Measure,
}

fn started(
    parameters: &UdfParameters,
    downtime: bool,
    whole: bool,
    measure: Measure,
) -> Result<Box<dyn Work>, Failure> {
    let access = match parameters.string("window").map(str::trim) {
        None => Access::all(),
        Some(text) => match (text.parse::<usize>(), parse_duration(text)) {
            (Ok(size), _) if size > 0 => Access::size(size),
            (Err(_), Some(interval)) if interval > 0 => Access::time(interval),
            _ => {
                return Err(Failure::parameters(format!(
                    "parameter \"window\" should be a number of points or a duration above 0: `{text}` is not"
                )));
            }
        },
    };
    Ok(Box::new(Quality { access, downtime, whole, measure }))
}

fn completeness(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    started(parameters, parameters.boolean_or("downtime", false)?, false, |window, downtime| {
        let mut special = 0_usize;
        window.each_page(|page| {
            let values = page.column(0)?;
            for row in 0..page.len() {
                special += usize::from(!values.number(row)?.is_some_and(f64::is_finite));
            }
            Ok(())
        })?;
        let missing = Timing::of(window, downtime)?.missing;
        let count = window.len() as f64;
        Ok(Some(1.0 - (missing + special as f64) / (count + missing)))
    })
}

fn consistency(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    started(parameters, true, false, |window, downtime| {
        Ok(Some(1.0 - Timing::of(window, downtime)?.redundant as f64 / window.len() as f64))
    })
}

fn timeliness(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    started(parameters, true, false, |window, downtime| {
        Ok(Some(1.0 - Timing::of(window, downtime)?.late as f64 / window.len() as f64))
    })
}

fn validity(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    started(parameters, true, true, |window, _| {
        let mut series = Series::new(1);
        series.add(window.columns()?, Keep::All)?;
        let mut values = series.values().to_vec();
        if !interpolate(&series.times, &mut values) {
            return Ok(None);
        }
        let speeds = speeds(&series.times, &values);
        let outliers = outliers(&values)
            + outliers(&differences(&values))
            + outliers(&speeds)
            + outliers(&differences(&speeds));
        Ok(Some(1.0 - outliers as f64 / 4.0 / values.len() as f64))
    })
}

/// How many values are farther from the median than three times the usual distance.
fn outliers(values: &[f64]) -> usize {
    let Some((center, scale)) = robust(values) else { return 0 };
    values.iter().filter(|&value| (value - center).abs() > 3.0 * scale).count()
}

impl Work for Quality {
    fn access(&self) -> Access {
        self.access
    }

    fn window(&mut self, window: RowWindow<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        if window.len() <= MIN_POINTS {
            return Ok(());
        }
        match (self.measure)(&window, self.downtime)? {
            Some(value) => points.put(window.row(0).time(), value),
            None => Ok(()),
        }
    }

    fn needs_whole_windows(&self) -> bool {
        self.whole
    }

    fn output(&self) -> DataType {
        DataType::Double
    }
}

/// How many points came at other times than they should.
#[derive(Clone, Copy, Debug, Default)]
struct Timing {
    missing: f64,
    late: usize,
    redundant: usize,
}

impl Timing {
    fn of(window: &RowWindow<'_>, downtime: bool) -> Result<Self, Failure> {
        let Some(usual) = usual(window)?.filter(|&usual| usual > 0.0) else { return Ok(Self::default()) };
        let mut walk = Walk { usual, downtime, ahead: VecDeque::new(), found: Self::default() };
        each_time(window, |time| walk.push(time))?;
        Ok(walk.end())
    }
}

/// Looks at each point with up to nine that follow.
struct Walk {
    usual: f64,
    downtime: bool,
    ahead: VecDeque<i64>,
    found: Timing,
}

impl Walk {
    fn push(&mut self, time: i64) {
        self.ahead.push_back(time);
        if self.ahead.len() == MIN_POINTS {
            self.step();
        }
    }

    fn end(mut self) -> Timing {
        while self.ahead.len() > 1 {
            self.step();
        }
        self.found
    }

    /// Looks at the first, which there is another behind.
    fn step(&mut self) {
        let Self { usual, downtime, ahead, found } = self;
        let distance = span(ahead[0], ahead[1]) / *usual;
        if distance <= 0.5 {
            ahead.remove(1);
            found.redundant += 1;
        } else if distance >= 2.0 && !(*downtime && distance > 9.0) {
            // Half a point counts as one.
            let absent = (distance - 1.0 + 0.5).floor();
            let late = late(ahead, *usual, absent);
            found.late += late;
            found.missing += absent - late as f64;
        }
        ahead.pop_front();
    }
}

fn each_time(window: &RowWindow<'_>, mut call: impl FnMut(i64)) -> Result<(), Failure> {
    window.each_page(|page| {
        page.times().iter().for_each(|&time| call(time));
        Ok(())
    })
}

/// The distances between points that follow one another.
fn each_distance(window: &RowWindow<'_>, mut call: impl FnMut(f64)) -> Result<(), Failure> {
    let mut before = None;
    each_time(window, |time| {
        if let Some(before) = before.replace(time) {
            call(span(before, time));
        }
    })
}

/// The median of the distances, which takes no more memory for more of them.
fn usual(window: &RowWindow<'_>) -> Result<Option<f64>, Failure> {
    let count = window.len().saturating_sub(1);
    if count <= MOST_HELD {
        let mut distances = Vec::with_capacity(count);
        each_distance(window, |distance| distances.push(distance))?;
        return Ok(median(&mut distances));
    }
    let (upper, less) = in_order(window, count / 2)?;
    if less < count / 2 || !count.is_multiple_of(2) {
        return Ok(Some(upper));
    }
    let mut lower = 0.0_f64;
    each_distance(window, |distance| {
        if distance < upper {
            lower = lower.max(distance);
        }
    })?;
    Ok(Some(f64::midpoint(lower, upper)))
}

/// The distance at an index of all distances in ascending order, and how many are less. A radix search finds it, 16 bits a pass: numbers that
/// are not negative have the order of their bits.
fn in_order(window: &RowWindow<'_>, index: usize) -> Result<(f64, usize), Failure> {
    let (mut found, mut less) = (0_u64, 0);
    for shift in [48, 32, 16, 0] {
        let known = |bits: u64| bits.checked_shr(shift + 16).unwrap_or(0);
        let mut counts = vec![0_usize; 1 << 16];
        each_distance(window, |distance| {
            let bits = distance.to_bits();
            if known(bits) == known(found) {
                counts[usize::from((bits >> shift) as u16)] += 1;
            }
        })?;
        let mut digit = 0;
        while less + counts[digit] <= index {
            less += counts[digit];
            digit += 1;
        }
        found |= (digit as u64) << shift;
    }
    Ok((f64::from_bits(found), less))
}

/// Takes away the points that came late for a gap at the front: those too close behind another, up to the next gap.
fn late(ahead: &mut VecDeque<i64>, usual: f64, absent: f64) -> usize {
    let (mut late, mut at) = (0, 2);
    while at < ahead.len() && (late as f64) < absent {
        let distance = span(ahead[at - 1], ahead[at]) / usual;
        if distance >= 2.0 {
            break;
        }
        if distance <= 0.5 {
            ahead.remove(at);
            late += 1;
        } else {
            at += 1;
        }
    }
    late
}

#[cfg(test)]
mod tests {
    use levada_udf::{Columns, Failure, RowWindow};

    use super::{MOST_HELD, each_distance, median, usual};

    #[test]
    fn the_median_of_many_distances_is_that_of_all_in_order() -> Result<(), Failure> {
        for count in [MOST_HELD + 2, MOST_HELD + 3] {
            let irregular = |at: usize| at as i64 * 1000 + (at * at * 31 % 977) as i64;
            let halves = |at: usize| at as i64 * 3 + (at.saturating_sub(count / 2) * 5) as i64;
            let regular = |at: usize| at as i64 * 60_000;
            for time in [&irregular as &dyn Fn(usize) -> i64, &halves, &regular] {
                let times: Vec<i64> = (0..count).map(time).collect();
                let window = RowWindow::new(Columns::new(&times, &[]).expect("no columns"), 0, 0);
                let mut distances = Vec::new();
                each_distance(&window, |distance| distances.push(distance))?;
                assert_eq!(usual(&window)?, median(&mut distances));
            }
        }
        Ok(())
    }
}
