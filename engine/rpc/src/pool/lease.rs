//! The pool's nodes, and leases of clients.

use std::{collections::HashMap, fmt, sync::Arc};

use levada_model::{Path, SessionError, StatusCode};
use parking_lot::Mutex;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    PoolOptions,
    doubts::Doubts,
    lanes::Lanes,
    node::{Node, Use},
    types::KnownTypes,
};
use crate::{
    client::{Client, ClientError, Server},
    messages::EndPoint,
};

/// For how many devices the recommended node is remembered.
const MAX_DEVICES: usize = 100_000;
/// From this many nodes on, no recommended node is added.
const MAX_NODES: usize = 64;

/// Sessions with the nodes of an IoTDB. Clones share them.
#[derive(Clone)]
pub struct Pool(pub(super) Arc<Shared>);

pub(super) struct Shared {
    pub(super) options: PoolOptions,
    permits: Arc<Semaphore>,
    nodes: Mutex<Vec<Arc<Node>>>,
    closest: Mutex<HashMap<Path, Arc<Node>, foldhash::fast::RandomState>>,
    /// What the server of the last login said of itself.
    server: Mutex<Option<Server>>,
    pub(super) lanes: Lanes,
    pub(super) types: KnownTypes,
    pub(super) doubts: Doubts,
}

/// A borrowed client. Dropping it gives the client back, unless a call was left unfinished, and the permit in any case.
pub struct Lease {
    client: Option<Client>,
    /// Whether the client was connected before it was borrowed: it may have died since.
    pub(super) used: bool,
    place: Place,
    _permit: OwnedSemaphorePermit,
}

/// One of the leases of a node; ends it when dropped.
struct Place {
    node: Arc<Node>,
    client: Option<Client>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.node.end(self.client.take());
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.place.client = self.client.take().filter(|client| !client.is_broken());
    }
}

impl Lease {
    /// The client.
    pub fn client(&mut self) -> &mut Client {
        self.client.as_mut().expect("it is there until the lease is dropped")
    }

    /// Drops the client instead of giving it back.
    pub(super) fn discard(mut self) {
        self.client = None;
    }

    pub(super) fn node(&self) -> &Arc<Node> {
        &self.place.node
    }
}

impl Pool {
    /// A pool; nothing is connected yet.
    pub fn new(options: PoolOptions) -> Self {
        let mut nodes: Vec<Arc<Node>> = Vec::new();
        for address in &options.nodes {
            if nodes.iter().all(|node| node.address != *address) {
                nodes.push(Arc::new(Node::new(address.clone())));
            }
        }
        let sessions = options.sessions.max(1);
        Self(Arc::new(Shared {
            permits: Arc::new(Semaphore::new(sessions)),
            nodes: Mutex::new(nodes),
            closest: Mutex::default(),
            server: Mutex::default(),
            lanes: Lanes::new(sessions),
            types: KnownTypes::default(),
            doubts: Doubts::default(),
            options,
        }))
    }

    /// How many permits are available now.
    pub fn idle_permits(&self) -> usize {
        self.0.permits.available_permits()
    }

    /// The addresses of the nodes, including recommended ones.
    pub fn nodes(&self) -> Vec<String> {
        self.0.nodes.lock().iter().map(|node| node.address.clone()).collect()
    }

    /// A client of `wanted` if that node can be used, otherwise of the least busy node. Waits for a permit.
    ///
    /// # Errors
    /// No node answers (transient); one rejects the login; the pool is closed.
    pub(super) async fn lease(&self, wanted: Option<Arc<Node>>) -> Result<Lease, SessionError> {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await;
        let permit = permit.map_err(|_| SessionError::new(StatusCode::NOT_LOGIN, "the pool is closed"))?;
        let mut reasons: Vec<String> = Vec::new();
        for node in self.candidates(wanted) {
            let idle = node.begin();
            let place = Place { node: Arc::clone(&node), client: None };
            if let Some(client) = idle {
                return Ok(Lease { client: Some(client), used: true, place, _permit: permit });
            }
            match Client::open(&node.address, &self.0.options.client).await {
                Ok(client) => {
                    if node.answered(None) {
                        tell_back(&node);
                    }
                    *self.0.server.lock() = Some(client.server().clone());
                    return Ok(Lease { client: Some(client), used: false, place, _permit: permit });
                }
                Err(ClientError::Rejected(error)) if !error.transient => return Err(error),
                Err(error) => {
                    self.failed(&node, &error);
                    reasons.push(error.to_string());
                }
            }
        }
        let message = format!("no node answers: {}", reasons.join("; "));
        Err(SessionError::new(StatusCode::NOT_READY, message))
    }

    /// The nodes to be tried, in order.
    fn candidates(&self, wanted: Option<Arc<Node>>) -> Vec<Arc<Node>> {
        let now = Instant::now();
        let nodes = self.0.nodes.lock().clone();
        let mut usable = Vec::with_capacity(nodes.len());
        let mut probes = Vec::new();
        for (index, node) in nodes.iter().enumerate() {
            match node.how(now) {
                Use::Now(busy) => {
                    let first = wanted.as_ref().is_some_and(|wanted| Arc::ptr_eq(wanted, node));
                    usable.push((!first, busy, index));
                }
                Use::Probe => probes.push(Arc::clone(node)),
                Use::Not => {}
            }
        }
        if usable.is_empty() {
            // Nothing is lost by trying those that are left out, and they answer sooner.
            return nodes;
        }
        for node in probes {
            tokio::spawn(probe(node, self.0.options.clone()));
        }
        usable.sort_unstable();
        usable.into_iter().map(|(_, _, index)| Arc::clone(&nodes[index])).collect()
    }

    /// Connects with a node, so that an error shows before there is data to lose.
    ///
    /// # Errors
    /// No node answers, or one rejects the login.
    pub async fn connect(&self) -> Result<(), SessionError> {
        self.lease(None).await.map(drop)
    }

    /// What servers can do; one is asked if none was asked before.
    pub(super) async fn server(&self) -> Result<Server, SessionError> {
        let known = self.0.server.lock().clone();
        match known {
            Some(server) => Ok(server),
            None => Ok(self.lease(None).await?.client().server().clone()),
        }
    }

    /// A node did not answer, or cannot do what is asked: others are used, where there are any.
    pub(super) fn failed(&self, node: &Node, error: &dyn fmt::Display) {
        let PoolOptions { left_out, left_out_most, .. } = self.0.options;
        if node.failed(Instant::now(), left_out, left_out_most) && self.0.nodes.lock().len() > 1 {
            tracing::warn!(node = node.address, %error, "the node is left out until it answers again");
        }
    }

    /// The node a device's rows were last recommended to.
    pub(super) fn closest(&self, device: &Path) -> Option<Arc<Node>> {
        self.0.closest.lock().get(device).cloned()
    }

    /// Remembers the node that a server recommends for a device.
    pub(super) fn remember(&self, device: &Path, address: &EndPoint) {
        if !self.0.options.redirect {
            return;
        }
        let Some(node) = self.recommended(&address.to_string()) else { return };
        let mut closest = self.0.closest.lock();
        if closest.len() >= MAX_DEVICES {
            closest.clear();
        }
        closest.insert(device.clone(), node);
    }

    /// The node of an address; a new one is added. A server that was not told its own address recommends the loopback address,
    /// which on another machine is a different server.
    fn recommended(&self, address: &str) -> Option<Arc<Node>> {
        let mut nodes = self.0.nodes.lock();
        if let Some(node) = nodes.iter().find(|node| node.address == address) {
            return Some(Arc::clone(node));
        }
        let here = |address: &str| {
            ["127.", "localhost", "[::1]", "0.0.0.0"].iter().any(|each| address.starts_with(each))
        };
        if nodes.len() >= MAX_NODES || here(address) && !nodes.iter().any(|node| here(&node.address)) {
            return None;
        }
        let node = Arc::new(Node::new(address.to_owned()));
        nodes.push(Arc::clone(&node));
        Some(node)
    }

    /// Drops all idle sessions, and grants no more.
    pub(super) async fn shut(&self) {
        self.0.permits.close();
        let nodes = self.0.nodes.lock().clone();
        for client in nodes.iter().flat_map(|node| node.take_idle()) {
            if let Err(error) = client.close().await {
                tracing::debug!(%error, "a session was not closed");
            }
        }
    }
}

/// Finds out whether a node is back.
async fn probe(node: Arc<Node>, options: PoolOptions) {
    match Client::open(&node.address, &options.client).await {
        Ok(client) => {
            if node.answered(Some(client)) {
                tell_back(&node);
            }
        }
        Err(error) => {
            tracing::debug!(node = node.address, %error, "the node is still left out");
            node.failed(Instant::now(), options.left_out, options.left_out_most);
        }
    }
}

fn tell_back(node: &Node) {
    tracing::info!(node = node.address, "the node is back");
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("nodes", &self.nodes()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("node", &self.place.node.address).finish_non_exhaustive()
    }
}
