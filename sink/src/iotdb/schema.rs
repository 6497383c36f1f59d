//! What is created before the first write.

use arrow_array::{Array, cast::AsArray};
use futures::StreamExt;
use levada_connector_api::model::{DataType, Path, SeriesSchema, Session, SessionError, StatusCode};

/// Creates a database; one that exists is fine.
///
/// # Errors
/// The store refuses: it lies above or below another database, the user may not.
pub(super) async fn create_database(session: &dyn Session, database: &Path) -> Result<(), SessionError> {
    let mut created = session.execute(&format!("create database {database}")).await;
    if created.as_ref().is_err_and(|error| error.code == StatusCode::SQL_PARSE_ERROR) {
        // Servers before 1.0 know it by this name only.
        created = session.execute(&format!("set storage group to {database}")).await;
    }
    match created {
        Err(error) if !exists(error.code) => Err(error),
        _ => Ok(()),
    }
}

fn exists(code: StatusCode) -> bool {
    matches!(
        code,
        StatusCode::DATABASE_ALREADY_EXISTS
            | StatusCode::PATH_ALREADY_EXIST
            | StatusCode::TIMESERIES_ALREADY_EXIST
    )
}

/// Creates a series; one that exists with the same type is fine. Gives the type it has where that is another.
///
/// # Errors
/// The store refuses.
pub(super) async fn create_series(
    session: &dyn Session,
    path: &Path,
    schema: SeriesSchema,
    aligned: bool,
) -> Result<Option<DataType>, SessionError> {
    match session.execute(&statement(path, schema, aligned)).await {
        Ok(_) => Ok(None),
        Err(error) if exists(error.code) => match existing_type(session, path).await? {
            Some(existing) if existing == schema.data_type => Ok(None),
            Some(existing) => Ok(Some(existing)),
            // It is not the series that exists: an alias, a device of that name.
            None => Err(error),
        },
        Err(error) => Err(error),
    }
}

fn statement(path: &Path, schema: SeriesSchema, aligned: bool) -> String {
    let SeriesSchema { data_type, encoding, compressor } = schema;
    match path.split_last().filter(|_| aligned) {
        Some((device, measurement)) => format!(
            "create aligned timeseries {device}({measurement} {data_type} encoding={encoding} compressor={compressor})"
        ),
        None => format!(
            "create timeseries {path} with datatype={data_type}, encoding={encoding}, compressor={compressor}"
        ),
    }
}

/// The type a series has; `None` where the store does not list it.
async fn existing_type(session: &dyn Session, path: &Path) -> Result<Option<DataType>, SessionError> {
    let mut rows = session.query(&format!("show timeseries {path}")).await?;
    let column = rows.columns.iter().position(|column| column.name.eq_ignore_ascii_case("datatype"));
    let Some(column) = column else { return Ok(None) };
    while let Some(batch) = rows.batches.next().await {
        let batch = batch?;
        let values = batch
            .columns()
            .get(column + usize::from(rows.has_time))
            .and_then(|array| array.as_string_opt::<i32>());
        if let Some(values) = values
            && !values.is_empty()
            && values.is_valid(0)
        {
            return Ok(values.value(0).parse().ok());
        }
    }
    Ok(None)
}
