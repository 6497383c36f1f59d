//! `iqr` and `range`: values outside of bounds.

use levada_udf::{Columns, DataType, Failure, PointCollector, UdfParameters};

use crate::{
    gather::{Keep, Whole},
    read::choice,
    statistics::quantile,
    store::Store,
    work::Work,
};

/// Values outside of bounds, as the points come.
struct Outside {
    least: f64,
    greatest: f64,
    output: DataType,
}

impl Work for Outside {
    fn output(&self) -> DataType {
        self.output
    }

    fn rows(&mut self, rows: Columns<'_>, points: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        let mut store = Store::new(column.data_type());
        for (row, &time) in rows.times().iter().enumerate() {
            let Some(value) =
                column.number(row)?.filter(|&value| value < self.least || value > self.greatest)
            else {
                continue;
            };
            if self.output == DataType::Double {
                points.put(time, value)?;
            } else if store.push(&column, row, false)? {
                store.put(store.len() - 1, time, points)?;
            }
        }
        Ok(())
    }
}

pub(super) fn range(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let output = parameters.data_type(0)?;
    let (least, greatest) =
        (parameters.required_double("lower_bound")?, parameters.required_double("upper_bound")?);
    // Bounds that are none let everything pass.
    let (least, greatest) =
        if least < greatest { (least, greatest) } else { (f64::NEG_INFINITY, f64::INFINITY) };
    Ok(Box::new(Outside { least, greatest, output }))
}

/// What lies more than 1.5 times the distance of the quartiles outside of them.
fn fences(q1: f64, q3: f64) -> (f64, f64) {
    (q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1))
}

pub(super) fn quartiles(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let key = if parameters.has("method") { "method" } else { "compute" };
    if choice(parameters, key, &["batch", "stream"])? == 1 {
        let (q1, q3) = (parameters.required_double("q1")?, parameters.required_double("q3")?);
        if q1.partial_cmp(&q3).is_none_or(|order| order.is_ge()) {
            return Err(Failure::parameters(format!(
                "parameter \"q1\" ({q1}) should be smaller than \"q3\" ({q3})"
            )));
        }
        let (least, greatest) = fences(q1, q3);
        return Ok(Box::new(Outside { least, greatest, output: DataType::Double }));
    }
    Ok(Whole::of(parameters, Keep::Finite, DataType::Double, |series, points| {
        let mut sorted = series.values().to_vec();
        let (Some(q1), Some(q3)) = (quantile(&mut sorted, 0.25), quantile(&mut sorted, 0.75)) else {
            return Ok(());
        };
        let (least, greatest) = fences(q1, q3);
        let mut all = series.times.iter().zip(series.values());
        all.try_for_each(
            |(&time, &value)| {
                if value < least || value > greatest { points.put(time, value) } else { Ok(()) }
            },
        )
    }))
}
