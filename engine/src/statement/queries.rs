//! `show queries`, `kill query`.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Int32Array, Int64Array, StringArray};
use levada_model::{DataType, Rows, SessionError, StatusCode};

use super::Request;
use crate::{
    engine::Shared,
    gate::{Caller, parse_id, text_of},
    rows::{column, ready},
};

/// The queries that run, this one among them.
pub(super) fn show(request: &Request<'_>) -> Result<Rows, SessionError> {
    let gate = &request.shared.gate;
    let _this = gate.begin(request.caller, request.sql, request.shared.now());
    let running = gate.running();
    let columns = vec![
        column("QueryId", DataType::Text),
        column("DataNodeId", DataType::Int32),
        column("ElapsedTime", DataType::Float),
        column("Statement", DataType::Text),
    ];
    let times: Int64Array = running.iter().map(|query| query.started).collect();
    let ids: StringArray = running.iter().map(|query| Some(text_of(query.id, query.started))).collect();
    let nodes: Int32Array = running.iter().map(|_| 1).collect();
    let elapsed: Float32Array = running.iter().map(|query| query.elapsed()).collect();
    let statements: StringArray = running.iter().map(|query| Some(&*query.statement)).collect();
    let arrays: Vec<ArrayRef> =
        vec![Arc::new(times), Arc::new(ids), Arc::new(nodes), Arc::new(elapsed), Arc::new(statements)];
    ready(true, columns, arrays)
}

/// Ends a query, or all.
pub(super) fn kill(shared: &Shared, caller: &Caller, query: Option<String>) -> Result<String, SessionError> {
    let running = shared.gate.running();
    let Some(name) = query else {
        for query in running {
            // One that has ended meanwhile needs no ending.
            shared.gate.cancel(caller, query.id).or_else(|error| match error.code {
                StatusCode::NO_SUCH_QUERY => Ok(()),
                _ => Err(error),
            })?;
        }
        return Ok(String::new());
    };
    let id = parse_id(&name)?;
    let fits = |query: &&crate::gate::Running| {
        query.id == id && (!name.contains('_') || text_of(id, query.started) == name)
    };
    if !running.iter().any(|query| fits(&query)) {
        return Err(SessionError::new(StatusCode::NO_SUCH_QUERY, format!("No such query: {name}")));
    }
    shared.gate.cancel(caller, id)?;
    Ok(String::new())
}
