//! How a store is set up: settings as data, and what it needs of the world as components.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use crate::disk::{Disk, SystemDisk};

/// When a write counts as durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// The log is synced as soon as there is something to sync; writes that come during a sync share the next.
    Always,
    /// The log is synced for a group of writes. A group waits for company only while that comes: a writer who is alone, or
    /// several of whom each waits for its last write, are not kept waiting once all are there.
    Group {
        /// The longest the first write of a group waits before its sync.
        max_delay: Duration,
        /// A group of so many bytes waits no longer.
        max_bytes: usize,
    },
    /// A write is acknowledged when the operating system has it; the log is synced so often, and after 16 MiB. The death of
    /// the process loses nothing, a power cut what came within the interval.
    Interval(Duration),
}

impl Default for SyncMode {
    fn default() -> Self {
        Self::Group { max_delay: Duration::from_millis(3), max_bytes: 4 << 20 }
    }
}

/// Tells the time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Milliseconds since 1970 UTC.
    fn now(&self) -> i64;
}

/// The operating system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// What a folder is opened for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// To write, and to read. A folder that is missing is made.
    #[default]
    Write,
    /// To write where that is possible, else to read: where the disk is full, is read-only, or may not be written to. A folder that
    /// is missing is made.
    WriteOrRead,
    /// As [`Access::WriteOrRead`], and a folder that is missing is an error.
    Existing,
    /// To read alone: nothing is written, not even the lock file. Several may read at once, and nobody may write meanwhile.
    Read,
}

/// How a store is set up.
#[derive(Clone, Debug)]
pub struct StorageOptions {
    /// The data folder. One that holds anything else than a store is rejected.
    pub dir: PathBuf,
    /// What it is opened for.
    pub access: Access,
    /// What others who find the folder in use are told beside which process has it, such as where it can be asked.
    pub note: Option<String>,
    /// When a write counts as durable.
    pub sync: SyncMode,
    /// Whether writes are logged. Without a log a write is durable only once it was flushed, and is acknowledged before.
    pub wal: bool,
    /// The log is cut into files of about so many bytes.
    pub wal_segment_bytes: u64,
    /// Whether the folder is opened to write although files of the log are gone that should be there: what they stored is given
    /// up, and not missed any more once the folder was opened. Otherwise that is [`StorageError::LogGone`].
    ///
    /// [`StorageError::LogGone`]: crate::StorageError::LogGone
    pub accept_log_loss: bool,
    /// Memtables are flushed early where the log would grow beyond so many bytes. As long as one cannot be flushed, because its
    /// files cannot be written, the log is kept from its first write on, and may grow beyond this; the others are flushed all
    /// the same, and once it is flushed, all that it held up goes.
    pub wal_bytes: u64,
    /// Writers wait while rows take so many bytes of memory, those being flushed included; it is exceeded by the last write that
    /// was taken, which may have 768 MiB.
    pub memtable_bytes: usize,
    /// Bytes of files' indexes kept in memory.
    pub meta_cache_bytes: usize,
    /// Bytes of series' newest values kept in memory, about; none are where it is 0.
    pub last_cache_bytes: usize,
    /// The width of a time partition in milliseconds; more than 0. Must not change once a folder holds data.
    pub partition_width: i64,
    /// How many memtables are flushed at once.
    pub flush_threads: usize,
    /// Whether files are compacted in the background.
    pub compaction: bool,
    /// A compaction stops adding files at so many bytes of input.
    pub compaction_bytes: u64,
    /// A compaction begins another file where one would have more than about so many bytes, and leaves files alone that are
    /// about as large.
    pub file_bytes: u64,
    /// Bytes a second that compaction in the background writes, so that it leaves the disk to others; all it can where
    /// `None`.
    pub compaction_rate: Option<u64>,
    /// How much is kept for readers of changes beyond what the store itself needs: bytes of the log and, for one that reads what
    /// is stored already, bytes of sealed files that were replaced meanwhile. Whoever falls behind further is told so, and what was kept for it goes; the next commit
    /// enforces it, so that it may be exceeded by what comes until then.
    pub changes_bytes: u64,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where files are.
    pub disk: Arc<dyn Disk>,
}

impl StorageOptions {
    /// The defaults, for a folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            access: Access::default(),
            note: None,
            sync: SyncMode::default(),
            wal: true,
            wal_segment_bytes: 32 << 20,
            accept_log_loss: false,
            wal_bytes: 1 << 30,
            memtable_bytes: 128 << 20,
            meta_cache_bytes: 32 << 20,
            last_cache_bytes: 4 << 20,
            partition_width: 604_800_000,
            flush_threads: 1,
            compaction: true,
            compaction_bytes: 512 << 20,
            file_bytes: 128 << 20,
            compaction_rate: Some(64 << 20),
            changes_bytes: 4 << 30,
            clock: Arc::new(SystemClock),
            disk: Arc::new(SystemDisk),
        }
    }
}
