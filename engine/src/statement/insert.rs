//! Rows to store: tablets as they come, and `insert` statements made into tablets.
//!
//! A value is converted to the type of its series; where there is no such series as yet, the first value that is not null
//! says which type it gets. A value that cannot be converted is left out and reported, the others of its row are stored.

mod convert;
mod texts;
mod together;

pub use texts::TextRow;
pub(crate) use together::run_together;

use std::sync::Arc;

use arrow_array::Int64Array;
use jiff::tz::TimeZone;
use levada_model::{Column, DataType, RejectedRows, SessionError, StatusCode, Tablet, Write, WriteReport};
use levada_query::names_with_views;
use levada_sql::{
    ParseContext,
    ast::{Constant, Insert, InsertValue},
};
use levada_storage::Catalog;

use crate::{engine::Shared, gate::Creation, known::KnownDevice};

/// Stores rows that have passed the gate, and waits until they are durable. The store is asked at the first poll.
pub(crate) async fn insert_write(
    shared: &Shared,
    write: Write,
    creation: &Creation,
) -> Result<WriteReport, SessionError> {
    insert_within(shared, write, creation, false).await
}

/// [`insert_write`] of a task that may block, or may not.
pub(crate) async fn insert_within(
    shared: &Shared,
    write: Write,
    creation: &Creation,
    may_block: bool,
) -> Result<WriteReport, SessionError> {
    let makes = shared.creates_schema();
    creation.check(&write.tablets, makes, || names_with_views(shared.storage.catalog()))?;
    if let Some(owner) = write.owner.as_deref()
        && let Some(new) = shared.pipes.unknown_origins(owner, write.tablets.iter().map(Tablet::device))
    {
        shared.pipes.note_origins(new).await?;
    }
    let insert = shared.storage.insert_when_ready(write).committed_by_caller(may_block);
    let mut inserted = insert.known_series_alone(!makes).await?;
    if inserted.durable.is_own() {
        tokio::task::block_in_place(|| inserted.durable.commit());
    }
    inserted.durable.await?;
    Ok(inserted.report)
}

/// Runs an `insert` statement.
pub(super) async fn run(
    shared: &Shared,
    insert: Insert,
    zone: &TimeZone,
    creation: &Creation,
) -> Result<String, SessionError> {
    let Made { times, columns, failures } =
        made(&insert, &*names_with_views(shared.storage.catalog()), &shared.parse_context(zone));
    let report = store(shared, &insert, times, columns, creation).await?;
    outcome(failures, report)
}

/// What an `insert` statement stores, and what it cannot: measurements, each with its reason.
struct Made {
    times: Int64Array,
    columns: Vec<Column>,
    failures: Vec<(String, String)>,
}

/// One moment for the whole statement, where a text says `now()`, is that of `context`.
fn made(insert: &Insert, catalog: &dyn Catalog, context: &ParseContext) -> Made {
    let names: Vec<Arc<str>> = insert.measurements.iter().map(|name| (**name).into()).collect();
    let known = KnownDevice::find(catalog, &insert.device, &names);
    let times: Int64Array = insert.rows.iter().map(|row| row.time).collect::<Vec<_>>().into();
    let mut columns = Vec::with_capacity(insert.measurements.len());
    let mut failures = Vec::new();
    for (at, name) in insert.measurements.iter().enumerate() {
        let values: Vec<&InsertValue> = insert.rows.iter().map(|row| &row.values[at]).collect();
        let (name, known_type) = known.series(name);
        // Nulls alone do not say which type a series gets.
        let Some(data_type) = known_type.or_else(|| inferred(&values)) else {
            failures.push((name.to_string(), format!("Path [{}.{name}] does not exist", insert.device)));
            continue;
        };
        let (values, failure) = convert::column(data_type, &values, context);
        failures.extend(failure.map(|reason| (name.to_string(), reason)));
        columns.push(Column { name, data_type, values });
    }
    Made { times, columns, failures }
}

async fn store(
    shared: &Shared,
    insert: &Insert,
    times: Int64Array,
    columns: Vec<Column>,
    creation: &Creation,
) -> Result<WriteReport, SessionError> {
    if columns.iter().all(|column| column.values.null_count() == column.values.len()) {
        return Ok(WriteReport::default());
    }
    let tablet = Tablet::try_new(insert.device.clone(), insert.aligned, times, columns).map_err(|error| {
        SessionError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).caused_by(error)
    })?;
    insert_write(shared, Write { tablets: vec![tablet], ..Write::default() }, creation).await
}

/// The type a new series gets from the values written to it.
fn inferred(values: &[&InsertValue]) -> Option<DataType> {
    values.iter().find_map(|value| match value.constant {
        Constant::Null => None,
        Constant::Boolean(_) => Some(DataType::Boolean),
        _ if texts::has_suffix(value) => Some(DataType::Text),
        Constant::Integer { .. } | Constant::Real { .. } => Some(DataType::Double),
        // Bytes that were not spelt as such: no series is made of them.
        Constant::Text(_) if value.spelling.is_some() => Some(DataType::Blob),
        Constant::Text(_) => Some(DataType::Text),
        Constant::Blob(_) => Some(DataType::Blob),
        // A literal of time is the number it stands for.
        Constant::Time(_) => Some(DataType::Int64),
    })
}

/// What a statement says of values that were not stored.
fn outcome(mut failures: Vec<(String, String)>, report: WriteReport) -> Result<String, SessionError> {
    for RejectedRows { measurement, code, message, .. } in report.rejected {
        match measurement {
            Some(measurement) => failures.push((measurement.to_string(), message)),
            None => return Err(SessionError::new(statement_code(code), message)),
        }
    }
    if failures.is_empty() {
        return Ok(String::new());
    }
    let (names, reasons): (Vec<_>, Vec<_>) = failures.into_iter().unzip();
    Err(SessionError::new(
        StatusCode::METADATA_ERROR,
        format!("Fail to insert measurements [{}] caused by [{}]", names.join(", "), reasons.join(", ")),
    ))
}

/// Statements say some reasons with a more general code than the rows of a tablet.
fn statement_code(code: StatusCode) -> StatusCode {
    match code {
        StatusCode::PATH_ALREADY_EXIST | StatusCode::SYSTEM_READ_ONLY => StatusCode::METADATA_ERROR,
        code => code,
    }
}
