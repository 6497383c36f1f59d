//! A row of a query.

use std::{fmt, sync::Arc};

use arrow_array::{RecordBatch, cast::AsArray, types::Int64Type};
use levada_connector_api::model::{ResultColumn, Value};

/// A row of a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its time, in milliseconds since 1970 UTC; `None` for rows of aggregates, which have none.
    pub time: Option<i64>,
    /// The columns of all rows.
    pub columns: Arc<[ResultColumn]>,
    /// A value of each column, `None` where it has none.
    pub values: Vec<Option<Value>>,
}

impl Row {
    /// The value of a column by its header.
    pub fn get(&self, header: &str) -> Option<&Value> {
        let at = self.columns.iter().position(|column| column.name == header)?;
        self.values.get(at)?.as_ref()
    }

    /// The row of a batch.
    pub(crate) fn of(batch: &RecordBatch, row: usize, has_time: bool, columns: &Arc<[ResultColumn]>) -> Self {
        let times = batch.columns().first().filter(|_| has_time);
        let time =
            times.and_then(|times| times.as_primitive_opt::<Int64Type>()).map(|times| times.value(row));
        let arrays = batch.columns().iter().skip(usize::from(has_time));
        let values =
            arrays.zip(columns.iter()).map(|(array, column)| Value::at(array, column.data_type, row));
        Self { time, columns: Arc::clone(columns), values: values.collect() }
    }
}

/// The time and the values, between tabs.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        if let Some(time) = self.time {
            write!(f, "{time}")?;
            first = false;
        }
        for value in &self.values {
            if !std::mem::take(&mut first) {
                f.write_str("\t")?;
            }
            match value {
                Some(value) => write!(f, "{value}")?,
                None => f.write_str("null")?,
            }
        }
        Ok(())
    }
}
