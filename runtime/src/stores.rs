//! Where sessions come from: the one place that knows whether a store is embedded or remote.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use async_trait::async_trait;
use levada_connector_api::{Error, Result, StoreTarget, Stores};
use levada_engine::{Engine, EngineOptions};
use levada_model::{Session, SessionError};
use tokio::sync::Mutex;

/// Sessions with embedded engines: one engine for each folder, opened when it is first asked for and shared by all.
#[derive(Debug, Default)]
pub struct EngineStores {
    engines: Mutex<HashMap<PathBuf, Engine>>,
}

impl EngineStores {
    /// No engine is open yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The engine of a folder.
    ///
    /// # Errors
    /// The folder is in use or damaged.
    pub async fn engine(&self, folder: PathBuf) -> Result<Engine> {
        // Held while an engine opens, so that two who ask at once share it: recovery may take a while, and whoever asks for
        // another folder meanwhile waits.
        let mut engines = self.engines.lock().await;
        let key = std::path::absolute(&folder).unwrap_or(folder);
        if let Some(engine) = engines.get(&key) {
            return Ok(engine.clone());
        }
        let options = EngineOptions::new(&key);
        let opened = tokio::task::spawn_blocking(move || Engine::open(options))
            .await
            .map_err(|error| Error::bug("opening an engine failed").caused_by(error))?;
        let engine = opened.map_err(SessionError::from)?;
        engines.insert(key, engine.clone());
        Ok(engine)
    }

    /// Closes every engine: what was written becomes durable, folders are released.
    ///
    /// # Errors
    /// What an engine took may not be durable; all others are closed all the same.
    pub async fn close(&self) -> Result<()> {
        let mut outcome = Ok(());
        for (folder, engine) in self.engines.lock().await.drain() {
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
            StoreTarget::Embedded(folder) => {
                let engine = self.engine(folder.clone()).await?;
                Ok(Arc::new(engine.session(None).map_err(SessionError::from)?))
            }
            StoreTarget::Nodes { nodes, .. } => Err(Error::config(
                "this build has no client for remote IoTDB nodes: name a folder with `embedded:` instead of `nodes:`",
            )
            .with("nodes", nodes.join(", "))),
        }
    }
}
