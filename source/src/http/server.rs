//! The side of the requests.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    middleware::from_fn,
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use levada_connector_api::{Error, Result};
use levada_net::{
    ServerTls,
    http::{Client, Listener, Times, WhenFull, under_way},
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, oneshot},
    time::{Instant, sleep, timeout_at},
};

use super::{body::taken, options::HttpOptions};
use crate::tls::unusable;

/// How long an address may be taken by who has let it go.
const LET_GO: Duration = Duration::from_secs(1);

/// A body on its way into the pipeline.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) body: Bytes,
    pub(super) answer: oneshot::Sender<Outcome>,
}

/// What became of a body.
#[derive(Debug)]
pub(super) enum Outcome {
    Settled,
    /// The rest is settled, and this is why parts of it never will be.
    SettledInPart(String),
    /// Why it is not well formed.
    Malformed(String),
}

/// What handlers share.
#[derive(Debug)]
struct Shared {
    options: HttpOptions,
    requests: mpsc::Sender<Request>,
}

/// Listens; requests come out of the other end of `requests`. Runs until it is dropped.
///
/// # Errors
/// The address cannot be listened at, or the certificate cannot be used.
pub(super) async fn serve(
    options: HttpOptions,
    requests: mpsc::Sender<Request>,
) -> Result<(std::net::SocketAddr, impl Future<Output = ()> + Send + 'static)> {
    let tls = options.tls.as_ref().map(|tls| ServerTls::load(tls.files())).transpose();
    let tls = tls.map_err(|error| unusable(&error, "tls"))?;
    let listener = listen(&options.listen).await;
    let listener =
        listener.map_err(|error| Error::io(format!("cannot listen at {}", options.listen), error))?;
    let address = listener.local_addr().map_err(|error| Error::io("cannot listen", error))?;
    let places = Arc::new(Semaphore::new(options.connections.min(Semaphore::MAX_PERMITS)));
    let timeout = options.timeout.0;
    let times = Times { handshake: timeout, idle: options.idle.0, stall: timeout };
    let router = Router::new().route(&options.path, post(take)).layer(from_fn(under_way));
    let router = router.with_state(Arc::new(Shared { options, requests }));
    let router = router.into_make_service_with_connect_info::<Client>();
    let served = async move {
        let listener = Listener { listener, tls, places, when_full: WhenFull::Waits, times };
        if let Err(error) = axum::serve(listener, router).await {
            tracing::warn!(%error, "HTTP is not served any more");
        }
    };
    Ok((address, served))
}

/// Takes the address. One that was let go a moment ago may still be taken for as long.
async fn listen(address: &str) -> io::Result<TcpListener> {
    let patience = Instant::now() + LET_GO;
    loop {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < patience => {
                sleep(LET_GO / 100).await;
            }
            bound => return bound,
        }
    }
}

async fn take(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Body) -> Response {
    let deadline = Instant::now() + shared.options.timeout.0;
    if !is_let_in(&shared.options, &headers) {
        return (StatusCode::UNAUTHORIZED, "the token is missing, or another\n").into_response();
    }
    let body = match timeout_at(deadline, taken(&headers, body, shared.options.body)).await {
        Ok(Ok(body)) => body,
        Ok(Err((status, message))) => return (status, format!("{message}\n")).into_response(),
        Err(_) => return (StatusCode::REQUEST_TIMEOUT, "the body did not come in time\n").into_response(),
    };
    let (answer, outcome) = oneshot::channel();
    let asked = async {
        shared.requests.send(Request { body, answer }).await.ok()?;
        outcome.await.ok()
    };
    match timeout_at(deadline, asked).await {
        Ok(Some(Outcome::Settled)) => StatusCode::OK.into_response(),
        Ok(Some(Outcome::SettledInPart(reason))) => {
            (StatusCode::OK, format!("stored but for what is rejected: {reason}\n")).into_response()
        }
        Ok(Some(Outcome::Malformed(reason))) => {
            (StatusCode::BAD_REQUEST, format!("{reason}\n")).into_response()
        }
        Ok(None) => again("the pipeline stops"),
        Err(_) => again("it was not stored in time"),
    }
}

/// Whoever sends does not know what became of it, and sends again.
fn again(reason: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "1")], format!("{reason}: send it again\n"))
        .into_response()
}

fn is_let_in(options: &HttpOptions, headers: &HeaderMap) -> bool {
    let Some(token) = &options.token else { return true };
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given =
        ["Bearer ", "Token "].iter().find_map(|scheme| given.strip_prefix(scheme)).unwrap_or_default();
    // Every byte is looked at, whichever is the first that differs.
    let (given, token) = (given.as_bytes(), token.reveal().as_bytes());
    given.len() == token.len() && given.iter().zip(token).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
