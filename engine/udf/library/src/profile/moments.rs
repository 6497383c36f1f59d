//! `skew`, `spread` and `stddev`: sums over the values as they come.

use levada_udf::{Column, Columns, DataType, Failure, PointCollector, UdfParameters};

use crate::{statistics::Moments, work::Work};

struct Summed {
    moments: Moments,
    result: fn(&Moments) -> f64,
}

pub(super) fn skew(_: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(Box::new(Summed { moments: Moments::default(), result: Moments::skewness }))
}

pub(super) fn stddev(_: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(Box::new(Summed { moments: Moments::default(), result: Moments::deviation }))
}

impl Work for Summed {
    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        for row in 0..rows.len() {
            if let Some(value) = column.number(row)?.filter(|value| value.is_finite()) {
                self.moments.add(value);
            }
        }
        Ok(())
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        if self.moments.count == 0 { Ok(()) } else { points.put(0, (self.result)(&self.moments)) }
    }
}

/// The least and the greatest value, whole numbers as such.
struct Spread {
    data_type: DataType,
    whole: Option<(i64, i64)>,
    real: Option<(f64, f64)>,
}

pub(super) fn spread(parameters: &UdfParameters) -> Result<Box<dyn Work>, Failure> {
    Ok(Box::new(Spread { data_type: parameters.data_type(0)?, whole: None, real: None }))
}

impl Spread {
    fn add(&mut self, column: &Column<'_>, row: usize) -> Result<(), Failure> {
        let whole = match self.data_type {
            DataType::Int32 => column.get::<i32>(row)?.map(i64::from),
            DataType::Int64 => column.get::<i64>(row)?,
            _ => None,
        };
        if let Some(value) = whole {
            let (least, greatest) = self.whole.unwrap_or((value, value));
            self.whole = Some((least.min(value), greatest.max(value)));
        } else if let Some(value) = column.number(row)?.filter(|value| value.is_finite()) {
            let (least, greatest) = self.real.unwrap_or((value, value));
            self.real = Some((least.min(value), greatest.max(value)));
        }
        Ok(())
    }
}

impl Work for Spread {
    fn output(&self) -> DataType {
        self.data_type
    }

    fn rows(&mut self, rows: Columns<'_>, _: &mut PointCollector) -> Result<(), Failure> {
        let column = rows.column(0)?;
        (0..rows.len()).try_for_each(|row| self.add(&column, row))
    }

    fn finish(&mut self, points: &mut PointCollector) -> Result<(), Failure> {
        let beyond = |least: i64, greatest: i64| {
            Failure::new(format!("the spread from {least} to {greatest} is no {}", self.data_type))
        };
        if let Some((least, greatest)) = self.whole {
            let spread = greatest.checked_sub(least).ok_or_else(|| beyond(least, greatest))?;
            return match self.data_type {
                DataType::Int32 => points.put(0, i32::try_from(spread).map_err(|_| beyond(least, greatest))?),
                _ => points.put(0, spread),
            };
        }
        match self.real {
            Some((least, greatest)) if self.data_type == DataType::Float => {
                points.put(0, greatest as f32 - least as f32)
            }
            Some((least, greatest)) => points.put(0, greatest - least),
            None => Ok(()),
        }
    }
}
