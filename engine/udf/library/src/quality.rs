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

type Measure = fn(&Series, bool) -> Option<f64>;

struct Quality {
    access: Access,
    downtime: bool,
    measure: Measure,
}

fn started(parameters: &UdfParameters, downtime: bool, measure: Measure) -> Result<Box<dyn Work>, Failure> {
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
    Ok(Box::new(Quality { access, downtime, measure }))
}

fn completeness(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    started(parameters, parameters.boolean_or("downtime", false)?, |series, downtime| {
        let special = series.values().iter().filter(|value| !value.is_finite()).count();
        let missing = Timing::of(&series.times, downtime).missing;
        let count = series.times.len() as f64;
        Some(1.0 - (missing + special as f64) / (count + missing))
    })
}

fn consistency(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    started(parameters, true, |series, downtime| {
        Some(1.0 - Timing::of(&series.times, downtime).redundant as f64 / series.times.len() as f64)
    })
}

fn timeliness(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    started(parameters, true, |series, downtime| {
        Some(1.0 - Timing::of(&series.times, downtime).late as f64 / series.times.len() as f64)
    })
}

fn validity(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    started(parameters, true, |series, _| {
        let mut values = series.values().to_vec();
        if !interpolate(&series.times, &mut values) {
            return None;
        }
        let speeds = speeds(&series.times, &values);
        let outliers = outliers(&values)
            + outliers(&differences(&values))
            + outliers(&speeds)
            + outliers(&differences(&speeds));
        Some(1.0 - outliers as f64 / 4.0 / values.len() as f64)
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
        let mut series = Series::new(1);
        series.add(window.columns()?, Keep::All)?;
        match (self.measure)(&series, self.downtime) {
            Some(value) => points.put(series.times[0], value),
            None => Ok(()),
        }
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
    /// Looks at each point with up to nine that follow.
    fn of(times: &[i64], downtime: bool) -> Self {
        let mut found = Self::default();
        let mut gaps: Vec<f64> = times.windows(2).map(|pair| span(pair[0], pair[1])).collect();
        let Some(usual) = median(&mut gaps).filter(|&usual| usual > 0.0) else { return found };
        let (first, rest) = times.split_at(times.len().min(MIN_POINTS));
        let mut ahead: VecDeque<i64> = first.iter().copied().collect();
        let mut rest = rest.iter().copied();
        while ahead.len() > 1 {
            let distance = span(ahead[0], ahead[1]) / usual;
            if distance <= 0.5 {
                ahead.remove(1);
                found.redundant += 1;
            } else if distance >= 2.0 && !(downtime && distance > 9.0) {
                // Half a point counts as one.
                let absent = (distance - 1.0 + 0.5).floor();
                let late = late(&mut ahead, usual, absent);
                found.late += late;
                found.missing += absent - late as f64;
            }
            ahead.pop_front();
            let room = MIN_POINTS - ahead.len();
            ahead.extend(rest.by_ref().take(room));
        }
        found
    }
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
