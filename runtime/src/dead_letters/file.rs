//! The file of dead letters: appended to, line by line, and synced.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use parking_lot::Mutex;

use crate::disk::Disk;

/// The file, opened when first needed. Clones are the same file.
///
/// A line that a crash tore is cut off when the file is opened: it was never durable, so its record comes again. Where
/// the file was moved away (by logrotate, say), the next letters begin a new one.
#[derive(Clone, Debug)]
pub(super) struct LetterFile {
    path: Arc<Path>,
    open: Arc<Mutex<Option<File>>>,
    disk: Disk,
}

impl LetterFile {
    /// Touches nothing yet.
    pub(super) fn new(path: PathBuf, disk: Disk) -> Self {
        Self { path: path.into(), open: Arc::default(), disk }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends whole lines; when it returns they are durable. Blocks. After an error the next call opens the file anew and
    /// mends what the failed one left.
    pub(super) fn append(&self, lines: &[u8]) -> io::Result<()> {
        self.disk.admits(&self.path)?;
        let mut open = self.open.lock();
        let mut file = match open.take() {
            Some(file) if is_at(&file, &self.path) => file,
            _ => open_and_mend(&self.path)?,
        };
        file.write_all(lines)?;
        file.sync_data()?;
        *open = Some(file);
        Ok(())
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

fn open_and_mend(path: &Path) -> io::Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    mend(&mut file)?;
    file.sync_all()?;
    // The name itself must survive a power cut, too.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(file)
}

/// Cuts off a torn line; a whole one that only lacks its end gets it.
fn mend(file: &mut File) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let whole = end_of_last_line(file, length)?;
    if whole == length {
        return Ok(());
    }
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(whole))?;
    file.read_to_end(&mut tail)?;
    if serde_json::from_slice::<serde::de::IgnoredAny>(&tail).is_ok() {
        file.write_all(b"\n")
    } else {
        file.set_len(whole)
    }
}

/// The position behind the last newline, found from the end.
fn end_of_last_line(file: &mut File, length: u64) -> io::Result<u64> {
    const STEP: u64 = 64 << 10;
    let mut end = length;
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(STEP);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        Read::by_ref(file).take(end - start).read_to_end(&mut block)?;
        if let Some(at) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    fn text(path: &Path) -> String {
        std::fs::read_to_string(path).expect("readable")
    }

    #[test]
    fn a_torn_line_is_cut_and_a_whole_one_kept() {
        let folder = folder();
        let path = folder.path().join("deep/er/letters.jsonl");
        for (before, after) in [
            ("{\"a\":1}\n{\"b\":", "{\"a\":1}\n{}\n"),
            ("{\"a\":1}\n{\"b\":2}", "{\"a\":1}\n{\"b\":2}\n{}\n"),
            ("{\"a\"", "{}\n"),
            ("", "{}\n"),
        ] {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            std::fs::write(&path, before).expect("written");
            LetterFile::new(path.clone(), Disk::default()).append(b"{}\n").expect("appended");
            assert_eq!(text(&path), after);
        }
    }

    #[test]
    fn a_torn_line_longer_than_a_block_is_cut() {
        let folder = folder();
        let path = folder.path().join("letters.jsonl");
        std::fs::write(&path, format!("{{}}\n\"{}", "x".repeat(200_000))).expect("written");
        LetterFile::new(path.clone(), Disk::default()).append(b"{}\n").expect("appended");
        assert_eq!(text(&path), "{}\n{}\n");
    }

    #[test]
    fn a_file_that_was_moved_away_is_begun_anew() {
        let folder = folder();
        let path = folder.path().join("letters.jsonl");
        let file = LetterFile::new(path.clone(), Disk::default());
        file.append(b"1\n").expect("appended");
        std::fs::rename(&path, folder.path().join("old")).expect("moved");
        file.append(b"2\n").expect("appended");
        assert_eq!((text(&path), text(&folder.path().join("old"))), ("2\n".to_owned(), "1\n".to_owned()));
    }
}
