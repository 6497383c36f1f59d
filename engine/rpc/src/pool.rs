//! A pool of sessions with the nodes of an IoTDB, which is a [`Session`](levada_model::Session) itself.
//!
//! ```text
//!   Write ─▶ lanes by device ─▶ joined by device ─▶ pieces: sorted, of the series' types, of bounded size
//!                                                  │
//!                                                  ▼
//!   permits ─▶ Lease: a client of the node the device belongs to, or of the least busy one
//!                │ lost: another connection, another node      │ rejected for good: divided, until the bad values
//!                ▼                                             ▼ stand alone; only those are rejected
//!            redirection remembered                         RejectedRows
//! ```
//!
//! - **Order.** Each device belongs to a lane. A lane writes one thing at a time, in the order in which writes were first
//!   polled. Lanes write at the same time.
//! - **Nodes.** A node that cannot be reached or does not answer is left out, for longer after each failure. After that time it
//!   is tried while the others are used, and taken back when it answers. When all are left out, all are tried.
//! - **Permits** cannot leak: dropping a [`Lease`] always gives back its permit, and its client unless a call was left
//!   unfinished.
//! - **Retries.** A lost request is repeated on another connection at once, since repeating a write is harmless. Temporary
//!   failures of the server are returned as transient errors; waiting and retrying is up to the caller. A statement that only reads is sent again by
//!   itself, for a time, while a server says that it is not ready.
//! - **Doubt.** When servers hang up at a write, or fail and do not say that its rows are why, each time, for longer than
//!   [`patience`](PoolOptions::patience), the write is divided like a rejected one, and the rows that cause the failure are
//!   rejected.

mod convert;
mod doubts;
mod join;
mod lanes;
mod lease;
mod node;
mod options;
mod piece;
mod pipe;
mod ready;
mod schema;
mod session;
mod statement;
mod trouble;
mod types;
mod write;

pub use lease::{Lease, Pool};
pub use options::PoolOptions;
pub use trouble::Trouble;
