//! Who may open a folder, and what for: locks, folders that are no store, stores that cannot be written to.

use std::{
    io,
    path::{Path, PathBuf},
};

use levada_model::StatusCode;

use crate::{
    Access, StorageError, StorageOptions,
    disk::{Lock, LockOutcome},
    manifest::generations,
};

/// What stands in a store's folder beside the manifest, and what a file system puts into its own.
const OWN: [&str; 9] = ["lock", "wal", "data", "lost", "ext", "functions", "users", "pipes", "lost+found"];

/// Why a store takes no writes.
#[derive(Clone, Debug)]
pub(crate) struct ReadOnly {
    pub(crate) path: PathBuf,
    pub(crate) why: String,
}

impl ReadOnly {
    pub(crate) fn error(&self) -> StorageError {
        StorageError::ReadOnly { path: self.path.clone(), why: self.why.clone() }
    }
}

/// That a folder is a store, or may become one: that it is missing, or empty.
pub(crate) fn check_folder(options: &StorageOptions) -> Result<(), StorageError> {
    let (disk, dir) = (&*options.disk, &options.dir);
    if !generations(disk, dir)?.is_empty() {
        return Ok(());
    }
    let list = |found: io::Result<Vec<PathBuf>>| found.map_err(StorageError::io("cannot list", dir));
    let mut found = list(disk.files(dir))?;
    found.extend(list(disk.folders(dir))?);
    let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let is_own = |path: &PathBuf| {
        named(path).is_some_and(|name| OWN.contains(&&*name) || name.starts_with("manifest-"))
    };
    found.sort();
    if let Some(other) = found.iter().find(|path| !is_own(path)) {
        let message = format!(
            "{} is no data folder: it holds {} and no manifest; name a folder that is new or empty",
            dir.display(),
            named(other).unwrap_or_default()
        );
        return Err(StorageError::rejected(StatusCode::ILLEGAL_PARAMETER, message));
    }
    if found.is_empty() && matches!(options.access, Access::Existing | Access::Read) {
        let message = format!("there is no data folder {}: it is made by what writes to it", dir.display());
        return Err(StorageError::rejected(StatusCode::ILLEGAL_PARAMETER, message));
    }
    Ok(())
}

/// The lock of a folder that is changed.
pub(crate) fn take_lock(options: &StorageOptions) -> Result<Box<dyn Lock>, StorageError> {
    let path = options.dir.join("lock");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let since = options.clock.now();
    // `2026-11-21T14:21:52Z`; a clock beyond all calendars is the number it is.
    let since = jiff::Timestamp::from_second(since.div_euclid(1_000))
        .map_or_else(|_| format!("{since} ms after 1970 UTC"), |since| since.to_string());
    let note = options.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    let holder = format!("process {} on {}, since {since}{note}\n", std::process::id(), host.trim());
    had(options, options.disk.lock(&path, &holder))
}

/// The lock of a folder that is read alone: others may read it, too.
pub(crate) fn lock_to_read(options: &StorageOptions) -> Result<Box<dyn Lock>, StorageError> {
    had(options, options.disk.lock_to_read(&options.dir.join("lock")))
}

fn had(options: &StorageOptions, locked: io::Result<LockOutcome>) -> Result<Box<dyn Lock>, StorageError> {
    match locked.map_err(StorageError::io("cannot lock", options.dir.join("lock")))? {
        LockOutcome::Held(lock) => Ok(lock),
        LockOutcome::Taken(owner) => Err(StorageError::Locked { path: options.dir.clone(), owner }),
    }
}
