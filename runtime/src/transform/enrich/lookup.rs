//! Asking a store for the values of a device's series.

use std::{collections::HashMap, sync::Arc};

use arrow_array::{Array, ArrayRef, Int64Array, RecordBatch, cast::AsArray, types::Int64Type};
use futures::TryStreamExt;
use levada_connector_api::model::{DataType, Path, ResultColumn, Session, SessionError, StatusCode};
use levada_engine::path_sql;

use super::{
    found::{Found, Series},
    options::{Enrich, Reach, Which},
};

/// Ranges of time that one statement asks for at most.
const RANGES: usize = 50;

/// What is looked up.
#[derive(Debug)]
pub(super) struct Lookup {
    /// Nodes in canonical form.
    measurements: Vec<Arc<str>>,
    pub(super) reach: Reach,
}

impl Lookup {
    pub(super) fn new(options: &Enrich, measurements: Vec<Arc<str>>) -> Self {
        Self { measurements, reach: options.reach() }
    }

    /// The ranges of time in which values of readings at these times may be; none where all have the last one.
    pub(super) fn ranges(&self, times: &Int64Array) -> Vec<(i64, i64)> {
        let after = match self.reach.which {
            Which::Last => return Vec::new(),
            Which::Nearest => self.reach.within,
            Which::Before => 0,
        };
        let range = |&time: &i64| (time.saturating_sub(self.reach.within), time.saturating_add(after));
        let mut ranges: Vec<_> = times.values().iter().map(range).collect();
        join(&mut ranges);
        ranges
    }

    /// Asks for a device's values.
    ///
    /// # Errors
    /// The store does not answer, or rejects the statement.
    pub(super) async fn fetch(
        &self,
        session: &dyn Session,
        device: &Path,
        ranges: Vec<(i64, i64)>,
    ) -> Result<Found, SessionError> {
        let mut found = Found::new(ranges);
        let from = path_sql(device.as_str());
        let names: Vec<_> = self.measurements.iter().map(|name| levada_engine::node_sql(name)).collect();
        if self.reach.which == Which::Last {
            let columns: Vec<_> = names.iter().map(|name| format!("last_value({name})")).collect();
            let statement = format!("select {} from {from}", columns.join(", "));
            self.take(session, &statement, |name| format!("last_value({device}.{name})"), &mut found).await?;
            return Ok(found);
        }
        for ranges in found.ranges.clone().chunks(RANGES) {
            let times: Vec<_> =
                ranges.iter().map(|(from, to)| format!("(time >= {from} and time <= {to})")).collect();
            let statement = format!("select {} from {from} where {}", names.join(", "), times.join(" or "));
            self.take(session, &statement, |name| format!("{device}.{name}"), &mut found).await?;
        }
        Ok(found)
    }

    /// Adds the values of a statement to what was found.
    async fn take(
        &self,
        session: &dyn Session,
        statement: &str,
        header: impl Fn(&str) -> String,
        found: &mut Found,
    ) -> Result<(), SessionError> {
        let rows = match session.query(statement).await {
            Ok(rows) => rows,
            // A device that is not there has no values.
            Err(error) if error.code == StatusCode::PATH_NOT_EXIST => return Ok(()),
            Err(error) => return Err(error),
        };
        let first = usize::from(rows.has_time);
        let headers: HashMap<String, Arc<str>> =
            self.measurements.iter().map(|name| (header(name), Arc::clone(name))).collect();
        let place = |(at, column): (usize, &ResultColumn)| {
            headers.get(&column.name).map(|name| (at + first, Arc::clone(name), column.data_type))
        };
        let places: Vec<(usize, Arc<str>, DataType)> =
            rows.columns.iter().enumerate().filter_map(place).collect();
        let has_time = rows.has_time;
        let batches: Vec<RecordBatch> = rows.batches.try_collect().await?;
        for batch in &batches {
            let times = batch.columns().first().filter(|_| has_time);
            let times = times.and_then(|times| times.as_primitive_opt::<Int64Type>());
            for (at, name, data_type) in &places {
                let Some(values) = batch.columns().get(*at) else { continue };
                if values.null_count() < values.len() {
                    let (times, values): (Option<Int64Array>, ArrayRef) =
                        (times.cloned(), Arc::clone(values));
                    found.add(name, Series { data_type: *data_type, times, values });
                }
            }
        }
        Ok(())
    }
}

/// Sorts ranges, and makes one of those that touch.
pub(super) fn join(ranges: &mut Vec<(i64, i64)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|later, earlier| {
        let touches = later.0 <= earlier.1.saturating_add(1);
        if touches {
            earlier.1 = earlier.1.max(later.1);
        }
        touches
    });
}
