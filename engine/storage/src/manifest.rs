//! The manifest: what of the folder counts. A file of records, each durable before what it says is acted upon.
//!
//! ```text
//!   manifest-0000000003     head: version, partition width
//!                           snapshot: databases, devices, then a commit with all files, positions, deletions
//!                           log: which of its files must be there, and up to which write it reaches
//!                           commit: changes of the catalog since, files that came and went, where the log still counts, …
//!                           commit: …
//! ```
//! When the commits outgrow the snapshot, a new generation is written under a passing name and renamed into place. After a
//! failed append nobody knows what is in the file, so the next commit begins a new generation, too; until then no file may
//! be removed that the failed commit might name. The same goes for a manifest that another process wrote.

mod commit;
mod log;
mod snapshot;

pub(crate) use commit::Commit;
pub(crate) use log::{Loaded, Manifest, generations};
pub(crate) use snapshot::State;
