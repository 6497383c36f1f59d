//! Connections are accepted here.

use std::{future::IntoFuture, net::SocketAddr, sync::Arc, time::Duration};

use levada_engine::{EmbeddedSession, Engine};
use levada_model::SessionError;
use levada_net::http::{Client, Listener, Times, WhenFull};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{ServerOptions, ServerTls, WhiteList, connection, rest, shared::Shared, transfer::clear};

/// Serves an engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Server {
    shared: Arc<Shared>,
    tls: Option<ServerTls>,
}

/// How long a handshake of HTTP may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long accepting pauses after it failed: mostly there are no file descriptors left, and more will be soon.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

impl Server {
    /// A server of an engine. What pipes of others had sent in part to a server before goes.
    pub fn new(engine: Engine, options: ServerOptions) -> Self {
        clear(engine.received_files());
        Self { shared: Arc::new(Shared::new(engine, options)), tls: None }
    }

    /// Encrypts every connection, those of the REST interface too: what does not shake hands is hung up on.
    #[must_use]
    pub fn with_tls(self, tls: ServerTls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Sets how long queries that begin from now on may compute, where their clients do not say.
    pub fn set_query_timeout(&self, timeout: Duration) {
        self.shared.set_query_timeout(timeout);
    }

    /// Sets where pipes of others may come from, those that are connected too.
    pub fn set_ip_white_list(&self, list: WhiteList) {
        *self.shared.white_list.write() = list;
    }

    /// Opens a session of a user who asks from an address by another interface than those of this server. Logins that fail count with
    /// those here.
    ///
    /// # Errors
    /// User and password do not fit, or too many logins from the address have failed.
    pub async fn log_in(
        &self,
        user: &str,
        password: &str,
        from: SocketAddr,
    ) -> Result<EmbeddedSession, SessionError> {
        let shared = &self.shared;
        shared.logins.open(&shared.engine, (user, password), from, shared.query_timeout()).await
    }

    /// How many clients are logged in.
    pub fn clients(&self) -> usize {
        self.shared.clients.lock().len()
    }

    /// Serves the REST interface at `listener` until `stop` is cancelled and the requests under way are answered; those that take
    /// longer than the options allow are waited for no more.
    ///
    /// # Errors
    /// The listener failed.
    pub async fn serve_rest(&self, listener: TcpListener, stop: CancellationToken) -> std::io::Result<()> {
        let router = rest::router(Arc::clone(&self.shared));
        let router = router.into_make_service_with_connect_info::<Client>();
        let stopped = stop.clone().cancelled_owned();
        let ServerOptions { idle, stall, .. } = self.shared.options;
        let listener = Listener {
            listener,
            tls: self.tls.clone(),
            places: Arc::clone(&self.shared.rest_connections),
            when_full: WhenFull::Closes,
            times: Times { handshake: stall.min(HANDSHAKE), idle, stall },
        };
        let served = axum::serve(listener, router).with_graceful_shutdown(stopped).into_future();
        let given_up = async {
            stop.cancelled().await;
            sleep(self.shared.options.grace).await;
        };
        tokio::select! {
            served = served => served,
            () = given_up => {
                warn!("requests of the REST interface that are under way are not waited for any more");
                Ok(())
            }
        }
    }

    /// Serves what connects to `listener` until `stop` is cancelled. Then no connection is accepted any more, calls under way
    /// are carried out and answered, and connections end; those that take longer than the options allow are broken off. Dropping
    /// the future breaks off nothing but the accepting: cancel `stop`.
    pub async fn serve(&self, listener: TcpListener, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let broken_off = CancellationToken::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_BACKOFF).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&self.shared.connections).try_acquire_owned() else {
                warn!(%peer, most = self.shared.options.connections, "there are too many connections: one more was closed");
                continue;
            };
            let (shared, stop, broken_off) = (Arc::clone(&self.shared), stop.clone(), broken_off.clone());
            let tls = self.tls.clone();
            tasks.spawn(async move {
                tokio::select! {
                    () = broken_off.cancelled() => {}
                    () = connection::serve(shared, stream, tls, peer, stop) => {}
                }
                drop(permit);
            });
        }
        drop(listener);
        tasks.close();
        if timeout(self.shared.options.grace, tasks.wait()).await.is_err() {
            warn!(connections = tasks.len(), "calls under way are broken off");
            broken_off.cancel();
            tasks.wait().await;
        }
        info!("the RPC service has ended");
    }
}
