//! Durable storage of time series: a write-ahead log, memtables, sealed TsFiles, a catalog, and recovery of all that.
//!
//! ```text
//!   insert ─► admission ─► catalog check ─► log buffer ─► memtable      one step under one lock: the order of calls
//!             (budget)     (types, TTL)        │             │          is the order of rows
//!                                              ▼             ▼ full
//!                                        group commit     frozen ─► flush ─► TsFile ─► compaction
//!                                        Durable resolves            (manifest says which files count)
//!
//!   view = catalog + rows (memtables + files + deletions), as they stood at one moment
//! ```
//!
//! # Public interface
//! * [`Storage::open`] with [`StorageOptions`]; [`Storage::close`]; [`Storage::recovery`] tells what was found.
//! * [`Storage::insert`] (waits for room), [`Storage::try_insert`], [`Storage::insert_when_ready`] (a future): the rows are
//!   visible when it returns, and durable when [`Inserted::durable`] resolves.
//! * [`Storage::create_database`], [`Storage::delete_databases`], [`Storage::create_series`], [`Storage::alter_series`],
//!   [`Storage::delete_series`], [`Storage::delete`], [`Storage::set_ttl`]; [`Storage::create_template`] and what goes with it.
//! * [`Storage::changes`]: all that is done to it, in order, for pipes and for queries that follow.
//! * [`Storage::catalog`] to look names up, [`Storage::view`] to read rows, too.
//! * [`Storage::checkpoint`], [`Storage::flush`], [`Storage::compact`], [`Storage::stats`].
//! * [`check`] and [`repair`] for a folder that nobody has open.

//!
//! # Invariants
//! * Every write and every change of the catalog has a sequence number; log records are in its order without exception.
//! * Of two rows of one series and time the one of the higher number counts. Files compacted from others keep that.
//! * What a view holds never changes and its files stay until it is dropped.
//! * A file of the log goes only when the manifest holds all that it told: rows in sealed files, catalog, positions; and no reader
//!   of changes needs it, within a bound.

mod block;
mod catalog;
mod catalog_op;
mod check;
mod codec;
mod compact;
mod deadband;
mod disk;
mod error;
mod feed;
mod finding;
mod flush;
mod folder;
mod frame;
mod holds;
mod last;
mod manifest;
mod memtable;
mod options;
mod place;
mod positions;
mod read;
mod report;
mod request;
mod sealed;
mod storage;
mod store;
mod take;
mod tally;
mod tombstone;
mod view;
mod wait;
mod wal;
mod write;

pub use catalog::{LogicalView, LogicalViews, ViewBase};
pub use check::{check, repair};
pub use deadband::Deadband;
pub use disk::{Disk, Lock, LockOutcome, ReadFile, SystemDisk, WriteFile};
pub use error::StorageError;
pub use feed::{Change, ChangeKind, Changes, ChangesFrom, ChunksOf, HistoryMark, More, Settler};
pub use finding::{Action, Finding, Severity};
pub use holds::ReaderInfo;
pub use options::{Access, Clock, StorageOptions, SyncMode, SystemClock};
pub use report::{Applied, Inserted, RegionInfo, Stats, TryInsertError};
pub use request::{NewSeries, SeriesChange};
pub use storage::{Insert, Storage};
pub use take::{ChunkFile, Taken};
pub use view::{
    Catalog, DatabaseInfo, DeviceInfo, DevicePieces, DeviceSeries, Direction, Piece, PieceIterator, Pieces,
    RowIterator, Rows, SeriesInfo, Summary, TemplateInfo, TimeRange, View, Windows,
};
pub use wal::Durable;

/// A failure that repeats gets a line in the log at most this often.
const SAID_EVERY: std::time::Duration = std::time::Duration::from_secs(10);
