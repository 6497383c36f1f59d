//! `/streams/{id}/tap/{node}`: rows in flight, a line of JSON each, until whoever asked goes, or the pipeline ends.

use std::{convert::Infallible, net::SocketAddr};

use axum::{
    body::Body,
    extract::{ConnectInfo, Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures::stream;
use serde_json::{Value as Json, json};

use super::{Served, answer, desk, missing, streams};
use crate::{running::PipelineHandle, tap::Tapped};

/// What is given of a node's rows.
struct Looking {
    tapped: Tapped,
    pipeline: PipelineHandle,
    /// So many more rows.
    left: u64,
}

pub(super) async fn tap(
    State(served): State<Served>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Path((id, node)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    if let Err(response) = desk::admitted(&served, from, &headers).await {
        return response;
    }
    let wrong = |message: String| answer(StatusCode::BAD_REQUEST, &json!({"error": message}));
    let limit =
        query.as_deref().and_then(|query| query.split('&').find_map(|part| part.strip_prefix("limit=")));
    let Ok(left) = limit.map_or(Ok(u64::MAX), str::parse) else {
        return wrong("`limit` is a number of rows".to_owned());
    };
    let Some(pipeline) = served.runtime.pipelines().into_iter().find(|each| each.name() == id) else {
        return missing(&id);
    };
    let Some(tapped) = pipeline.tap(&node) else {
        return wrong(format!("there is no node `{node}`; there are {}", streams::names(&pipeline)));
    };
    let looking = Looking { tapped, pipeline, left };
    let lines = stream::unfold(looking, async |mut looking| {
        let lines = looking.lines().await?;
        Some((Ok::<_, Infallible>(lines), looking))
    });
    ([(CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
}

impl Looking {
    /// Lines of the next rows; `None` at the end.
    async fn lines(&mut self) -> Option<String> {
        if self.left == 0 {
            return None;
        }
        let rows = tokio::select! {
            biased;
            rows = self.tapped.next() => rows,
            () = self.pipeline.ended() => return None,
        };
        let mut lines = String::new();
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        for row in rows.into_iter().take(most) {
            self.left -= 1;
            lines.push_str(&Json::Object(row).to_string());
            lines.push('\n');
        }
        Some(lines)
    }
}
