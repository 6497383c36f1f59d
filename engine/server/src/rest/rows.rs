//! Rows as JSON: a list of values for each column.

use arrow_array::{ArrayRef, RecordBatch, cast::AsArray, types::Int64Type};
use futures::StreamExt;
use levada_model::{DataType, Rows, SessionError, StatusCode, Value};
use serde_json::{Value as Json, json};

/// A query's rows, if there are no more than `limit`. Columns that are no expressions, as `show` gives them, are under other names,
/// which changed with version 2 of the interface.
///
/// # Errors
/// There are more rows, or the query failed.
pub(super) async fn json(mut rows: Rows, sql: &str, limit: usize, newer: bool) -> Result<Json, SessionError> {
    let mut times: Vec<i64> = Vec::new();
    let mut columns: Vec<Vec<Json>> = vec![Vec::new(); rows.columns.len()];
    let mut count = 0;
    while let Some(batch) = rows.batches.next().await {
        let batch: RecordBatch = batch?;
        count += batch.num_rows();
        if count > limit {
            let message = format!("Dataset row size exceeded the given max row size ({limit})");
            return Err(SessionError::new(StatusCode(411), message));
        }
        let first = usize::from(rows.has_time);
        if rows.has_time {
            times.extend(batch.column(0).as_primitive::<Int64Type>().values());
        }
        for (at, column) in rows.columns.iter().enumerate() {
            let array = batch.column(first + at);
            columns[at].extend((0..batch.num_rows()).map(|row| cell(array, column.data_type, row)));
        }
    }
    let names: Vec<_> = rows.columns.iter().map(|column| column.name.as_str()).collect();
    let mut words = sql.split_ascii_whitespace().map(str::to_ascii_lowercase);
    let is_select = words.next().as_deref() == Some("select") && words.next().as_deref() != Some("last");
    let names_key = if newer { "column_names" } else { "columnNames" };
    Ok(json!({
        "expressions": is_select.then_some(&names),
        names_key: (!is_select).then_some(&names),
        "timestamps": rows.has_time.then_some(times),
        "values": columns,
    }))
}

fn cell(array: &ArrayRef, data_type: DataType, row: usize) -> Json {
    match Value::at(array, data_type, row) {
        None => Json::Null,
        Some(Value::Boolean(value)) => value.into(),
        Some(Value::Int32(value)) => value.into(),
        Some(Value::Int64(value) | Value::Timestamp(value)) => value.into(),
        // The digits that a FLOAT is written with, not those of the DOUBLE it would be. What is not finite is a text.
        Some(value @ (Value::Float(_) | Value::Double(_))) => {
            let text = value.to_string();
            text.parse::<serde_json::Number>().map_or(Json::String(text), Json::Number)
        }
        Some(value) => value.to_string().into(),
    }
}
