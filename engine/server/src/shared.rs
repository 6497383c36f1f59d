//! What all connections share: the engine, the limits, who is logged in.

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
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    ServerOptions, WhiteList,
    logins::Logins,
    room::{NoRoom, Room, SMALL_BYTES, take},
    transfer::Space,
};

/// Numbers below are those of the engine's queries.
const FIRST_ID: i64 = 1 << 40;

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) options: ServerOptions,
    /// A permit for each connection.
    pub(crate) connections: Arc<Semaphore>,
    /// A permit for each connection of the REST interface: those that are kept open there take none from clients of the other.
    pub(crate) rest_connections: Arc<Semaphore>,
    /// A permit for each KiB of requests.
    memory: Arc<Semaphore>,
    /// A permit for each KiB of requests that have come in part.
    parts: Arc<Semaphore>,
    /// A permit for each open query.
    pub(crate) queries: Arc<Semaphore>,
    pub(crate) logins: Logins,
    /// Who is logged in.
    pub(crate) clients: Mutex<BTreeMap<i64, ConnectionInfo>>,
    /// Where pipes of others may come from.
    pub(crate) white_list: RwLock<WhiteList>,
    /// What files of pipes have, and may have.
    pub(crate) space: Arc<Space>,
    next: AtomicI64,
    /// How long a query may compute, in milliseconds.
    query_timeout: AtomicU64,
}

impl Shared {
    /// What the connections to an engine share.
    pub(crate) fn new(engine: Engine, options: ServerOptions) -> Self {
        let most = |count: usize| Arc::new(Semaphore::new(count.min(Semaphore::MAX_PERMITS)));
        Self {
            engine,
            connections: most(options.connections),
            rest_connections: most(options.connections),
            memory: most(options.memory_kib()),
            parts: most(options.parts_kib()),
            query_timeout: AtomicU64::new(milliseconds(options.query_timeout)),
            queries: most(options.queries),
            white_list: RwLock::new(options.ip_white_list.clone()),
            space: Space::new(options.pipe_received_bytes),
            options,
            logins: Logins::default(),
            clients: Mutex::new(BTreeMap::new()),
            next: AtomicI64::new(FIRST_ID),
        }
    }

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

    /// Takes room for what a request becomes that has room for so many bytes already. It does not wait: who waited would keep from others
    /// what it has. Where that is all that there is, there is enough.
    ///
    /// # Errors
    /// There is no room now.
    pub(crate) fn room(&self, bytes: usize, held: usize) -> Result<Room, NoRoom> {
        let left = self.options.memory_kib().saturating_sub(held.div_ceil(1 << 10));
        take(&self.memory, bytes, left)
    }

    /// Takes room for a request that comes in parts, until it is complete: apart from other requests, as it may never be.
    ///
    /// # Errors
    /// There is no room now.
    pub(crate) fn room_of_parts(&self, bytes: usize) -> Result<Room, NoRoom> {
        take(&self.parts, bytes, self.options.parts_kib())
    }

    /// How long a query may compute, where its client does not say.
    pub(crate) fn query_timeout(&self) -> Duration {
        Duration::from_millis(self.query_timeout.load(Ordering::Relaxed))
    }

    /// Sets how long queries that begin from now on may compute.
    pub(crate) fn set_query_timeout(&self, timeout: Duration) {
        self.query_timeout.store(milliseconds(timeout), Ordering::Relaxed);
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
