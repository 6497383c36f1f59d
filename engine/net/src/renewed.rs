//! Files that are read anew when they have changed.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use parking_lot::Mutex;
use tracing::{info, warn};

use crate::TlsError;

/// Files, and what they give.
pub(crate) trait Files {
    /// What they give. Clones are cheap.
    type Given: Clone;

    /// The files.
    fn paths(&self) -> impl Iterator<Item = &Path>;

    /// Reads them.
    ///
    /// # Errors
    /// One cannot be read or used, or they do not fit together.
    fn read(&self) -> Result<Self::Given, TlsError>;
}

/// What files gave when they were last read.
pub(crate) struct Renewed<F: Files> {
    files: F,
    current: Mutex<(Vec<Mark>, F::Given)>,
}

/// What tells whether a file has changed: device, inode, length, seconds and nanoseconds.
type Mark = Option<(u64, u64, u64, i64, i64)>;

impl<F: Files> Renewed<F> {
    /// Reads the files.
    ///
    /// # Errors
    /// They cannot be used.
    pub(crate) fn load(files: F) -> Result<Self, TlsError> {
        // What changes while it is read is read again.
        let marks = marks(&files);
        let given = files.read()?;
        Ok(Self { files, current: Mutex::new((marks, given)) })
    }

    /// What the files give now. Files that have changed and cannot be used are told in the log, and what they gave before counts.
    pub(crate) fn get(&self) -> F::Given {
        let mut current = self.current.lock();
        let marks = marks(&self.files);
        if current.0 != marks {
            match self.files.read() {
                Ok(given) => {
                    info!(files = ?self.files.paths().collect::<Vec<_>>(), "certificates were read anew");
                    current.1 = given;
                }
                Err(error) => {
                    warn!(%error, "certificates have changed and cannot be used: those before count");
                }
            }
            // What cannot be read now is not tried again before it has changed once more.
            current.0 = marks;
        }
        current.1.clone()
    }
}

fn marks(files: &impl Files) -> Vec<Mark> {
    let mark = |file: &Path| {
        let about = fs::metadata(file).ok()?;
        Some((about.dev(), about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
    };
    files.paths().map(mark).collect()
}
