//! How a client connects.

use std::{fmt, time::Duration};

use levada_net::ClientTls;

use super::PipeIdentity;

/// How a client connects and logs in.
#[derive(Clone)]
pub struct ClientOptions {
    /// The user to log in.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// The session's time zone, `Europe/Berlin` or `+08:00`, for times in statements without a zone.
    pub zone: String,
    /// How many rows a page of a query's result has.
    pub fetch_size: i32,
    /// How long connecting and logging in may take.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub call_timeout: Duration,
    /// The longest answer that is read, in bytes.
    pub frame_bytes: usize,
    /// Use the compact protocol; the server must be set to it (`rpc_thrift_compression_enable`).
    pub compact: bool,
    /// Encrypt the connection.
    pub tls: Option<ClientTls>,
    /// The pipe that each connection belongs to: servers of this program are told, and may reject it.
    pub pipe: Option<PipeIdentity>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            user: "root".to_owned(),
            password: "root".to_owned(),
            zone: "UTC".to_owned(),
            fetch_size: 5_000,
            connect_timeout: Duration::from_secs(5),
            call_timeout: Duration::from_secs(60),
            frame_bytes: 512 << 20,
            compact: false,
            tls: None,
            pipe: None,
        }
    }
}

impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("user", &self.user)
            .field("zone", &self.zone)
            .field("tls", &self.tls)
            .field("connect_timeout", &self.connect_timeout)
            .field("call_timeout", &self.call_timeout)
            .finish_non_exhaustive()
    }
}
