//! Connections are accepted here, and what all of them share is kept.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use levada_engine::Engine;
use levada_rpc::messages::ConnectionInfo;
use parking_lot::{Mutex, RwLock};
use tokio::{
    net::TcpListener,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{info, warn};

use crate::{ServerOptions, Tls, WhiteList, connection, logins::Logins, rest, tls::TlsListener};

/// Serves an engine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Server {
    shared: Arc<Shared>,
    tls: Option<Tls>,
}

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) options: ServerOptions,
    /// A permit for each connection.
    connections: Arc<Semaphore>,
    /// A permit for each KiB of requests.
    memory: Arc<Semaphore>,
    /// A permit for each open query.
    pub(crate) queries: Arc<Semaphore>,
    pub(crate) logins: Logins,
    /// Who is logged in.
    pub(crate) clients: Mutex<BTreeMap<i64, ConnectionInfo>>,
    /// Where pipes of others may come from.
    pub(crate) white_list: RwLock<WhiteList>,
    next: AtomicI64,
    /// How long a query may compute, in milliseconds.
    query_timeout: AtomicU64,
}

impl Shared {
    /// A number that nothing else has: for sessions, statements, results that are no queries.
    pub(crate) fn next_id(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Waits until a request of so many bytes may be read. One that is larger than all that there is takes all.
    pub(crate) async fn admit(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        if bytes <= SMALL_BYTES {
            return None;
        }
        let kib = bytes.div_ceil(1 << 10).min(self.options.memory_kib());
        let kib = u32::try_from(kib).unwrap_or(u32::MAX);
        Arc::clone(&self.memory).acquire_many_owned(kib).await.ok()
    }

    /// How long a query may compute, where its client does not say.
    pub(crate) fn query_timeout(&self) -> Duration {
        Duration::from_millis(self.query_timeout.load(Ordering::Relaxed))
    }
}

/// Requests up to this size need no permit.
const SMALL_BYTES: usize = 64 << 10;

/// Numbers below are those of the engine's queries.
const FIRST_ID: i64 = 1 << 40;

/// How long accepting pauses after it failed: mostly there are no file descriptors left, and more will be soon.
const PAUSE: Duration = Duration::from_millis(100);

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Server {
    /// A server of an engine.
    pub fn new(engine: Engine, options: ServerOptions) -> Self {
        let most = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        let shared = Shared {
            engine,
            connections: most(options.connections),
            memory: most(options.memory_kib()),
            query_timeout: AtomicU64::new(milliseconds(options.query_timeout)),
            queries: most(options.queries),
            white_list: RwLock::new(options.ip_white_list.clone()),
            options,
            logins: Logins::default(),
            clients: Mutex::new(BTreeMap::new()),
            next: AtomicI64::new(FIRST_ID),
        };
        Self { shared: Arc::new(shared), tls: None }
    }

    /// Encrypts every connection, those of the REST interface too: what does not shake hands is hung up on.
    #[must_use]
    pub fn with_tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Sets how long queries that begin from now on may compute, where their clients do not say.
    pub fn set_query_timeout(&self, timeout: Duration) {
        self.shared.query_timeout.store(milliseconds(timeout), Ordering::Relaxed);
    }

    /// Sets where pipes of others may come from, those that are connected too.
    pub fn set_ip_white_list(&self, list: WhiteList) {
        *self.shared.white_list.write() = list;
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
        let router = router.into_make_service_with_connect_info::<rest::Client>();
        let stopped = stop.clone().cancelled_owned();
        let served = async {
            match &self.tls {
                Some(tls) => {
                    let listener = TlsListener::new(listener, tls.clone());
                    axum::serve(listener, router).with_graceful_shutdown(stopped).await
                }
                None => axum::serve(listener, router).with_graceful_shutdown(stopped).await,
            }
        };
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
                    sleep(PAUSE).await;
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
