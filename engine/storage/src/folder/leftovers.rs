//! Files of a data folder that its manifest does not name.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{Finding, StorageError, disk::Disk, wal};

/// The files in the data folder that are not known.
pub(crate) fn unknown(
    disk: &Arc<dyn Disk>,
    data: &Path,
    known: &HashSet<PathBuf>,
) -> Result<Vec<PathBuf>, StorageError> {
    let list = |dir: &Path| disk.folders(dir).map_err(StorageError::io("cannot list", dir));
    let mut found = Vec::new();
    for database in list(data)? {
        for partition in list(&database)? {
            let files = disk.files(&partition).map_err(StorageError::io("cannot list", &partition))?;
            found.extend(files.into_iter().filter(|path| !known.contains(path)));
        }
    }
    Ok(found)
}

/// Whether there are sealed files or a log: then there has to be a manifest.
pub(crate) fn holds_data(disk: &Arc<dyn Disk>, dir: &Path) -> Result<bool, StorageError> {
    let files = unknown(disk, &dir.join("data"), &HashSet::new())?;
    let is_sealed = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "tsfile");
    Ok(files.iter().any(is_sealed) || wal::holds_records(&**disk, &dir.join("wal"))?)
}

/// Moves a file of the data folder into the folder `lost` beside that.
pub(crate) fn move_aside(disk: &Arc<dyn Disk>, data: &Path, path: &Path) -> Result<Finding, StorageError> {
    let lost = data.with_file_name("lost");
    disk.create_dir(&lost).map_err(StorageError::io("cannot create", &lost))?;
    let name: Vec<String> = path
        .strip_prefix(data)
        .unwrap_or(path)
        .components()
        .map(|component| component.as_os_str().to_string_lossy().into_owned())
        .collect();
    let to = lost.join(name.join("-"));
    disk.rename(path, &to).map_err(StorageError::io("cannot move", path))?;
    for dir in [Some(&*lost), path.parent()].into_iter().flatten() {
        disk.sync_dir(dir).map_err(StorageError::io("cannot sync", dir))?;
    }
    let what = format!("moved to {}; a whole one can be imported from there", to.display());
    Ok(Finding::note(path, what).means("it is not named by the manifest"))
}
