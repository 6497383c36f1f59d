//! `select … into`: a query whose rows are written, batch by batch, and a report of what was written where.
//!
//! The query reads a snapshot, so that it does not see what it writes. A value that does not fit its series is left out and counted, and
//! the others are written. What is written when the query fails stays, and the error says how much that is.

mod report;
mod tablets;

use futures::TryStreamExt;
use levada_model::{Rows, SessionError, Write};
use levada_sql::ast::Select;

use self::{report::Written, tablets::Writes};
use super::{Request, insert_write};
use crate::rows::{self, Limits};

/// Runs the query, writes its rows and says how many values were written to which series, and how many were rejected.
///
/// # Errors
/// The query fails, or every value is rejected. What was written before stays.
pub(super) async fn run(request: Request<'_>, select: Select) -> Result<Rows, SessionError> {
    let written = write_into(request, select).await?;
    match written.nothing_fitted() {
        Some(error) => Err(failed(error, &written)),
        None => written.report(),
    }
}

/// Runs the query and writes its rows; how many values were written, and what was rejected.
///
/// # Errors
/// The query fails, or the store takes no rows. What was written before stays.
pub(super) async fn write_into(request: Request<'_>, select: Select) -> Result<Written, SessionError> {
    let Request { shared, caller, pass, sql, zone, time, .. } = request;
    let context = shared.query_context(zone);
    let ticket = shared.gate.begin(caller, sql, context.now);
    let limits = Limits { time, rows: None };
    let (rows, targets) = rows::run_into(shared, select, context, pass.scope, ticket, limits).await?;
    let writes = Writes::of(&targets, rows.has_time);
    let mut written = Written::nothing(&targets);
    let mut batches = rows.batches;
    loop {
        let batch = match batches.try_next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(written),
            Err(error) => return Err(failed(error, &written)),
        };
        for part in writes.parts(&batch) {
            let part = part.map_err(|error| failed(error, &written))?;
            let write = Write { tablets: part.tablets.clone(), coerce: true, ..Write::default() };
            match insert_write(shared, write, &pass.creation).await {
                Ok(report) => written.count(&part, report),
                Err(error) => return Err(failed(error, &written)),
            }
        }
    }
}

/// An error, and how much was written before it.
fn failed(error: SessionError, written: &Written) -> SessionError {
    let before = match (written.values(), written.series()) {
        (0, _) => "nothing was written".to_owned(),
        (values, series) => format!("{values} values of {series} series were written before, and stay"),
    };
    let message =
        format!("Error occurred while inserting tablets in SELECT INTO: {}; {before}", error.message);
    SessionError { message, ..error }
}
