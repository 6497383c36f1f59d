//! How pipelines are doing, as `/streams` tells it.

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use serde::Serialize;

use super::{Served, answer, missing};
use crate::{
    node::{NodeKind, NodeState},
    report::{NodeReport, Queue},
    running::PipelineHandle,
};

/// A pipeline of this process.
#[derive(Debug, Serialize)]
struct Stream {
    id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(flatten)]
    at_work: Option<AtWork>,
}

/// What a pipeline that was started has done.
#[derive(Debug, Serialize)]
struct AtWork {
    ready: bool,
    uptime_seconds: f64,
    rows_read: u64,
    rows_sent: u64,
    rows_per_second: f64,
    records_read: u64,
    dead: u64,
    lag: Option<u64>,
    rows_in_flight: usize,
    nodes: Vec<NodeReport>,
    queues: Vec<Queue>,
}

impl Stream {
    fn of(handle: &PipelineHandle) -> Self {
        let (nodes, progress) = (handle.nodes(), handle.progress());
        let trouble = |node: &NodeReport| match &node.state {
            NodeState::Failed(error) | NodeState::Retrying(error) => Some(format!("{}: {error}", node.name)),
            _ => None,
        };
        let failed = nodes.iter().find(|node| matches!(node.state, NodeState::Failed(_)));
        let status = match (handle.is_ended(), handle.is_stopping()) {
            (true, _) if failed.is_some() => "failed",
            (true, _) => "ended",
            (false, true) => "stopping",
            (false, false) if nodes.iter().any(|node| node.state == NodeState::Starting) => "starting",
            (false, false) => "running",
        };
        let error = failed.and_then(trouble).or_else(|| nodes.iter().find_map(trouble));
        let at_work = AtWork {
            ready: handle.is_ready(),
            uptime_seconds: progress.elapsed.as_secs_f64(),
            rows_read: progress.rows_read,
            rows_sent: progress.rows_sent,
            rows_per_second: progress.rows_per_second,
            records_read: progress.records_read,
            dead: progress.dead,
            lag: progress.lag,
            rows_in_flight: handle.rows_in_flight(),
            queues: handle.queues(),
            nodes,
        };
        Self { id: handle.name().to_owned(), status, error, at_work: Some(at_work) }
    }
}

/// All pipelines: those that run or have run, and those that do not.
fn all(served: &Served) -> Vec<Stream> {
    let mut streams: Vec<_> = served.runtime.pipelines().iter().map(Stream::of).collect();
    for (id, idle) in served.desk.iter().flat_map(|desk| desk.idle.lock().clone()) {
        streams.retain(|stream| stream.id != id);
        streams.push(Stream { id, status: idle.status, error: idle.error, at_work: None });
    }
    streams.sort_by(|a, b| a.id.cmp(&b.id));
    streams
}

pub(super) async fn list(State(served): State<Served>) -> Response {
    answer(StatusCode::OK, &all(&served))
}

pub(super) async fn one(State(served): State<Served>, Path(id): Path<String>) -> Response {
    match all(&served).into_iter().find(|stream| stream.id == id) {
        Some(stream) => answer(StatusCode::OK, &stream),
        None => missing(&id),
    }
}

/// Whether a node's rows can be looked at under this name, for who made a mistake in it.
pub(super) fn names(handle: &PipelineHandle) -> String {
    let name = |node: &NodeReport| match node.kind {
        NodeKind::Source => format!("{} (source)", node.name),
        NodeKind::Transform => format!("{} (transform)", node.name),
        NodeKind::Sink => format!("{} (sink)", node.name),
    };
    handle.nodes().iter().map(name).collect::<Vec<_>>().join(", ")
}
