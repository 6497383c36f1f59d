//! Where rows go: into a file that has its name only when it is whole, or into a device or a pipe that is there already.
//!
//! | at the path stands | what happens |
//! | --- | --- |
//! | nothing | `PATH.part` is written, and gets the name when it is whole |
//! | a file | the same with `--force`, otherwise it is rejected |
//! | a symbolic link | it stays, and what it points to counts; one that points to nothing is rejected |
//! | a character device, a FIFO that somebody reads | it is written into |
//! | a block device, a socket | it is rejected |
//!
//! The path `-` is the standard output.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::{
        fd::AsFd,
        unix::fs::{FileTypeExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::exit::Failure;

/// How long a FIFO waits for its reader.
const READER_TIMEOUT: Duration = Duration::from_secs(5);

/// The path that means the standard output.
pub(super) const STANDARD_OUTPUT: &str = "-";

/// Where rows go.
#[derive(Debug)]
pub(super) enum Target {
    /// A file that is made or replaced.
    File {
        /// Its name.
        path: PathBuf,
        /// Its name until it is whole.
        part: PathBuf,
    },
    /// Something that is no file, and stays what it is.
    Stream(PathBuf),
}

impl Target {
    /// Looks at what stands at a path. Changes nothing.
    ///
    /// # Errors
    /// Nothing can be written there, or there is a file and `force` does not allow to replace it.
    pub(super) fn choose(path: &Path, force: bool) -> anyhow::Result<Self> {
        if path.as_os_str() == STANDARD_OUTPUT {
            return Ok(Self::Stream(path.to_owned()));
        }
        let shown = path.display();
        let path = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if fs::symlink_metadata(path).is_ok() {
                    let message =
                        format!("{shown} is a symbolic link to what is not there: write to another path");
                    return Err(Failure::invalid(message).into());
                }
                path.to_owned()
            }
            Err(error) => return Err(error).with_context(|| format!("cannot look at {shown}")),
            Ok(found) if found.is_file() => {
                if !force {
                    return Err(Failure::invalid(format!("{shown} exists: --force replaces it")).into());
                }
                path.canonicalize().with_context(|| format!("cannot look at {shown}"))?
            }
            Ok(found) if found.file_type().is_char_device() || found.file_type().is_fifo() => {
                return Ok(Self::Stream(path.to_owned()));
            }
            Ok(_) => {
                let message = format!("{shown} is neither a file nor a stream: nothing is written to it");
                return Err(Failure::invalid(message).into());
            }
        };
        let mut part = path.clone().into_os_string();
        part.push(".part");
        Ok(Self::File { path, part: part.into() })
    }

    /// Opens what is written. A FIFO waits some seconds for its reader.
    pub(super) fn open(&self) -> anyhow::Result<Output> {
        let opened = match self {
            Self::Stream(path) => stream(path),
            Self::File { part, .. } => create(part),
        };
        let path = self.written().to_owned();
        match opened {
            Ok(file) => Ok(Output { file, path }),
            Err(error) => Err(error).with_context(|| format!("cannot write to {}", path.display())),
        }
    }

    /// Gives the file its name.
    pub(super) fn finish(&self) -> anyhow::Result<()> {
        let Self::File { path, part } = self else { return Ok(()) };
        fs::rename(part, path).with_context(|| format!("cannot move {} into place", part.display()))
    }

    /// Leaves nothing behind of a file that is not whole.
    pub(super) fn discard(&self) {
        if let Self::File { part, .. } = self {
            // Why it is not whole is told; that its beginning stays where even this fails is not.
            drop(fs::remove_file(part));
        }
    }

    fn written(&self) -> &Path {
        match self {
            Self::File { part, .. } => part,
            Self::Stream(path) => path,
        }
    }
}

/// What is being written. Its errors name it.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Output {
    /// Makes what was written durable, where that can be.
    pub(super) fn sync(&self) -> io::Result<()> {
        let sync = || if self.file.metadata()?.is_file() { self.file.sync_all() } else { Ok(()) };
        sync().map_err(|error| self.named(&error))
    }

    fn named(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("cannot write to {}: {error}", self.path.display()))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes).map_err(|error| match error.kind() {
            // Whoever writes tries again.
            io::ErrorKind::Interrupted => error,
            _ => self.named(&error),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush().map_err(|error| self.named(&error))
    }
}

/// Opens the standard output, a device, or a FIFO that somebody reads.
fn stream(path: &Path) -> io::Result<File> {
    if path.as_os_str() == STANDARD_OUTPUT {
        return io::stdout().as_fd().try_clone_to_owned().map(File::from);
    }
    let deadline = Instant::now() + READER_TIMEOUT;
    loop {
        // Opened as usual, a FIFO would wait for ever where nobody comes.
        match OpenOptions::new().write(true).custom_flags(libc::O_NONBLOCK).open(path) {
            Ok(_) => return OpenOptions::new().write(true).open(path),
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {
                if Instant::now() >= deadline {
                    return Err(io::Error::new(error.kind(), "nobody reads from it: start its reader first"));
                }
                thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Makes a new file. What an export that was killed left behind under the name is no loss; anything else stays.
fn create(part: &Path) -> io::Result<File> {
    let new = || OpenOptions::new().write(true).create_new(true).open(part);
    match new() {
        Err(error)
            if error.kind() == io::ErrorKind::AlreadyExists && fs::symlink_metadata(part)?.is_file() =>
        {
            fs::remove_file(part)?;
            new()
        }
        opened => opened,
    }
}
