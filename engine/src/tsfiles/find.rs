//! Which files a path stands for, and in which order they must be stored.

use std::path::{Path, PathBuf};

use super::ReadError;

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
    Ok(found)
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
