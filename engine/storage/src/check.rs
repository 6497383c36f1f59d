//! What is wrong with a data folder, and what can be done about it.

mod repair;

use std::{collections::HashSet, path::Path, sync::Arc};

pub(crate) use repair::move_aside;
pub use repair::repair;

use crate::{
    Finding, StorageError, StorageOptions,
    disk::Disk,
    manifest::{Loaded, Manifest},
    sealed::{DataFolder, FileBytes, SUMS, SealedFile},
    store::take_lock,
    wal::replay,
};

/// Reads all of a data folder that nobody has open, and says what is wrong where: manifest, log, sealed files. Changes
/// nothing. Of `options`, the folder, the disk and the clock are looked at.
///
/// # Errors
/// The folder is in use, or cannot be read at all.
pub fn check(options: &StorageOptions) -> Result<Vec<Finding>, StorageError> {
    let _lock = take_lock(options)?;
    let (_, loaded) = Manifest::salvage(&options.disk, &options.dir, options.partition_width)?;
    let mut findings = loaded.damage.clone();
    if let Some((path, offset)) = &loaded.torn {
        let what = "the manifest's last record is torn; it does not count".to_owned();
        findings.push(Finding { path: path.clone(), offset: Some(*offset), what });
    }
    let replayed = replay(&options.disk, &options.dir.join("wal"), |_, _| Ok(()))?;
    findings.extend(replayed.findings);
    let data = options.dir.join("data");
    let folder = Arc::new(DataFolder::new(data.clone(), Arc::clone(&options.disk)));
    let mut known = HashSet::new();
    for file in files(&loaded, &folder) {
        known.extend([file.path.clone(), file.path.with_extension(SUMS)]);
        findings.extend(check_file(&file, &options.disk));
    }
    for path in unknown(&options.disk, &data, &known)? {
        let what =
            "no manifest names the file; a crash left it, and it goes when the store is opened".to_owned();
        findings.push(Finding { path, offset: None, what });
    }
    Ok(findings)
}

/// The files that a manifest names.
fn files<'a>(loaded: &'a Loaded, folder: &'a Arc<DataFolder>) -> impl Iterator<Item = SealedFile> + 'a {
    loaded.files.values().map(move |meta| SealedFile::new(*meta, folder))
}

/// The files in the data folder that are not known.
fn unknown(
    disk: &Arc<dyn Disk>,
    data: &Path,
    known: &HashSet<std::path::PathBuf>,
) -> Result<Vec<std::path::PathBuf>, StorageError> {
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

/// What is wrong with one file: checksums first, then what they cannot tell.
fn check_file(file: &SealedFile, disk: &Arc<dyn Disk>) -> Vec<Finding> {
    let finding = |offset, what: String| Finding { path: file.path.clone(), offset, what };
    let bad_blocks = FileBytes::open(&**disk, &file.path).and_then(|bytes| bytes.verify());
    match bad_blocks {
        Err(error) => return vec![finding(None, error.to_string())],
        Ok(blocks) if !blocks.is_empty() => {
            let what = "the checksum of the 64 KiB from here on does not fit";
            return blocks.into_iter().map(|offset| finding(Some(offset), what.to_owned())).collect();
        }
        Ok(_) => {}
    }
    let readable = || -> Result<(), StorageError> {
        let reader = file.reader()?;
        for device in reader.devices().map_err(|error| file.error(error))? {
            reader.device(&device).map_err(|error| file.error(error))?;
        }
        Ok(())
    };
    readable().err().map(|error| finding(None, error.to_string())).into_iter().collect()
}
