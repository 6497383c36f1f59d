//! A file as it is found: what is needed to tell it from another.

use std::{
    fs::Metadata,
    path::{Path, PathBuf},
};

use levada_connector_api::{Domain, Error, ErrorKind, Result, Retry};

use super::excerpt::{Excerpt, head_of};

/// Bytes of a file's head by which it is recognised among those that are known.
const HEAD: usize = 1 << 10;
/// Bytes of it that a position's name stands for: as many as a long head of CSV has, and then some.
pub(super) const PRINT: u64 = 4 << 10;

/// A file as it is found.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) path: PathBuf,
    pub(super) id: Option<(u64, u64)>,
    /// Its length; of a packed file that of what is packed.
    pub(super) size: u64,
    /// Its first bytes, unpacked; none where it cannot be unpacked, of which reading says more.
    pub(super) head: Vec<u8>,
    /// Its first [`PRINT`] bytes, or all, unpacked.
    pub(super) print: Excerpt,
}

impl Look {
    /// Looks at a file.
    ///
    /// # Errors
    /// It is not there, is forbidden, or is no plain file: a folder, or a pipe, from which nothing can be read again.
    pub(super) fn at(path: &Path) -> Result<Self> {
        let failed = |error| Error::io(format!("cannot read {}", path.display()), error);
        let metadata = path.metadata().map_err(failed)?;
        if !metadata.is_file() {
            let what =
                if metadata.is_dir() { "a folder: name its files, as in FOLDER/*" } else { "no plain file" };
            let message = format!("cannot read {}: it is {what}", path.display());
            return Err(Error::new(ErrorKind::Io, Domain::User, Retry::Never, message));
        }
        let mut head = head_of(path, PRINT).map_err(failed)?;
        let print = Excerpt::of(0, &head);
        head.truncate(HEAD);
        head.shrink_to_fit();
        Ok(Self { path: path.to_owned(), id: id_of(&metadata), size: metadata.len(), head, print })
    }
}

/// Device and inode.
#[cfg(unix)]
pub(super) fn id_of(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

/// Device and inode, which are not to be had here.
#[cfg(not(unix))]
pub(super) fn id_of(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// A file's name up to its first dot: what stays of it when it is rotated.
pub(super) fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let end = name.char_indices().skip(1).find(|(_, c)| *c == '.').map_or(name.len(), |(at, _)| at);
    name[..end].to_owned()
}

/// The files in the same folder whose names begin alike, the file itself left out.
pub(super) fn siblings(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = std::fs::read_dir(listed) else { return Vec::new() };
    let stem = stem(path);
    let mut found: Vec<_> = entries
        .filter_map(|entry| entry.ok())
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&stem))
        .map(|entry| folder.join(entry.file_name()))
        .filter(|each| each != path)
        .collect();
    found.sort();
    found
}
