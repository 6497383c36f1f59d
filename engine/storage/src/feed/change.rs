//! What a reader of changes gets.

use std::sync::Arc;

use bytes::Bytes;
use levada_model::{Compressor, Encoding, Path, PathPattern, Tablet};

use super::HistoryMark;
use crate::{NewSeries, SeriesChange, TimeRange};

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangesFrom {
    /// Behind a write that the reader has, with all before it. The log must have all that came since:
    /// [`crate::StorageError::Behind`] where it does not.
    After(u64),
    /// With what is stored now of the writes behind `after` (all that is stored, where it is 0), and then with what comes.
    ///
    /// Files that hold writes up to `after` as well come whole, so that some rows may come that the reader has; the values are those that count.
    /// What went since (series, databases, lives of rows; deletions that files reflect already) cannot be told: for any
    /// `after` but 0 [`crate::StorageError::Behind`] says so.
    History {
        /// The reader has all up to this write.
        after: u64,
    },
    /// With what is stored of the writes up to this one, and then with each write behind it, as [`ChangesFrom::After`]. For a write that
    /// [`crate::Storage::keep_changes`] gave what is stored is told from what came later, but where files of both have been compacted:
    /// then some rows come twice.
    Since(u64),
    /// With the next write.
    Now,
}

/// Something that was done to the store.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The number of the first write it stands for. What comes by history stands for all behind the write that the reader
    /// had.
    pub first: u64,
    /// Whoever has settled this change and all before it reads on behind this write. It grows with each change behind the
    /// history; before, it stays, as a history that was left is read anew.
    pub position: u64,
    /// What was done.
    pub kind: ChangeKind,
}

/// What was done to the store. Paths and patterns are as callers gave them, but that series are named by their measurements, not by
/// aliases.
#[derive(Clone, Debug, PartialEq)]
pub enum ChangeKind {
    /// Rows came. Databases and series that they need and that are not there are made, as [`crate::Storage::insert`] makes
    /// them.
    Rows {
        /// Whose positions came with them, if anybody's.
        owner: Option<Arc<str>>,
        /// Each has a write's number of its own.
        tablets: Vec<Tablet>,
    },
    /// Rows that are stored, as a TsFile: to those alone who read chunks (see [`crate::Storage::changes_in_chunks`]). Their series
    /// have come before.
    Chunks {
        /// The database that all of them are in.
        database: Path,
        /// The file.
        file: Bytes,
        /// How many values it has.
        points: u64,
    },
    /// A database was made.
    CreateDatabase {
        /// Its path.
        path: Path,
        /// How long rows live, in milliseconds.
        ttl: Option<i64>,
    },
    /// A database went, with all in it.
    DeleteDatabase {
        /// Its path.
        path: Path,
        /// Whose change it is, if anybody's.
        owner: Option<Arc<str>>,
    },
    /// The life of rows was set, or taken back: see [`crate::Storage::set_ttl`].
    SetTtl {
        /// The database, or the devices.
        pattern: PathPattern,
        /// In milliseconds.
        ttl: Option<i64>,
    },
    /// Series of one device were made.
    CreateSeries(Vec<NewSeries>),
    /// What can be changed of a series is now this.
    AlterSeries {
        /// The series.
        path: Path,
        /// All of it.
        change: SeriesChange,
        /// Whose change it is, if anybody's.
        owner: Option<Arc<str>>,
    },
    /// New rows of series of one device are stored otherwise; what is `None` stays.
    AlterStored {
        /// The device.
        device: Path,
        /// Its series.
        measurements: Vec<Arc<str>>,
        /// How pages are written.
        encoding: Option<Encoding>,
        /// How pages are compressed.
        compressor: Option<Compressor>,
        /// Whose change it is, if anybody's.
        owner: Option<Arc<str>>,
    },
    /// Series went, with their rows.
    DeleteSeries {
        /// Which.
        patterns: Vec<PathPattern>,
        /// Whose change it is, if anybody's.
        owner: Option<Arc<str>>,
    },
    /// Values of series went.
    Delete {
        /// Of which series.
        patterns: Vec<PathPattern>,
        /// At which times.
        range: TimeRange,
        /// Whose deletion it is, if anybody's: see [`crate::Storage::delete_of`].
        owner: Option<Arc<str>>,
    },
    /// What was stored has come as far as this says: to those alone who ask for it (see [`crate::Storage::history`]).
    HistoryMark(HistoryMark),
    /// All that was stored has come; what follows is each write, once.
    HistoryEnd,
}
