//! Data matching: series compared with each other, or with themselves.

use levada_udf::{Access, Columns, DataType, Failure, PointCollector, RowWindow, UdfParameters};

use crate::{
    declaration::{Declaration, Group, Inputs, Parameter, Start, option},
    gather::{Keep, Series, Whole},
    profile::xcorr,
    read::{at_least, number},
    work::Work,
};

const fn of(
    name: &'static str,
    class: &'static str,
    inputs: usize,
    parameters: &'static [Parameter],
    result: &'static str,
    start: Start,
) -> Declaration {
    Declaration {
        name,
        class,
        group: Group::Matching,
        inputs: Inputs::Numbers(inputs),
        parameters,
        result,
        start,
    }
}

const SYMMETRIC: [Parameter; 2] = [
    option("window", "10", "how many points are looked at together"),
    option("threshold", "none", "what the distance may be at most"),
];
const SYMMETRY: &str =
    "DOUBLE: for each window the distance between it and its mirror image by time warping, at its first time";
const CROSS: &str =
    "DOUBLE: 2N − 1 cross correlations at 0, 1, …; NaN counts as 0, and rows without two values as 0 and 0";

/// The functions of this group.
pub(crate) const ALL: [Declaration; 7] = [
    of(
        "cov",
        "org.apache.iotdb.library.dmatch.UDAFCov",
        2,
        &[],
        "DOUBLE: the population's covariance, at 0; rows without two finite numbers are left out",
        covariance,
    ),
    of(
        "dtw",
        "org.apache.iotdb.library.dmatch.UDAFDtw",
        2,
        &[],
        "DOUBLE: the distance by time warping, at 0; rows without two finite numbers are left out",
        warping,
    ),
    of(
        "pearson",
        "org.apache.iotdb.library.dmatch.UDAFPearson",
        2,
        &[],
        "DOUBLE: Pearson's correlation, at 0; rows without two finite numbers are left out",
        pearson,
    ),
    of("ptnsym", "org.apache.iotdb.library.dmatch.UDTFPtnSym", 1, &SYMMETRIC, SYMMETRY, symmetric),
    of("patternsymmetric", "org.apache.iotdb.library.dmatch.UDTFPtnSym", 1, &SYMMETRIC, SYMMETRY, symmetric),
    of("xcorr", "org.apache.iotdb.library.dmatch.UDTFXCorr", 2, &[], CROSS, xcorr),
    of("crosscorrelation", "org.apache.iotdb.library.dmatch.UDTFXCorr", 2, &[], CROSS, xcorr),
];

/// The products of two series' distances from their means, one row after the other.
#[derive(Debug, Default)]
struct Pairs {
    count: f64,
    means: (f64, f64),
    squares: (f64, f64),
    products: f64,
}

impl Pairs {
    fn add(&mut self, left: f64, right: f64) {
        self.count += 1.0;
        let before = (left - self.means.0, right - self.means.1);
        self.means.0 += before.0 / self.count;
        self.means.1 += before.1 / self.count;
        self.squares.0 += before.0 * (left - self.means.0);
        self.squares.1 += before.1 * (right - self.means.1);
        self.products += before.0 * (right - self.means.1);
    }
}

struct Paired {
    pairs: Pairs,
    result: fn(&Pairs) -> f64,
}

fn covariance(_: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(Box::new(Paired { pairs: Pairs::default(), result: |pairs| pairs.products / pairs.count }))
}

fn pearson(_: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let result = |pairs: &Pairs| pairs.products / (pairs.squares.0.sqrt() * pairs.squares.1.sqrt());
    Ok(Box::new(Paired { pairs: Pairs::default(), result }))
}

impl Work for Paired {
    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        let (left, right) = (rows.column(0)?, rows.column(1)?);
        for row in 0..rows.len() {
            if let (Some(left), Some(right)) = (left.number(row)?, right.number(row)?)
                && left.is_finite()
                && right.is_finite()
            {
                self.pairs.add(left, right);
            }
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        points.put(0, (self.result)(&self.pairs))
    }
}

fn warping(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(Whole::of(parameters, Keep::Finite, DataType::Double, |series, points| {
        points.put(0, warped(&series.columns[0], &series.columns[1]))
    }))
}

/// The least sum of distances between the values of two series, where each may stand for several of the other; 0 of none. It
/// takes time with the product of their lengths, and memory with one.
pub(crate) fn warped(left: &[f64], right: &[f64]) -> f64 {
    let mut row = vec![f64::INFINITY; right.len()];
    for (at, a) in left.iter().enumerate() {
        // What stands before the row's first value is only reached before the first row.
        let mut diagonal = if at == 0 { 0.0 } else { f64::INFINITY };
        let mut before = f64::INFINITY;
        for (place, b) in row.iter_mut().zip(right) {
            let least = diagonal.min(before).min(*place);
            diagonal = *place;
            before = (a - b).abs() + least;
            *place = before;
        }
    }
    row.last().copied().unwrap_or(0.0)
}

struct Symmetric {
    window: usize,
    threshold: f64,
}

fn symmetric(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let window = at_least(parameters, "window", 10, 1)?;
    let threshold = number(parameters, "threshold", f64::MAX, "finite and at least 0", |threshold| {
        threshold >= 0.0 && threshold.is_finite()
    })?;
    Ok(Box::new(Symmetric { window, threshold }))
}

impl Work for Symmetric {
    fn access(&self) -> Access {
        Access::size(self.window).every(1)
    }

    fn window(&mut self, window: RowWindow<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        if window.len() < self.window {
            return Ok(());
        }
        let mut series = Series::new(1);
        series.add(window.columns()?, Keep::Finite)?;
        // A window in which a value is missing says nothing.
        if series.times.len() < self.window {
            return Ok(());
        }
        let distance = asymmetry(series.values());
        if distance <= self.threshold { points.put(series.times[0], distance) } else { Ok(()) }
    }
}

/// The least sum of squared distances between the first half and the mirrored second, where values may stand for several.
pub(crate) fn asymmetry(values: &[f64]) -> f64 {
    // Of the pieces with one length, and of those one and two shorter, by where they begin.
    let (mut shorter, mut short) = (vec![0.0; values.len() + 1], vec![0.0; values.len()]);
    for len in 2..=values.len() {
        let longer = (0..=values.len() - len).map(|first| {
            let ends = (values[first] - values[first + len - 1]).powi(2);
            let inner: f64 = if len == 2 { 0.0 } else { shorter[first + 1] };
            ends + inner.min(short[first]).min(short[first + 1])
        });
        let longer: Vec<f64> = longer.collect();
        shorter = std::mem::replace(&mut short, longer);
    }
    short.first().copied().unwrap_or(0.0)
}
