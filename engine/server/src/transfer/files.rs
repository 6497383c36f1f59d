//! Files that come in pieces: a folder for each connection, gone with it.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;

/// So many files may a connection have begun and not sealed: a TsFile has one or two beside it.
const MOST_FILES: usize = 8;
/// The longest name of a file, in bytes, as file systems have it.
const LONGEST_NAME: usize = 255;

/// How many bytes all files together may have, and have.
#[derive(Debug)]
pub(crate) struct Space {
    most: u64,
    used: AtomicU64,
}

/// Why a piece or a seal is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    /// Bytes are missing before it, or it is there already.
    #[error("the next piece of {file} begins at byte {next}")]
    Offset { file: String, next: u64 },
    /// It may be taken later.
    #[error("{0}")]
    Later(String),
    /// It never will be.
    #[error("{0}")]
    Wrong(String),
}

fn io_error(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FilesError {
    move |error| FilesError::Later(format!("{what} {}: {error}", path.display()))
}

impl Space {
    pub(crate) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { most, used: AtomicU64::new(0) })
    }

    fn take(&self, bytes: u64, of_file: u64) -> Result<(), FilesError> {
        let most = self.most;
        if of_file > most {
            return Err(FilesError::Wrong(format!(
                "a file of {of_file} bytes is more than the {most} that files of pipes may have together here (pipe_received_bytes)"
            )));
        }
        let fits = |used: u64| used.checked_add(bytes).filter(|all| *all <= most);
        let taken = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits);
        taken.map(drop).map_err(|used| {
            FilesError::Later(format!(
                "files of pipes that are not complete have {used} of the {most} bytes that they may have together (pipe_received_bytes)"
            ))
        })
    }

    fn give(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::AcqRel);
    }
}

#[derive(Debug)]
struct Begun {
    name: String,
    file: File,
    bytes: u64,
}

/// The files of one connection. Its methods block.
#[derive(Debug)]
pub(crate) struct Files {
    dir: PathBuf,
    space: Arc<Space>,
    begun: Vec<Begun>,
}

impl Files {
    /// A new folder.
    ///
    /// # Errors
    /// It cannot be made.
    pub(crate) fn new(dir: PathBuf, space: Arc<Space>) -> Result<Self, FilesError> {
        fs::create_dir_all(&dir).map_err(io_error("cannot make", &dir))?;
        Ok(Self { dir, space, begun: Vec::new() })
    }

    /// Appends a piece; where the next one begins. A piece from 0 begins a file anew.
    ///
    /// # Errors
    /// It is not the one that comes next, its name is no name of a file, there is no room, or it cannot be written: nothing of it counts.
    pub(crate) fn piece(&mut self, name: &str, offset: u64, bytes: &Bytes) -> Result<u64, FilesError> {
        let at = match self.begun.iter().position(|begun| begun.name == name) {
            Some(at) => at,
            None => self.begin(name)?,
        };
        if offset == 0 && self.begun[at].bytes > 0 {
            self.remove(name);
            return self.piece(name, offset, bytes);
        }
        let begun = &mut self.begun[at];
        if offset != begun.bytes {
            return Err(FilesError::Offset { file: name.to_owned(), next: begun.bytes });
        }
        let length = bytes.len() as u64;
        self.space.take(length, offset.saturating_add(length))?;
        if let Err(error) = begun.file.write_all(bytes) {
            self.space.give(length);
            // What was written of it is cut off; where that fails, the file begins anew.
            let cut = begun
                .file
                .set_len(offset)
                .and_then(|()| io::Seek::seek(&mut begun.file, io::SeekFrom::Start(offset)).map(drop));
            let path = self.dir.join(name);
            if cut.is_err() {
                self.remove(name);
            }
            return Err(io_error("cannot write", &path)(error));
        }
        begun.bytes += length;
        Ok(begun.bytes)
    }

    fn begin(&mut self, name: &str) -> Result<usize, FilesError> {
        let is_name = !name.is_empty()
            && name.len() <= LONGEST_NAME
            && ![".", ".."].contains(&name)
            && !name.contains(['/', '\\', '\0']);
        if !is_name {
            return Err(FilesError::Wrong(format!("`{}` is no name of a file", name.escape_debug())));
        }
        if self.begun.len() >= MOST_FILES {
            return Err(FilesError::Wrong(format!("{MOST_FILES} files were begun, and none of them sealed")));
        }
        let path = self.dir.join(name);
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(io_error("cannot make", &path))?;
        self.begun.push(Begun { name: name.to_owned(), file, bytes: 0 });
        Ok(self.begun.len() - 1)
    }

    /// How many bytes a file has; 0 where it was not begun.
    pub(crate) fn bytes_of(&self, name: &str) -> u64 {
        self.begun.iter().find(|begun| begun.name == name).map_or(0, |begun| begun.bytes)
    }

    /// The paths of files that are complete.
    ///
    /// # Errors
    /// One of them was not begun, or has not as many bytes.
    pub(crate) fn sealed(&self, files: &[(String, u64)]) -> Result<Vec<PathBuf>, FilesError> {
        let path = |(name, length): &(String, u64)| {
            let begun = self.begun.iter().find(|begun| begun.name == *name);
            let bytes = begun.map_or(0, |begun| begun.bytes);
            match begun {
                Some(_) if bytes == *length => Ok(self.dir.join(name)),
                _ => Err(FilesError::Wrong(format!(
                    "{} should have {length} bytes and has {bytes}: send it anew",
                    name.escape_debug()
                ))),
            }
        };
        files.iter().map(path).collect()
    }

    /// Removes a file, if it was begun.
    pub(crate) fn remove(&mut self, name: &str) {
        let Some(at) = self.begun.iter().position(|begun| begun.name == name) else { return };
        let begun = self.begun.swap_remove(at);
        self.space.give(begun.bytes);
        let path = self.dir.join(name);
        if let Err(error) = fs::remove_file(&path) {
            tracing::warn!(path = %path.display(), %error, "a file that a pipe sent cannot be removed");
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.begun.drain(..).for_each(|begun| self.space.give(begun.bytes));
        if let Err(error) = fs::remove_dir_all(&self.dir) {
            tracing::warn!(path = %self.dir.display(), %error, "files that a pipe sent cannot be removed");
        }
    }
}

/// Removes what a process before this one left of files.
pub(crate) fn clear(dir: &Path) {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(path = %dir.display(), %error, "what pipes have sent before cannot be removed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &tempfile::TempDir, most: u64) -> (Files, Arc<Space>) {
        let space = Space::new(most);
        (Files::new(folder.path().join("1"), Arc::clone(&space)).expect("made"), space)
    }

    #[test]
    fn pieces_make_a_file_and_another_offset_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut files, space) = files(&folder, 100);
        assert_eq!(files.piece("a", 0, &Bytes::from_static(b"abc")).expect("taken"), 3);
        let told = files.piece("a", 7, &Bytes::from_static(b"x")).expect_err("not the next").to_string();
        assert_eq!(told, "the next piece of a begins at byte 3");
        assert_eq!(files.piece("a", 3, &Bytes::from_static(b"de")).expect("taken"), 5);
        assert!(files.sealed(&[("a".to_owned(), 4)]).is_err());
        let paths = files.sealed(&[("a".to_owned(), 5)]).expect("complete");
        assert_eq!(fs::read(&paths[0]).expect("there"), b"abcde");
        assert_eq!(files.piece("a", 0, &Bytes::from_static(b"z")).expect("begun anew"), 1);
        assert_eq!(fs::read(&paths[0]).expect("there"), b"z");
        drop(files);
        assert!(!paths[0].exists());
        assert_eq!(space.used.load(Ordering::Acquire), 0);
    }

    #[test]
    fn names_that_lead_out_of_the_folder_and_files_without_room_are_rejected() {
        let folder = tempfile::tempdir().expect("a folder");
        let (mut files, space) = files(&folder, 10);
        for name in ["", ".", "..", "../a", "a/b", "a\\b", "a\0"] {
            assert!(matches!(files.piece(name, 0, &Bytes::new()), Err(FilesError::Wrong(_))), "{name}");
        }
        assert_eq!(files.piece("a", 0, &Bytes::from_static(b"12345678")).expect("taken"), 8);
        let mut other = Files::new(folder.path().join("2"), Arc::clone(&space)).expect("made");
        let full = other.piece("b", 0, &Bytes::from_static(b"123"));
        assert!(matches!(full, Err(FilesError::Later(_))), "{full:?}");
        let never = other.piece("b", 0, &Bytes::from_static(b"12345678901"));
        assert!(matches!(never, Err(FilesError::Wrong(_))), "{never:?}");
        files.remove("a");
        assert_eq!(other.piece("b", 0, &Bytes::from_static(b"123")).expect("there is room"), 3);
        for name in 1..8 {
            other.piece(&name.to_string(), 0, &Bytes::new()).expect("taken");
        }
        assert!(matches!(other.piece("8", 0, &Bytes::new()), Err(FilesError::Wrong(_))));
    }
}
