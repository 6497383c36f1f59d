//! IoTDB's wire protocol: its structures, its codec, its value layouts, and a client with a pool of sessions.
//!
//! ```text
//!   pool       a Session over several nodes          sinks and the command line write and ask through it
//!   client     one connection, logged in             0.12 to 2.0; the version is found at the login
//!   columns    tablets, records, data sets, blocks   Arrow arrays to bytes and back
//!   piped      what pipes of other servers send      parsed to changes, nothing done
//!   messages   the services' structures and calls    described once, for client and server
//!   thrift     binary and compact, framed            bounded; blobs are slices of their frame
//! ```
//!
//! Invariant: nothing read from a connection is trusted. Lengths and counts are checked against the bytes present, and whatever
//! a peer sends ends in a value or an error.

pub mod client;
pub mod columns;
pub mod messages;
pub mod piped;
mod pool;
pub mod thrift;

pub use client::{
    Client, ClientError, ClientFiles, ClientOptions, ClientTls, Generation, PipeIdentity, TlsError,
};
pub use pool::{Lease, Pool, PoolOptions, Trouble};
