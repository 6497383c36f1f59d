//! Connections of clients and servers: how they are encrypted, how many there may be, and how long one may be silent.
//!
//! ```text
//!   ClientFiles ─▶ ClientTls ── handshake ──▶ Failure: lasts, or passes       a client: of a node, a broker, a registry
//!   ServerFiles ─▶ ServerTls ◀─ handshake ── who does not speak TLS gets an alert
//!                      ▲
//!   Listener ──────────┴─▶ Connection: encrypted or not, with its place, closed when it is silent too long
//! ```
//!
//! Files are PEM. They are read at the beginning, and again when they have changed: what cannot be used then changes nothing.

mod client;
mod failure;
#[cfg(feature = "http")]
pub mod http;
mod pem;
mod renewed;
mod server;

pub use client::{BlockingStream, ClientFiles, ClientStream, ClientTls};
pub use failure::Failure;
pub use pem::TlsError;
pub use server::{ServerFiles, ServerStream, ServerTls};
