//! The engine as programs written for Apache IoTDB meet it: clients from 0.12 to 2.0 connect and do not notice.
//!
//! ```text
//!   Server ── accept ─► connection      a task for each: frame in, call, frame out
//!                         └ Conversation    who is logged in (logins), the queries that are open
//!                              calls/*         one file for each kind of call
//!                              results         a query's rows, page by page, as blocks or data sets
//!                              transfer        what pipes of other servers send, and files that come in pieces
//!                              insert          tablets and records into the engine, reports into statuses
//!   Server ── rest              the same engine over HTTP and JSON
//! ```
//!
//! # Invariants
//! * A call that was answered with success is as durable as the engine's [`SyncMode`](levada_engine::SyncMode) promises.
//! * Calls of a connection are carried out one after the other, in the order in which they came. Connections do not wait for each
//!   other, and a client that reads slowly, or not at all, holds up nobody but itself.
//! * Memory is bounded: by the number of connections and of open queries, the length of a frame, and the bytes of all requests
//!   that are read or carried out at the same time. Before a login a frame may have a few kilobytes only.
//! * Who asks for something is known, and the engine decides what they may do. Before a login nothing is told but the version.
//! * Nothing read from a connection is trusted: what cannot be read is answered by an exception, or ends its connection.
//!
//! Codes are those of IoTDB 2.0, whatever the client: so do its servers answer clients of all versions.

mod apart;
mod calls;
mod client;
mod connection;
mod conversation;
mod heads;
mod insert;
mod link;
mod logins;
mod options;
mod rest;
mod results;
mod room;
mod server;
mod shared;
mod sql;
mod status;
mod transfer;
mod white_list;

pub use levada_net::{ServerFiles, ServerTls, TlsError};
pub use options::ServerOptions;
pub use server::Server;
pub use white_list::{WhiteList, WhiteListError};
