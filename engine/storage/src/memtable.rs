//! Rows in memory: of one database and one time partition, until they are flushed.
//!
//! ```text
//!   Memtable ── device ── group: the measurements that come together share one time column
//!                           ├ chunk   times ┬ column ┬ column     about 4,096 rows, frozen: Arrow arrays, shared with views
//!                           ├ chunk   …
//!                           ├ tail    the same, still growing: copied for views
//!                           └ marks   (sequence number, row): which rows came with which write
//! ```
//!
//! Rows stay in the order in which they came. A reader gets those that its view may see, in runs whose rows share what
//! deletions mean for them, and sorts them where they are not sorted. A mark is only set where somebody could tell the
//! difference: after a view was taken, a deletion, or a write to another group of the device.

mod column;
mod group;
mod resolve;
mod table;

pub(crate) use group::{Grown, Named};
pub(crate) use resolve::{Resolved, resolve};
pub(crate) use table::{DeviceRows, Memtable, Stamp};
