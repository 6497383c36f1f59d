//! `mad`, `median` and `percentile`: values by their rank, exact of all values or from a sketch of bounded size.

use levada_udf::{Columns, DataType, Failure, PointCollector, UdfParameters};

use super::sketch::Sketch;
use crate::{
    gather::{Chosen, Keep, Whole},
    read::number,
    statistics,
    work::Work,
};

fn error(parameters: &UdfParameters) -> Result<f64, Failure> {
    number(parameters, "error", 0.0, "at least 0 and less than 1", |error| (0.0..1.0).contains(&error))
}

pub(super) fn mad(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let error = error(parameters)?;
    Ok(Whole::of(
        parameters,
        Keep::Finite,
        DataType::Double,
        move |series, points| match statistics::deviation(&mut series.values().to_vec()) {
            Some(exact) => points.put(0, rounded(exact, error)),
            None => Ok(()),
        },
    ))
}

/// A number that stands for all those within a relative error of it, as a sketch with logarithmic buckets has it.
fn rounded(value: f64, error: f64) -> f64 {
    if error == 0.0 || value == 0.0 {
        return value;
    }
    let growth = (1.0 + error) / (1.0 - error);
    let bucket = (value.ln() / growth.ln()).ceil();
    let center = 2.0 * growth.powf(bucket) / (growth + 1.0);
    // Beyond the doubles' range there is no such number.
    if center.is_finite() && center > 0.0 { center } else { value }
}

pub(super) fn median(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let error = error(parameters)?;
    if error > 0.0 {
        return Ok(Box::new(Sketched { sketch: Sketch::new(error), rank: 0.5, output: DataType::Double }));
    }
    Ok(Whole::of(parameters, Keep::Finite, DataType::Double, |series, points| {
        match statistics::median(&mut series.values().to_vec()) {
            Some(median) => points.put(0, median),
            None => Ok(()),
        }
    }))
}

pub(super) fn percentile(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let error = error(parameters)?;
    let rank = number(parameters, "rank", 0.5, "above 0 and at most 1", |rank| rank > 0.0 && rank <= 1.0)?;
    if error > 0.0 {
        return Ok(Box::new(Sketched { sketch: Sketch::new(error), rank, output: parameters.data_type(0)? }));
    }
    Chosen::of(parameters, true, move |times, store, points| {
        let mut order: Vec<usize> = (0..times.len()).collect();
        let Some(last) = order.len().checked_sub(1) else { return Ok(()) };
        let place = ((order.len() as f64 * rank).ceil() as usize).saturating_sub(1).min(last);
        // Among the same values the first point comes first.
        order.sort_by(|&a, &b| store.order(a, b));
        let value = order[place];
        let first = order[..=place].partition_point(|&at| store.order(at, value).is_lt());
        store.put(value, times[order[first]], points)
    })
}

struct Sketched {
    sketch: Sketch,
    rank: f64,
    output: DataType,
}

impl Work for Sketched {
    fn output(&self) -> DataType {
        self.output
    }

    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for row in 0..rows.len() {
            if let Some(value) = column.number(row)?.filter(|value| value.is_finite()) {
                self.sketch.add(value);
            }
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        match self.sketch.query(self.rank) {
            Some(value) => points.put_number(0, value),
            None => Ok(()),
        }
    }

    fn memory(&self) -> usize {
        self.sketch.memory()
    }
}
