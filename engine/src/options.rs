//! How an engine is set up.

use std::{path::PathBuf, sync::Arc};

use levada_storage::StorageOptions;

use crate::functions::FunctionLoader;

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
    /// What makes functions of modules; without it only functions of this program can be made.
    pub function_loader: Option<Arc<dyn FunctionLoader>>,
}

impl EngineOptions {
    /// The defaults, for a folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            storage: StorageOptions::new(dir),
            query_memory: 64 << 20,
            auto_create_schema: true,
            udf_root_dir: None,
            function_loader: None,
        }
    }
}
