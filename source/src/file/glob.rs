//! Which files there are for a pattern.

use std::path::{Component, Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};
use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};

use super::look::id_of;

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

/// What is wrong with a pattern: it is none, or it cannot be a file's.
pub(super) fn check(pattern: &str) -> Result<(), String> {
    if pattern.contains('\0') {
        return Err("the path has a NUL character in it, which no name can have".to_owned());
    }
    compile(pattern)?;
    if pattern.ends_with('/') || Path::new(pattern).is_dir() {
        let folder = pattern.trim_end_matches('/');
        return Err(format!("`{pattern}` is a folder: name its files, as in {folder}/*"));
    }
    Ok(())
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
        let endless = pattern.components().any(|part| part.as_os_str() == "**");
        let deepest = match endless {
            true => DEEPEST,
            false => pattern.components().count() - fixed.components().count(),
        };
        walk(&fixed, &matcher, deepest, &mut endless.then(Vec::new), &mut listed);
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

/// Goes through a folder. One that cannot be listed holds up no other. Where folders are looked through at any depth, `above`
/// holds those that this one is in: one that is in itself, by a link, is passed over.
fn walk(
    folder: &Path,
    matcher: &GlobMatcher,
    deepest: usize,
    above: &mut Option<Vec<(u64, u64)>>,
    listed: &mut Listed,
) {
    let named = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let failed = |error| (named.to_owned(), Error::io(format!("cannot list {}", named.display()), error));
    let before = above.as_ref().map_or(0, Vec::len);
    if let Some(above) = above
        && let Some(id) = named.metadata().ok().and_then(|metadata| id_of(&metadata))
    {
        if above.contains(&id) {
            return;
        }
        above.push(id);
    }
    match std::fs::read_dir(named) {
        Ok(entries) => {
            for entry in entries {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        listed.faults.push(failed(error));
                        break;
                    }
                };
                let path = folder.join(entry.file_name());
                let is_folder = path.is_dir();
                if is_folder && deepest > 1 {
                    walk(&path, matcher, deepest - 1, above, listed);
                } else if !is_folder && matcher.is_match(&path) {
                    listed.files.push(path);
                }
            }
        }
        Err(error) => listed.faults.push(failed(error)),
    }
    if let Some(above) = above {
        above.truncate(before);
    }
}
