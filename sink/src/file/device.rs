//! A FIFO or a device at the path: lines go into it one after another, as to standard output.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use levada_connector_api::{EncoderFactory, Sink};

use super::options::FileOptions;
use crate::stream::Stream;

/// A sink that writes rows as lines into what is no file. Opens nothing yet.
pub(super) fn sink(options: &FileOptions, encoder: &EncoderFactory) -> Arc<dyn Sink> {
    let to = Box::new(Opening { path: options.path.clone(), open: None });
    Arc::new(Stream::new(options.path.display().to_string(), encoder.make(), to))
}

/// Opened when the first bytes come. They wait for whoever reads a FIFO.
struct Opening {
    path: PathBuf,
    open: Option<File>,
}

impl Write for Opening {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = match self.open.take() {
            Some(file) => file,
            None => open(&self.path)?,
        };
        self.open.insert(file).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// Opens what is there, and makes nothing. What is an open file of this process is added to.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Opened as usual, a FIFO that nobody reads would hold this thread for ever.
        let tried = OpenOptions::new().append(true).custom_flags(libc::O_NONBLOCK).open(path);
        // It stays open until the other is: a FIFO must not lose its writer in between.
        let _writer = tried.map_err(|error| match error.raw_os_error() {
            Some(libc::ENXIO) => io::Error::new(io::ErrorKind::NotConnected, "nobody reads from it yet"),
            _ => error,
        })?;
        options.open(path)
    }
    #[cfg(not(unix))]
    options.open(path)
}
