//! Reading: what a view holds, and how rows of memtables and files become one.
//!
//! ```text
//!   memtable ─► blocks ┐
//!   file     ─► blocks ┼─► merge by time, later sources win value by value ─► batches of at most 8,192 rows
//!   file     ─► blocks ┘
//! ```
//! Sources know the times they cover before they are read, so that one whose turn has not come costs nothing.

mod batches;
mod chunks;
mod cluster;
mod memory;
mod merge;
mod pieces;
mod plan;
mod salvage;
mod snapshot;
mod wanted;

use merge::Source;

pub(crate) use chunks::{AlignedChunk, AlignedChunks, Cut, PlainChunks, range_of};
pub(crate) use cluster::{in_order, next_cluster};
pub(crate) use merge::{Input, Merge, Rank};
pub(crate) use salvage::{SoundPages, all_pages, salvage_aligned, salvage_plain};
pub(crate) use snapshot::Snapshot;
pub(crate) use wanted::Wanted;
