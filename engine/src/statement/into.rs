//! `select … into`: a query whose rows are written, batch by batch, and a report of what was written where.
//!
//! The query reads a snapshot, so that it does not see what it writes. What is written when it fails stays, and the error says how
//! much that is.

mod tablets;

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, StringArray};
use futures::TryStreamExt;
use levada_model::{DataType, RejectedRows, Rows, SessionError, Write};
use levada_query::IntoSeries;
use levada_sql::ast::Select;

use self::tablets::{Part, Writes};
use super::{Request, insert_write};
use crate::rows::{self, Limits, column, ready};

/// Runs the query, writes its rows and says how many values were written to which series.
///
/// # Errors
/// The query fails, or a value cannot be written. What was written before stays.
pub(super) async fn run(request: Request<'_>, select: Select) -> Result<Rows, SessionError> {
    let Request { shared, caller, pass, sql, zone, time, .. } = request;
    let context = shared.query_context(zone);
    let ticket = shared.gate.begin(caller, sql, context.now);
    let limits = Limits { time, rows: None };
    let (rows, targets) = rows::run_into(shared, select, context, pass.scope, ticket, limits).await?;
    let writes = Writes::of(&targets, rows.has_time);
    let mut written = vec![0; targets.len()];
    let mut batches = rows.batches;
    loop {
        let batch = match batches.try_next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(error) => return Err(failed(error, &written)),
        };
        for part in writes.parts(&batch) {
            let Part { tablets, values } = part.map_err(|error| failed(error, &written))?;
            let write = Write { tablets, coerce: true, ..Write::default() };
            let report = insert_write(shared, write, &pass.creation).await;
            let report = report.map_err(|error| failed(error, &written))?;
            if let Some(rejected) = report.rejected.into_iter().next() {
                let RejectedRows { code, message, .. } = rejected;
                return Err(failed(SessionError::new(code, message), &written));
            }
            values.into_iter().for_each(|(target, count)| written[target] += count);
        }
    }
    report(&targets, &written)
}

/// An error, and how much was written before it.
fn failed(error: SessionError, written: &[usize]) -> SessionError {
    let (values, series) =
        (written.iter().sum::<usize>(), written.iter().filter(|count| **count > 0).count());
    let before = if values == 0 {
        "nothing was written before".to_owned()
    } else {
        format!("{values} values of {series} series were written before, and stay")
    };
    let message =
        format!("Error occurred while inserting tablets in SELECT INTO: {}; {before}", error.message);
    SessionError { message, ..error }
}

fn report(targets: &[IntoSeries], written: &[usize]) -> Result<Rows, SessionError> {
    let by_device = targets.iter().any(|target| target.source_device.is_some());
    let mut columns = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    let mut texts = |name: &str, array: StringArray| {
        columns.push(column(name, DataType::Text));
        arrays.push(Arc::new(array));
    };
    if by_device {
        let devices =
            targets.iter().map(|target| target.source_device.as_ref().map(|device| device.as_str()));
        texts("SourceDevice", devices.collect());
    }
    texts("SourceColumn", targets.iter().map(|target| Some(target.source.as_str())).collect());
    let series = targets.iter().map(|target| Some(target.device.child(&target.measurement).to_string()));
    texts("TargetTimeseries", series.collect());
    let counts = written.iter().map(|count| i32::try_from(*count).unwrap_or(i32::MAX));
    columns.push(column("Written", DataType::Int32));
    arrays.push(Arc::new(counts.collect::<Int32Array>()));
    ready(false, columns, arrays)
}
