//! `lof`: points that lie less close together than others.

use levada_udf::{Access, Failure, PointCollector, RowWindow, UdfParameters};

use crate::{
    gather::{Keep, Series},
    read::{at_least, choice},
    work::Work,
};

struct Density {
    neighbour: usize,
    window: usize,
    /// How many values make a point; `None` where each row is one.
    length: Option<usize>,
    width: usize,
}

pub(super) fn density(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let series = choice(parameters, "method", &["default", "series"])? == 1;
    let length = at_least(parameters, "windowsize", 5, 1)?;
    Ok(Box::new(Density {
        neighbour: at_least(parameters, "k", 3, 1)?,
        window: at_least(parameters, "window", 10_000, 1)?,
        length: series.then_some(length),
        width: if series { 1 } else { parameters.inputs().len() },
    }))
}

impl Work for Density {
    fn access(&self) -> Access {
        Access::size(self.window)
    }

    fn window(&mut self, window: RowWindow<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let mut series = Series::new(self.width);
        series.add(window.columns()?, Keep::Finite)?;
        let places: Vec<Vec<f64>> = match self.length {
            Some(length) => series.values().windows(length).map(<[f64]>::to_vec).collect(),
            None => (0..series.times.len())
                .map(|row| series.columns.iter().map(|column| column[row]).collect())
                .collect(),
        };
        let factors = factors(&places, self.neighbour);
        series.times.iter().zip(factors).try_for_each(|(&time, factor)| points.put(time, factor))
    }
}

/// The factor of each point, by the sum of its distances to all points, of which each counts at least as much as that to
/// its `k`-th neighbour: the sum of all these sums, divided by `k` times its own. None where there are not more than `k`
/// points. It takes time with the square of their number.
pub(crate) fn factors(places: &[Vec<f64>], k: usize) -> Vec<f64> {
    if places.len() <= k {
        return Vec::new();
    }
    let mut distances = vec![0.0; places.len()];
    let sums: Vec<f64> = places
        .iter()
        .map(|here| {
            for (distance, there) in distances.iter_mut().zip(places) {
                *distance = here.iter().zip(there).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
            }
            // The nearest is the point itself.
            let (nearer, &mut kth, farther) = distances.select_nth_unstable_by(k, f64::total_cmp);
            kth * (nearer.len() + 1) as f64 + farther.iter().sum::<f64>()
        })
        .collect();
    let all: f64 = sums.iter().sum();
    sums.iter().map(|sum| all / (sum * k as f64)).collect()
}
