//! The server as the engine knows it: `load configuration`, `show variables`.

use std::{net::SocketAddr, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use levada_engine::Host;
use levada_model::{SessionError, StatusCode};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use super::settings::Settings;

/// What became of settings that were read anew.
pub(super) type Loaded = Result<String, String>;

/// The server, for its engine.
#[derive(Debug)]
pub(super) struct ServeHost {
    pub(super) address: SocketAddr,
    /// To the keeper.
    pub(super) ask: mpsc::Sender<oneshot::Sender<Loaded>>,
    /// The settings that count now.
    pub(super) settings: Arc<Mutex<Settings>>,
}

impl Host for ServeHost {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn settings(&self) -> Vec<(String, String)> {
        self.settings.lock().named()
    }

    fn load_configuration(&self) -> BoxFuture<'_, Result<String, SessionError>> {
        async {
            let (answer, answered) = oneshot::channel();
            let stops = || SessionError::new(StatusCode::NOT_READY, "the server is stopping");
            self.ask.send(answer).await.map_err(|_| stops())?;
            let loaded = answered.await.map_err(|_| stops())?;
            loaded.map_err(|error| SessionError::new(StatusCode::ILLEGAL_PARAMETER, error))
        }
        .boxed()
    }
}
