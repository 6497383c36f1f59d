//! `disable align`: a query as one for each of its columns, so that each has the rows that have a value of it.

use levada_model::{SessionError, StatusCode};
use levada_sql::ast::{Alignment, Select};

/// So many columns may have times of their own: each is read by itself.
pub(super) const MOST: usize = 256;

/// The query for each column that there may be, in order; behind the last that there is they have none.
///
/// # Errors
/// Its rows are those of aggregates or of last values.
pub(super) fn columns(select: &Select) -> Result<impl Iterator<Item = Select>, SessionError> {
    if select.last || select.group_by.is_some() || select.fill.is_some() || select.without_null.is_some() {
        return Err(not_rows());
    }
    let select = Select { alignment: Alignment::Time, ..select.clone() };
    let first = select.series_offset.unwrap_or(0).max(0);
    let wanted = select.series_limit.and_then(|count| usize::try_from(count).ok()).unwrap_or(usize::MAX);
    let column = move |at: usize| Select {
        series_limit: Some(1),
        series_offset: Some(first.saturating_add(at as i64)),
        ..select.clone()
    };
    Ok((0..wanted.min(MOST)).map(column))
}

pub(super) fn not_rows() -> SessionError {
    let message = "disable align is of the rows of series: aggregates, last values, fill and without null have one time for all columns";
    SessionError::new(StatusCode::SEMANTIC_ERROR, message)
}

pub(super) fn too_many() -> SessionError {
    let message =
        format!("disable align is of fewer than {MOST} columns: ask for fewer with slimit and soffset");
    SessionError::new(StatusCode::SEMANTIC_ERROR, message)
}
