//! `masterrepair`: rows that are near no row of the master data, or jump away from those before them.

use levada_udf::{Columns, Failure, PointCollector, UdfParameters};

use super::neighbours::{Neighbours, Row};
use crate::{
    gather::{Keep, Series},
    statistics::{Moments, span},
    work::Work,
};

struct Master {
    omega: Option<i64>,
    eta: Option<f64>,
    neighbours: Option<usize>,
    column: usize,
    series: Series,
}

pub(super) fn repair(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let width = parameters.inputs().len() / 2;
    let (omega, eta) = (parameters.long("omega")?, parameters.double("eta")?);
    let (neighbours, column) = (parameters.int("k")?, parameters.int_or("output_column", 1)?);
    if omega.is_some_and(|omega| omega < 0) {
        return Err(Failure::parameters("Parameter omega should be non-negative."));
    }
    if eta.is_some_and(|eta| eta.is_nan() || eta <= 0.0) {
        return Err(Failure::parameters("Parameter eta should be larger than 0."));
    }
    if neighbours.is_some_and(|neighbours| neighbours <= 0) {
        return Err(Failure::parameters("Parameter k should be a positive integer."));
    }
    let column =
        usize::try_from(column).ok().filter(|column| (1..=width).contains(column)).ok_or_else(|| {
            Failure::parameters(format!(
                "Parameter output_column should be from 1 to {width}: {column} is not."
            ))
        })?;
    let neighbours = neighbours.and_then(|neighbours| usize::try_from(neighbours).ok());
    Ok(Box::new(Master { omega, eta, neighbours, column: column - 1, series: Series::new(2 * width) }))
}

impl Work for Master {
    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        self.series.add(rows, Keep::All)
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        let width = self.series.columns.len() / 2;
        let (columns, master) = self.series.columns.split_at(width);
        let row = |columns: &[Vec<f64>], at: usize| columns.iter().map(|column| column[at]).collect::<Row>();
        let all = 0..self.series.times.len();
        let master: Vec<Row> = all
            .clone()
            .map(|at| row(master, at))
            .filter(|row| row.iter().all(|value| !value.is_nan()))
            .collect();
        let kept: Vec<usize> = all.filter(|&at| columns.iter().any(|column| !column[at].is_nan())).collect();
        let times: Vec<i64> = kept.iter().map(|&at| self.series.times[at]).collect();
        let mut rows: Vec<Row> = kept.iter().map(|&at| row(columns, at)).collect();
        held(&mut rows, width);
        if !master.is_empty() && !rows.is_empty() {
            let observed = Observed::new(times.clone(), rows, master);
            rows = self.repaired(&observed);
        }
        times.iter().zip(&rows).try_for_each(|(&time, row)| points.put(time, row[self.column]))
    }

    fn memory(&self) -> usize {
        self.series.memory()
    }
}

/// What is missing has the value before it, and before the first value that one.
fn held(rows: &mut [Row], width: usize) {
    for column in 0..width {
        let mut last = rows.iter().map(|row| row[column]).find(|value| !value.is_nan()).unwrap_or(0.0);
        for row in &mut *rows {
            if row[column].is_nan() {
                row[column] = last;
            }
            last = row[column];
        }
    }
}

struct Observed {
    times: Vec<i64>,
    rows: Vec<Row>,
    tree: Neighbours,
}

impl Observed {
    fn new(times: Vec<i64>, rows: Vec<Row>, master: Vec<Row>) -> Self {
        let scale = (0..rows[0].len()).map(|column| {
            let deviation = Moments::of(&rows.iter().map(|row| row[column]).collect::<Vec<_>>()).deviation();
            if deviation > 0.0 { deviation } else { 1.0 }
        });
        let scale = scale.collect();
        Self { times, rows, tree: Neighbours::new(master, scale) }
    }

    /// The rows before one that are not farther back than a time, the latest first.
    fn window(&self, at: usize, omega: i64) -> impl Iterator<Item = usize> + '_ {
        (0..at).rev().take_while(move |&before| span(self.times[before], self.times[at]) <= omega as f64)
    }

    /// Ten times the median distance in time.
    fn omega(&self) -> i64 {
        let mut gaps: Vec<i64> = self.times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).map_or(0, |gap| gap.saturating_mul(10))
    }

    /// What almost all distances between rows of a window are below.
    fn eta(&self, omega: i64) -> f64 {
        let pairs =
            (1..self.rows.len()).flat_map(|at| self.window(at, omega).map(move |before| (at, before)));
        let distances = pairs.map(|(at, before)| self.tree.distance(&self.rows[at], &self.rows[before]));
        ranked(distances.collect(), 0.9973).unwrap_or(f64::INFINITY)
    }

    /// As many neighbours as are needed until the farther ones are farther away than rows of a window.
    fn neighbours(&self, eta: f64) -> usize {
        let far = |count: usize| {
            let near = |row| self.tree.near(row, count).map(move |near| self.tree.distance(row, near));
            ranked(self.rows.iter().flat_map(|row| near(row.as_slice())).collect(), 0.9)
                .is_some_and(|far| far > eta)
        };
        (2..=5).find(|&count| far(count)).unwrap_or(5)
    }
}

fn ranked(mut values: Vec<f64>, part: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values.get((values.len() as f64 * part) as usize).copied()
}

impl Master {
    /// For each row the nearest to it of the master rows near it or near the repaired rows of its window, among those that
    /// are not too far from any of these. Where there is none the row stays as it is.
    fn repaired(&self, observed: &Observed) -> Vec<Row> {
        let omega = self.omega.unwrap_or_else(|| observed.omega());
        let eta = self.eta.unwrap_or_else(|| observed.eta(omega));
        let count = self.neighbours.unwrap_or_else(|| observed.neighbours(eta));
        let tree = &observed.tree;
        let mut repaired: Vec<Row> = Vec::with_capacity(observed.rows.len());
        for (at, row) in observed.rows.iter().enumerate() {
            let window: Vec<usize> = observed.window(at, omega).collect();
            let best = if window.is_empty() {
                Some(tree.nearest(row))
            } else {
                let mut best: Option<(f64, &Row)> = None;
                let near = tree
                    .near(row, count)
                    .chain(window.iter().flat_map(|&before| tree.near(&repaired[before], count)));
                for candidate in near {
                    let distance = tree.distance(candidate, row);
                    let nearer = best.is_none_or(|(least, _)| distance < least);
                    if nearer
                        && window.iter().all(|&before| tree.distance(candidate, &repaired[before]) <= eta)
                    {
                        best = Some((distance, candidate));
                    }
                }
                best.map(|(_, candidate)| candidate)
            };
            let chosen = best.unwrap_or(row).clone();
            repaired.push(chosen);
        }
        repaired
    }
}
