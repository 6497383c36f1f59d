//! A server of HTTP: its connections are limited in number, may be encrypted, and are closed when they stay silent.
//!
//! ```text
//!   silent ── first byte ──▶ head ── complete ──▶ request under way ── answered ──▶ silent
//!     │ idle                  │ stall               no bound here         │ stall without a byte that goes out
//!     └───────────────────────┴─────────▶ closed ◀────────────────────────┘
//! ```
//!
//! Requests are known by [`under_way`], a middleware of the router, which is served with [`Client`] as what it knows of a
//! connection. How long a request may take once its head is complete is for its handler to say.

mod connection;
mod silence;

pub use self::{connection::Connection, silence::UnderWay};

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    extract::{ConnectInfo, Request, connect_info::Connected},
    middleware::Next,
    response::Response,
    serve::IncomingStream,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};
use tracing::{debug, warn};

use crate::ServerTls;

/// How long accepting pauses after it failed: mostly there are no file descriptors left, and more will be soon.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// To shake hands.
    pub handshake: Duration,
    /// Until a request begins, at first and between two requests.
    pub idle: Duration,
    /// From the first byte of a request until its head is complete, and until its client takes more of an answer.
    pub stall: Duration,
}

/// What becomes of a connection where there are as many as there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// It waits until another one ends.
    Waits,
    /// It is closed.
    Closes,
}

/// A listener whose connections have a place each.
#[derive(Debug)]
pub struct Listener {
    /// Where they come in.
    pub listener: TcpListener,
    /// How they are encrypted, where they are. Hands are shaken by whoever serves a connection: the others do not wait for it.
    pub tls: Option<ServerTls>,
    /// A permit for each.
    pub places: Arc<Semaphore>,
    /// What happens beyond that.
    pub when_full: WhenFull,
    /// What each may take.
    pub times: Times,
}

impl Listener {
    async fn place(&self) -> Option<OwnedSemaphorePermit> {
        if self.when_full == WhenFull::Closes {
            return None;
        }
        if self.places.available_permits() == 0 {
            warn!("there are as many connections as there may be: more wait until one of them ends");
        }
        // It is never closed.
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    async fn next(&self) -> (TcpStream, SocketAddr) {
        loop {
            match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let place = self.place().await;
            let (stream, peer) = self.next().await;
            let Some(place) = place.or_else(|| Arc::clone(&self.places).try_acquire_owned().ok()) else {
                warn!(%peer, "there are too many connections of HTTP: one more was closed");
                continue;
            };
            debug!(%peer, "a connection of HTTP");
            return (Connection::new(stream, self.tls.clone(), self.times, place), peer);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// Who is at the other end of a connection, and the requests of it.
#[derive(Clone, Debug)]
pub struct Client {
    /// The address.
    pub address: SocketAddr,
    /// The requests.
    pub requests: UnderWay,
}

impl Connected<IncomingStream<'_, Listener>> for Client {
    fn connect_info(stream: IncomingStream<'_, Listener>) -> Self {
        Self { address: *stream.remote_addr(), requests: stream.io().requests() }
    }
}

/// Keeps the connection of a request open for as long as the request is carried out.
pub async fn under_way(ConnectInfo(client): ConnectInfo<Client>, request: Request, next: Next) -> Response {
    let _under_way = client.requests.begin();
    next.run(request).await
}
