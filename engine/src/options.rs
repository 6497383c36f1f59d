//! How an engine is set up.

use std::{path::PathBuf, sync::Arc};

use levada_storage::StorageOptions;
use levada_udf::UdfLoader;

/// How an engine is set up.
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// The store below it: folder, durability, write memory, clock, disk.
    pub storage: StorageOptions,
    /// Bytes that one query may hold at once.
    pub query_memory: usize,
    /// Whether writes make the databases and series they need. `set configuration 'enable_auto_create_schema'` changes
    /// it while the engine runs.
    pub auto_create_schema: bool,
    /// Where `create function` looks for modules, in sub-folders too; `ext/udf` in the data folder where `None`.
    pub udf_root_dir: Option<PathBuf>,
    /// What reads functions from modules; without it only functions of this program can be made.
    pub udf_loader: Option<Arc<dyn UdfLoader>>,
    /// Bytes of rows that may wait for their window in one call of a function, and, apart from them, bytes that it may say it
    /// holds.
    pub udf_memory: usize,
    /// Bytes of rows that may wait in memory, of functions that read windows by pages: rows beyond are in files without a name in the
    /// data folder.
    pub udf_rows_memory: usize,
    /// Bytes of rows that may wait in all where they may be on disk.
    pub udf_disk: u64,
}

impl EngineOptions {
    /// The defaults, for a folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            storage: StorageOptions::new(dir),
            query_memory: 64 << 20,
            auto_create_schema: true,
            udf_root_dir: None,
            udf_loader: None,
            udf_memory: 64 << 20,
            udf_rows_memory: (64 << 20) / 3,
            udf_disk: 16 << 30,
        }
    }
}
