//! What stands at a path before anything is written there.
//!
//! | at the path stands | what happens |
//! | --- | --- |
//! | nothing, or a file | files are made beside each other: see the [module](super) |
//! | a FIFO, a character device; an open file of this process (`/dev/stdout`) | it is written into |
//! | a symbolic link to a file, or to nothing | it is rejected: a finished file would take the link's place |
//! | a folder, a block device, a socket | it is rejected |

use std::path::Path;

/// How lines get to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// In files that appear when they are whole.
    Files,
    /// One after another into what is there.
    Stream,
}

/// Looks at a path. Changes nothing; what cannot be looked at shows when it is written to.
///
/// # Errors
/// Nothing can be written there; the message says what stands there.
#[cfg(unix)]
pub(super) fn look(path: &Path) -> Result<Place, String> {
    use std::os::unix::fs::FileTypeExt;
    let shown = path.display();
    let is_link = path.symlink_metadata().is_ok_and(|found| found.is_symlink());
    let found = path.metadata().ok().map(|found| found.file_type());
    match found {
        Some(found) if found.is_char_device() || found.is_fifo() => Ok(Place::Stream),
        Some(found) if found.is_file() && is_link && is_of_process(path) => Ok(Place::Stream),
        Some(found) if found.is_dir() => Err(folder(path)),
        Some(found) if found.is_block_device() => {
            Err(format!("`{shown}` is a block device: files are written to a path of their own"))
        }
        Some(found) if found.is_socket() => {
            Err(format!("`{shown}` is a socket: files are written to a path of their own"))
        }
        _ if is_link => {
            let target = path.read_link().unwrap_or_default();
            let target = path.parent().unwrap_or(Path::new("")).join(target);
            Err(format!(
                "`{shown}` is a symbolic link, whose place a finished file would take: name what it points to, `{}`",
                target.display()
            ))
        }
        _ => Ok(Place::Files),
    }
}

/// Looks at a path: elsewhere there are files and folders alone.
#[cfg(not(unix))]
pub(super) fn look(path: &Path) -> Result<Place, String> {
    if path.is_dir() { Err(folder(path)) } else { Ok(Place::Files) }
}

fn folder(path: &Path) -> String {
    let shown = path.display();
    format!("`{shown}` is a folder: name a file in it, as in {}", path.join("readings.jsonl").display())
}

/// Whether a path is one of those that lead to the open files of a process.
#[cfg(unix)]
fn is_of_process(path: &Path) -> bool {
    path.starts_with("/dev") || path.starts_with("/proc")
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn what_stands_at_a_path_decides() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").expect("written");
        fs::create_dir(at("folder")).expect("made");
        let made = std::process::Command::new("mkfifo").arg(at("fifo")).status().expect("it runs");
        assert!(made.success());
        let _socket = std::os::unix::net::UnixListener::bind(at("socket")).expect("bound");
        for (link, to) in
            [("to-file", "file"), ("to-nothing", "nothing"), ("to-fifo", "fifo"), ("to-folder", "folder")]
        {
            symlink(to, at(link)).expect("linked");
        }
        for files in [at("file"), at("new"), at("no/folder/yet")] {
            assert_eq!(look(&files), Ok(Place::Files), "{files:?}");
        }
        for stream in [at("fifo"), at("to-fifo"), "/dev/null".into(), "/dev/full".into()] {
            assert_eq!(look(&stream), Ok(Place::Stream), "{stream:?}");
        }
        for (no, reason) in [
            ("folder", "is a folder: name a file in it"),
            ("to-folder", "is a folder: name a file in it"),
            ("socket", "is a socket"),
            ("to-file", "is a symbolic link, whose place a finished file would take: name what it points to"),
            ("to-nothing", "is a symbolic link"),
        ] {
            let message = look(&at(no)).expect_err(no);
            assert!(message.contains(reason) && message.contains(&format!("/{no}`")), "{message}");
        }
        let message = look(&at("to-file")).expect_err("a link");
        assert!(message.ends_with(&format!("`{}`", at("file").display())), "{message}");
    }
}
