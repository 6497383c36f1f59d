//! A small document of the data folder that is kept whole: users, functions, pipes.
//!
//! It is replaced whole: written beside, synced, renamed, and the folder synced. So a crash leaves the old one or the new one.

use std::{
    io::{self, Write as _},
    path::{Path as FilePath, PathBuf},
    sync::Arc,
};

use levada_storage::{Disk, StorageError};
use serde::{Serialize, de::DeserializeOwned};

/// Where a document is stored, as JSON that its owner alone may read.
#[derive(Clone, Debug)]
pub(crate) struct DocumentFile {
    dir: PathBuf,
    name: String,
    disk: Arc<dyn Disk>,
}

impl DocumentFile {
    /// A file of this name, in a folder which is made with it.
    pub(crate) fn new(dir: PathBuf, name: impl Into<String>, disk: Arc<dyn Disk>) -> Self {
        Self { dir, name: name.into(), disk }
    }

    fn path(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    /// What is stored; `None` where nothing is.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, StorageError> {
        let path = self.path();
        let io = |source| StorageError::Io { what: "cannot read", path: path.clone(), source };
        let file = match self.disk.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let length = file.len().map_err(io)?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        file.read_exact_at(&mut bytes, 0).map_err(io)?;
        serde_json::from_slice(&bytes).map(Some).map_err(|error| {
            let lines = bytes.split_inclusive(|byte| *byte == b'\n');
            let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
            self.damaged((before + error.column()) as u64, error.to_string())
        })
    }

    /// Rejects a document of a version that only newer programs know.
    ///
    /// # Errors
    /// It is of such a version.
    pub(crate) fn check_version(&self, found: u32, newest: u32) -> Result<(), StorageError> {
        if found > newest {
            let reason = format!("it is of version {found}, and this program knows {newest} at most");
            return Err(self.damaged(0, reason));
        }
        Ok(())
    }

    /// Another document of the same folder.
    pub(crate) fn beside(&self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self.clone() }
    }

    /// Removes the document; one that is not there is fine.
    ///
    /// # Errors
    /// It could not be removed.
    pub(crate) fn remove(&self) -> Result<(), StorageError> {
        let path = self.path();
        match self.disk.remove(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(StorageError::Io { what: "cannot remove", path, source })
            }
            _ => Ok(()),
        }
    }

    /// The error of what cannot have been written by this program, and where in the file it is.
    pub(crate) fn damaged(&self, offset: u64, reason: String) -> StorageError {
        StorageError::Damaged { path: self.path(), offset, reason }
    }

    /// Stores a document; returns when it is durable.
    ///
    /// # Errors
    /// It could not be: what was stored before is still there.
    pub(crate) fn write<T: Serialize>(&self, document: &T) -> Result<(), StorageError> {
        let (path, beside) = (self.path(), self.dir.join(format!("{}.tmp", self.name)));
        let io = |path: &FilePath| {
            let path = path.to_owned();
            move |source| StorageError::Io { what: "cannot write", path, source }
        };
        let bytes = serde_json::to_vec_pretty(document).map_err(|error| io(&path)(error.into()))?;
        self.disk.create_dir(&self.dir).map_err(io(&self.dir))?;
        if let Some(data) = self.dir.parent() {
            self.disk.sync_dir(data).map_err(io(data))?;
        }
        let mut file = self.disk.create_private(&beside).map_err(io(&beside))?;
        file.write_all(&bytes).and_then(|()| file.sync()).map_err(io(&beside))?;
        drop(file);
        self.disk.rename(&beside, &path).map_err(io(&path))?;
        self.disk.sync_dir(&self.dir).map_err(io(&self.dir))
    }
}
