//! How an engine is set up.

use std::{path::PathBuf, sync::Arc};

use levada_storage::{Clock, Disk, StorageOptions, SyncMode};

/// How an engine is set up: settings as data, and what it needs of the world as components.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The data folder; made where it is missing.
    pub dir: PathBuf,
    /// When a write counts as durable.
    pub sync: SyncMode,
    /// Whether writes are logged. Without a log a write is durable only once it was flushed, and is acknowledged before.
    pub wal: bool,
    /// Bytes of rows in memory at most, those being flushed included; writers wait at this.
    pub write_memory: usize,
    /// Bytes that one query may hold at once.
    pub query_memory: usize,
    /// How many memtables are flushed at once.
    pub flush_threads: usize,
    /// Whether files are compacted in the background.
    pub compaction: bool,
    /// The width of a time partition in milliseconds; more than 0. Must not change once a folder holds data.
    pub partition_width: i64,
    /// Whether writes make the databases and series they need. `set configuration 'enable_auto_create_schema'` changes
    /// it while the engine runs.
    pub auto_create_schema: bool,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where files are.
    pub disk: Arc<dyn Disk>,
}

impl EngineOptions {
    /// The defaults, for a folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        let storage = StorageOptions::new(dir);
        Self {
            dir: storage.dir,
            sync: storage.sync,
            wal: storage.wal,
            write_memory: storage.memtable_bytes,
            query_memory: 64 << 20,
            flush_threads: storage.flush_threads,
            compaction: storage.compaction,
            partition_width: storage.partition_width,
            auto_create_schema: true,
            clock: storage.clock,
            disk: storage.disk,
        }
    }

    pub(crate) fn storage(&self) -> StorageOptions {
        StorageOptions {
            sync: self.sync,
            wal: self.wal,
            memtable_bytes: self.write_memory,
            flush_threads: self.flush_threads,
            compaction: self.compaction,
            partition_width: self.partition_width,
            clock: Arc::clone(&self.clock),
            disk: Arc::clone(&self.disk),
            ..StorageOptions::new(&self.dir)
        }
    }
}
