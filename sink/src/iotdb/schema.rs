//! What is created before the first write.

use std::sync::Arc;

use levada_connector_api::model::{
    DataType, Path, PathPattern, Series, SeriesSchema, Session, SessionError, StatusCode,
};

/// Creates series that are missing.
///
/// # Errors
/// The store rejects one; with its path, where one is why.
pub(super) async fn create(
    session: &dyn Session,
    series: &[(Path, SeriesSchema)],
    aligned: bool,
) -> Result<(), (Option<Path>, SessionError)> {
    let mut wanted = Vec::with_capacity(series.len());
    for (path, schema) in series {
        let Some((device, measurement)) = path.split_last() else {
            let error = SessionError::new(StatusCode::ILLEGAL_PATH, format!("{path} is no series"));
            return Err((Some(path.clone()), error));
        };
        let measurement = Arc::from(measurement);
        wanted.push(Series { device, aligned, measurement, schema: *schema });
    }
    let failed = session.create_series(&wanted).await.map_err(|error| (None, error))?;
    match failed.into_iter().next() {
        Some((at, error)) => Err((wanted.get(at).map(Series::path), error)),
        None => Ok(()),
    }
}

/// The type a series has; `None` where the store does not list it.
///
/// # Errors
/// The store cannot say.
pub(super) async fn type_of(session: &dyn Session, path: &Path) -> Result<Option<DataType>, SessionError> {
    let pattern = PathPattern::from(path);
    let mut found = session.find_series(&pattern).await?;
    if found.is_empty() {
        // Rows may be written through a view.
        found = session.find_views(&pattern).await?;
    }
    Ok(found.into_iter().find(|series| series.path() == *path).map(|series| series.schema.data_type))
}
