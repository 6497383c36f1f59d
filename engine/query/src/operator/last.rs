//! The newest point of each series.

use std::sync::Arc;

use levada_model::{DataType, Path, Value};
use levada_storage::{Direction, TimeRange, View};

use crate::{
    Cancellation, QueryError,
    bind::time_set::TimeSet,
    chunk::{Chunk, Chunks, paths, texts},
    expression::cast::value_text,
};

/// A series whose newest point is wanted.
#[derive(Clone, Debug)]
pub(crate) struct LastOf {
    pub(crate) device: Path,
    pub(crate) measurement: Arc<str>,
    pub(crate) data_type: DataType,
    /// The second name that it is shown by.
    pub(crate) alias: Option<Arc<str>>,
}

impl LastOf {
    /// The path it is shown by.
    pub(crate) fn shown(&self) -> Path {
        self.device.child(self.alias.as_deref().unwrap_or(&self.measurement))
    }
}

/// A row for each series that has a point at one of the times: its name, the value as text, the type. Points are looked up in
/// batches as they are pulled.
pub(crate) fn last(
    view: Arc<dyn View>,
    series: Vec<LastOf>,
    wanted: TimeSet,
    batch: usize,
    cancellation: Cancellation,
) -> Chunks {
    let mut series = series.into_iter();
    let batch = batch.max(1);
    Box::new(std::iter::from_fn(move || {
        let part: Vec<LastOf> = series.by_ref().take(batch).collect();
        if part.is_empty() {
            return None;
        }
        let mut times = Vec::new();
        let mut found: Vec<(Path, String, &'static str)> = Vec::new();
        for series in part {
            if let Err(error) = cancellation.check() {
                return Some(Err(error));
            }
            let point = if wanted.is_all() {
                view.last(&series.device, &series.measurement).map_err(QueryError::from)
            } else {
                let ranges = wanted.iter().rev();
                ranges
                    .map(|range| newest_within(&*view, &series, range))
                    .find_map(Result::transpose)
                    .transpose()
            };
            match point {
                Ok(Some((time, value))) => {
                    times.push(time);
                    found.push((series.shown(), value_text(&value), series.data_type.name()));
                }
                Ok(None) => {}
                Err(error) => return Some(Err(error)),
            }
        }
        let columns = vec![
            paths(found.iter().map(|row| &row.0)),
            texts(found.iter().map(|row| Some(row.1.as_str()))),
            texts(found.iter().map(|row| Some(row.2))),
        ];
        Some(Ok(Chunk { times: times.into(), columns }))
    }))
}

/// The newest point within a range of times.
fn newest_within(
    view: &dyn View,
    series: &LastOf,
    range: TimeRange,
) -> Result<Option<(i64, Value)>, QueryError> {
    let measurement = std::slice::from_ref(&series.measurement);
    let rows = view.scan(&series.device, measurement, range, Direction::Descending)?;
    for batch in rows {
        let chunk = Chunk::from_scan(&batch?)?;
        let values = &chunk.columns[0];
        for row in 0..chunk.rows() {
            if let Some(value) = Value::at(values, series.data_type, row) {
                return Ok(Some((chunk.times.value(row), value)));
            }
        }
    }
    Ok(None)
}
