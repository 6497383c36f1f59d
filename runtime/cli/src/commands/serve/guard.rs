//! Who may look into pipelines and change them: the users who may maintain the server.

use std::{net::SocketAddr, time::Duration};

use async_trait::async_trait;
use levada_engine::Engine;
use levada_model::{Login, SessionOptions};
use levada_runtime::http::Guard;
use tokio::sync::Mutex;

/// How long a wrong password holds up the next.
const WRONG: Duration = Duration::from_secs(1);

/// Admits users with the privilege MAINTAIN, by HTTP's basic authentication.
pub(super) struct Maintainers {
    engine: Engine,
    /// One login at a time, so that passwords cannot be tried in bulk.
    door: Mutex<()>,
}

impl Maintainers {
    pub(super) fn of(engine: &Engine) -> Self {
        Self { engine: engine.clone(), door: Mutex::default() }
    }
}

#[async_trait]
impl Guard for Maintainers {
    async fn admit(&self, from: SocketAddr, login: Option<(&str, &str)>) -> Result<(), (u16, String)> {
        let Some((user, password)) = login else {
            let message = "send user and password by basic authentication: pipelines are for users who may maintain the server";
            return Err((401, message.to_owned()));
        };
        let login = Login { user: user.to_owned(), password: password.to_owned() };
        let options = SessionOptions {
            login: Some(login),
            address: Some(from.to_string()),
            ..SessionOptions::default()
        };
        let _one = self.door.lock().await;
        match self.engine.open_session(options).await {
            Ok(session) if session.may_maintain() => Ok(()),
            Ok(_) => Err((403, format!("`{user}` lacks the privilege MAINTAIN"))),
            Err(error) => {
                tokio::time::sleep(WRONG).await;
                Err((401, error.message))
            }
        }
    }
}
