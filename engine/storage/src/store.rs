//! The store: one state under one lock, and those who work on it.
//!
//! ```text
//!   lock order: admission ─► core ─► memtable ─► log        manifest ─► core ─► newest values, readers of changes
//! ```
//! No lock is held over I/O but the manifest's, which only commits take.

mod admission;
mod catalog_ops;
mod caught;
mod commit;
mod core;
mod insert;
mod open;

pub(crate) use admission::Admission;
pub(crate) use caught::caught;
pub(crate) use commit::Change;
pub(crate) use core::{Arriving, Core, FlushFailure, Store};
pub(crate) use insert::By;
pub(crate) use open::open;
