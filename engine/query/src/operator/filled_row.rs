//! The values at one time, as 0.12 and 0.13 fill them.
//!
//! There is always one row, though no series has a value at that time: values are looked for in the series themselves,
//! before and behind the time, and not among the rows of the query.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Int64Array, new_null_array};
use levada_model::{DataType, Path};
use levada_sql::ast::{Duration, TypedFill, TypedFillMethod};
use levada_storage::{Direction, TimeRange, View};

use super::fill::{constant_value, on_line};
use crate::{
    Cancellation, QueryError,
    chunk::{Chunk, Chunks, made_by},
};

/// A row of values at one time.
#[derive(Clone, Debug)]
pub(crate) struct FilledRow {
    pub(crate) time: i64,
    /// The series, and the types of their values.
    pub(crate) series: Vec<(Path, Arc<str>, DataType)>,
    pub(crate) fills: Vec<TypedFill>,
}

/// The row.
pub(crate) fn filled_row(view: Arc<dyn View>, row: FilledRow, cancellation: Cancellation) -> Chunks {
    let mut row = Some(row);
    made_by(move || row.take().map(|row| filled(&*view, &row, &cancellation)).transpose())
}

fn filled(view: &dyn View, row: &FilledRow, cancellation: &Cancellation) -> Result<Chunk, QueryError> {
    let mut columns = Vec::with_capacity(row.series.len());
    for (device, measurement, data_type) in &row.series {
        cancellation.check()?;
        let point = Point { view, device, measurement, data_type: *data_type, time: row.time };
        columns.push(point.filled(&row.fills)?);
    }
    Ok(Chunk { times: Int64Array::from(vec![row.time]), columns })
}

/// A series at a time.
struct Point<'a> {
    view: &'a dyn View,
    device: &'a Path,
    measurement: &'a Arc<str>,
    data_type: DataType,
    time: i64,
}

impl Point<'_> {
    fn filled(&self, fills: &[TypedFill]) -> Result<ArrayRef, QueryError> {
        let null = || new_null_array(&self.data_type.arrow(), 1);
        if let Some((_, value)) = self.nearest(self.time, self.time, Direction::Ascending)? {
            return Ok(value);
        }
        let fits = |fill: &&TypedFill| fill.data_type.is_none_or(|wanted| wanted == self.data_type);
        Ok(match fills.iter().find(fits).map(|fill| &fill.method) {
            None => null(),
            Some(TypedFillMethod::Constant(constant)) => {
                constant_value(constant, self.data_type)?.unwrap_or_else(null)
            }
            Some(TypedFillMethod::Previous { until_last: true, .. }) if self.after(None)?.is_none() => null(),
            Some(TypedFillMethod::Previous { before, .. }) => {
                self.before(*before)?.map_or_else(null, |(_, value)| value)
            }
            Some(TypedFillMethod::Linear { .. }) if !self.data_type.is_numeric() => null(),
            Some(TypedFillMethod::Linear { before, after }) => {
                let (before, after) = (self.before(*before)?, self.after(*after)?);
                on_line(&null(), &[self.time], before.as_ref(), after.as_ref())
            }
        })
    }

    /// The newest point before the time that is no older than so.
    fn before(&self, within: Option<Duration>) -> Result<Option<(i64, ArrayRef)>, QueryError> {
        let start = within.map_or(i64::MIN, |within| self.time.saturating_sub(within.fixed_millis()));
        self.nearest(start, self.time, Direction::Descending)
    }

    /// The oldest point behind the time that is no newer than so.
    fn after(&self, within: Option<Duration>) -> Result<Option<(i64, ArrayRef)>, QueryError> {
        let end = within.map_or(i64::MAX, |within| self.time.saturating_add(within.fixed_millis()));
        self.nearest(self.time, end, Direction::Ascending)
    }

    /// The first point of a range of times, from its beginning or its end.
    fn nearest(
        &self,
        start: i64,
        end: i64,
        direction: Direction,
    ) -> Result<Option<(i64, ArrayRef)>, QueryError> {
        let measurement = std::slice::from_ref(self.measurement);
        for batch in self.view.scan(self.device, measurement, TimeRange { start, end }, direction)? {
            let chunk = Chunk::from_scan(&batch?)?;
            let Some(values) = chunk.columns.first() else { continue };
            if let Some(row) = (0..chunk.rows()).find(|&row| values.is_valid(row)) {
                return Ok(Some((chunk.times.value(row), values.slice(row, 1))));
            }
        }
        Ok(None)
    }
}
