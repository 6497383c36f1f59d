//! `/metrics`, `/ping` and `/ready`.
//!
//! | path | answer |
//! | --- | --- |
//! | `/ping` | 200 as long as the process lives |
//! | `/ready` | 200 when every source is connected, no split is given up and every sink takes rows, otherwise 503; the body tells, node by node |
//! | `/metrics` | the metrics in the text format of Prometheus |

use std::{future::Future, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use futures::FutureExt;
use levada_connector_api::{Error, Result};
use serde::Serialize;
use tokio::{net::TcpListener, time::sleep};
use tracing::{info, warn};

use crate::{report::NodeReport, runtime::Runtime};

/// How long a stop waits for requests under way.
const GRACE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    pipelines: Vec<PipelineReadiness>,
}

#[derive(Serialize)]
struct PipelineReadiness {
    name: String,
    ready: bool,
    stopping: bool,
    nodes: Vec<NodeReport>,
}

/// The routes, to be served alone or beside others.
pub fn router(runtime: Runtime) -> Router {
    Router::new()
        .route("/ping", get(async || "pong\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(runtime)
}

/// Takes the address that [`serve`] listens at.
///
/// # Errors
/// The address is not one, or is taken.
pub async fn listen(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Error::config(format!("cannot listen at `{address}`: {error}")).caused_by(error))
}

/// Serves until `stop` is ready and the requests under way are answered; after two seconds they are waited for no more.
///
/// # Errors
/// The listener failed.
pub async fn serve(
    listener: TcpListener,
    runtime: Runtime,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    if let Ok(address) = listener.local_addr() {
        info!(%address, "serving /metrics, /ping and /ready");
    }
    let stop = stop.shared();
    let stopped = stop.clone();
    let served = async { axum::serve(listener, router(runtime)).with_graceful_shutdown(stopped).await };
    tokio::select! {
        served = served => served.map_err(|error| Error::io("cannot serve HTTP", error)),
        () = stop.then(|()| sleep(GRACE)) => {
            warn!("requests over HTTP that are under way are not waited for any more");
            Ok(())
        }
    }
}

async fn ready(State(runtime): State<Runtime>) -> Response {
    let pipelines: Vec<_> = runtime
        .pipelines()
        .iter()
        .map(|pipeline| PipelineReadiness {
            name: pipeline.name().to_owned(),
            ready: pipeline.is_ready(),
            stopping: pipeline.is_stopping(),
            nodes: pipeline.nodes(),
        })
        .collect();
    let ready = pipelines.iter().all(|pipeline| pipeline.ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    match serde_json::to_string(&Readiness { ready, pipelines }) {
        Ok(body) => (status, [(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn metrics(State(runtime): State<Runtime>) -> Response {
    match runtime.metrics_text() {
        Ok(text) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
