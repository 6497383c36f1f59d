//! Compiled modules, by content.
//!
//! Compiled code is run as it is. So it is only taken from a folder that nobody else may write, and only as it was put there: a file
//! is `checksum, code`, and comes into place whole.

use std::{
    fs::{self, DirBuilder},
    hash::{DefaultHasher, Hash, Hasher},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use levada_udf::{Fault, FaultKind};
use sha2::{Digest, Sha256};
use twox_hash::XxHash64;
use wasmtime::Engine;

/// The most files of a cache; beyond, the oldest go.
const MAX_FILES: usize = 256;

/// What code is of: a module's bytes and the engine's settings.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(String);

impl Key {
    pub(crate) fn new(engine: &Engine, bytes: &[u8]) -> Self {
        let mut settings = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut settings);
        let content: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{content}-{:016x}", settings.finish()))
    }
}

/// A cache's folder, which was found to be the owner's alone.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Opens a folder, and makes it where it is not there.
    pub(crate) fn open(path: &Path) -> Result<Self, Fault> {
        let failed =
            |what: String| Fault::new(FaultKind::Io, format!("the cache {}: {what}", path.display()));
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| failed(format!("it cannot be made: {error}")))?;
        let found = fs::symlink_metadata(path).map_err(|error| failed(error.to_string()))?;
        let own = rustix::process::geteuid().as_raw();
        if !found.is_dir() || found.uid() != own || found.mode() & 0o022 != 0 {
            return Err(failed(
                "it has to be a folder of the user that runs this, and writable by nobody else".to_owned(),
            ));
        }
        Ok(Self(path.to_owned()))
    }

    /// The code of a module; `None` where it is not there or damaged.
    pub(crate) fn get(&self, key: &Key) -> Option<Vec<u8>> {
        let file = fs::read(self.path(key)).ok()?;
        let (sum, code) = file.split_first_chunk::<8>()?;
        (*sum == checksum(code)).then(|| code.to_vec())
    }

    /// Keeps the code of a module, if it can.
    pub(crate) fn put(&self, key: &Key, code: &[u8]) {
        // Each process has a name of its own, so that two that write one module do not mix.
        let part = self.0.join(format!("{}.{}.part", key.0, std::process::id()));
        let write = || -> io::Result<()> {
            fs::write(&part, [&checksum(code)[..], code].concat())?;
            fs::rename(&part, self.path(key))
        };
        if write().is_err() {
            // What was left of it is of no use; the next one overwrites it otherwise.
            fs::remove_file(&part).ok();
        }
        self.tidy();
    }

    fn path(&self, key: &Key) -> PathBuf {
        self.0.join(format!("{}.code", key.0))
    }

    /// The oldest files go, beyond the most.
    fn tidy(&self) {
        let Ok(entries) = fs::read_dir(&self.0) else { return };
        let age = |path: &Path| {
            path.metadata().and_then(|found| found.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
        };
        let paths = entries.flatten().map(|entry| entry.path());
        let mut files: Vec<(SystemTime, PathBuf)> = paths.map(|path| (age(&path), path)).collect();
        files.sort();
        for (_, path) in files.iter().take(files.len().saturating_sub(MAX_FILES)) {
            fs::remove_file(path).ok();
        }
    }
}

fn checksum(code: &[u8]) -> [u8; 8] {
    XxHash64::oneshot(0, code).to_le_bytes()
}
