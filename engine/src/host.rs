//! The program that serves an engine to others, as far as statements are about it.

use std::{fmt, net::SocketAddr};

use futures::future::BoxFuture;
use levada_model::SessionError;

/// What serves an engine, and has settings of its own. It is handed in: the engine knows no server.
pub trait Host: fmt::Debug + Send + Sync {
    /// Where clients of IoTDB reach it.
    fn address(&self) -> SocketAddr;

    /// Its settings that count now, by name: `show variables` lists them. No secret is among them.
    fn settings(&self) -> Vec<(String, String)>;

    /// Reads its settings anew, for `load configuration`. What can change while it runs counts when this is done; says which do,
    /// and which will at the next start. Dropping the future breaks off nothing.
    ///
    /// # Errors
    /// They are wrong, and those before count.
    fn load_configuration(&self) -> BoxFuture<'_, Result<String, SessionError>>;
}
