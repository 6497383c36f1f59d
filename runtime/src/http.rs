//! `/metrics`, `/ping`, `/ready` and `/streams`.
//!
//! | path | answer |
//! | --- | --- |
//! | `/ping` | 200 as long as the process lives |
//! | `/ready` | 200 when every source is connected, no split is given up and every sink takes rows, otherwise 503; the body tells, node by node |
//! | `/metrics` | the metrics in the text format of Prometheus |
//! | `GET /streams`, `GET /streams/{id}` | the pipelines: status, rows, rates, lag, errors, nodes, queues |
//! | `POST`, `PUT`, `DELETE /streams/{id}` | a pipeline is made, replaced, ended and removed; the body is its YAML |
//! | `POST /streams/{id}/pause`, `…/resume` | it ends with all settled, and runs again |
//! | `GET /streams/{id}/tap/{node}` | rows in flight, sampled, as JSON lines; `?limit=` so many |
//!
//! What tells no readings is for whoever reaches the address; looking into a node, and orders, are for whom the [`Guard`] admits.

use std::{future::Future, net::SocketAddr, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use futures::FutureExt;
use levada_connector_api::{Error, Result};
use serde::Serialize;
use tokio::{net::TcpListener, time::sleep};
use tracing::{info, warn};

mod desk;
mod streams;
mod tap;

pub use self::desk::{Action, Answer, Caller, Desk, Guard, Idle, Order, ThisMachine};

use crate::{report::NodeReport, runtime::Runtime};

/// What is served.
#[derive(Clone)]
struct Served {
    runtime: Runtime,
    desk: Option<Desk>,
}

/// How long a stop waits for requests under way.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

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

/// The routes. Without a desk nobody may look into nodes or give orders.
fn router(runtime: Runtime, desk: Option<Desk>) -> Router {
    let change = get(streams::one).post(desk::change).put(desk::change).delete(desk::change);
    Router::new()
        .route("/ping", get(async || "pong\n"))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/streams", get(streams::list))
        .route("/streams/{id}", change)
        .route("/streams/{id}/pause", post(desk::pause))
        .route("/streams/{id}/resume", post(desk::resume))
        .route("/streams/{id}/tap/{node}", get(tap::tap))
        .with_state(Served { runtime, desk })
}

fn answer(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_string(body) {
        Ok(body) => (status, [(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

fn missing(id: &str) -> Response {
    let body = serde_json::json!({"error": format!("there is no pipeline `{id}`; GET /streams lists them")});
    answer(StatusCode::NOT_FOUND, &body)
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
    desk: Option<Desk>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<()> {
    if let Ok(address) = listener.local_addr() {
        info!(%address, "serving /metrics, /ping, /ready and /streams");
    }
    let stop = stop.shared();
    let stopped = stop.clone();
    let routes = router(runtime, desk).into_make_service_with_connect_info::<SocketAddr>();
    let served = async { axum::serve(listener, routes).with_graceful_shutdown(stopped).await };
    tokio::select! {
        served = served => served.map_err(|error| Error::io("cannot serve HTTP", error)),
        () = stop.then(|()| sleep(STOP_TIMEOUT)) => {
            warn!("requests over HTTP that are under way are not waited for any more");
            Ok(())
        }
    }
}

async fn ready(State(Served { runtime, .. }): State<Served>) -> Response {
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
    answer(status, &Readiness { ready, pipelines })
}

async fn metrics(State(Served { runtime, .. }): State<Served>) -> Response {
    match runtime.metrics_text() {
        Ok(text) => ([(CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
