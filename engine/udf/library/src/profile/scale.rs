//! `minmax`, `mvavg` and `zscore`: values put in relation to others.

use std::collections::VecDeque;

use levada_udf::{Columns, DataType, Failure, PointCollector, UdfParameters};

use crate::{
    gather::{Keep, Whole},
    read::{at_least, choice},
    statistics::Moments,
    work::Work,
};

/// Each value's distance from an origin, as the points come.
struct Scaled {
    origin: f64,
    unit: f64,
}

impl Work for Scaled {
    fn rows(&mut self, rows: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for (row, &time) in rows.times().iter().enumerate() {
            if let Some(value) = column.number(row)?.filter(|value| value.is_finite()) {
                points.put(time, scaled(value, self.origin, self.unit))?;
            }
        }
        Ok(())
    }
}

/// Where all values are the same they lie at the origin.
fn scaled(value: f64, origin: f64, unit: f64) -> f64 {
    if unit == 0.0 && value == origin { 0.0 } else { (value - origin) / unit }
}

pub(super) fn minmax(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    if choice(parameters, "compute", &["batch", "stream"])? == 1 {
        let (least, greatest) = (parameters.required_double("min")?, parameters.required_double("max")?);
        if !(least < greatest && least.is_finite() && greatest.is_finite()) {
            return Err(Failure::parameters(format!(
                "parameter \"max\" ({greatest}) should be greater than \"min\" ({least})"
            )));
        }
        return Ok(Box::new(Scaled { origin: least, unit: greatest - least }));
    }
    Ok(Whole::of(parameters, Keep::Finite, DataType::Double, |series, points| {
        let least = series.values().iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = series.values().iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut all = series.times.iter().zip(series.values());
        all.try_for_each(|(&time, &value)| points.put(time, scaled(value, least, greatest - least)))
    }))
}

pub(super) fn zscore(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    if choice(parameters, "compute", &["batch", "stream"])? == 1 {
        let (origin, unit) = (parameters.required_double("avg")?, parameters.required_double("sd")?);
        if !(unit > 0.0 && unit.is_finite() && origin.is_finite()) {
            return Err(Failure::parameters(format!("parameter \"sd\" should be above 0: {unit} is not")));
        }
        return Ok(Box::new(Scaled { origin, unit }));
    }
    Ok(Whole::of(parameters, Keep::Finite, DataType::Double, |series, points| {
        let moments = Moments::of(series.values());
        let mut all = series.times.iter().zip(series.values());
        all.try_for_each(|(&time, &value)| points.put(time, scaled(value, moments.mean, moments.deviation())))
    }))
}

struct Moving {
    window: usize,
    values: VecDeque<f64>,
    sum: f64,
    /// Values since the sum was made anew: what adding and taking away again loses does not gather.
    since: usize,
}

pub(super) fn mvavg(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let window = at_least(parameters, "window", 10, 1)?;
    Ok(Box::new(Moving { window, values: VecDeque::new(), sum: 0.0, since: 0 }))
}

impl Work for Moving {
    fn rows(&mut self, rows: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for (row, &time) in rows.times().iter().enumerate() {
            let Some(value) = column.number(row)?.filter(|value| value.is_finite()) else { continue };
            if self.values.len() == self.window {
                self.sum -= self.values.pop_front().unwrap_or_default();
            }
            self.values.push_back(value);
            self.sum += value;
            self.since += 1;
            if self.since >= self.window {
                self.sum = self.values.iter().sum();
                self.since = 0;
            }
            if self.values.len() == self.window {
                points.put(time, self.sum / self.window as f64)?;
            }
        }
        Ok(())
    }

    fn memory(&self) -> usize {
        8 * self.values.capacity()
    }
}
