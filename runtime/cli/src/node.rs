//! Where a command's rows are, as the command line names it: a data folder, or a node of a running IoTDB.

use std::{
    fs,
    io::{IsTerminal, stdin},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use levada_connector_api::{Secret, StoreTarget, Stores, TlsOptions, port_of};
use levada_engine::{Access, Engine, EngineOptions};
use levada_model::Session;
use levada_runtime::{EngineStores, check_tls};

use crate::{exit::Failure, functions};

/// A node, who logs in there, and how the connection is encrypted.
#[derive(Clone, Debug, Args)]
pub(crate) struct NodeArgs {
    /// A node of a running IoTDB, or of `levada serve`
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "data")]
    pub(crate) node: Option<String>,
    /// Who logs in at the node; whom LEVADA_USER names, or else `root`, if not given
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    user: Option<String>,
    /// With what; from the environment, others on this machine do not see it. Asked for on a terminal where a user is named and this is
    /// not given; otherwise `root`
    #[arg(long, value_name = "TEXT", env = "LEVADA_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Encrypt the connection
    #[arg(long, requires = "node")]
    tls: bool,
    /// Encrypt, and trust the authorities of this PEM file instead of the system's
    #[arg(long, value_name = "FILE", requires = "node")]
    tls_ca: Option<PathBuf>,
    /// Encrypt, and show this certificate (PEM) where the node asks for one
    #[arg(long, value_name = "FILE", requires_all = ["node", "tls_key"])]
    tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert (PEM, not encrypted)
    #[arg(long, value_name = "FILE", requires_all = ["node", "tls_cert"])]
    tls_key: Option<PathBuf>,
    /// Encrypt, and take a certificate that is for another host
    #[arg(long, requires = "node")]
    tls_any_host: bool,
}

impl NodeArgs {
    /// Connects with the node and logs in; statements are understood in `zone`, UTC where there is none.
    ///
    /// # Errors
    /// The node is no address, or a file for encryption cannot be used; there is no password; the node does not answer, or rejects the
    /// login.
    pub(crate) async fn open(
        &self,
        node: &str,
        sessions: usize,
        zone: Option<String>,
    ) -> anyhow::Result<Arc<dyn Session>> {
        self.open_fetching(node, sessions, zone, None).await
    }

    /// [`NodeArgs::open`], where an answer brings so many rows of a query.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn open_fetching(
        &self,
        node: &str,
        sessions: usize,
        zone: Option<String>,
        fetch_size: Option<usize>,
    ) -> anyhow::Result<Arc<dyn Session>> {
        port_of(node).map_err(|problem| Failure::invalid(format!("--node: {problem}")))?;
        let tls = self.tls();
        if let Some(options) = &tls {
            check_tls(options).map_err(|error| Failure::invalid(error.to_string()))?;
        }
        // Not by clap: set for other commands, it is no mistake beside --data.
        let user = self.user.clone().or_else(|| std::env::var("LEVADA_USER").ok());
        let target = StoreTarget::Nodes {
            nodes: vec![node.to_owned()],
            password: Secret::new(self.password(user.as_deref())?),
            user: user.unwrap_or_else(|| "root".to_owned()),
            sessions,
            timeout: None,
            zone,
            tls,
            fetch_size,
        };
        let opened = EngineStores::new().open(&target).await;
        opened.map_err(|error| match error.is_transient() {
            true => anyhow::anyhow!("{error}; {}", what_to_do(node)),
            false => error.into(),
        })
    }

    fn tls(&self) -> Option<TlsOptions> {
        let files = [&self.tls_ca, &self.tls_cert, &self.tls_key];
        let wanted = self.tls || self.tls_any_host || files.iter().any(|file| file.is_some());
        wanted.then(|| TlsOptions {
            ca_file: self.tls_ca.clone(),
            crt_file: self.tls_cert.clone(),
            key_file: self.tls_key.clone(),
            verify_hostname: !self.tls_any_host,
        })
    }

    fn password(&self, user: Option<&str>) -> anyhow::Result<String> {
        match (&self.password, user) {
            (Some(password), _) => Ok(password.clone()),
            (None, None) => Ok("root".to_owned()),
            (None, Some(user)) if stdin().is_terminal() => {
                Ok(rpassword::prompt_password(format!("Password of {user}: "))?)
            }
            (None, Some(user)) => {
                let message = format!(
                    "the password of {user} is missing: set LEVADA_PASSWORD, or give --password; it is asked for on a \
                     terminal"
                );
                Err(Failure::invalid(message).into())
            }
        }
    }
}

/// What to do where no node answers at an address.
fn what_to_do(node: &str) -> String {
    let host = node.rsplit_once(':').map_or(node, |(host, _)| host);
    match host == "localhost" || host == "[::1]" || host.starts_with("127.") {
        true => format!(
            "does a server run there? `levada serve --data DIR --rpc {node}` starts one; `--data DIR` alone needs none"
        ),
        false => "does a server run there, and can it be reached from here? `--node` names another, and `--data DIR` alone needs none"
            .to_owned(),
    }
}

/// Whether there is nothing of that name, or an empty folder.
pub(crate) fn is_missing(data: &Path) -> bool {
    match fs::read_dir(data) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    }
}

/// What is said where there is no data folder, and nothing writes to it.
pub(crate) fn no_folder(data: &Path) -> String {
    format!("there is no data folder {}: it is made by what writes to it, not by a query", data.display())
}

/// A store that was named.
pub(crate) enum Store<'a> {
    /// A data folder.
    Folder(&'a Path),
    /// A node.
    Node(&'a str, &'a NodeArgs),
}

/// A store that is open.
pub(crate) struct Opened {
    session: Arc<dyn Session>,
    engine: Option<Engine>,
}

impl<'a> Store<'a> {
    /// The store, wherever it is; a folder may be missing.
    ///
    /// # Errors
    /// None is named.
    pub(crate) fn named(data: Option<&'a Path>, node: &'a NodeArgs) -> anyhow::Result<Self> {
        match (&node.node, data) {
            (Some(address), _) => Ok(Self::Node(address, node)),
            (None, Some(data)) => Ok(Self::Folder(data)),
            (None, None) => Err(Failure::invalid("say where: --data DIR or --node HOST:PORT").into()),
        }
    }

    /// The store, for what does not make a folder.
    ///
    /// # Errors
    /// None is named, or the folder is missing.
    pub(crate) fn check(data: Option<&'a Path>, node: &'a NodeArgs) -> anyhow::Result<Self> {
        match Self::named(data, node)? {
            Self::Folder(data) if is_missing(data) => Err(Failure::invalid(no_folder(data)).into()),
            store => Ok(store),
        }
    }

    /// Opens it: the folder with `access`, or connections with the node. Times of statements without a zone are UTC's.
    ///
    /// # Errors
    /// The folder is in use or damaged; the node does not answer or rejects the login.
    pub(crate) async fn open(&self, access: Access) -> anyhow::Result<Opened> {
        match self {
            Self::Folder(data) => {
                let mut options = EngineOptions::new(*data);
                options.storage.access = access;
                options.udf_loader = Some(functions::loader());
                let engine = tokio::task::spawn_blocking(move || Engine::open(options)).await??;
                Ok(Opened { session: Arc::new(engine.session(None)?), engine: Some(engine) })
            }
            // One query may be read while another is asked.
            Self::Node(address, node) => {
                Ok(Opened { session: node.open(address, 3, None).await?, engine: None })
            }
        }
    }
}

impl Opened {
    /// The session.
    pub(crate) fn session(&self) -> Arc<dyn Session> {
        Arc::clone(&self.session)
    }

    /// Closes it.
    ///
    /// # Errors
    /// What was written may not be durable.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        match self.engine {
            Some(engine) => Ok(engine.close().await?),
            None => Ok(self.session.close().await?),
        }
    }
}
