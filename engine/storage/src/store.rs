//! The store: one state under one lock, and those who work on it.
//!
//! ```text
//!   lock order: admission ─► core ─► memtable ─► log        manifest ─► core
//! ```
//! No lock is held over I/O but the manifest's, which only commits take.

mod access;
mod admission;
mod catalog_ops;
mod caught;
mod commit;
mod core;
mod flushing;
mod insert;
mod last;
mod open;

pub(crate) use access::{lock_to_read, take_lock};
pub(crate) use admission::Admission;
pub(crate) use caught::caught;
pub(crate) use commit::Change;
pub(crate) use core::{Core, Files, FlushFailure, Store};
pub(crate) use last::Newest;
pub(crate) use open::open;
