//! Which files there are for a pattern.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use levada_connector_api::{Error, Result};

/// Folders within each other that are looked through.
const DEEPEST: usize = 64;

/// A matcher of whole paths.
pub(super) fn compile(pattern: &str) -> Result<GlobMatcher, String> {
    let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
    if pattern.is_empty() {
        return Err("the path is empty".to_owned());
    }
    let glob = GlobBuilder::new(pattern).literal_separator(true).build();
    glob.map(|glob| glob.compile_matcher()).map_err(|error| error.to_string())
}

/// The files of all patterns, sorted, each once.
pub(super) fn list(patterns: &[String]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for pattern in patterns {
        let found = files.len();
        let matcher = compile(pattern).map_err(Error::config)?;
        let pattern = Path::new(pattern.strip_prefix("./").unwrap_or(pattern));
        let fixed: PathBuf = pattern.components().take_while(|part| !is_pattern(part)).collect();
        if fixed == *pattern {
            // Not a pattern at all: reading says what is wrong with it.
            files.push(fixed);
            continue;
        }
        let deepest = if pattern.components().any(|part| part.as_os_str() == "**") {
            DEEPEST
        } else {
            pattern.components().count() - fixed.components().count()
        };
        walk(&fixed, &matcher, deepest, &mut files)?;
        if files.len() == found {
            return Err(Error::new(
                levada_connector_api::ErrorKind::NotFound,
                levada_connector_api::Domain::User,
                levada_connector_api::Retry::Never,
                format!("no file matches {}", pattern.display()),
            ));
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn is_pattern(part: &Component<'_>) -> bool {
    part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{'])
}

fn walk(folder: &Path, matcher: &GlobMatcher, deepest: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let what = || format!("cannot list {}", listed.display());
    for entry in std::fs::read_dir(listed).map_err(|error| Error::io(what(), error))? {
        let entry = entry.map_err(|error| Error::io(what(), error))?;
        let path = folder.join(entry.file_name());
        let is_folder = path.is_dir();
        if is_folder && deepest > 1 {
            walk(&path, matcher, deepest - 1, files)?;
        } else if !is_folder && matcher.is_match(&path) {
            files.push(path);
        }
    }
    Ok(())
}
