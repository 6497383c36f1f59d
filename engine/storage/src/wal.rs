//! The write-ahead log: what was written since the last flush, in files of limited size.
//!
//! ```text
//!   callers ── append ──► buffer ──┐ taken as a group          waiters (Durable) wake
//!                                  ▼                                   ▲
//!   committer thread:      write + sync to the newest segment ─────────┘
//!
//!   wal/0000000007.wal   head: mark, number, length that counts of the segment before
//!                        records (see `frame`): sequence number, kind, body
//! ```
//!
//! Where a group cannot be written, it is kept, its waiters are told, and no further write is taken until it could be:
//! so nothing that is visible is ever missing from the log once the log is well again, and memory stays bounded. After a
//! failed sync the segment is given up, since nobody knows what is in it: all that is not synced goes to a new one, whose
//! head says up to where the old one counts. For that it is kept until then, by the interval mode too.
//!
//! The manifest says which segment was begun last, and up to which write the log was synced when it was last written: so the end of
//! the log is missed where it is gone. Each segment's head says how much of the one before counts, and the numbers of writes say
//! the rest.
//!
//! What a process finds when it opens the log may be what the one before failed to sync: it can be read, and yet a power cut
//! would take it. So the end of the log is written once more before anything follows from it.

mod committer;
mod durable;
mod end;
mod group;
mod log;
mod op;
mod replay;
mod segment;
mod shared;
mod state;
mod tablet;
mod waiters;

pub use durable::Durable;
pub(crate) use durable::Synced;
pub(crate) use end::LogEnd;
pub(crate) use log::Wal;
pub(crate) use op::{ChunksRecord, InsertRecord, Op};
pub(crate) use replay::{Replayed, make_durable, replay};
pub(crate) use segment::{HEAD, holds_records};
pub(crate) use state::{ClosedSegment, Part, WalOptions};
