//! Who may ask what of the pipelines of a process, and who does it.
//!
//! What others have in flight, and what runs, is not for everybody: the [`Guard`] says who may look into a node and give orders. A
//! page in a browser may not in any case: a request that says where it came from (`Origin`) is rejected, so that no site makes a browser on
//! this machine give orders.

use std::{
    collections::BTreeMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use axum::{
    body::to_bytes,
    extract::{ConnectInfo, Path, Request, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::Response,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use parking_lot::Mutex;
use serde_json::{Value as Json, json};
use tokio::sync::{mpsc, oneshot};

use super::{Served, answer};

/// A pipeline file may be so long.
const LONGEST: usize = 4 << 20;

/// What is to be done with a pipeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// There is to be one, as this text says.
    Create(String),
    /// It is to be as this text says.
    Replace(String),
    /// It is to end, and its file to go.
    Delete,
    /// It is to end, and to stay there.
    Pause,
    /// It is to run again.
    Resume,
}

/// Something to be done, and where the answer is waited for.
#[derive(Debug)]
pub struct Order {
    /// The pipeline.
    pub id: String,
    /// What is to be done with it.
    pub action: Action,
    /// Takes the answer.
    pub answer: oneshot::Sender<Answer>,
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// What is told.
    pub body: Json,
}

impl Answer {
    /// An answer that says one thing.
    pub fn told(status: u16, message: impl Into<String>) -> Self {
        let what = if status < 400 { "message" } else { "error" };
        Self { status, body: json!({what: message.into()}) }
    }
}

/// A pipeline that was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle {
    /// `paused`, or `invalid`.
    pub status: &'static str,
    /// Why, where there is more to say.
    pub error: Option<String>,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Where the connection came from.
    pub from: SocketAddr,
    /// What they call this server, a port included: the header `Host`.
    pub host: Option<&'a str>,
    /// User and password.
    pub login: Option<(&'a str, &'a str)>,
}

/// Says who may look into nodes and give orders.
#[async_trait]
pub trait Guard: Send + Sync {
    /// Whether somebody may.
    ///
    /// # Errors
    /// They may not: the status of HTTP, and why.
    async fn admit(&self, caller: Caller<'_>) -> Result<(), (u16, String)>;
}

/// Admits whoever is on this machine, and calls it by its address or `localhost`: a page in a browser may have a name of its own that
/// leads here, and then does not say that it is of another origin.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

#[async_trait]
impl Guard for ThisMachine {
    async fn admit(&self, caller: Caller<'_>) -> Result<(), (u16, String)> {
        if !caller.from.ip().to_canonical().is_loopback() {
            return Err((403, "only from the machine that the process runs on".to_owned()));
        }
        match caller.host.is_none_or(is_address) {
            true => Ok(()),
            false => Err((403, "ask for this server by its address, or as `localhost`".to_owned())),
        }
    }
}

/// Whether a host is named by an address or as this machine, whatever the port.
fn is_address(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
}

/// Where orders are given.
#[derive(Clone)]
pub struct Desk {
    /// Where they go; `None` where nobody takes any.
    pub orders: Option<mpsc::Sender<Order>>,
    /// Who may give them, and look into nodes.
    pub guard: Arc<dyn Guard>,
    /// The pipelines that were not started.
    pub idle: Arc<Mutex<BTreeMap<String, Idle>>>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").field("orders", &self.orders.is_some()).finish_non_exhaustive()
    }
}

impl Desk {
    /// A desk at which nothing can be ordered: who may look into nodes, is all it says.
    pub fn looking_only(guard: impl Guard + 'static) -> Self {
        Self { orders: None, guard: Arc::new(guard), idle: Arc::default() }
    }

    /// A desk, and what is ordered there.
    pub fn open(guard: impl Guard + 'static) -> (Self, mpsc::Receiver<Order>) {
        let (orders, taken) = mpsc::channel(16);
        (Self { orders: Some(orders), guard: Arc::new(guard), idle: Arc::default() }, taken)
    }

    /// Whether a request is from somebody who may.
    pub(super) async fn admit(&self, from: SocketAddr, headers: &HeaderMap) -> Result<(), Response> {
        let denied = |status: u16, message: &str| {
            let mut response = reply(Answer::told(status, message));
            if status == 401 {
                let challenge = header::HeaderValue::from_static("Basic realm=\"levada\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        };
        if headers.contains_key(header::ORIGIN) {
            return Err(denied(403, "not for pages in a browser"));
        }
        let login = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let login = login.and_then(|value| value.strip_prefix("Basic "));
        let login = login.and_then(|encoded| BASE64_STANDARD.decode(encoded.trim()).ok());
        let login = login.and_then(|bytes| String::from_utf8(bytes).ok());
        let login = login.as_deref().and_then(|text| text.split_once(':'));
        let host = headers.get(header::HOST).map(|host| host.to_str().unwrap_or_default());
        let caller = Caller { from, host, login };
        self.guard.admit(caller).await.map_err(|(status, message)| denied(status, &message))
    }
}

fn reply(Answer { status, body }: Answer) -> Response {
    answer(StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), &body)
}

/// `POST`, `PUT` and `DELETE` of `/streams/{id}`.
pub(super) async fn change(
    State(served): State<Served>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let desk = match admitted(&served, from, request.headers()).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let (parts, body) = request.into_parts();
    let action = if parts.method == Method::DELETE {
        Action::Delete
    } else {
        let Ok(body) = to_bytes(body, LONGEST).await else {
            return reply(Answer::told(413, format!("a pipeline has {LONGEST} bytes at most")));
        };
        let Ok(text) = String::from_utf8(body.into()) else {
            return reply(Answer::told(400, "the body is no text in UTF-8"));
        };
        if parts.method == Method::POST { Action::Create(text) } else { Action::Replace(text) }
    };
    order(desk, id, action).await
}

/// `POST /streams/{id}/pause`.
pub(super) async fn pause(
    State(served): State<Served>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match admitted(&served, from, &headers).await {
        Ok(desk) => order(desk, id, Action::Pause).await,
        Err(response) => response,
    }
}

/// `POST /streams/{id}/resume`.
pub(super) async fn resume(
    State(served): State<Served>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    match admitted(&served, from, &headers).await {
        Ok(desk) => order(desk, id, Action::Resume).await,
        Err(response) => response,
    }
}

pub(super) async fn admitted<'s>(
    served: &'s Served,
    from: SocketAddr,
    headers: &HeaderMap,
) -> Result<&'s Desk, Response> {
    let desk = served.desk.as_ref().ok_or_else(|| reply(Answer::told(403, "not served by this process")))?;
    desk.admit(from, headers).await.map(|()| desk)
}

async fn order(desk: &Desk, id: String, action: Action) -> Response {
    let gone = || reply(Answer::told(503, "the process is stopping"));
    let Some(orders) = &desk.orders else {
        let message =
            "the pipelines of `levada run` are its files: start it with `-w` to pause and resume them";
        return reply(Answer::told(405, message));
    };
    let (answer, answered) = oneshot::channel();
    if orders.send(Order { id, action, answer }).await.is_err() {
        return gone();
    }
    match answered.await {
        Ok(answer) => reply(answer),
        Err(_) => gone(),
    }
}
