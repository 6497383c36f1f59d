//! Which store, for builders.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use levada_connector_api::{
    EngineTuning, Error, Interval, Result, Secret, StoreOptions, StoreTarget, Stores, model::Session,
};

use crate::nodes;

/// Which store: nodes, or a session that is there.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) options: StoreOptions,
    pub(crate) session: Option<Arc<dyn Session>>,
}

impl Default for Target {
    fn default() -> Self {
        Self { host: "127.0.0.1".to_owned(), port: 6667, options: StoreOptions::default(), session: None }
    }
}

impl Target {
    /// The nodes: those that were given, or the one of host and port.
    pub(crate) fn nodes(&self) -> Vec<String> {
        if !self.options.nodes.is_empty() {
            return self.options.nodes.clone();
        }
        let host = &self.host;
        vec![if host.contains(':') {
            format!("[{host}]:{}", self.port)
        } else {
            format!("{host}:{}", self.port)
        }]
    }

    pub(crate) fn set_user(&mut self, user: String) {
        self.options.user = Some(user);
    }

    pub(crate) fn set_password(&mut self, password: &str) {
        self.options.password = Some(Secret::new(password));
    }

    pub(crate) fn set_timeout(&mut self, timeout: std::time::Duration) {
        self.options.timeout = Some(Interval(timeout));
    }

    /// A session, or a pool of so many.
    pub(crate) async fn open(&self, sessions: usize) -> Result<Arc<dyn Session>> {
        if let Some(session) = &self.session {
            return Ok(Arc::clone(session));
        }
        let options = StoreOptions { nodes: self.nodes(), ..self.options.clone() };
        if let Some(problem) = options.problems().into_iter().next() {
            return Err(Error::config(problem.message).with("option", problem.path));
        }
        let target = options.target(EngineTuning::default(), sessions);
        let target = target.ok_or_else(|| Error::bug("nodes are a store"))?;
        nodes::open(&target).await?.ok_or_else(|| Error::bug("nodes are no folder"))
    }
}

/// What both builders say of nodes: methods that set their `target`.
macro_rules! store_methods {
    () => {
        /// The host; 127.0.0.1 unless given.
        #[must_use]
        pub fn host(mut self, host: impl Into<String>) -> Self {
            self.target.host = host.into();
            self
        }

        /// The port; 6667 unless given.
        #[must_use]
        pub fn port(mut self, port: u16) -> Self {
            self.target.port = port;
            self
        }

        /// `host:port` of several nodes, instead of host and port.
        #[must_use]
        pub fn nodes(mut self, nodes: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.target.options.nodes = nodes.into_iter().map(Into::into).collect();
            self
        }

        /// Who logs in; `root` unless given.
        #[must_use]
        pub fn user(mut self, user: impl Into<String>) -> Self {
            self.target.set_user(user.into());
            self
        }

        /// With what; `root` unless given.
        #[must_use]
        pub fn password(mut self, password: &str) -> Self {
            self.target.set_password(password);
            self
        }

        /// How long an answer may take; a minute unless given.
        #[must_use]
        pub fn timeout(mut self, timeout: std::time::Duration) -> Self {
            self.target.set_timeout(timeout);
            self
        }
    };
}
pub(crate) use store_methods;

/// Hands out one target's sessions.
pub(crate) struct Sessions(pub(crate) Target);

#[async_trait]
impl Stores for Sessions {
    async fn open(&self, target: &StoreTarget) -> Result<Arc<dyn Session>> {
        let sessions = if let StoreTarget::Nodes { sessions, .. } = target { *sessions } else { 1 };
        self.0.open(sessions).await
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sessions").field(&self.0).finish()
    }
}
