//! What can go wrong in storage.

use std::{io, path::PathBuf};

use levada_model::{SessionError, StatusCode};

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The operating system refused.
    #[error("{what} {path}: {source}", path = path.display())]
    Io {
        /// What was being done: `cannot open`, `cannot write to`.
        what: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// The reason.
        #[source]
        source: io::Error,
    },
    /// A file does not hold what was written to it.
    #[error("{path} is damaged at byte {offset}: {reason}", path = path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// What a reader of changes asks for is not kept any more.
    #[error(
        "the changes behind write {after} are not all there any more: the log has those behind write {kept}; \
             read what is stored anew, and go on from there"
    )]
    Behind {
        /// The reader has all up to this write.
        after: u64,
        /// The log has all behind this one; 0 where that is not known.
        kept: u64,
    },
    /// Another process owns the data folder.
    #[error("the data folder {path} is in use by {owner}", path = path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process, as its lock file says.
        owner: String,
    },
    /// The request cannot be carried out as it is; the code says of which kind the reason is.
    #[error("{message}")]
    Refused {
        /// As clients know it.
        code: StatusCode,
        /// What, why, and what to do.
        message: String,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// The store was opened to read alone.
    #[error("the data folder {path} is open to read only{why}", path = path.display())]
    ReadOnly {
        /// The folder.
        path: PathBuf,
        /// `: ` and why it is; empty where that was asked for.
        why: String,
    },
}

impl StorageError {
    /// A refusal.
    pub fn refused(code: StatusCode, message: impl Into<String>) -> Self {
        Self::Refused { code, message: message.into() }
    }

    /// Names what was being done to which file, for `map_err`.
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }

    /// Whether it says that a disk cannot be written to, though it may be read.
    pub(crate) fn is_of_writing(&self) -> bool {
        let Self::Io { source, .. } = self else { return false };
        matches!(
            source.kind(),
            io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::ReadOnlyFilesystem
                | io::ErrorKind::PermissionDenied
        )
    }

    /// Whether somebody has to change something before the same can work: what is missing, forbidden or of another kind does
    /// not come right by itself.
    fn needs_somebody(&self) -> bool {
        let Self::Io { source, .. } = self else { return false };
        matches!(
            source.kind(),
            io::ErrorKind::NotFound
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::AlreadyExists
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::ReadOnlyFilesystem
        )
    }

    /// The code clients know it by.
    pub fn code(&self) -> StatusCode {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                StatusCode::DISK_SPACE_INSUFFICIENT
            }
            Self::Io { .. } | Self::Damaged { .. } => StatusCode::STORAGE_ENGINE_ERROR,
            Self::Locked { .. } => StatusCode::NOT_READY,
            Self::Refused { code, .. } => *code,
            Self::Behind { .. } => StatusCode::ILLEGAL_PARAMETER,
            Self::Closed => StatusCode::NOT_READY,
            Self::ReadOnly { .. } => StatusCode::SYSTEM_READ_ONLY,
        }
    }
}

impl From<StorageError> for SessionError {
    fn from(error: StorageError) -> Self {
        let mut told = Self::new(error.code(), error.to_string());
        told.transient &= !error.needs_somebody();
        told.caused_by(error)
    }
}
