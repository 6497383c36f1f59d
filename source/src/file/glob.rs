//! Which files there are for a pattern.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};

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

/// The files that there are, and what could not be looked for.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Sorted, each once.
    pub(super) files: Vec<PathBuf>,
    /// Patterns that no file matches, and folders that cannot be listed.
    pub(super) faults: Vec<(PathBuf, Error)>,
}

/// The files of all patterns.
///
/// # Errors
/// Where there is none at all, the first of the reasons.
pub(super) fn list(patterns: &[String]) -> Result<Listed> {
    let mut listed = Listed::default();
    for pattern in patterns {
        let found = listed.files.len() + listed.faults.len();
        let matcher = compile(pattern).map_err(Error::config)?;
        let pattern = Path::new(pattern.strip_prefix("./").unwrap_or(pattern));
        let fixed: PathBuf = pattern.components().take_while(|part| !is_pattern(part)).collect();
        if fixed == *pattern {
            // Not a pattern at all: looking at it says what is wrong with it.
            if fixed.try_exists().unwrap_or(true) {
                listed.files.push(fixed);
            } else {
                let error = std::io::Error::from(std::io::ErrorKind::NotFound);
                let error = Error::io(format!("cannot read {}", fixed.display()), error);
                listed.faults.push((fixed, error));
            }
            continue;
        }
        let deepest = if pattern.components().any(|part| part.as_os_str() == "**") {
            DEEPEST
        } else {
            pattern.components().count() - fixed.components().count()
        };
        walk(&fixed, &matcher, deepest, &mut listed);
        if listed.files.len() + listed.faults.len() == found {
            let message = format!("no file matches {}", pattern.display());
            let error = Error::new(ErrorKind::NotFound, Domain::User, Retry::Never, message);
            listed.faults.push((pattern.to_owned(), error));
        }
    }
    listed.files.sort();
    listed.files.dedup();
    match listed.faults.first() {
        Some(_) if listed.files.is_empty() => Err(listed.faults.remove(0).1),
        _ => Ok(listed),
    }
}

fn is_pattern(part: &Component<'_>) -> bool {
    part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{'])
}

/// Goes through a folder. One that cannot be listed holds up no other.
fn walk(folder: &Path, matcher: &GlobMatcher, deepest: usize, listed: &mut Listed) {
    let named = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |error| (named.to_owned(), Error::io(format!("cannot list {}", named.display()), error));
    let entries = match std::fs::read_dir(named) {
        Ok(entries) => entries,
        Err(error) => return listed.faults.push(failed(error)),
    };
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => return listed.faults.push(failed(error)),
        };
        let path = folder.join(entry.file_name());
        let is_folder = path.is_dir();
        if is_folder && deepest > 1 {
            walk(&path, matcher, deepest - 1, listed);
        } else if !is_folder && matcher.is_match(&path) {
            listed.files.push(path);
        }
    }
}
