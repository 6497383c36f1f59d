//! Which files a path stands for, and in which order they must be stored.

use std::path::{Path, PathBuf};

use tracing::warn;

use super::ReadError;

/// A log that was begun and has nothing in it is no longer than this.
const LEAST_LOG: u64 = 64;

/// The file, or all `.tsfile` files in a folder and the folders in it, in the order in which servers apply them: files
/// without disorder first, then by the numbers in their names, which grow as files are written.
///
/// # Errors
/// It is not there, or a folder cannot be listed.
pub fn find(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |source| ReadError::Io { path, source }
    };
    if !std::fs::metadata(path).map_err(io(path))?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(io(&folder))? {
            let entry = entry.map_err(io(&folder))?;
            let kind = entry.file_type().map_err(io(&folder))?;
            let path = entry.path();
            if kind.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "tsfile") {
                found.push(path);
            }
        }
    }
    found.sort_by_cached_key(|path| order(path));
    warn_of_logs(path);
    Ok(found)
}

/// Says so where servers have left a log: rows that were not flushed are in there only, and it is not read.
fn warn_of_logs(data: &Path) {
    let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
    // Servers have `data` and `wal` side by side; either, or what both are in, may be what was asked for.
    let beside = data.ancestors().take(2).map(|folder| folder.join("wal"));
    let mut folders: Vec<PathBuf> = beside.filter(|folder| folder.is_dir()).collect();
    let (mut files, mut bytes) = (0u64, 0u64);
    let place = folders.first().cloned();
    while let Some(folder) = folders.pop() {
        // What cannot be listed cannot be counted.
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_log = path.file_name().is_some_and(|name| name.to_string_lossy().contains("wal"));
            match entry.metadata() {
                Ok(meta) if meta.is_dir() => folders.push(path),
                Ok(meta) if is_log && meta.len() > LEAST_LOG => {
                    files += 1;
                    bytes += meta.len();
                }
                _ => {}
            }
        }
    }
    if let Some(place) = place.filter(|_| files > 0) {
        warn!(
            path = %place.display(), files, bytes,
            "a server's log is not read: rows that it has not flushed are missing; let it run `flush` before"
        );
    }
}

/// `…/unsequence/…/1700000000000-12-0-0.tsfile` comes after all of `sequence`, and after file 11.
fn order(path: &Path) -> (bool, Vec<u64>, PathBuf) {
    let late = path.components().any(|part| part.as_os_str() == "unsequence");
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let numbers: Vec<u64> = stem.split('-').map_while(|part| part.parse().ok()).collect();
    (late, numbers, path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_data_comes_last_and_numbers_count_as_numbers() {
        let mut paths = [
            "data/unsequence/root.a/0/0/1-1-0-0.tsfile",
            "data/sequence/root.a/0/0/10-10-0-0.tsfile",
            "data/sequence/root.a/0/0/10-9-0-0.tsfile",
            "data/sequence/root.a/0/0/9-11-0-0.tsfile",
        ]
        .map(PathBuf::from);
        paths.sort_by_cached_key(|path| order(path));
        let names = paths.map(|path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        assert_eq!(names.map(Option::unwrap_or_default), ["9-11-0-0", "10-9-0-0", "10-10-0-0", "1-1-0-0"]);
    }
}
