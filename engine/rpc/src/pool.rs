//! A pool of sessions with the nodes of an IoTDB, which is a [`Session`](levada_model::Session) itself.
//!
//! ```text
//!   Write ─▶ lanes by device ─▶ pieces: sorted, of the series' types, of bounded size
//!                                │
//!                                ▼
//!   permits ─▶ Lease: a client of the node the device belongs to, or of the least busy one
//!                │ lost: another connection, another node      │ refused for good: smaller pieces, until what is wrong
//!                ▼                                             ▼ stands alone: that is rejected
//!            redirection remembered                         RejectedRows
//! ```
//!
//! - **Order.** A device belongs to a lane, and a lane writes one thing at a time, in the order in which writes were first
//!   polled. Devices of different lanes are written at the same time.
//! - **Nodes.** One that cannot be reached, or does not answer, is left out, for longer each time; when its time is over it is
//!   tried beside the others and taken back when it answers. When all are left out, all are tried.
//! - **Permits** cannot leak: a [`Lease`] gives back its permit when it is dropped, however that comes about, and its
//!   client too, unless a call of it came to no end.
//! - **Retries.** A request that was lost is repeated on another connection at once, as repeating a write is harmless. What the
//!   server cannot do for now is told as a transient error: waiting and trying again is the caller's.
//! - **Doubt.** A write at which a server hangs up or fails inside, each time and for longer than
//!   [`patience`](PoolOptions::patience), is divided like one that is refused: the rows that cause it are rejected.

mod convert;
mod doubts;
mod lanes;
mod lease;
mod node;
mod options;
mod piece;
mod schema;
mod session;
mod statement;
mod types;
mod write;

pub use lease::{Lease, Pool};
pub use options::PoolOptions;
