//! `show pipes` and the like, as rows.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use levada_model::{DataType, Rows, SessionError};
use levada_sql::ast::ShowPipes;

use super::Request;
use crate::rows::{column, ready};

pub(super) fn show(request: &Request<'_>, show: &ShowPipes) -> Result<Rows, SessionError> {
    let table = request.shared.pipes.show(show, request.zone);
    let columns = table.headers.iter().map(|header| column(header, DataType::Text)).collect();
    let array = |at: usize| -> ArrayRef {
        Arc::new(table.rows.iter().map(|row| row.get(at).map(String::as_str)).collect::<StringArray>())
    };
    ready(false, columns, (0..table.headers.len()).map(array).collect())
}
