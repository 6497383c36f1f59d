//! Copies of what is about to change.

use std::{
    io::{self, Write},
    path::Path,
};

use crate::{Action, StorageError, StorageOptions, disk::read_whole};

/// Copies a file that is about to change into the folder `lost`, as it is.
pub(super) fn keep_copy(options: &StorageOptions, path: &Path) -> Result<Action, StorageError> {
    let (disk, lost) = (&options.disk, options.dir.join("lost"));
    disk.create_dir(&lost).map_err(StorageError::io("cannot create", &lost))?;
    let to = lost.join(path.file_name().unwrap_or_default());
    let copy = || -> io::Result<()> {
        let bytes = read_whole(&**disk, path)?;
        let mut file = disk.create(&to)?;
        file.write_all(&bytes)?;
        file.sync()?;
        disk.sync_dir(&lost)
    };
    copy().map_err(StorageError::io("cannot copy", path))?;
    Ok(Action { path: path.to_owned(), what: format!("copied to {}", to.display()) })
}
