//! What a connector is built with, beside its options.

use std::{fmt, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use levada_model::Session;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ByteSize, DecoderFactory, EncoderFactory, Error, Facilities, Interval, Result, Secret, TlsOptions,
};

/// Which store a connector wants a session with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreTarget {
    /// The embedded engine in a folder.
    Embedded {
        /// The folder.
        folder: PathBuf,
        /// How its engine is opened. Who comes second must not want something else.
        tuning: EngineTuning,
    },
    /// A running IoTDB.
    Nodes {
        /// `host:port` of each node.
        nodes: Vec<String>,
        /// Who logs in.
        user: String,
        /// With what.
        password: Secret,
        /// How many requests may be under way at once, each over a session of its own.
        sessions: usize,
        /// How long an answer may take; a minute where nothing is said.
        timeout: Option<Interval>,
        /// The time zone in which statements are understood; UTC where nothing is said.
        zone: Option<String>,
        /// How connections are encrypted; not at all where nothing is said.
        tls: Option<TlsOptions>,
        /// How many rows of a query an answer brings; 5,000 where nothing is said.
        fetch_size: Option<usize>,
    },
}

impl StoreTarget {
    /// For who only asks: that there is something to ask. A folder is made by what writes to it, so that a name that was
    /// mistyped is no empty store.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn exists(&self) -> Result<()> {
        match self {
            Self::Embedded { folder, .. } if !folder.exists() => {
                let message = "there is no such data folder: it is made by what writes to it, not by a query";
                Err(Error::config(message).with("folder", folder.display()))
            }
            _ => Ok(()),
        }
    }
}

/// When the embedded engine's acknowledgement means that rows are on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SyncMode {
    /// Every write is synced at once; writes that come meanwhile share the next sync.
    Always,
    /// Writes wait up to `sync_delay` for each other and are synced together.
    #[default]
    Group,
    /// Writes are acknowledged before they are synced, and synced every `sync_delay`: a power cut may take as much, the
    /// death of the process takes nothing.
    Interval,
}

/// How an embedded engine is opened; what is not said is the engine's own choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineTuning {
    /// What an acknowledgement means.
    pub sync: Option<SyncMode>,
    /// How long a group gathers, or how far syncs are apart.
    pub delay: Option<Interval>,
    /// Bytes after which a group waits no longer.
    pub bytes: Option<ByteSize>,
    /// Memory for rows that are not in files yet.
    pub memory: Option<ByteSize>,
}

impl EngineTuning {
    /// Whether an engine that was opened so will do for who wants the other: all that the other says is the same.
    pub fn admits(&self, other: &Self) -> bool {
        fn fits<T: PartialEq>(known: T, wanted: Option<T>) -> bool {
            wanted.is_none_or(|wanted| wanted == known)
        }
        fits(self.sync.unwrap_or_default(), other.sync)
            && fits(self.delay, other.delay.map(Some))
            && fits(self.bytes, other.bytes.map(Some))
            && fits(self.memory, other.memory.map(Some))
    }
}

/// Opens sessions. The runtime hands it in, so that "embedded or remote" is decided in one place.
#[async_trait]
pub trait Stores: Send + Sync {
    /// A session with a store; sessions of one embedded folder share its engine.
    ///
    /// # Errors
    /// The folder is in use or damaged, or no node answers.
    async fn open(&self, target: &StoreTarget) -> Result<Arc<dyn Session>>;
}

/// No store can be had: for tests and for connectors that need none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStores;

#[async_trait]
impl Stores for NoStores {
    async fn open(&self, target: &StoreTarget) -> Result<Arc<dyn Session>> {
        Err(Error::config(format!("no store is to be had here: {target:?}")))
    }
}

/// What a connector is built with, beside its options.
#[derive(Clone)]
pub struct BuildContext {
    /// The pipeline's name.
    pub pipeline: String,
    /// The node's name within the pipeline.
    pub node: String,
    /// A folder for what the pipeline has to remember from one run to the next; made when first needed.
    pub state_dir: PathBuf,
    /// How a source's records are decoded, where the document says.
    pub decoder: Option<DecoderFactory>,
    /// How a sink's rows are encoded, where the document says.
    pub encoder: Option<EncoderFactory>,
    /// Where sessions come from.
    pub stores: Arc<dyn Stores>,
    /// What the program lends.
    pub facilities: Facilities,
}

impl BuildContext {
    /// A context for a node, with nothing but names.
    pub fn new(pipeline: impl Into<String>, node: impl Into<String>) -> Self {
        Self {
            pipeline: pipeline.into(),
            node: node.into(),
            state_dir: PathBuf::from(".levada"),
            decoder: None,
            encoder: None,
            stores: Arc::new(NoStores),
            facilities: Facilities::default(),
        }
    }

    /// The name under which a sink keeps positions: those of another pipeline or node do not touch them.
    pub fn owner(&self) -> String {
        format!("{}/{}", self.pipeline, self.node)
    }
}

impl fmt::Debug for BuildContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildContext").field("pipeline", &self.pipeline).field("node", &self.node).finish()
    }
}
