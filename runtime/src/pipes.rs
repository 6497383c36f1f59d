//! Runs the pipes of engines: what is stored, and what is written from then on, to nodes.
//!
//! ```text
//!   ChangeFeed ─► plan ─► databases, series, rows, deletions in order ─► Pool (the one that sinks use) ─► nodes
//!       ▲                                                                  │ delivered
//!       └── read ahead by one        saver: position durable, then settled ◀┘
//! ```
//!
//! - Steps of one kind are gathered, and what is of another kind waits for those before it: series are made before their rows come, and a deletion
//!   finds the rows that it means.
//! - Under load what comes within some milliseconds is sent together (`gather`); a row after a pause is sent at once.
//! - A step that fails is tried again, never passed over. Who cannot be reached is tried about once a second; who rejects the pipe itself, every few
//!   seconds, as somebody has to change something there.
//! - Rows that the receiver rejects for what they are (a type that does not fit, a life that is over) are counted and told; no trying
//!   again would change that.

mod alter;
mod databases;
mod deliver;
mod failing;
mod gather;
mod introduce;
mod metrics;
mod plan;
mod saver;

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use futures::{FutureExt, future::BoxFuture};
use levada_engine::{PipeDefinition, PipeRunner, PipeTarget, PipeWork, StorageError};
use levada_model::{SessionError, StatusCode};
use levada_rpc::{ClientFiles, ClientOptions, ClientTls, PipeIdentity, Pool, PoolOptions};
use tokio::{net::TcpStream, time::timeout};

pub use self::metrics::count_pipes;
use self::{
    databases::Databases, deliver::Delivery, failing::Failing, gather::Gathering, introduce::Receiver,
    plan::Plan, saver::Saver,
};
use crate::Chance;

/// For how long it is tried again where nobody says whether what is sent or the receiver is at fault. A network that is cut again and
/// again, or a server that begins, is no reason to give something up.
const PATIENCE: Duration = Duration::from_secs(600);

/// How long a receiver may take to answer when a pipe is made.
const REACH: Duration = Duration::from_secs(5);

/// Runs pipes. Clones share its settings.
#[derive(Clone, Debug)]
pub struct NodePipes {
    retries: Arc<AtomicU32>,
    chance: Chance,
}

impl NodePipes {
    /// Runs pipes; a step that cannot be sent is tried so many times before the pipe says so. Chance is for the waits between
    /// attempts.
    pub fn new(retries: u32, chance: Chance) -> Self {
        Self { retries: Arc::new(AtomicU32::new(retries)), chance }
    }

    /// See [`NodePipes::new`]; pipes that run take it up.
    pub fn set_retries(&self, retries: u32) {
        self.retries.store(retries, Ordering::Relaxed);
    }

    async fn follow(self, work: PipeWork) {
        let definition = work.definition().clone();
        let mut failing = Failing::new(&work, Arc::clone(&self.retries), self.chance.clone());
        // Its files may be put right while the pipe runs.
        let tls = loop {
            match tls(&definition.target) {
                Ok(tls) => break tls,
                Err(message) => {
                    failing.failed(&SessionError::new(StatusCode::PIPESERVER_ERROR, message)).await;
                }
            }
        };
        let pool = pool(&work, &work.engine(), tls.as_ref());
        loop {
            if !definition.realtime && work.position().is_some() {
                // What was stored when it began is delivered, and nothing else is wanted.
                return;
            }
            // Before anything is read it is known who receives: what came from there is not sent back.
            let receiver = match &pool {
                Some(pool) => introduce::receiver(&work, pool, &mut failing).await,
                None => Receiver::default(),
            };
            let Receiver { engine: receiver, takes_chunks } = receiver;
            let (mut feed, stored_first) = match work.feed(receiver.as_deref(), takes_chunks).await {
                Ok(feed) => {
                    failing.worked();
                    feed
                }
                Err(error) => {
                    failing.failed(&error).await;
                    continue;
                }
            };
            let saver = Saver::new(&work, feed.marker(), receiver.clone());
            let mut delivery = Delivery {
                work: &work,
                pool: pool.as_ref(),
                tls: tls.as_ref(),
                came_by: BTreeMap::new(),
                databases: Databases::default(),
                receiver,
                history: stored_first && work.position().is_none(),
                failing: &mut failing,
            };
            let ended = if !definition.realtime && !stored_first {
                // What is stored is all that is wanted, and it is withheld.
                Ok(feed.position())
            } else {
                let sent = delivery.all(&mut feed, &saver);
                tokio::select! {
                    ended = sent => ended,
                    never = saver.save() => match never {},
                }
            };
            match ended {
                Ok(position) => {
                    if let Err(error) = saver.save_last(position).await {
                        failing.failed(&error).await;
                    }
                }
                // What the feed lacks comes from what is stored, as the next feed says.
                Err(error) if is_behind(&error) => {
                    failing.failed(&SessionError { transient: true, ..error }).await;
                }
                Err(error) => failing.failed(&error).await,
            }
        }
    }
}

impl PipeRunner for NodePipes {
    fn run(&self, work: PipeWork) -> BoxFuture<'static, ()> {
        self.clone().follow(work).boxed()
    }

    fn reach(&self, pipe: PipeDefinition) -> BoxFuture<'static, Result<(), String>> {
        async move {
            tls(&pipe.target)?;
            let PipeTarget::Nodes { nodes, .. } = pipe.target else { return Ok(()) };
            let mut why = String::new();
            for node in nodes {
                match timeout(REACH, TcpStream::connect(&node)).await {
                    Ok(Ok(_)) => return Ok(()),
                    Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                        why = format!("Connection refused on {node}");
                    }
                    Ok(Err(error)) => why = format!("{node} cannot be reached: {error}"),
                    Err(_) => why = format!("{node} does not answer within {} s", REACH.as_secs()),
                }
            }
            Err(why)
        }
        .boxed()
    }
}

/// How a pipe's connections are encrypted.
///
/// # Errors
/// A file cannot be used.
fn tls(target: &PipeTarget) -> Result<Option<ClientTls>, String> {
    let PipeTarget::Nodes { tls: Some(tls), .. } = target else { return Ok(None) };
    let files = ClientFiles {
        authorities: tls.ca_file.clone(),
        certificate: tls.crt_file.clone(),
        key: tls.key_file.clone(),
        any_host: !tls.verify_hostname,
    };
    ClientTls::load(files).map(Some).map_err(|error| format!("tls: {error}"))
}

/// The connections of a pipe for what an engine sends, or sends on; none where the pipe sends nowhere.
fn pool(work: &PipeWork, engine: &str, tls: Option<&ClientTls>) -> Option<Pool> {
    let definition = work.definition();
    let PipeTarget::Nodes { nodes, user, password, .. } = &definition.target else { return None };
    let client = ClientOptions {
        user: user.clone(),
        password: password.clone(),
        tls: tls.cloned(),
        pipe: Some(PipeIdentity::new(definition.name.clone(), definition.created, engine.to_owned())),
        ..ClientOptions::default()
    };
    Some(Pool::new(PoolOptions {
        // One that is back is to be met soon.
        left_out_most: Duration::from_secs(1),
        patience: PATIENCE,
        ..PoolOptions::new(nodes.clone(), client)
    }))
}

/// Whether a feed ended because the log does not have what comes next any more.
fn is_behind(error: &SessionError) -> bool {
    let source = error.source.as_ref().and_then(|source| source.downcast_ref());
    matches!(source, Some(StorageError::Behind { .. }))
}

/// Whether an error may pass when somebody changes something, so that nothing is to be given up for it.
fn may_heal(error: &SessionError) -> bool {
    error.transient
        || matches!(
            error.code,
            StatusCode::NO_PERMISSION
                | StatusCode::NOT_LOGIN
                | StatusCode::WRONG_LOGIN_PASSWORD
                | StatusCode::PIPESERVER_ERROR
                | StatusCode::INCOMPATIBLE_VERSION
                | StatusCode::SCHEMA_QUOTA_EXCEEDED
                | StatusCode::SPACE_QUOTA_EXCEEDED
        )
}
