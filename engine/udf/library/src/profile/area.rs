//! `integral` and `integralavg`: the area below a line, summed as the points come.

use levada_udf::{Columns, Failure, PointCollector, UdfParameters};

use crate::{statistics::span, work::Work};

#[derive(Debug, Default)]
struct Area {
    /// The time that counts as 1; `None` for the mean.
    unit: Option<f64>,
    first: Option<i64>,
    last: Option<(i64, f64)>,
    sum: f64,
}

pub(super) fn integral(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    let unit = match parameters.string_or("unit", "1s") {
        "1S" => 1.0,
        "1s" => 1e3,
        "1m" => 60e3,
        "1H" => 3_600e3,
        "1d" => 86_400e3,
        other => {
            return Err(Failure::parameters(format!(
                "parameter \"unit\" should be one of 1S, 1s, 1m, 1H, 1d: `{other}` is not"
            )));
        }
    };
    Ok(Box::new(Area { unit: Some(unit), ..Area::default() }))
}

pub(super) fn average(_: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(Box::new(Area::default()))
}

impl Work for Area {
    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for (row, &time) in rows.times().iter().enumerate() {
            let Some(value) = column.number(row)?.filter(|value| value.is_finite()) else { continue };
            if let Some((before, last)) = self.last {
                self.sum += (last + value) * span(before, time) / 2.0;
            }
            self.first.get_or_insert(time);
            self.last = Some((time, value));
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        let value = match (self.unit, self.first, self.last) {
            (Some(unit), ..) => self.sum / unit,
            (None, Some(first), Some((last, _))) if first < last => self.sum / span(first, last),
            (None, _, last) => last.map_or(0.0, |(_, value)| value),
        };
        points.put(0, value)
    }
}
