//! Columns as clients of 0.12 know them: under other names, and fewer.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, RecordBatch, cast::AsArray, types::Int64Type};
use futures::StreamExt;
use levada_model::{DataType, ResultColumn, Rows, SessionError, StatusCode};

/// A column of 0.12: which one it is, and its name there.
type Head = (usize, &'static str);

/// What statements other than `select` give, by the number of their columns and the name of the first.
const HEADS: [(usize, &str, &[Head]); 14] = [
    (5, "Database", &[(0, "storage group")]),
    (4, "Device", &[(0, "devices")]),
    (5, "Device", &[(0, "devices"), (1, "storage group")]),
    (2, "ChildPaths", &[(0, "child paths")]),
    (4, "ChildNodes", &[(0, "child nodes")]),
    (1, "ChildNodes", &[(0, "child nodes")]),
    (2, "Device", &[(0, "storage group"), (1, "ttl")]),
    (1, "User", &[(0, "user")]),
    (1, "Role", &[(0, "role")]),
    (2, "Version", &[(0, "        version")]),
    (1, "count(devices)", &[(0, "count")]),
    (1, "count(timeseries)", &[(0, "count")]),
    (1, "count(nodes)", &[(0, "count")]),
    (
        11,
        "Timeseries",
        &[
            (0, "timeseries"),
            (1, "alias"),
            (2, "storage group"),
            (3, "dataType"),
            (4, "encoding"),
            (5, "compression"),
            (6, "tags"),
            (7, "attributes"),
        ],
    ),
];

/// What `select last` gives.
const LAST: &[Head] = &[(0, "timeseries"), (1, "value")];

/// A statement's rows under the names that they have in 0.12. Counts are INT32 there.
pub(crate) fn of_0_12(sql: &str, rows: Rows) -> Rows {
    let mut words = sql.split_whitespace().map(str::to_ascii_lowercase);
    let heads = match (words.next().as_deref(), words.next().as_deref()) {
        (Some("select"), Some("last")) if rows.columns.len() == 3 => Some(LAST),
        (Some("show" | "count" | "list"), _) => heads(&rows.columns),
        // The names of other queries' columns are those that are asked for.
        _ => None,
    };
    let Some(heads) = heads else { return rows };
    let Rows { query, has_time, columns, batches } = rows;
    let kept: Vec<ResultColumn> = heads
        .iter()
        .map(|&(at, name)| {
            let data_type = if name == "count" { DataType::Int32 } else { columns[at].data_type };
            ResultColumn { name: name.to_owned(), data_type }
        })
        .collect();
    let types: Vec<DataType> = kept.iter().map(|column| column.data_type).collect();
    let batches = batches.map(move |batch| laid_out(&batch?, has_time, heads, &types)).boxed();
    Rows { query, has_time, columns: kept, batches }
}

fn heads(columns: &[ResultColumn]) -> Option<&'static [Head]> {
    let first = &columns.first()?.name;
    let found = HEADS.iter().find(|(count, name, _)| *count == columns.len() && name == first);
    found.map(|(_, _, heads)| *heads)
}

/// The columns that are kept, behind the time.
fn laid_out(
    batch: &RecordBatch,
    has_time: bool,
    heads: &[Head],
    types: &[DataType],
) -> Result<RecordBatch, SessionError> {
    let before = usize::from(has_time);
    let mut columns: Vec<ArrayRef> = batch.columns()[..before].to_vec();
    for (&(at, _), data_type) in heads.iter().zip(types) {
        let column = batch.column(before + at);
        columns.push(match column.as_primitive_opt::<Int64Type>() {
            Some(counts) if *data_type == DataType::Int32 => {
                let counts =
                    counts.iter().map(|count| count.map(|count| count.clamp(0, i32::MAX.into()) as i32));
                Arc::new(counts.collect::<Int32Array>())
            }
            _ => Arc::clone(column),
        });
    }
    let columns = columns.into_iter().enumerate().map(|(at, column)| (at.to_string(), column, true));
    RecordBatch::try_from_iter_with_nullable(columns).map_err(|error| {
        let message = error.to_string();
        SessionError::new(StatusCode::QUERY_PROCESS_ERROR, message).caused_by(error)
    })
}
