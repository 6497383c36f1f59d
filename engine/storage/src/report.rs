//! What callers are told.

use levada_model::{Path, Write, WriteReport};

use crate::{Durable, StorageError};

/// What became of a write.
#[derive(Debug)]
pub struct Inserted {
    /// What was rejected; the rest is visible already.
    pub report: WriteReport,
    /// Resolves when the rest is durable.
    pub durable: Durable,
}

/// What became of a change of the catalog, or a deletion. It is visible already.
#[derive(Debug)]
pub struct Applied {
    /// How many things it changed: databases, series.
    pub count: usize,
    /// Resolves when it is durable.
    pub durable: Durable,
}

/// Why a write was not taken at once.
#[derive(Debug)]
pub enum TryInsertError {
    /// Memory is full, or others wait already; the write is handed back.
    Full(Write),
    /// It failed.
    Failed(StorageError),
}

/// How much a store holds, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes of rows in memory, those being flushed included.
    pub memtable_bytes: usize,
    /// Memtables, those being flushed included.
    pub memtables: usize,
    /// Bytes of the log's files.
    pub wal_bytes: u64,
    /// Sealed files.
    pub files: usize,
    /// Their bytes.
    pub file_bytes: u64,
    /// Values in sealed files, those that later ones replace included.
    pub file_points: u64,
    /// Values taken since the store was opened.
    pub inserted_points: u64,
    /// Memtables flushed since then.
    pub flushes: u64,
    /// Bytes of the files that became of them.
    pub flushed_bytes: u64,
    /// Compactions since then.
    pub compactions: u64,
    /// Bytes that compactions wrote.
    pub compacted_bytes: u64,
    /// Whether one is under way.
    pub compacting: bool,
    /// Deletions that files do not yet reflect.
    pub deletions: usize,
    /// Databases.
    pub databases: usize,
    /// Devices.
    pub devices: usize,
    /// Series.
    pub series: usize,
}

/// A database as those see it who ask how rows are spread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionInfo {
    /// Its number, which no other database gets, be it gone.
    pub id: u32,
    /// Its path.
    pub database: Path,
    /// Time partitions that have rows.
    pub partitions: usize,
    /// Bytes of its sealed files.
    pub file_bytes: u64,
}
