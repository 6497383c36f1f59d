//! Giving up what is gone of a log, so that it is not missed any more.

use super::copies::keep_copy;
use crate::{
    Access, Action, Finding, Storage, StorageError, StorageOptions, manifest::Manifest, wal::replay,
};

/// Where files of the log are gone: says so, writes what is there of it into sealed files, and begins the log anew.
///
/// # Errors
/// The folder is in use, or cannot be read or written.
pub(super) fn give_up(options: &StorageOptions) -> Result<Vec<Action>, StorageError> {
    let logs = options.dir.join("wal");
    let (manifest, loaded) = Manifest::salvage(&options.disk, &options.dir, options.partition_width)?;
    drop(manifest);
    let mut replayed = replay(&options.disk, &logs, Some(loaded.floor), |_, _| Ok(()))?;
    replayed.miss(&logs, loaded.log, loaded.floor);
    let Some(gone) = replayed.findings.into_iter().find(|finding| finding.blocks) else {
        return Ok(Vec::new());
    };
    let Finding { path, what, means, .. } = gone;
    let mut done = Vec::new();
    // What is left of it may be of use to somebody, and goes with the old log.
    if options.disk.files(&logs).map_err(StorageError::io("cannot list", &logs))?.contains(&path) {
        done.push(keep_copy(options, &path)?);
    }
    done.push(Action { path, what: format!("given up: {what}; {means}") });
    let storage =
        Storage::open(StorageOptions { access: Access::Write, accept_log_loss: true, ..options.clone() })?;
    storage.flush(&[])?;
    storage.close()?;
    Ok(done)
}
