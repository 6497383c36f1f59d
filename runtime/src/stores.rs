//! Where sessions come from: the one place that knows whether a store is embedded or remote.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use levada_connector::nodes;
use levada_connector_api::{EngineTuning, Error, Result, StoreTarget, Stores, SyncMode};
use levada_engine::{Engine, EngineOptions, SyncMode as EngineSync, functions::udf::UdfLoader};
use levada_model::{Session, SessionError};
use tokio::sync::Mutex;

/// Sessions with embedded engines and with nodes. There is one engine for each folder, opened when it is first asked for and
/// shared by all; nodes get a pool for each who asks.
#[derive(Debug, Default)]
pub struct EngineStores {
    engines: Mutex<HashMap<PathBuf, (EngineTuning, Engine)>>,
    /// What the engines read functions of users with.
    loader: Option<Arc<dyn UdfLoader>>,
}

impl EngineStores {
    /// No engine is open yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With engines that read functions of users from modules.
    #[must_use]
    pub fn with_loader(self, loader: Arc<dyn UdfLoader>) -> Self {
        Self { loader: Some(loader), ..self }
    }

    /// The engine of a folder.
    ///
    /// # Errors
    /// The folder is in use or damaged, or its engine was opened with other settings.
    pub async fn engine(&self, folder: PathBuf, tuning: EngineTuning) -> Result<Engine> {
        // Held while an engine opens, so that two who ask at once share it: recovery may take a while, and whoever asks for
        // another folder meanwhile waits.
        let mut engines = self.engines.lock().await;
        let key = key_of(&folder);
        if let Some((known, engine)) = engines.get(&key) {
            if known.admits(&tuning) {
                return Ok(engine.clone());
            }
            let message =
                "two sinks want different `sync` or `memory` settings of one engine: give both the same";
            return Err(Error::config(message).with("folder", key.display()));
        }
        let mut options = EngineOptions::new(&key);
        tune(&mut options, tuning);
        options.udf_loader.clone_from(&self.loader);
        let opened = tokio::task::spawn_blocking(move || Engine::open(options))
            .await
            .map_err(|error| Error::bug("opening an engine failed").caused_by(error))?;
        let engine = opened.map_err(SessionError::from)?;
        engine.run_continuous_queries();
        // Only a folder that is there, as it is by now, can be known by its other spellings.
        engines.insert(key_of(&folder), (tuning, engine.clone()));
        Ok(engine)
    }

    /// Takes in an engine that was opened with a tuning elsewhere, so that who asks for its folder shares it.
    ///
    /// # Errors
    /// The folder has an engine already.
    pub async fn adopt(&self, folder: PathBuf, tuning: EngineTuning, engine: Engine) -> Result<()> {
        match self.engines.lock().await.entry(key_of(&folder)) {
            Entry::Vacant(free) => {
                free.insert((tuning, engine));
                Ok(())
            }
            Entry::Occupied(taken) => {
                Err(Error::bug("a folder has two engines").with("folder", taken.key().display()))
            }
        }
    }

    /// Closes every engine: what was written becomes durable, folders are released.
    ///
    /// # Errors
    /// What an engine took may not be durable; all others are closed all the same.
    pub async fn close(&self) -> Result<()> {
        let mut outcome = Ok(());
        for (folder, (_, engine)) in self.engines.lock().await.drain() {
            if let Err(error) = engine.close().await {
                outcome = Err(Error::from(SessionError::from(error)).with("folder", folder.display()));
            }
        }
        outcome
    }
}

#[async_trait]
impl Stores for EngineStores {
    async fn open(&self, target: &StoreTarget) -> Result<Arc<dyn Session>> {
        match target {
            StoreTarget::Embedded { folder, tuning } => {
                let engine = self.engine(folder.clone(), *tuning).await?;
                Ok(Arc::new(engine.session(None).map_err(SessionError::from)?))
            }
            StoreTarget::Nodes { .. } => {
                nodes::open(target).await?.ok_or_else(|| Error::bug("nodes are no folder"))
            }
        }
    }
}

/// What a folder is known by, however it is spelled: its path without links. One that is missing has no links yet.
fn key_of(folder: &Path) -> PathBuf {
    std::fs::canonicalize(folder)
        .or_else(|_| std::path::absolute(folder))
        .unwrap_or_else(|_| folder.to_owned())
}

/// Puts what was said in the place of the engine's own choice.
pub fn tune(options: &mut EngineOptions, tuning: EngineTuning) {
    let storage = &mut options.storage;
    let (own_delay, own_bytes) = match storage.sync {
        EngineSync::Group { max_delay, max_bytes } => (max_delay, max_bytes),
        _ => (Duration::from_millis(3), 4 << 20),
    };
    let delay = tuning.delay.map(|delay| delay.0);
    let size = |bytes: levada_connector_api::ByteSize| usize::try_from(bytes.0).unwrap_or(usize::MAX);
    storage.sync = match tuning.sync.unwrap_or_default() {
        SyncMode::Always => EngineSync::Always,
        SyncMode::Group => EngineSync::Group {
            max_delay: delay.unwrap_or(own_delay),
            max_bytes: tuning.bytes.map_or(own_bytes, size),
        },
        SyncMode::Interval => EngineSync::Interval(delay.unwrap_or(Duration::from_secs(1))),
    };
    if let Some(memory) = tuning.memory {
        storage.memtable_bytes = size(memory);
    }
}
